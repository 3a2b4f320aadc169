// Package grid turns values as they came into values on an aligned grid: the
// last, mean, least or greatest of each step, or how many there were, and
// estimates for steps without a value where somebody asked for them
// (decision 0080). R19.
//
// Steps begin at whole multiples of their width since the Unix epoch, in UTC.
// A width divides an hour evenly, so a step never crosses an hour of UTC, and
// neither the zone of who asks nor daylight saving moves it. The package is
// pure and exact: no float lies between a value and what is made of it.
package grid

import (
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Value is one value as it came.
type Value struct {
	At     int64 // Unix ns
	Number model.Decimal
	Ref    model.MessageRef // the message that brought it
	Kind   Kind
	// Corrected says that it took the place of an earlier one.
	Corrected bool
}

// Kind says what a value is.
type Kind byte

const (
	Exact   Kind = iota
	Below        // less than the number: "<5"
	AtMost       // "<="
	AtLeast      // ">="
	Above        // ">"
	Absent       // the device said that it has no value; there is no number
)

// Comparator as HL7 v2 SN.1 and FHIR write it; empty for an exact number.
func (k Kind) Comparator() string {
	if k > Above {
		return ""
	}
	return [...]string{"", "<", "<=", ">=", ">"}[k]
}

// KindOf is the kind of a number with a comparator.
func KindOf(comparator string) Kind {
	switch comparator {
	case "<":
		return Below
	case "<=":
		return AtMost
	case ">=":
		return AtLeast
	case ">":
		return Above
	}
	return Exact
}

// Take says what is taken of the values of a step.
type Take string

const (
	Last  Take = "last"
	Mean  Take = "mean"
	Min   Take = "min"
	Max   Take = "max"
	Count Take = "count"
)

// Fill says how a step without a value gets one.
type Fill string

const (
	Leave  Fill = ""       // it gets none
	Carry  Fill = "carry"  // the last number before it
	Linear Fill = "linear" // what lies on the line between the numbers around its beginning
)

// Bounds of what may be asked.
const (
	FinestStep   = time.Second
	CoarsestStep = time.Hour
	LongestGap   = 24 * time.Hour
)

// Spec is a grid and what stands on it.
type Spec struct {
	From, Until int64 // Unix ns; whole steps
	Step        int64 // ns
	Fill        Fill
	MaxGap      int64 // ns, the longest gap between numbers that is filled
	Now         int64 // nothing is filled that begins later
}

// New checks a grid and widens its span to whole steps: each step says the
// same whatever span it was asked in.
func New(from, until, now time.Time, step time.Duration, fill Fill, maxGap time.Duration) (Spec, error) {
	s := Spec{Step: int64(step), Fill: fill, MaxGap: int64(maxGap), Now: now.UnixNano()}
	switch {
	case step < FinestStep || step > CoarsestStep || step%time.Second != 0 || CoarsestStep%step != 0:
		return s, fault.New(fault.Invalid, "grid.step", "a step is whole seconds that divide an hour evenly, 1s to 1h, such as 10s, 1m or 15m").At("step")
	case fill != Leave && fill != Carry && fill != Linear:
		return s, fault.New(fault.Invalid, "grid.fill", "steps without a value are filled by carry or linear, or not at all").At("fill")
	case fill != Leave && (maxGap <= 0 || maxGap > LongestGap):
		return s, fault.New(fault.Invalid, "grid.gap", "say across which gap values may be filled, such as 5m, 24h at the most").At("gap")
	case fill == Leave && maxGap != 0:
		return s, fault.New(fault.Invalid, "grid.gap", "a longest gap is for filled steps; say carry or linear as well").At("gap")
	case from.Year() < 1700 || until.Year() > 2200 || !from.Before(until):
		return s, fault.New(fault.Invalid, "grid.span", "the span must begin before it ends").At("from")
	}
	s.From = floor(from.UnixNano(), s.Step)
	s.Until = floor(until.UnixNano()-1, s.Step) + s.Step
	return s, nil
}

// Steps is how many steps the span has.
func (s *Spec) Steps() int64 { return (s.Until - s.From) / s.Step }

// Reach is the span of values that bear on the grid: filled steps look beyond
// its ends.
func (s *Spec) Reach() (from, until time.Time) {
	lo, hi := s.From, s.Until
	if s.Fill != Leave {
		lo -= s.MaxGap
	}
	if s.Fill == Linear {
		hi += s.MaxGap
	}
	return time.Unix(0, lo).UTC(), time.Unix(0, hi).UTC()
}

func floor(t, step int64) int64 {
	r := t % step
	if r < 0 {
		r += step
	}
	return t - r
}
