package record

import (
	"context"
	"fmt"
	"math"
	"slices"

	"thalamus/internal/model"
)

// Codes of issues about two paths.
const (
	codeConflict     = "record.conflict"
	codeOtherPatient = "record.other-patient"
	mostConflicts    = 16 // issues of one message
)

// load makes the window of the last messages of the record, once and after a
// try that failed.
func (w *window) load(ctx context.Context, store Store) error {
	if w.loaded {
		return nil
	}
	*w = newWindow()
	s, ok := store.(interface {
		// Tail calls each with the last n messages, the oldest first. A message
		// is valid until each returns.
		Tail(ctx context.Context, n int, each func(m *model.Message)) error
	})
	if !ok {
		return nil
	}
	return s.Tail(ctx, windowMessages, func(m *model.Message) {
		w.begin(m)
		w.find(func(p *part, f *fact) bool { return w.source(f).ref == *p.same })
		w.end(m)
	})
}

// unlike forgets what an earlier try found of a message.
func unlike(m *model.Message) {
	unconclude(m)
	m.Duplicate = model.MessageRef{}
	for i := range m.Observations {
		m.Observations[i].Same = model.MessageRef{}
	}
	for i := range m.Waveforms {
		m.Waveforms[i].Same = model.MessageRef{}
	}
	for i := range m.Alerts {
		m.Alerts[i].Same = model.MessageRef{}
	}
	m.Issues = slices.DeleteFunc(m.Issues, func(i model.Issue) bool { return i.Code == codeConflict || i.Code == codeOtherPatient })
}

// find looks for what the parts of the message in work repeat, and marks it.
// may says whether a fact counts.
func (w *window) find(may func(p *part, f *fact) bool) {
	for i := range w.mine {
		p := &w.mine[i]
		best, exact := int64(-1), false
		try := func(key uint64, near func(f *fact) bool) {
			w.chain(key, func(n int64, f *fact) bool {
				if f.once || !near(f) || exact && f.nanos != p.nanos || !w.other(f) || !p.repeats(f) || !may(p, f) {
					return true
				}
				// The earliest of those whose time is the same, else of those
				// whose time is nearly so.
				best, exact = n, f.second == p.second && f.nanos == p.nanos
				return true
			})
		}
		if p.id != 0 {
			w.chain(p.id, func(n int64, f *fact) bool {
				if d := f.second - p.second; f.once && d >= -1 && d <= 1 && p.repeats(f) && may(p, f) {
					best = n
				}
				return true
			})
		}
		if best < 0 && p.alone {
			continue
		}
		if best < 0 {
			try(p.key, func(f *fact) bool {
				d := f.nanos - p.nanos
				return d >= -1e6 && d <= 1e6 || f.nanos == 0 || p.nanos == 0
			})
		}
		// One of the two may have rounded up to the next second.
		if best < 0 && p.nanos == 0 {
			try(mix(p.where, uint64(p.second-1)), func(f *fact) bool { return f.nanos >= 5e8 })
		}
		if best < 0 && p.nanos >= 5e8 {
			try(mix(p.where, uint64(p.second+1)), func(f *fact) bool { return f.nanos == 0 })
		}
		if best >= 0 {
			f := w.fact(best)
			p.first, *p.same = best, w.source(f).ref
			f.hear(w.now.path)
		}
	}
}

// anything counts, for find.
func anything(*part, *fact) bool { return true }

// other says whether a fact came over another path than the message in work,
// which did not bring it yet.
func (w *window) other(f *fact) bool {
	return w.source(f).path != w.now.path && !f.heard(w.now.path)
}

// repeats says whether a part says nothing that a fact did not say.
func (p *part) repeats(f *fact) bool {
	if f.rank < p.rank || p.rank >= withdrawn && f.rank != p.rank || p.rank < withdrawn && f.rank >= withdrawn {
		return false
	}
	return p.kin(f) && p.equals(f)
}

// kin says whether the two are values of one kind, unit and code.
func (p *part) kin(f *fact) bool {
	return p.class == f.class && p.plain == f.plain && (p.term == f.term || p.term == 0 || f.term == 0)
}

// equals compares values: numbers exactly, and where a unit was converted on
// the way, as far as the less precise of the two goes.
func (p *part) equals(f *fact) bool {
	if !p.plain {
		return p.number == f.number
	}
	if p.number.Compare(f.number) == 0 {
		return true
	}
	if !p.rounded && !f.rounded {
		return false
	}
	half := 0.5 * math.Pow10(int(max(p.number.Exp, f.number.Exp)))
	return math.Abs(p.number.Float64()-f.number.Float64()) <= half*(1+1e-9)
}

