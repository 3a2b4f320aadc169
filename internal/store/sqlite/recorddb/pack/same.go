package pack

import "thalamus/internal/model"

// What few messages have stands behind the rest: which parts an earlier message
// brought, which destinations are owed only the others, and the senders' own
// ids of their measurements.

const (
	hasSame = 1 << iota
	hasInstances
)

// hasRest says whether there is any of it.
func hasRest(m *model.Message) bool {
	for i := range m.Observations {
		if m.Observations[i].Instance != "" {
			return true
		}
	}
	for i := range m.Routed {
		if m.Routed[i].OnlyNew {
			return true
		}
	}
	return m.Repeated() > 0
}

func putRest(out []byte, m *model.Message) []byte {
	var head byte
	for i := range m.Observations {
		if m.Observations[i].Instance != "" {
			head |= hasInstances
			break
		}
	}
	firsts := partsOf(m)
	if len(firsts) > 0 {
		head |= hasSame
	}
	out = append(out, head)
	if head&hasInstances != 0 {
		for i := range m.Observations {
			out = putText(out, m.Observations[i].Instance)
		}
	}
	if head&hasSame != 0 {
		out = putLen(out, len(firsts), false)
		for _, ref := range firsts {
			out = putInt(out, int64(m.Ref.Seq)-int64(ref.Seq))
			out = putInt(out, int64(ref.Part))
		}
		each(m, func(same *model.MessageRef) { out = putUint(out, uint64(placeOf(firsts, *same))) })
	}
	for i := range m.Routed {
		out = putBits(out, m.Routed[i].OnlyNew)
	}
	return out
}

func (p *parser) rest(m *model.Message) {
	head := p.byte()
	if head&hasInstances != 0 {
		for i := range m.Observations {
			m.Observations[i].Instance = p.text()
		}
	}
	if head&hasSame != 0 {
		n, _ := p.len()
		firsts := make([]model.MessageRef, n)
		for i := range firsts {
			firsts[i] = model.MessageRef{Seq: model.Seq(int64(m.Ref.Seq) - p.int()), Part: int(p.int())}
		}
		each(m, func(same *model.MessageRef) {
			switch at := p.uint(); {
			case at > uint64(len(firsts)):
				p.fail()
			case at > 0:
				*same = firsts[at-1]
			}
		})
	}
	if len(m.Routed) > 0 {
		m.Routed = append([]model.Decision(nil), m.Routed...) // the template's is shared
	}
	for i := range m.Routed {
		m.Routed[i].OnlyNew = p.byte() != 0
	}
}

// each calls do with where each part says who brought it first.
func each(m *model.Message, do func(same *model.MessageRef)) {
	for i := range m.Observations {
		do(&m.Observations[i].Same)
	}
	for i := range m.Waveforms {
		do(&m.Waveforms[i].Same)
	}
	for i := range m.Alerts {
		do(&m.Alerts[i].Same)
	}
}

// partsOf gives the messages that brought parts of m, each once.
func partsOf(m *model.Message) (firsts []model.MessageRef) {
	each(m, func(same *model.MessageRef) {
		if *same != (model.MessageRef{}) && placeOf(firsts, *same) == 0 {
			firsts = append(firsts, *same)
		}
	})
	return firsts
}

// placeOf gives the place of a reference in a list, from 1; 0 for none.
func placeOf(list []model.MessageRef, ref model.MessageRef) int {
	for i := range list {
		if list[i] == ref {
			return i + 1
		}
	}
	return 0
}
