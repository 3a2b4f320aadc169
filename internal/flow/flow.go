// Package flow is the way of a message. Read this file first: it names the
// stages in order and runs them. Each stage is a package of its own that knows
// none of the others.
//
//	device ─▶ driver ─▶ INTAKE ─▶ JOURNAL ─▶ DECODE ─▶ NORMALISE ─▶ ROUTE ─▶ RECORD ─▶ DELIVER ─▶ destination
//	             ▲          │ durable
//	             └── ack ◀──┘ only then
package flow

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/flow/journal"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// Stage is one step of the way.
type Stage struct {
	Name string
	Pure bool // no clock, disk, network, lock, random or log
	Doc  string
}

// Way runs the middle of the way: from the journal to the record. Intake runs
// in the drivers' goroutines, deliver has its own.
type Way struct {
	Journal interface {
		Reader(from model.Seq) journal.Reader
		Wait(ctx context.Context, after model.Seq) error
	}
	// Read decodes and normalises one entry. It is pure and called by several
	// goroutines at once.
	Read func(e model.Entry) []model.Message
	// Record makes entries part of the record, in order.
	Record interface {
		Cursor() model.Seq
		Record(ctx context.Context, entries []record.Entry) error
	}
	// Watch sees every batch once it is recorded. It must not block; it may
	// skip.
	Watch func(entries []record.Entry)
	// Damaged is told of entries that cannot be read from the journal.
	Damaged func(d *journal.Damage)
	// Busy says that devices wait for acknowledgements right now; nil: never.
	Busy    func() bool
	Workers int // goroutines that decode; 0: one per processor
	Batch   int // most entries in one transaction; 0: 256
}

// Run goes on until ctx ends; any other end is an error that waiting does not
// mend. While a batch is recorded the next ones are read and decoded.
func (w *Way) Run(ctx context.Context) error {
	if w.Workers <= 0 {
		w.Workers = runtime.GOMAXPROCS(0)
	}
	if w.Batch <= 0 {
		w.Batch = 256
	}
	if w.Busy == nil {
		w.Busy = func() bool { return false }
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := newWaiting(w.Batch)
	shares := make(chan share)
	var reading, decoding sync.WaitGroup
	for range w.Workers {
		decoding.Go(func() {
			for s := range shares {
				w.take(s)
			}
		})
	}
	reading.Go(func() {
		defer queue.end()
		defer close(shares)
		if err := w.read(ctx, queue, shares); err != nil {
			cancel(err)
		}
	})
	var failed error
	for batch := queue.take(); batch != nil; batch = queue.take() {
		if failed != nil {
			continue
		}
		began := time.Now()
		if err := w.Record.Record(ctx, batch); err != nil {
			failed = err
			cancel(err)
			continue
		}
		w.Watch(batch)
		w.rest(ctx, time.Since(began))
	}
	reading.Wait()
	decoding.Wait()
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) || errors.Is(failed, context.Canceled) {
		return nil
	}
	return cause
}

// rest gives way to intake for as long as a batch took, or until no device
// waits: when more arrives than the machine can also record, devices are
// answered first and the record has half of its time (decision 0054). What is
// durable and not recorded yet shows in the overview.
func (w *Way) rest(ctx context.Context, took time.Duration) {
	for until := time.Now().Add(took); w.Busy() && ctx.Err() == nil; time.Sleep(min(time.Until(until), time.Millisecond)) {
		if !time.Now().Before(until) {
			return
		}
	}
}

// rhythm is the least time from one reading of the journal to the next, when
// entries come that fast: what came meanwhile is decoded and recorded
// together, which costs a fraction of doing so one by one. An entry that comes
// alone does not wait.
const rhythm = 4 * time.Millisecond

// read takes entries from the journal, decodes them in parallel and queues
// them in order.
func (w *Way) read(ctx context.Context, queue *waiting, shares chan<- share) error {
	reader := w.Journal.Reader(w.Record.Cursor() + 1)
	defer reader.Close()
	var last time.Time
	for ctx.Err() == nil {
		entries, err := reader.Next(w.Batch)
		var damage *journal.Damage
		if errors.As(err, &damage) {
			w.Damaged(damage)
			continue
		}
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			if err := w.Journal.Wait(ctx, reader.Position()-1); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			if early := rhythm - time.Since(last); early > 0 {
				time.Sleep(early)
			}
			continue
		}
		last = time.Now()
		queue.add(ctx, w.decode(entries, shares))
	}
	return nil
}

// share is a batch to be decoded by whoever has time.
type share struct {
	entries []model.Entry
	out     []record.Entry
	next    *atomic.Int64
	done    *sync.WaitGroup
}

// perTake is how many entries a worker takes at a time: enough that taking
// them costs nothing beside the work.
const perTake = 16

// take decodes entries of a batch until none is left.
func (w *Way) take(s share) {
	defer s.done.Done()
	for {
		from := int(s.next.Add(perTake)) - perTake
		if from >= len(s.entries) {
			return
		}
		for i := from; i < min(from+perTake, len(s.entries)); i++ {
			s.out[i] = w.entry(s.entries[i])
		}
	}
}

// decode reads the entries of a batch: few at once, many with the help of the
// workers.
func (w *Way) decode(entries []model.Entry, shares chan<- share) []record.Entry {
	s := share{entries: entries, out: make([]record.Entry, len(entries)), next: new(atomic.Int64), done: new(sync.WaitGroup)}
	for range min(w.Workers, (len(entries)-1)/perTake) {
		s.done.Add(1)
		shares <- s
	}
	s.done.Add(1)
	w.take(s)
	s.done.Wait()
	return s.out
}

func (w *Way) entry(e model.Entry) record.Entry {
	messages := w.Messages(e)
	r := record.Entry{Seq: e.Seq, Digest: record.DigestOf(e.Bytes), Messages: make([]*model.Message, len(messages))}
	for i := range messages {
		r.Messages[i] = &messages[i]
	}
	return r
}

// Messages reads an entry, as the way does. A defect that one entry shows must not end the
// server, which would meet the same entry at its next start: it becomes a
// message that says so, and the way goes on.
func (w *Way) Messages(e model.Entry) (messages []model.Message) {
	defer func() {
		if x := recover(); x != nil {
			messages = []model.Message{{
				Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: e.Codec, Peer: e.Peer, Identity: e.Identity, Arrived: e.Arrived,
				Issues: []model.Issue{{Code: "decode.defect", Severity: model.Error,
					Text: fmt.Sprintf("reading this entry shows a defect of Thalamus (%T); nothing of it was understood, its bytes are kept", x),
					Hint: "report it with the entry's number"}},
			}}
		}
	}()
	return w.Read(e)
}