// undo takes back all that was found of the message in work.
func (w *window) undo() {
	for i := range w.mine {
		if p := &w.mine[i]; p.first >= 0 {
			w.fact(p.first).unhear(w.now.path)
			p.first, *p.same = -1, model.MessageRef{}
		}
	}
}

// verify takes back what was found where the message says more, now that its
// patient is known: whose the measurement is. It says whether there was any.
func (w *window) verify(m *model.Message) (undone bool) {
	patient := w.hash(string(PatientOf(m)))
	said := false
	for i := range w.mine {
		p := &w.mine[i]
		if p.first < 0 || patient == 0 {
			continue
		}
		f := w.fact(p.first)
		src := w.source(f)
		if src.patient == patient {
			continue
		}
		f.unhear(w.now.path)
		if src.patient != 0 && !said {
			said = true
			m.Issues = append(m.Issues, model.Issue{Code: codeOtherPatient, Severity: model.Error, Field: p.field, Received: p.code.Key(),
				Text: fmt.Sprintf("message %s brought the same measurement of the same device for another patient; both were recorded", name(src.ref)),
				Hint: "find out which of the two paths has the right patient, and correct the other"})
		}
		p.first, *p.same, undone = -1, model.MessageRef{}, true
	}
	return undone
}

// contradict makes an issue of each number or code that another path gave
// another value at the same instant; both are recorded.
func (w *window) contradict(m *model.Message) {
	n := 0
	for i := range w.mine {
		p := &w.mine[i]
		if p.first >= 0 || p.alone || !p.counts || p.rank >= corrected {
			continue
		}
		against, others := int64(-1), 0
		w.chain(p.key, func(n int64, f *fact) bool {
			if !f.once && f.nanos == p.nanos && f.rank < corrected && f.counts && w.other(f) && p.kin(f) && !p.equals(f) {
				against = n
				others++
			}
			return true
		})
		// Where a device has several values under one code, nobody can say
		// which two belong together.
		if others != 1 {
			continue
		}
		if n++; n > mostConflicts {
			return
		}
		m.Issues = append(m.Issues, model.Issue{Code: codeConflict, Severity: model.Warning, Field: p.field, Received: p.code.Key(),
			Text: fmt.Sprintf("message %s brought another value of the same device, code and instant over another path; both were recorded", name(w.source(w.fact(against)).ref)),
			Hint: "compare the two messages; check what the system in between does to values, units and times"})
	}
}

func name(r model.MessageRef) string {
	text, _ := r.MarshalText() // never fails
	return string(text)
}

// share refuses a message to who got all of it before, and leaves out for who
// got a part of it what that is. Nobody misses anything: a destination that the
// first message did not go to gets the repeat.
func (w *window) share(m *model.Message) {
	same := m.Repeated()
	if same == 0 {
		return
	}
	all := len(m.Observations) + len(m.Waveforms) + len(m.Alerts)
	whole, owed := same == all && m.Event == nil, false
	for i := range m.Routed {
		d := &m.Routed[i]
		if !d.Owed() {
			continue
		}
		bit, had := w.owner(d.Destination), 0
		for k := range w.mine {
			if p := &w.mine[k]; p.first >= 0 && w.source(w.fact(p.first)).owed&bit != 0 {
				had++
			}
		}
		switch {
		case had == all && whole:
			d.Refused = model.RefusedDuplicate
			continue
		case had == same:
			d.OnlyNew = true
		}
		owed = true
	}
	if whole && !owed {
		m.Duplicate = m.Firsts()[0]
	}
}

// KeepSame gives the parts of a message that is read again what those of its
// first reading were found to repeat.
func KeepSame(m, old *model.Message) {
	if old.Repeated() == 0 {
		return
	}
	same := map[string]model.MessageRef{}
	for i := range old.Observations {
		same[old.Observations[i].Field] = old.Observations[i].Same
	}
	for i := range old.Waveforms {
		same[old.Waveforms[i].Field] = old.Waveforms[i].Same
	}
	for i := range old.Alerts {
		same[old.Alerts[i].Field] = old.Alerts[i].Same
	}
	for i := range m.Observations {
		m.Observations[i].Same = same[m.Observations[i].Field]
	}
	for i := range m.Waveforms {
		m.Waveforms[i].Same = same[m.Waveforms[i].Field]
	}
	for i := range m.Alerts {
		m.Alerts[i].Same = same[m.Alerts[i].Field]
	}
}
