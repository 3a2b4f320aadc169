package recorddb

import (
	"sort"

	"thalamus/internal/model"
)

// recent holds the latest messages decoded, so that deliver, which follows
// closely, does not decode them again. It is bounded by an estimate of its
// memory. Everything later than gone is held.
type recent struct {
	room int
	used int
	gone key
	msgs []*model.Message // oldest first, from index from on
	from int
}

// weigh estimates the memory of a message.
func weigh(m *model.Message) int {
	n := 1500 + 900*len(m.Observations) + 700*len(m.Devices) + 600*len(m.Alerts) + 200*len(m.Issues)
	for i := range m.Waveforms {
		n += 400 + 4*len(m.Waveforms[i].Samples)
	}
	return n
}

func (r *recent) add(m *model.Message) {
	r.msgs = append(r.msgs, m)
	r.used += weigh(m)
	for r.used > r.room && r.from < len(r.msgs) {
		r.used -= weigh(r.msgs[r.from])
		r.gone = keyOf(r.msgs[r.from].Ref)
		r.msgs[r.from] = nil
		r.from++
	}
	if r.from > 64 && r.from > len(r.msgs)/2 {
		n := copy(r.msgs, r.msgs[r.from:])
		clear(r.msgs[n:])
		r.msgs, r.from = r.msgs[:n], 0
	}
}

// after gives the messages later than k; ok is false when some of those are no
// longer held.
func (r *recent) after(k key) (msgs []*model.Message, ok bool) {
	if k < r.gone {
		return nil, false
	}
	held := r.msgs[r.from:]
	return held[sort.Search(len(held), func(i int) bool { return keyOf(held[i].Ref) > k }):], true
}

// find gives the message, nil when it is not held.
func (r *recent) find(k key) *model.Message {
	held := r.msgs[r.from:]
	i := sort.Search(len(held), func(i int) bool { return keyOf(held[i].Ref) >= k })
	if i < len(held) && keyOf(held[i].Ref) == k {
		return held[i]
	}
	return nil
}
