package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

// deliverModel commits batches at random, some of them twice, and compares the
// store with a model in memory, also after it was opened again.
func deliverModel(t *testing.T, s *deliverStore) {
	random := rand.New(rand.NewPCG(1, 2))
	type state struct {
		delivered map[int]bool
		dead      map[int]bool
		parked    map[int64]deliver.Queued
		discarded map[int]bool
		cursor    int
		ord       int64
	}
	all := map[model.DestinationID]*state{}
	for _, d := range []model.DestinationID{"ehr", "lake", "file"} {
		all[d] = &state{delivered: map[int]bool{}, dead: map[int]bool{}, discarded: map[int]bool{}, parked: map[int64]deliver.Queued{}}
	}
	check := func() {
		for d, m := range all {
			got := s.standing(d)
			same(t, "counters", got.Counters, deliver.Counters{Delivered: int64(len(m.delivered)), Dead: int64(len(m.dead)), Discarded: int64(len(m.discarded)), Parked: int64(len(m.parked))})
			same(t, "cursor", got.Cursor, ref(m.cursor))
			var done []int
			for seq := range m.delivered {
				done = append(done, seq)
			}
			for seq := range m.dead {
				done = append(done, seq)
			}
			for seq := range m.discarded {
				done = append(done, seq)
			}
			for _, q := range m.parked {
				done = append(done, int(q.Ref.Seq))
			}
			done = slices.DeleteFunc(done, func(seq int) bool { return seq <= m.cursor })
			slices.Sort(done)
			have := []int{}
			for _, r := range got.Done {
				have = append(have, int(r.Seq))
			}
			if !slices.Equal(have, done) {
				t.Fatalf("%s: done after the cursor: got %v, want %v", d, have, done)
			}
			rows := 0
			for _, l := range got.Lanes {
				rows += l.Rows
			}
			same(t, "rows of all keys", rows, len(m.parked))
			letters := s.letters(deliver.DeadFilter{Destination: d, Limit: 1000})
			same(t, "letters", len(letters), len(m.dead))
			for _, l := range letters {
				if !m.dead[int(l.Ref.Seq)] {
					t.Fatalf("%s: %d is no dead letter", d, l.Ref.Seq)
				}
			}
		}
	}
	next := 1
	for round := range 150 {
		for d, m := range all {
			b := deliver.Batch{Destination: d}
			for range random.IntN(40) {
				seq := next
				next++
				switch random.IntN(4) {
				case 0:
					m.ord++
					q := queued(m.ord, fmt.Sprint("k", random.IntN(5)), seq)
					b.Park = append(b.Park, q)
					m.parked[m.ord] = q
				case 1:
					b.Settled = append(b.Settled, died(seq, "k", "a.b"))
					m.dead[seq] = true
				default:
					b.Settled = append(b.Settled, delivered(seq))
					m.delivered[seq] = true
				}
			}
			for ord, q := range m.parked {
				if random.IntN(3) == 0 {
					b.Settled = append(b.Settled, delivered(int(q.Ref.Seq)))
					b.Unqueue = append(b.Unqueue, ord)
					m.delivered[int(q.Ref.Seq)] = true
					delete(m.parked, ord)
				}
			}
			if random.IntN(3) == 0 {
				m.cursor = next - 1 - random.IntN(60)
				m.cursor = max(m.cursor, 1)
				b.Cursor = ref(m.cursor)
			}
			s.commit(b)
			if random.IntN(4) == 0 {
				s.commit(b)
			}
			if letters := s.letters(deliver.DeadFilter{Destination: d, Limit: 3}); len(letters) == 3 {
				l := letters[2]
				delete(m.dead, int(l.Ref.Seq))
				if random.IntN(2) == 0 {
					m.discarded[int(l.Ref.Seq)] = true
					s.commit(deliver.Batch{Destination: d, Discarded: []deliver.Discard{{Letter: l.ID, Reason: "r", At: noon}}})
				} else {
					m.ord++
					q := queued(m.ord, l.Key, int(l.Ref.Seq))
					m.parked[m.ord] = q
					s.commit(deliver.Batch{Destination: d, Revived: []uint64{l.ID}, Park: []deliver.Queued{q}})
				}
			}
		}
		if round%30 == 29 {
			check()
			s.reopen()
			check()
		}
	}
}
