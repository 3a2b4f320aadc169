// Package state says how a device is: whether it speaks by its own rhythm,
// whether its clock, software and place are as believed, whether it is in use,
// due, supported and accepted. Each state has since when and why (R29). It is
// pure: the same facts and the same instant give the same states.
package state

import (
	"slices"
	"time"

	"thalamus/internal/alert"
)

// Kind is one way a device may be.
type Kind string

// The kinds. The first four exclude each other.
const (
	Unheard Kind = "unheard" // no message has ever come from it
	Online  Kind = "online"  // it speaks by its own rhythm
	Late    Kind = "late"    // its next message is overdue
	Silent  Kind = "silent"  // it has missed many

	NotAdopted   Kind = "not-adopted"   // nobody took it into use
	NotAccepted  Kind = "not-accepted"  // its acceptance is missing, has ended or was reopened
	InUse        Kind = "in-use"        // a patient is connected to it
	ClockOff     Kind = "clock-off"     // its clock is off by more than is tolerated, and not corrected
	Changed      Kind = "changed"       // its software changed and nobody confirmed that
	OutsideRange Kind = "outside-range" // its software is outside the range its profile was made for
	Moved        Kind = "moved"         // its messages tell another place than people said
	Overdue      Kind = "overdue"       // it was lent and is not back
	Due          Kind = "due"           // maintenance is due
	Ending       Kind = "ending"        // support ends soon
	Ended        Kind = "ended"         // support has ended
	Gone         Kind = "gone"          // lost, retired or disposed of, and yet it speaks
)

// Grade says how much a state matters.
type Grade string

// The grades, in the order of their weight.
const (
	Good Grade = "good"
	Info Grade = "info"
	Warn Grade = "warn"
	Bad  Grade = "bad"
)

// State is one way a device is, and why we think so.
type State struct {
	Kind  Kind      `json:"kind"`
	Grade Grade     `json:"grade"`
	Since time.Time `json:"since,omitzero"`
	Why   Why       `json:"why,omitzero"`
}

// Why is what a state follows from. What plays no part is zero.
type Why struct {
	Last   time.Time     `json:"last,omitzero"`    // it was heard
	Beat   time.Duration `json:"beat,omitempty"`   // ns between two of its messages, on the average
	Bound  time.Duration `json:"bound,omitempty"`  // ns that must not be exceeded
	Offset time.Duration `json:"offset,omitempty"` // ns its clock is ahead
	Was    string        `json:"was,omitempty"`    // what was, or was said
	Now    string        `json:"now,omitempty"`    // what is observed
	On     time.Time     `json:"on,omitzero"`      // a day: due, ending, to be returned
	Of     string        `json:"of,omitempty"`     // whose: a plan, a release, the template of an acceptance
}

// Device is what is known of a device. What is not known is zero.
type Device struct {
	First, Last time.Time // it was heard
	Messages    uint64
	Adopted     bool
	Life        string // stage of life: in-use, stored, lent, in-repair, lost, retired, disposed
	ReturnBy    time.Time

	ClockOffset time.Duration // its clock is ahead by
	ClockBound  time.Duration // tolerated; 0: the offset is not known
	ClockSince  time.Time
	Corrected   bool // the offset is corrected

	Release      Turn   // of the software, as observed
	ReleaseSaid  string // confirmed by a person or decided
	Outside      time.Time
	Place        Turn   // as observed
	PlaceSaid    string // by a person
	PatientSince time.Time

	MaintenanceOn time.Time // the next is due; zero: nothing planned
	MaintenanceOf string
	SupportEnds   time.Time
	SupportEnded  bool // said to be over, whatever the day
	SupportOf     string

	AcceptanceWanted bool      // it, its model or its channel must be accepted
	AcceptedUntil    time.Time // zero: no end
	Accepted         bool
	AcceptanceSince  time.Time
	AcceptanceWhy    string // why it was reopened
}

// Turn is an observed change.
type Turn struct {
	Was string    `json:"was,omitempty"`
	Now string    `json:"now,omitempty"`
	At  time.Time `json:"at,omitzero"`
}

// Before support ends, this long is left to plan.
const supportNotice = 180 * 24 * time.Hour

