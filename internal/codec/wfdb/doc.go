// Package wfdb writes recordings as WFDB records and reads them: header files
// (.hea, WFDB header(5)) and signal files (.dat, signal(5)) in format 16, or 32
// where 16 bits do not hold the samples.
//
// A recording of one span is an ordinary record. One with gaps is a
// variable-layout record: a layout segment, a segment for each span and null
// segments between them. All signals of a record have one rate, because the
// reference tools average over a frame where they differ.
//
// What stands in the files:
//   - Samples are the steps that were recorded. Only where 16 bits would not
//     hold them are they shifted, and the baseline with them; only where the
//     origin is no whole number of steps are they multiplied.
//   - The gain is the inverse of the scale to the last bit of a float64; the
//     exact decimals stand in an info string.
//   - A missing sample is -32768 (WFDB_INVALID_SAMPLE). Signals that need 32
//     bits have none: there every gap is a null segment, and no sample is
//     -32768.
//   - Base times are local times of the zone that an info string names, with
//     milliseconds; the exact start stands there too.
package wfdb

import (
	"math/big"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/waveform"
)

// Format is WFDB.
func Format() waveform.Format {
	return waveform.Format{
		Name: "wfdb", Doc: "WFDB records (PhysioNet): .hea and .dat",
		Layout: waveform.Layout{Frame: frame, Fill: mostFill, Alone: wide, Holds: holds},
		Write:  Write,
	}
}

// mostFill is the longest gap told by missing samples; a longer one is a null
// segment.
const mostFill = 60e9

// frame puts signals of one rate together, one sample a frame.
func frame(periods []int64) (int64, []int, bool) {
	per := make([]int, len(periods))
	for i, p := range periods {
		if p != periods[0] {
			return 0, nil, false
		}
		per[i] = 1
	}
	return periods[0], per, true
}

func holds(s *waveform.Signal) error {
	_, err := scaleOf(s)
	return err
}

func wide(s *waveform.Signal) bool {
	c, err := scaleOf(s)
	return err == nil && c.format != 16
}

// calibration says how steps become samples of a file: sample × times + shift;
// value = (file's sample - baseline) / gain.
type calibration struct {
	times, shift int64
	baseline     int64
	gain         float64
	format       int
}

const (
	invalid = -32768 // WFDB_INVALID_SAMPLE, wfdb.h
	most16  = 32767
	most32  = 1<<31 - 1
)

// scaleOf finds how a signal is written; a fault says that it cannot be.
func scaleOf(s *waveform.Signal) (calibration, error) {
	scale, origin := rational(s.Scale), rational(s.Origin)
	c := calibration{times: 1}
	step := new(big.Rat).Set(scale)
	steps := new(big.Rat).Quo(origin, scale)
	if !steps.IsInt() { // go over to steps that origin and scale both have
		parts := new(big.Int).Set(steps.Denom())
		if !parts.IsInt64() || parts.Int64() > most32 {
			return c, cannot(s)
		}
		c.times = parts.Int64()
		step.Quo(step, new(big.Rat).SetInt(parts))
		steps.Quo(origin, step)
	}
	if step.Sign() < 0 {
		c.times = -c.times
		step.Neg(step)
		steps.Neg(steps)
	}
	if !steps.Num().IsInt64() {
		return c, cannot(s)
	}
	lo, hi := int64(s.Min)*c.times, int64(s.Max)*c.times
	if lo > hi {
		lo, hi = hi, lo
	}
	switch {
	case lo > invalid && hi <= most16:
		c.format = 16
	case hi-lo <= most16-(invalid+1):
		c.format, c.shift = 16, -(lo+hi)/2
		if lo+c.shift <= invalid {
			c.shift++
		}
	case hi-lo <= most32-(invalid+1):
		c.format, c.shift = 32, invalid+1-lo
	default:
		return c, cannot(s)
	}
	if n := steps.Num().Int64(); n > 1<<40 || n < -1<<40 || c.shift-n > most32 || c.shift-n < -most32 {
		return c, cannot(s)
	} else {
		c.baseline = c.shift - n
	}
	c.gain, _ = new(big.Rat).Inv(step).Float64()
	return c, nil
}

func cannot(s *waveform.Signal) error {
	return fault.New(fault.Invalid, "wfdb.range", "samples from %d to %d in steps of %s from %s do not fit 32 bits; write them as FHIR or CSV", s.Min, s.Max, s.Scale, s.Origin).At(s.Series.Name())
}

// rational is the number exactly.
func rational(d model.Decimal) *big.Rat {
	tens := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(d.Exp, -d.Exp))), nil)
	if d.Exp < 0 {
		return new(big.Rat).SetFrac(big.NewInt(d.Coef), tens)
	}
	return new(big.Rat).SetInt(tens.Mul(tens, big.NewInt(d.Coef)))
}
