package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// RecordStore is a record that can be opened again.
type RecordStore interface {
	record.Store
	record.Reader
	Close() error
}

// Record is the suite of the record: open gives the record kept in a folder,
// each time it is called (R18, R23, R28).
func Record(t *testing.T, open func(t *testing.T, dir string) RecordStore) {
	t.Run("empty", func(t *testing.T) { recordEmpty(t, open(t, t.TempDir())) })
	t.Run("order", func(t *testing.T) { recordOrder(t, open(t, t.TempDir())) })
	t.Run("wait", func(t *testing.T) { recordWait(t, open(t, t.TempDir())) })
	t.Run("repeats", func(t *testing.T) { recordRepeats(t, open) })
	t.Run("same", func(t *testing.T) { recordSame(t, open) })
	t.Run("clocks", func(t *testing.T) { recordClocks(t, open) })
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("reads/", seed), func(t *testing.T) { recordReads(t, open, seed) })
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func recordEmpty(t *testing.T, s RecordStore) {
	ctx := context.Background()
	if s.Cursor() != 0 || s.Head() != (model.MessageRef{}) {
		t.Error("not empty:", s.Cursor(), s.Head())
	}
	if msgs, upTo, err := s.Owed(ctx, "fhir", model.MessageRef{}, 10); err != nil || len(msgs) > 0 || upTo != (model.MessageRef{}) {
		t.Error("Owed", msgs, upTo, err)
	}
	if _, err := s.Message(ctx, model.MessageRef{Seq: 1}); fault.KindOf(err) != fault.Absent {
		t.Error("Message", err)
	}
	if found, next, err := s.Search(ctx, record.Query{}); err != nil || len(found) > 0 || next != (model.MessageRef{}) {
		t.Error("Search", found, next, err)
	}
	if all, err := s.Latest(ctx, record.Subject{}); err != nil || len(all) > 0 {
		t.Error("Latest", all, err)
	}
	if all, err := s.Alerts(ctx, record.AlertQuery{}); err != nil || len(all) > 0 {
		t.Error("Alerts", all, err)
	}
	if _, err := s.Trend(ctx, record.TrendQuery{Code: "MDC_ECG_HEART_RATE"}); fault.KindOf(err) != fault.Invalid {
		t.Error("a trend of nobody:", err)
	}
	if seen, err := s.Seen(ctx, []record.Print{{Time: 1, Hash: 2}}); err != nil || seen[0] != (model.MessageRef{}) {
		t.Error("Seen", seen, err)
	}
	for range s.Refs(ctx, record.Span{}) {
		t.Error("Refs gave something")
	}
	must(t, s.Close())
}

func recordOrder(t *testing.T, s RecordStore) {
	ctx := context.Background()
	defer s.Close()
	w := NewWard(1)
	first, second := w.Batch(3), w.Batch(3)
	must(t, s.Commit(ctx, first))
	for name, b := range map[string]record.Batch{
		"again":            first,
		"before the head":  {Cursor: 9, Messages: first.Messages[:1]},
		"beyond cursor":    {Cursor: second.Cursor - 1, Messages: second.Messages},
		"cursor goes back": {Cursor: 1},
		"wrong order":      {Cursor: second.Cursor, Messages: []*model.Message{second.Messages[len(second.Messages)-1], second.Messages[0]}},
	} {
		if err := s.Commit(ctx, b); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.Cursor() != first.Cursor {
		t.Error("a refused batch moved the cursor")
	}
	// An entry without a message moves the cursor alone.
	for i := range second.Messages {
		second.Messages[i].Ref.Seq++
	}
	must(t, s.Commit(ctx, record.Batch{Cursor: first.Cursor + 1}))
	if s.Cursor() != first.Cursor+1 || s.Head() != first.Messages[len(first.Messages)-1].Ref {
		t.Error(s.Cursor(), s.Head())
	}
	second.Cursor++
	must(t, s.Commit(ctx, second))
}

func recordWait(t *testing.T, s RecordStore) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w := NewWard(1)
	b := w.Batch(2)
	woken := make(chan error)
	go func() { woken <- s.Wait(ctx, model.MessageRef{}) }()
	must(t, s.Commit(ctx, b))
	must(t, <-woken)
	must(t, s.Wait(ctx, model.MessageRef{}))
	go func() { woken <- s.Wait(ctx, s.Head()) }()
	must(t, s.Close())
	if err := <-woken; fault.KindOf(err) != fault.Transient {
		t.Error("after Close:", err)
	}
	if err := s.Commit(ctx, w.Batch(1)); fault.KindOf(err) != fault.Transient {
		t.Error("Commit after Close:", err)
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if err := s.Wait(ended, model.MessageRef{Seq: 1 << 30}); err == nil || !errors.Is(err, context.Canceled) && fault.KindOf(err) != fault.Transient {
		t.Error("Wait without time:", err)
	}
}

// The first of equal messages is found whatever came between: other files,
// restarts, a wrong clock, a repeat of the repeat.
func recordRepeats(t *testing.T, open func(*testing.T, string) RecordStore) {
	ctx, dir := context.Background(), t.TempDir()
	s := open(t, dir)
	w := NewWard(5)
	first := map[record.Print]model.MessageRef{}
	var all []record.Print
	for range 30 {
		b := w.Batch(20)
		for i, p := range b.Prints {
			if _, ok := first[p]; !ok && p != (record.Print{}) {
				first[p] = b.Messages[i].Ref
				all = append(all, p)
			}
		}
		must(t, s.Commit(ctx, b))
		w.now = w.now.Add(time.Hour)
		if w.r.IntN(3) == 0 {
			must(t, s.Close())
			s = open(t, dir)
		}
	}
	defer s.Close()
	seen, err := s.Seen(ctx, append(all, record.Print{}, record.Print{Time: 3, Hash: 4}))
	must(t, err)
	for i, p := range all {
		if seen[i] != first[p] {
			t.Errorf("print %+v of %v: found %v", p, first[p], seen[i])
		}
	}
	if seen[len(all)] != (model.MessageRef{}) || seen[len(all)+1] != (model.MessageRef{}) {
		t.Error("found what was never there")
	}
}
