package storetest

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"thalamus/internal/model"
)

// Messages are linked to those that repeat them, whole or in part, over days
// and restarts; and the last messages come back as they were, oldest first.
func recordSame(t *testing.T, open func(*testing.T, string) RecordStore) {
	ctx, dir := context.Background(), t.TempDir()
	s := open(t, dir)
	w := NewWard(8)
	var all []*model.Message
	again := map[model.MessageRef][]model.MessageRef{}
	for range 20 {
		b := w.Batch(15)
		for _, m := range b.Messages {
			for i := range m.Observations {
				if len(all) > 0 && w.r.IntN(4) == 0 {
					m.Observations[i].Same = all[max(0, len(all)-1-w.r.IntN(40))].Ref
				}
			}
			for i := range m.Routed {
				m.Routed[i].OnlyNew = m.Repeated() > 0 && w.r.IntN(2) == 0
			}
			for _, first := range m.Firsts() {
				again[first] = append(again[first], m.Ref)
			}
		}
		all = append(all, b.Messages...)
		must(t, s.Commit(ctx, b))
		w.now = w.now.Add(time.Duration(w.r.IntN(5)) * time.Hour)
		if w.r.IntN(3) == 0 {
			must(t, s.Close())
			s = open(t, dir)
		}
	}
	defer func() { s.Close() }()
	for _, m := range all {
		if got, err := s.Repeats(ctx, m.Ref); err != nil || !slices.Equal(got, again[m.Ref]) {
			t.Errorf("%v is repeated by %v, found %v %v", m.Ref, again[m.Ref], got, err)
		}
	}
	tail, ok := s.(interface {
		Tail(ctx context.Context, n int, each func(m *model.Message)) error
	})
	if !ok {
		t.Fatal("the record does not give its last messages")
	}
	for _, n := range []int{0, 1, 17, 64, 65, 200, len(all), 10_000} {
		want := all[max(0, len(all)-n):]
		at := 0
		must(t, tail.Tail(ctx, n, func(m *model.Message) {
			if at < len(want) && !reflect.DeepEqual(m, want[at]) {
				t.Errorf("the last %d: number %d is\n%+v, want\n%+v", n, at, m, want[at])
			}
			at++
		}))
		if at != len(want) {
			t.Errorf("the last %d were %d", n, at)
		}
	}
}
