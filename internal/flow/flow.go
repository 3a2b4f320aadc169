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

// Stages is the way, in order.
func Stages() []Stage {
	return []Stage{
		{"intake", false, "takes frames from drivers and returns when they are durable"},
		{"journal", false, "keeps every frame as it came, numbered and chained"},
		{"decode", true, "reads the bytes of an entry into messages"},
		{"normalise", true, "gives codes, units, times and status one meaning"},
		{"route", true, "decides what is owed to whom and what is refused, and why"},
		{"record", false, "writes messages, issues, sightings and the cursor in one transaction"},
		{"deliver", false, "hands each destination what it is owed, in order, until it acknowledges"},
	}
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
	Workers int // parallel readers of entries; 0: one per processor
	Batch   int // most entries in one transaction; 0: 1024
}

// Run goes on until ctx ends; any other end is an error that waiting does not
// mend. Three things go on at once: the next batch is read and decoded while
// the one before it is recorded.
func (w *Way) Run(ctx context.Context) error {
	if w.Workers <= 0 {
		w.Workers = runtime.GOMAXPROCS(0)
	}
	if w.Batch <= 0 {
		w.Batch = 1024
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan []record.Entry, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(batches)
		if err := w.read(ctx, batches); err != nil {
			cancel(err)
		}
	})
	var failed error
	for batch := range batches {
		if failed != nil {
			continue
		}
		if err := w.Record.Record(ctx, batch); err != nil {
			failed = err
			cancel(err)
			continue
		}
		w.Watch(batch)
	}
	reading.Wait()
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) || errors.Is(failed, context.Canceled) {
		return nil
	}
	return cause
}

// read takes entries from the journal, decodes them in parallel and passes
// them on in order.
func (w *Way) read(ctx context.Context, batches chan<- []record.Entry) error {
	reader := w.Journal.Reader(w.Record.Cursor() + 1)
	defer reader.Close()
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
			continue
		}
		select {
		case batches <- w.decode(entries):
		case <-ctx.Done():
		}
	}
	return nil
}

// perWorker is how many entries one worker takes at a time: enough that
// starting it costs nothing beside the work.
const perWorker = 16

func (w *Way) decode(entries []model.Entry) []record.Entry {
	out := make([]record.Entry, len(entries))
	part := func(from, to int) {
		for i := from; i < to; i++ {
			out[i] = w.entry(entries[i])
		}
	}
	if len(entries) <= perWorker {
		part(0, len(entries))
		return out
	}
	var next sync.Mutex
	at := 0
	take := func() (int, int) {
		next.Lock()
		defer next.Unlock()
		from := at
		at = min(at+perWorker, len(entries))
		return from, at
	}
	var working sync.WaitGroup
	for range min(w.Workers, (len(entries)+perWorker-1)/perWorker) {
		working.Go(func() {
			for from, to := take(); from < to; from, to = take() {
				part(from, to)
			}
		})
	}
	working.Wait()
	return out
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
