package state

import (
	"slices"
	"time"

	"thalamus/internal/model"
)

// Standing is how a device is apart from whether it speaks, which goes by its
// last message. It holds until something else than that is known of the device,
// and at most until an instant: a register of many devices keeps it, and asks
// again only for those of which it does not hold any more.
type Standing struct {
	Rest  []State   // in the order they were found
	Until time.Time // from then on they are others; zero: they stay
	Away  bool      // lost, retired or disposed of: it should not speak
	Life  string
}

// Stand gives how a device stands at an instant.
func Stand(d Device, now time.Time) Standing {
	s := Standing{Away: d.Life == "lost" || d.Life == "retired" || d.Life == "disposed", Life: d.Life}
	add := func(k Kind, g Grade, since time.Time, why Why) {
		s.Rest = append(s.Rest, State{Kind: k, Grade: g, Since: since, Why: why})
	}
	if !s.Away && !d.Adopted {
		add(NotAdopted, Warn, d.First, Why{})
	}
	if !d.BlockedSince.IsZero() && (d.BlockedUntil.IsZero() || !s.passed(d.BlockedUntil, now)) {
		add(Blocked, Warn, d.BlockedSince, Why{Now: d.BlockedWhy, On: d.BlockedUntil})
	}
	if d.AcceptanceWanted && !s.Away {
		switch {
		case !d.Accepted:
			add(NotAccepted, Bad, d.AcceptanceSince, Why{Now: d.AcceptanceWhy})
		case !d.AcceptedUntil.IsZero() && s.passed(d.AcceptedUntil, now):
			add(NotAccepted, Bad, d.AcceptedUntil, Why{On: d.AcceptedUntil})
		}
	}
	if !d.PatientSince.IsZero() {
		add(InUse, Info, d.PatientSince, Why{})
	}
	if ClockIsOff(d.ClockOffset, d.ClockBound) && !d.Corrected {
		add(ClockOff, Warn, d.ClockSince, Why{Offset: model.Duration(d.ClockOffset), Bound: model.Duration(d.ClockBound)})
	}
	if d.Release.Was != "" && d.Release.Now != d.ReleaseSaid {
		add(Changed, Warn, d.Release.At, Why{Was: d.Release.Was, Now: d.Release.Now})
	}
	if !d.Outside.IsZero() {
		add(OutsideRange, Warn, d.Outside, Why{Now: d.Release.Now})
	}
	if d.Place.Now != "" && d.PlaceSaid != "" && d.Place.Now != d.PlaceSaid {
		add(Moved, Warn, d.Place.At, Why{Was: d.PlaceSaid, Now: d.Place.Now})
	}
	if d.Life == "lent" && !d.ReturnBy.IsZero() && s.passed(d.ReturnBy, now) {
		add(Overdue, Warn, d.ReturnBy, Why{On: d.ReturnBy})
	}
	if on := d.MaintenanceOn; !on.IsZero() && !s.Away && s.passed(on.Add(-maintenanceNotice), now) {
		grade := Warn
		if s.passed(on, now) {
			grade = Bad
		}
		add(Due, grade, on.Add(-maintenanceNotice), Why{On: on, Of: d.MaintenanceOf})
	}
	switch ends := d.SupportEnds; {
	case s.Away:
	case d.SupportEnded || !ends.IsZero() && s.passed(ends, now):
		add(Ended, Bad, ends, Why{On: ends, Of: d.SupportOf})
	case !ends.IsZero() && s.passed(ends.Add(-supportNotice), now):
		add(Ending, Warn, ends.Add(-supportNotice), Why{On: ends, Of: d.SupportOf})
	}
	return s
}

// passed says whether an instant is past; one to come is where the standing
// may end.
func (s *Standing) passed(at, now time.Time) bool {
	if !at.After(now) {
		return true
	}
	s.Ends(at, now)
	return false
}

// Ends notes that something else may hold from an instant to come.
func (s *Standing) Ends(at, now time.Time) {
	if at.After(now) && (s.Until.IsZero() || at.Before(s.Until)) {
		s.Until = at
	}
}

// ClockIsOff says whether a clock is off by more than is tolerated; bound 0:
// the offset is not known.
func ClockIsOff(offset, bound time.Duration) bool { return bound > 0 && offset.Abs() > bound }

// Gone says that a device speaks which should not.
func (s *Standing) Gone(speaks State) (State, bool) {
	if !s.Away || speaks.Kind != Online && speaks.Kind != Late {
		return State{}, false
	}
	return State{Kind: Gone, Grade: Bad, Since: speaks.Why.Last, Why: Why{Last: speaks.Why.Last, Was: s.Life}}, true
}

// All gives the states of a device that speaks so: that first, then the rest,
// the weightiest first.
func (s *Standing) All(speaks State) []State {
	out := make([]State, 1, 2+len(s.Rest))
	out[0] = speaks
	if gone, ok := s.Gone(speaks); ok {
		out = append(out, gone)
	}
	out = append(out, s.Rest...)
	slices.SortStableFunc(out[1:], func(a, b State) int { return b.Grade.weight() - a.Grade.weight() })
	return out
}
