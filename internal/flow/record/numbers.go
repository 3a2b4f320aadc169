package record

import (
	"context"
	"time"

	"thalamus/internal/grid"
	"thalamus/internal/model"
)

// NumbersQuery asks for the numbers of codes over time (R19).
type NumbersQuery struct {
	Subjects []Subject // any of them; a zero one is everybody
	Codes    []string  // any of them, as CodeIs understands them; none: all
	// From and Until are of the values' own times.
	From, Until time.Time
}

// MostNumbers is how many values one query may read. More is a fault.Invalid,
// code record.too-many.
const MostNumbers = 2_000_000

// Series is what a run of numbers has in common. Simulated numbers are never
// in one with measured ones (R17), nor are two units.
type Series struct {
	Subject
	Code      model.Code   `json:"code"`
	Received  model.Coding `json:"received,omitzero"` // the code as sent
	UnitUCUM  string       `json:"unit,omitempty"`
	Simulated bool         `json:"simulated,omitempty"`
}

// EachNumbers takes the values of a series in order of their time, a part at a
// time, and all of a series before the next. It must not keep values.
type EachNumbers func(s *Series, values []grid.Value) error

// LastQuery asks for last values.
type LastQuery struct {
	Subjects []Subject // any of them; a zero one is everybody
	Codes    []string  // any of them, as CodeIs understands them; none: all
	Since    time.Time // only values of that time or later
}

// NumbersReader is the part of Reader that gives numbers.
type NumbersReader interface {
	// Numbers calls each with the numbers of codes over time, by patient,
	// device, code and unit. Corrections are settled: what was corrected,
	// deleted or wrong is not among them. Values that a device gave as invalid
	// come as grid.Absent.
	Numbers(ctx context.Context, q NumbersQuery, each EachNumbers) error
	// LastValues gives the last value of every code asked for, as Latest does.
	LastValues(ctx context.Context, q LastQuery) ([]LatestValue, error)
}
