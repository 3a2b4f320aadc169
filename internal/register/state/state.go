// Package state says how a device is: whether it speaks by its own rhythm,
// whether its clock, software and place are as believed, whether it is in use,
// due, supported and accepted. Each state has since when and why (R29). It is
// pure: the same facts and the same instant give the same states.
package state

import (
	"time"

	"thalamus/internal/model"
)

// Kind is one way a device may be.
type Kind string

// The kinds. The first five exclude each other.
const (
	Unheard Kind = "unheard" // no message has ever come from it
	Online  Kind = "online"  // it speaks by its own rhythm
	Late    Kind = "late"    // its next message is overdue
	Silent  Kind = "silent"  // it has missed many
	Offline Kind = "offline" // its link has ended

	NotAdopted   Kind = "not-adopted"   // nobody took it into use
	NotAccepted  Kind = "not-accepted"  // its acceptance is missing, has ended or was reopened
	Blocked      Kind = "blocked"       // a person decided that nothing of it leaves
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
	Last   time.Time      `json:"last,omitzero"`    // it was heard
	Beat   model.Duration `json:"beat,omitempty"`   // between two of its messages, on the average
	Bound  model.Duration `json:"bound,omitempty"`  // that must not be exceeded
	Offset model.Duration `json:"offset,omitempty"` // its clock is ahead
	Was    string         `json:"was,omitempty"`    // what was, or was said
	Now    string         `json:"now,omitempty"`    // what is observed
	On     time.Time      `json:"on,omitzero"`      // a day: due, ending, to be returned
	Of     string         `json:"of,omitempty"`     // whose: a plan, a release, the template of an acceptance
	How    model.EndKind  `json:"how,omitempty"`    // its link ended
	Topic  string         `json:"topic,omitempty"`  // to which its will went
	Code   int            `json:"code,omitempty"`   // reason code of its DISCONNECT
	Losses uint64         `json:"losses,omitempty"` // times its link ended without its leave
}

// Device is what is known of a device. What is not known is zero.
type Device struct {
	Heard
	Adopted  bool
	Life     string // stage of life: in-use, stored, lent, in-repair, lost, retired, disposed
	ReturnBy time.Time

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
	BlockedSince time.Time // zero: it is not blocked
	BlockedUntil time.Time // zero: until somebody ends it
	BlockedWhy   string

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
	s := Stand(d, now)
	return s.All(s.Speaks(&d.Heard, now))
}

func (g Grade) weight() int {
	switch g {
	case Good:
		return 0
	case Info:
		return 1
	case Warn:
		return 2
	case Bad:
		return 3
	}
	return -1
}

// Worse gives the weightier of two grades.
func Worse(a, b Grade) Grade {
	if b.weight() > a.weight() {
		return b
	}
	return a
}

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
	return []Kind{Unheard, Online, Late, Silent, Offline, NotAdopted, NotAccepted, Blocked, InUse, ClockOff, Changed, OutsideRange, Moved, Overdue, Due, Ending, Ended, Gone}
}