// maintenanceNotice is how long before its day maintenance shows as due.
const maintenanceNotice = 14 * 24 * time.Hour

// Of gives how a device is at an instant: whether it speaks first, then the
// rest, the weightiest first.
func Of(d Device, now time.Time) []State {
	out := []State{speaks(&d, now)}
	add := func(k Kind, g Grade, since time.Time, why Why) {
		out = append(out, State{Kind: k, Grade: g, Since: since, Why: why})
	}
	away := d.Life == "lost" || d.Life == "retired" || d.Life == "disposed"
	switch {
	case away:
		if out[0].Kind == Online || out[0].Kind == Late {
			add(Gone, Bad, d.Last, Why{Last: d.Last, Was: d.Life})
		}
	case !d.Adopted:
		add(NotAdopted, Warn, d.First, Why{})
	}
	if d.AcceptanceWanted && !away {
		switch {
		case !d.Accepted:
			add(NotAccepted, Bad, d.AcceptanceSince, Why{Now: d.AcceptanceWhy})
		case !d.AcceptedUntil.IsZero() && !d.AcceptedUntil.After(now):
			add(NotAccepted, Bad, d.AcceptedUntil, Why{On: d.AcceptedUntil})
		}
	}
	if !d.PatientSince.IsZero() {
		add(InUse, Info, d.PatientSince, Why{})
	}
	if off := d.ClockOffset.Abs(); d.ClockBound > 0 && off > d.ClockBound && !d.Corrected {
		add(ClockOff, Warn, d.ClockSince, Why{Offset: d.ClockOffset, Bound: d.ClockBound})
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
	if d.Life == "lent" && !d.ReturnBy.IsZero() && !d.ReturnBy.After(now) {
		add(Overdue, Warn, d.ReturnBy, Why{On: d.ReturnBy})
	}
	if on := d.MaintenanceOn; !on.IsZero() && !away && !on.Add(-maintenanceNotice).After(now) {
		grade := Warn
		if !on.After(now) {
			grade = Bad
		}
		add(Due, grade, on.Add(-maintenanceNotice), Why{On: on, Of: d.MaintenanceOf})
	}
	switch ends := d.SupportEnds; {
	case away:
	case d.SupportEnded || !ends.IsZero() && !ends.After(now):
		add(Ended, Bad, ends, Why{On: ends, Of: d.SupportOf})
	case !ends.IsZero() && !ends.Add(-supportNotice).After(now):
		add(Ending, Warn, ends.Add(-supportNotice), Why{On: ends, Of: d.SupportOf})
	}
	slices.SortStableFunc(out[1:], func(a, b State) int { return b.Grade.weight() - a.Grade.weight() })
	return out
}

// speaks says whether the device speaks, by its own rhythm.
func speaks(d *Device, now time.Time) State {
	if d.Last.IsZero() {
		return State{Kind: Unheard, Grade: Info}
	}
	h := alert.Hear(d.First, d.Last, d.Messages, now)
	why := Why{Last: d.Last, Beat: h.Beat}
	switch {
	case h.IsSilent:
		why.Bound = h.Silent
		grade := Bad
		if d.Life != "" && d.Life != "in-use" && d.Life != "lent" {
			grade = Info // nobody expects a stored device to speak
		}
		return State{Kind: Silent, Grade: grade, Since: d.Last.Add(h.Silent), Why: why}
	case h.IsLate:
		why.Bound = h.Late
		return State{Kind: Late, Grade: Warn, Since: d.Last.Add(h.Late), Why: why}
	}
	return State{Kind: Online, Grade: Good, Since: d.Last, Why: why}
}

func (g Grade) weight() int { return slices.Index([]Grade{Good, Info, Warn, Bad}, g) }

// Worst gives the weightiest grade.
func Worst(states []State) Grade {
	worst := Good
	for _, s := range states {
		if s.Grade.weight() > worst.weight() {
			worst = s.Grade
		}
	}
	return worst
}

// Kinds gives all kinds.
func Kinds() []Kind {
	return []Kind{Unheard, Online, Late, Silent, NotAdopted, NotAccepted, InUse, ClockOff, Changed, OutsideRange, Moved, Overdue, Due, Ending, Ended, Gone}
}
