// Package waveform joins the runs of samples that messages bring into what
// was sampled: segments without a hole, the gaps between them, and recordings
// of several signals that the codecs write as files (R19, R22).
//
// It promises: no sample is changed, moved by more than half of its period, or
// left out without being counted; scale and origin stay exact; nothing is
// resampled unless that is asked for, and then it is marked as derived.
// It knows no clock, disk or network; memory is bounded by the longest run
// times the number of signals, and by the number of segments.
package waveform

import (
	"io"
	"time"

	"thalamus/internal/model"
)

// Series is what belongs together: one signal of one device. Runs that differ
// in any of it are never joined; simulated samples stay apart (R17).
type Series struct {
	Patient   model.PatientID `json:"patient,omitempty"`
	Device    model.DeviceID  `json:"device,omitempty"`
	Code      model.Code      `json:"code"`
	Received  model.Coding    `json:"received,omitzero"` // the code as sent
	UnitUCUM  string          `json:"unit,omitempty"`
	Simulated bool            `json:"simulated,omitempty"`
	// Channel tells signals of one code apart that come in one message, in
	// their order there; 0 for the first and mostly the only one.
	Channel int `json:"channel,omitempty"`
	// Derived says how the samples were made of those sent; empty: they are as
	// they were sent.
	Derived string `json:"derived,omitempty"`
}

// Name is what the signal is called for people: its code's short name.
func (s *Series) Name() string {
	switch {
	case s.Code.RefID != "":
		return s.Code.RefID
	case s.Code.Name != "":
		return s.Code.Name
	case s.Code.LOINC != "":
		return s.Code.LOINC
	case s.Received.Code != "":
		return s.Received.Code
	}
	return s.Received.Text
}

// Run is the samples one message brought: value = Origin + sample × Scale, a
// missing sample is model.Gap.
type Run struct {
	Ref           model.MessageRef
	Start         time.Time // of the first sample, corrected where the clock was
	ClockOffsetNS int64     // Start plus this is what the sender's clock said
	UncertaintyNS int64     // how far Start may be off
	PeriodNS      int64     // between samples, rounded to a whole nanosecond
	Origin, Scale model.Decimal
	Samples       []int32
}

// Feed is a run and where it belongs.
type Feed struct {
	Series Series
	Run    Run
}

// Cause says why a segment begins where it does.
type Cause string

const (
	First   Cause = "first"   // nothing came before
	Missing Cause = "missing" // the sender marked the samples between as missing or invalid
	Gap     Cause = "gap"     // nothing came for the time between
	Rate    Cause = "rate"    // the period changed
	Scale   Cause = "scale"   // origin or scale changed
	Clock   Cause = "clock"   // no sample is missing, but the times drifted or jumped by a period or more
	Overlap Cause = "overlap" // it came for a time that was told already, with other samples; those were left out
)

// Segment is samples without a hole: sample i was taken at Start + i × period.
type Segment struct {
	Start    time.Time     `json:"start"`
	Count    int64         `json:"count"`
	PeriodNS int64         `json:"periodNs"`
	Origin   model.Decimal `json:"origin"`
	Scale    model.Decimal `json:"scale"`
	Min      int32         `json:"min"` // smallest and largest sample, in steps of Scale
	Max      int32         `json:"max"`
	Why      Cause         `json:"why"`
	// Repeats are samples that came again and were the same; Conflicts those
	// that came again and were not, which were left out.
	Repeats   int64            `json:"repeats,omitempty"`
	Conflicts int64            `json:"conflicts,omitempty"`
	From      model.MessageRef `json:"from"` // the messages that brought its first and last sample
	To        model.MessageRef `json:"to"`
}

// End is when the sample after the last one would be.
func (s *Segment) End() time.Time { return s.Start.Add(time.Duration(s.Count * s.PeriodNS)) }

// Track is all segments of a series, in the order of time.
type Track struct {
	Series   Series    `json:"series"`
	Segments []Segment `json:"segments"`
	// Unusable counts runs without samples or without a rate: nobody knows when
	// their samples were taken.
	Unusable int64 `json:"unusable,omitempty"`
	// Unmatched counts samples of which other ones were told before, where no
	// segment of their own followed.
	Unmatched int64 `json:"unmatched,omitempty"`
}

// Folder takes files, written one after the other: a file ends where the next
// one is created.
type Folder interface {
	Create(name string) (io.Writer, error)
}
