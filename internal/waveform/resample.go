package waveform

import (
	"fmt"
	"math/bits"
	"time"
)

// Resampling makes samples of another period, and only where somebody asks for
// it. New samples lie at whole multiples of the period since the Unix epoch,
// so that all signals share their instants. At a shorter or equal period each
// is the straight line between its two neighbours; at a longer one it is the
// mean of the samples that lie in the period around it, from half a period
// before it up to half a period behind. Nothing is made outside a segment:
// gaps stay. Results are rounded to the segment's own steps, halves away from
// zero.
type resampling struct {
	seg    Segment
	to     int64 // ns
	first  int64 // Unix ns of the first new sample
	count  int64 // of new samples
	made   int64
	at     int64 // samples taken
	factor int64 // makes samples steps of the segment's scale

	before int64 // the last sample taken, for the straight line
	sum, n int64 // of the mean under way
}

// derived says how samples were made of those sent.
func derived(from, to int64) string {
	method := "linear interpolation"
	if to > from {
		method = "mean over the period"
	}
	return fmt.Sprintf("resampled by %s from %d ns to %d ns between samples", method, from, to)
}

// Resampled gives what becomes of a segment; false where no new sample lies in
// it.
func Resampled(s Segment, to int64) (Segment, bool) {
	r := newResampling(s, to)
	if r.count <= 0 {
		return Segment{}, false
	}
	s.Start, s.PeriodNS, s.Count = time.Unix(0, r.first).UTC(), to, r.count
	return s, true
}

func newResampling(s Segment, to int64) *resampling {
	start := s.Start.UnixNano()
	r := &resampling{seg: s, to: to, factor: 1}
	from, until := start, start+(s.Count-1)*s.PeriodNS // of new samples, both included
	if to > s.PeriodNS {
		from, until = start+to/2, start+s.Count*s.PeriodNS-(to-to/2)
	}
	if r.first = from - mod(from, to); r.first < from {
		r.first += to
	}
	if until >= r.first {
		r.count = (until-r.first)/to + 1
	}
	return r
}

func mod(a, b int64) int64 {
	if a %= b; a < 0 {
		a += b
	}
	return a
}

// take appends the new samples that the next ones make to out.
func (r *resampling) take(samples []int32, out []int32) []int32 {
	start, p := r.seg.Start.UnixNano(), r.seg.PeriodNS
	for _, s := range samples {
		v := int64(s) * r.factor
		t := start + r.at*p
		if r.to > p {
			out = r.mean(t, v, out)
		} else {
			for r.made < r.count {
				want := r.first + r.made*r.to
				if want > t {
					break
				}
				n := v
				if want < t {
					n = line(r.before, v, want-(t-p), p)
				}
				out = append(out, int32(n))
				r.made++
			}
			r.before = v
		}
		r.at++
	}
	if r.at == r.seg.Count && r.n > 0 && r.made < r.count {
		out = append(out, int32(divide(r.sum, r.n)))
		r.made, r.n = r.made+1, 0
	}
	return out
}

// mean takes one sample of a longer period.
func (r *resampling) mean(t, v int64, out []int32) []int32 {
	for r.made < r.count {
		from := r.first + r.made*r.to - r.to/2
		if t < from {
			return out
		}
		if t < from+r.to {
			r.sum += v
			r.n++
			return out
		}
		out = append(out, int32(divide(r.sum, r.n)))
		r.made++
		r.sum, r.n = 0, 0
	}
	return out
}

// line is the value x of p behind a on the way to b.
func line(a, b, x, p int64) int64 {
	d := uint64(max(b-a, a-b))
	hi, lo := bits.Mul64(d, uint64(x)) // x < p: the quotient fits
	whole, rest := bits.Div64(hi, lo, uint64(p))
	v := a + int64(whole)
	if b < a && rest > 0 { // down to the step below
		v, rest = a-int64(whole)-1, uint64(p)-rest
	} else if b < a {
		v = a - int64(whole)
	}
	if rest > uint64(p)-rest || rest == uint64(p)-rest && v >= 0 {
		v++
	}
	return v
}

// divide rounds halves away from zero.
func divide(a, b int64) int64 {
	if b == 0 {
		return 0
	}
	if a < 0 {
		return -((-a + b/2) / b)
	}
	return (a + b/2) / b
}
