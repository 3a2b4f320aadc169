package model

import "slices"

// Firsts gives the earlier messages that parts of m repeat, each once, in the
// order of the parts; with Duplicate, where m repeats one as a whole (R18).
func (m *Message) Firsts() []MessageRef {
	var refs []MessageRef
	add := func(r MessageRef) {
		if r != (MessageRef{}) && !slices.Contains(refs, r) {
			refs = append(refs, r)
		}
	}
	add(m.Duplicate)
	for i := range m.Observations {
		add(m.Observations[i].Same)
	}
	for i := range m.Waveforms {
		add(m.Waveforms[i].Same)
	}
	for i := range m.Alerts {
		add(m.Alerts[i].Same)
	}
	return refs
}

// Repeated counts the parts of m that an earlier message brought.
func (m *Message) Repeated() (n int) {
	for i := range m.Observations {
		if m.Observations[i].Same != (MessageRef{}) {
			n++
		}
	}
	for i := range m.Waveforms {
		if m.Waveforms[i].Same != (MessageRef{}) {
			n++
		}
	}
	for i := range m.Alerts {
		if m.Alerts[i].Same != (MessageRef{}) {
			n++
		}
	}
	return n
}

// OnlyNew is a copy of m without the parts that an earlier message brought; m
// itself where there are none.
func (m *Message) OnlyNew() *Message {
	if m.Repeated() == 0 {
		return m
	}
	one := *m
	one.Observations = slices.DeleteFunc(slices.Clone(m.Observations), func(o Observation) bool { return o.Same != (MessageRef{}) })
	one.Waveforms = slices.DeleteFunc(slices.Clone(m.Waveforms), func(w Waveform) bool { return w.Same != (MessageRef{}) })
	one.Alerts = slices.DeleteFunc(slices.Clone(m.Alerts), func(a Alert) bool { return a.Same != (MessageRef{}) })
	return &one
}
