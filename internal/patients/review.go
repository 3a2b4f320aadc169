package patients

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"thalamus/internal/model"
)

// review asks for a look at what was recorded of beds in the spans in which
// whose they were changed. Only there: the work follows from the change, not
// from what lies before or after it. The beds are in memory and hold after.
func (p *Patients) review(m *model.Message, s *stay, before, after []Span) {
	beds := map[string]bool{}
	for _, list := range [][]Span{before, after} {
		for i := range list {
			beds[list[i].Bed] = true
		}
	}
	for key := range beds {
		all, _ := p.beds.get(key)
		from, until, ok := changed(key, s.group, before, after, all)
		if !ok {
			continue
		}
		p.pending.Reviews = append(p.pending.Reviews, model.Review{
			Bed: key, From: from, Until: until, Made: m.Arrived,
			Cause: fmt.Sprintf("patient administration: %s %s in entry %d", m.Event.Trigger, m.Event.Action, m.Ref.Seq),
		})
		p.made++
	}
}

// changed gives the span in which a person's coming to or leaving a bed may
// have changed whose it was; until is zero where it lasts. all are the bed's
// spans now.
func changed(key string, group []model.PatientID, before, after, all []Span) (from, until time.Time, ok bool) {
	of := func(list []Span) []Span {
		return slices.DeleteFunc(slices.Clone(list), func(s Span) bool { return s.Bed != key })
	}
	was, is := of(before), of(after)
	equal := func(a, b Span) bool {
		return a.From.Equal(b.From) && a.Until.Equal(b.Until) && a.Place == b.Place
	}
	open := false
	note := func(one Span, others []Span) {
		if slices.ContainsFunc(others, func(o Span) bool { return equal(one, o) }) {
			return
		}
		begin := one.From
		for _, o := range others {
			if o.From.Equal(one.From) && o.Place == one.Place { // only its end moved
				switch {
				case one.Until.IsZero():
					begin = o.Until
				case o.Until.IsZero() || one.Until.Before(o.Until):
					begin = one.Until
				default:
					begin = o.Until
				}
			}
		}
		if !ok || begin.Before(from) {
			from = begin
		}
		ok = true
		// Whoever came next, and came before and after the change, ends what
		// it may have changed.
		var end time.Time
		for _, next := range all {
			if !next.From.After(begin) || !strings.EqualFold(next.Place.Facility, one.Place.Facility) {
				continue
			}
			own := slices.Contains(group, next.Patient)
			stays := slices.ContainsFunc(was, func(o Span) bool { return o.From.Equal(next.From) && o.Place == next.Place }) &&
				slices.ContainsFunc(is, func(o Span) bool { return o.From.Equal(next.From) && o.Place == next.Place })
			if (!own || stays) && (end.IsZero() || next.From.Before(end)) {
				end = next.From
			}
		}
		open = open || end.IsZero()
		if end.After(until) {
			until = end
		}
	}
	for _, one := range was {
		note(one, is)
	}
	for _, one := range is {
		note(one, was)
	}
	if open {
		until = time.Time{}
	}
	return from, until, ok
}
