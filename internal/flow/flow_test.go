package flow

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/flow/journal"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// paper is a journal in memory, some of whose entries cannot be read.
type paper struct {
	mu      sync.Mutex
	head    model.Seq
	more    chan struct{}
	damaged map[model.Seq]bool
}

func newPaper() *paper { return &paper{more: make(chan struct{}), damaged: map[model.Seq]bool{}} }

func (p *paper) write(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.head += model.Seq(n)
	close(p.more)
	p.more = make(chan struct{})
}

func (p *paper) Reader(from model.Seq) journal.Reader { return &paperReader{p, from} }

func (p *paper) Wait(ctx context.Context, after model.Seq) error {
	for {
		p.mu.Lock()
		head, more := p.head, p.more
		p.mu.Unlock()
		if head > after {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

type paperReader struct {
	p  *paper
	at model.Seq
}

func (r *paperReader) Next(most int) ([]model.Entry, error) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	var all []model.Entry
	for ; r.at <= r.p.head && len(all) < most; r.at++ {
		if r.p.damaged[r.at] {
			if len(all) > 0 {
				break
			}
			r.at++
			return nil, &journal.Damage{}
		}
		all = append(all, model.Entry{Seq: r.at, Frame: model.Frame{Bytes: []byte(strconv.Itoa(int(r.at)))}})
	}
	return all, nil
}

func (r *paperReader) Position() model.Seq { return r.at }
func (r *paperReader) Close() error        { return nil }

// book is a record in memory.
type book struct {
	mu      sync.Mutex
	cursor  model.Seq
	entries []model.Seq
	batches []int
	pause   time.Duration
	fail    error
}

func (b *book) Cursor() model.Seq { b.mu.Lock(); defer b.mu.Unlock(); return b.cursor }

func (b *book) Record(_ context.Context, entries []record.Entry) error {
	time.Sleep(b.pause)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	for _, e := range entries {
		b.entries = append(b.entries, e.Seq)
		b.cursor = e.Seq
	}
	b.batches = append(b.batches, len(entries))
	return nil
}

func (b *book) await(t *testing.T, cursor model.Seq) {
	t.Helper()
	for until := time.Now().Add(60 * time.Second); b.Cursor() < cursor; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("recorded up to %d, want %d", b.Cursor(), cursor)
		}
	}
}

func way(p *paper, b *book) *Way {
	return &Way{
		Journal: p, Record: b, Workers: 3, Batch: 100,
		Read:    func(e model.Entry) []model.Message { return []model.Message{{ControlID: string(e.Bytes)}} },
		Watch:   func([]record.Entry) {},
		Damaged: func(*journal.Damage) {},
	}
}

func run(t *testing.T, w *Way) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(60 * time.Second):
			t.Fatal("it does not end")
			return nil
		}
	}
}

// Entries are recorded once each and in order, by many workers, in batches
// that grow while the record is slow and never beyond what was asked.
func TestOrder(t *testing.T) {
	p, b := newPaper(), &book{pause: time.Millisecond}
	p.damaged[7], p.damaged[8], p.damaged[500] = true, true, true
	w := way(p, b)
	var damaged atomic.Int32
	w.Damaged = func(*journal.Damage) { damaged.Add(1) }
	var watched atomic.Int64
	w.Watch = func(e []record.Entry) { watched.Add(int64(len(e))) }
	w.Read = func(e model.Entry) []model.Message {
		return []model.Message{{ControlID: string(e.Bytes)}, {ControlID: "second"}}
	}
	stop := run(t, w)
	for n := 1; n < 80; n++ {
		p.write(n)
		if n%10 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	b.await(t, p.head)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	at := 0
	for seq := model.Seq(1); seq <= p.head; seq++ {
		if p.damaged[seq] {
			continue
		}
		if b.entries[at] != seq {
			t.Fatalf("entry %d in the place of %d", b.entries[at], seq)
		}
		at++
	}
	if at != len(b.entries) || watched.Load() != int64(at) || damaged.Load() != 3 {
		t.Errorf("%d entries, %d expected, %d watched, %d damaged", len(b.entries), at, watched.Load(), damaged.Load())
	}
	for _, n := range b.batches {
		if n > w.Batch {
			t.Errorf("a batch of %d", n)
		}
	}
}

// It begins behind what is recorded already.
func TestResume(t *testing.T) {
	p, b := newPaper(), &book{cursor: 41}
	p.write(50)
	stop := run(t, way(p, b))
	b.await(t, 50)
	if err := stop(); err != nil || b.entries[0] != 42 {
		t.Errorf("%v, began at %d", err, b.entries[0])
	}
}

// An error of the record ends the way, whatever waits.
func TestFailure(t *testing.T) {
	p, b := newPaper(), &book{fail: errors.New("no more")}
	p.write(5000)
	done := make(chan error, 1)
	go func() { done <- way(p, b).Run(t.Context()) }()
	select {
	case err := <-done:
		if !errors.Is(err, b.fail) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(60 * time.Second):
		t.Fatal("it does not end")
	}
}

// The end of the context is no error, with full queues or empty ones.
func TestStop(t *testing.T) {
	for _, n := range []int{0, 10, 100_000} {
		p, b := newPaper(), &book{pause: time.Millisecond}
		p.write(n)
		stop := run(t, way(p, b))
		time.Sleep(5 * time.Millisecond)
		if err := stop(); err != nil {
			t.Errorf("with %d entries: %v", n, err)
		}
	}
}
