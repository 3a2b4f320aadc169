package flow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/flow"
	"thalamus/internal/flow/journal"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// book is a record that notes what it is given.
type book struct {
	mu      sync.Mutex
	cursor  model.Seq
	entries []record.Entry
	refuse  error
	got     chan struct{}
}

func (b *book) Cursor() model.Seq { b.mu.Lock(); defer b.mu.Unlock(); return b.cursor }

func (b *book) Record(_ context.Context, entries []record.Entry) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return b.refuse
	}
	b.entries = append(b.entries, entries...)
	b.cursor = entries[len(entries)-1].Seq
	b.got <- struct{}{}
	return nil
}

func way(t *testing.T, b *book) (*flow.Way, *journal.Log) {
	l, err := journal.Open(t.TempDir(), journal.Options{SegmentSize: 1 << 20, Floor: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	b.got = make(chan struct{}, 1000)
	return &flow.Way{
		Journal: l, Record: b, Watch: func([]record.Entry) {}, Damaged: func(d *journal.Damage) { t.Errorf("damage: %v", d) }, Workers: 3, Batch: 40,
		Read: func(e model.Entry) []model.Message {
			if string(e.Bytes) == "poison" {
				panic("a patient's name")
			}
			return []model.Message{{Ref: model.MessageRef{Seq: e.Seq}, ControlID: string(e.Bytes)}}
		},
	}, l
}

func offer(t *testing.T, l *journal.Log, texts ...string) {
	t.Helper()
	var frames []model.Frame
	for _, text := range texts {
		frames = append(frames, model.Frame{Channel: "icu", Codec: "hl7v2", Bytes: []byte(text)})
	}
	if _, err := l.Append(t.Context(), frames); err != nil {
		t.Fatal(err)
	}
}

// TestWay: entries come to the record in order, whatever order they were read
// in; one that shows a defect is a message that says so, and the way goes on.
func TestWay(t *testing.T) {
	b := &book{cursor: 2}
	w, l := way(t, b)
	var texts []string
	for n := range 500 {
		texts = append(texts, fmt.Sprint("m", n+1))
	}
	texts[99], texts[400] = "poison", "poison"
	offer(t, l, texts[:300]...)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	offer(t, l, texts[300:]...)
	for b.Cursor() < 500 {
		<-b.got
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(b.entries) != 498 || b.entries[0].Seq != 3 {
		t.Fatalf("%d entries from %d", len(b.entries), b.entries[0].Seq)
	}
	for i, e := range b.entries {
		m := e.Messages[0]
		if e.Seq != model.Seq(i+3) || m.Ref.Seq != e.Seq || e.Digest != record.DigestOf([]byte(texts[e.Seq-1])) {
			t.Fatalf("entry %d: %+v", i, e)
		}
		if poison := texts[e.Seq-1] == "poison"; poison != slices.ContainsFunc(m.Issues, func(i model.Issue) bool { return i.Code == "decode.defect" }) {
			t.Errorf("entry %d: issues %+v", e.Seq, m.Issues)
		} else if !poison && m.ControlID != texts[e.Seq-1] {
			t.Errorf("entry %d is %s", e.Seq, m.ControlID)
		}
	}
}

// TestWayEnds with the error that waiting does not mend.
func TestWayEnds(t *testing.T) {
	b := &book{refuse: fault.New(fault.Broken, "record.damaged", "rot")}
	w, l := way(t, b)
	offer(t, l, "a", "b")
	if err := w.Run(t.Context()); !errors.Is(err, b.refuse) {
		t.Error(err)
	}
}
