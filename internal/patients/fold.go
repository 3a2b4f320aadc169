package patients

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"

	"thalamus/internal/model"
)

// bedKey names a bed, empty where the place names none: a ward alone is no
// bed. The facility is compared apart, as devices often leave it out.
func bedKey(p model.Place) string {
	if strings.TrimSpace(p.Bed) == "" {
		return ""
	}
	return part(p.PointOfCare) + "|" + part(p.Room) + "|" + part(p.Bed)
}

// sameFacility says that two places may be in one facility.
func sameFacility(a, b model.Place) bool {
	return a.Facility == "" || b.Facility == "" || strings.EqualFold(a.Facility, b.Facility)
}

// sameVisit says that two visits may be one: equal, or one of them not told.
func sameVisit(a, b string) bool { return a == "" || b == "" || a == b }

// spansOf gives where a person lay, from what happened to them in whatever
// order it was told. Rules (R20):
//   - a cancellation takes back the event of its kind and time, else the last
//     one of its kind before it; what was told after it stays;
//   - with an admission goes all that was told of the stay it began: moves and
//     discharges, and what taking those back said of the present;
//   - entering or moving ends the stay before; to a place without a bed only
//     within the same visit;
//   - leaving ends the stay of its visit;
//   - what a cancelled move or discharge says of the present place counts from
//     when it was said.
func spansOf(list []Movement, patient model.PatientID) []Span {
	events := effective(list)
	var spans []Span
	var open *Span
	end := func(at time.Time) {
		if open == nil {
			return
		}
		open.Until = at
		if open.Until.After(open.From) {
			spans = append(spans, *open)
		}
		open = nil
	}
	for _, m := range events {
		if m.What == Leave {
			if open != nil && sameVisit(open.Visit, m.Visit) {
				end(m.At)
			}
			continue
		}
		bed := bedKey(m.Place)
		switch {
		case bed == "" && open != nil && open.Visit != m.Visit:
			continue // an appointment beside the stay
		case open != nil && open.Bed == bed && sameFacility(open.Place, m.Place):
			if m.Visit != "" {
				open.Visit = m.Visit
			}
			continue
		}
		end(m.At)
		if bed != "" {
			open = &Span{Bed: bed, Visit: m.Visit, Association: model.Association{Place: m.Place, Patient: patient, Source: "adt", From: m.At}}
		}
	}
	if open != nil {
		spans = append(spans, *open)
	}
	return spans
}

// effective gives the movements that were not cancelled, in order of what
// happened, with cancellations turned into what they say of the present.
func effective(list []Movement) []Movement {
	said := append([]Movement(nil), list...)
	slices.SortFunc(said, inOrderSaid)
	gone := make([]bool, len(said))
	for i, c := range said {
		what := cancelled(c.What)
		if what == "" {
			continue
		}
		// The newest of its kind, or the one of the same time.
		var at time.Time
		for j, m := range said[:i] {
			if m.What != what || gone[j] || !sameVisit(m.Visit, c.Visit) {
				continue
			}
			if m.At.Equal(c.At) {
				at = m.At
				break
			}
			if m.At.After(at) {
				at = m.At
			}
		}
		for j, m := range said[:i] {
			if m.What == what && !at.IsZero() && m.At.Equal(at) && sameVisit(m.Visit, c.Visit) {
				gone[j] = true
			}
		}
		if c.What == CancelEnter && !at.IsZero() {
			unbegun(said[:i], gone, c.Visit, at)
		}
	}
	var events []Movement
	for i, m := range said {
		switch {
		case gone[i], m.What == CancelEnter:
			continue
		case m.What == CancelMove, m.What == CancelLeave:
			if bedKey(m.Place) == "" {
				continue
			}
			m.What, m.At = Move, m.Said
		}
		events = append(events, m)
	}
	sort.SliceStable(events, func(i, j int) bool { return events[i].At.Before(events[j].At) })
	return events
}

// unbegun takes back what was told of the stay that an admission at a time
// began, up to the next admission.
func unbegun(told []Movement, gone []bool, visit string, began time.Time) {
	var next time.Time
	for j, m := range told {
		if m.What == Enter && !gone[j] && m.At.After(began) && (next.IsZero() || m.At.Before(next)) {
			next = m.At
		}
	}
	for j, m := range told {
		if m.What != Enter && sameVisit(m.Visit, visit) && !m.At.Before(began) && (next.IsZero() || m.At.Before(next)) {
			gone[j] = true
		}
	}
}

// inOrderSaid puts movements in the order in which they were said. What was
// said at one moment has an order of its own, so that the order in which it was
// told does not matter.
func inOrderSaid(a, b Movement) int {
	return cmp.Or(a.Said.Compare(b.Said), a.At.Compare(b.At), strings.Compare(string(a.What), string(b.What)), strings.Compare(a.Visit, b.Visit),
		strings.Compare(a.Place.String(), b.Place.String()), strings.Compare(string(a.Patient), string(b.Patient)))
}

func cancelled(w What) What {
	switch w {
	case CancelEnter:
		return Enter
	case CancelMove:
		return Move
	case CancelLeave:
		return Leave
	}
	return ""
}

// occupant gives the span of whoever lay in the bed at t: the last to come
// before t, unless gone by then. Who comes to a bed ends the stay of whoever
// was there, even when no discharge was told. unsure says that two facilities
// have such a bed and the place does not say which is meant, or that t lies
// before all that is remembered.
func occupant(spans []Span, place model.Place, t time.Time) (found *Span, unsure bool) {
	for i := len(spans) - 1; i >= 0; i-- {
		s := &spans[i]
		if s.From.After(t) || !sameFacility(s.Place, place) {
			continue
		}
		if found != nil {
			if !sameFacility(s.Place, found.Place) && (s.Until.IsZero() || s.Until.After(t)) {
				return nil, true
			}
			continue
		}
		found = s
		if place.Facility != "" || s.Place.Facility == "" {
			break
		}
	}
	if found == nil {
		return nil, len(spans) >= bedMemory && spans[0].From.After(t)
	}
	if !found.Until.IsZero() && !found.Until.After(t) {
		return nil, false
	}
	return found, false
}

// bedMemory is how many spans of a bed are kept in memory.
const bedMemory = 64
