package waveform

import (
	"time"

	"thalamus/internal/model"
)

// Piece is samples of a segment, on their way through: none is missing.
type Piece struct {
	Segment int   // which one of the Joiner's, from 0
	From    int64 // place of the first sample in it
	// Scale of the samples; it may be a power of ten coarser than the
	// segment's, which is that of its finest run.
	Scale   model.Decimal
	Samples []int32 // valid until the next call
}

// Joiner makes segments of the runs of one series, which it is given in the
// order of their starts. The same runs always give the same segments.
//
// A run goes on with the one before it where it begins within a period of that
// one's end, by the sender's clock or by the corrected time: a correction that
// moves is no gap. Where the times of a segment have come to differ by a
// period or more from what was sent, a new one begins (Clock). A run that
// begins earlier is a repeat as far as its samples are the same; they are left
// out. Where they are not, what was told first stays (Overlap). Scales that
// differ by a power of ten with one origin are one scale, in the finer steps:
// senders of decimal text change between them from message to message.
type Joiner struct {
	Ended func(Segment) // takes each segment; required
	Moved func(Piece)   // takes the samples; may be nil

	Unusable, Unmatched int64

	n     int // segments begun
	open  bool
	seg   Segment
	why   Cause
	left  int64 // conflicts and repeats before a segment that could tell them
	again int64

	has bool
	grid
}

// grid is where the samples of consecutive runs lie; missing ones have their
// place.
type grid struct {
	start       int64 // Unix ns of place 0
	period      int64 // ns
	origin      model.Decimal
	scale       model.Decimal
	next        int64 // place after the last sample
	clock       int64 // Unix ns that the sender's clock is expected to say at next
	uncertainty int64 // ns, the largest of its runs
	tail        []int64
	tailFrom    int64 // place of tail[0]: what overlapping runs are compared with, in steps of scale
}

// Add takes the next run.
func (j *Joiner) Add(r Run) {
	if len(r.Samples) == 0 || r.PeriodNS <= 0 || r.Scale.Coef == 0 {
		j.Unusable++
		return
	}
	start := r.Start.UnixNano()
	clock := start + r.ClockOffsetNS
	clockEnd := clock + int64(len(r.Samples))*r.PeriodNS
	skip, why, overlaps := int64(0), First, false
	if j.has {
		skip, why, overlaps = j.place(start, clock, &r)
	}
	if r.Samples = r.Samples[skip:]; len(r.Samples) == 0 {
		return
	}
	if why != "" {
		j.close()
		j.why = why
		j.begin(start+skip*r.PeriodNS, &r)
	}
	j.take(&r, overlaps)
	j.clock = clockEnd
	j.uncertainty = max(j.uncertainty, r.UncertaintyNS)
}

// End ends the last segment.
func (j *Joiner) End() {
	j.close()
	j.Unmatched += j.left
	j.left, j.has = 0, false
}

// place says where a run lies: how many of its samples are told already, and
// why what follows does not go on with the grid, empty where it does. overlaps
// says that it goes on with samples it shares with the grid.
func (j *Joiner) place(start, clock int64, r *Run) (skip int64, why Cause, overlaps bool) {
	byTime, byClock := start-(j.start+j.next*j.period), clock-j.clock
	changed := j.changed(r)
	switch {
	case near(byTime, j.period) || near(byClock, j.period):
		// Periods are rounded to a nanosecond: half of one a sample is no drift.
		allowed := j.period + j.next/2 + max(j.uncertainty, r.UncertaintyNS)
		if changed == "" && !near(byTime, allowed) {
			return 0, Clock, false
		}
		return 0, changed, false
	case byTime > 0:
		if changed == "" {
			changed = Gap
		}
		return 0, changed, false
	}
	skip = min((-byTime+r.PeriodNS/2)/r.PeriodNS, int64(len(r.Samples)))
	at := j.next - (-byTime+j.period/2)/j.period
	if changed == "" && j.same(at, r, skip) {
		j.forget(at)
		if j.open {
			j.seg.Repeats += skip
		} else {
			j.again += skip
		}
		return skip, "", true
	}
	if j.open {
		j.seg.Conflicts += skip
	} else {
		j.left += skip
	}
	return skip, Overlap, false
}

func near(d, within int64) bool { return d < within && d > -within }

// changed says what of a run differs from the grid so that they cannot be one.
func (j *Joiner) changed(r *Run) Cause {
	if r.PeriodNS != j.period {
		return Rate
	}
	k, ok := tens(r.Scale, j.scale)
	if !ok || normal(r.Origin) != normal(j.origin) {
		return Scale
	}
	switch {
	case k > 0: // the run is coarser
		for _, s := range r.Samples {
			if s != model.Gap && !fits(int64(s)*power(k)) {
				return Scale
			}
		}
	case k < 0 && j.open:
		if !fits(int64(j.seg.Min)*power(-k)) || !fits(int64(j.seg.Max)*power(-k)) {
			return Scale
		}
	}
	return ""
}

// same compares the first n samples of a run with what lies from a place on.
func (j *Joiner) same(at int64, r *Run, n int64) bool {
	if at < j.tailFrom || at+n-j.tailFrom > int64(len(j.tail)) {
		return false
	}
	mine, its := int64(1), int64(1)
	switch k, _ := tens(r.Scale, j.scale); {
	case k > 0:
		its = power(k)
	case k < 0:
		mine = power(-k)
	}
	for i, s := range r.Samples[:n] {
		told := j.tail[at-j.tailFrom+int64(i)]
		if s == model.Gap && told == model.Gap {
			continue
		}
		if s == model.Gap || told == model.Gap || told*mine != int64(s)*its {
			return false
		}
	}
	return true
}

// begin begins a grid with a run.
func (j *Joiner) begin(start int64, r *Run) {
	j.has = true
	j.grid = grid{start: start, period: r.PeriodNS, origin: r.Origin, scale: r.Scale, tail: j.tail[:0]}
}

// forget drops what lies before a place: later runs begin there or later.
func (j *Joiner) forget(at int64) {
	if n := at - j.tailFrom; n > 0 && n <= int64(len(j.tail)) {
		j.tail = j.tail[:copy(j.tail, j.tail[n:])]
		j.tailFrom = at
	}
}

// take appends the samples of a run that fits the grid.
func (j *Joiner) take(r *Run, overlaps bool) {
	factor := int64(1)
	switch k, _ := tens(r.Scale, j.scale); {
	case k > 0:
		factor = power(k)
	case k < 0:
		j.refine(r.Scale, power(-k))
	}
	if !overlaps {
		j.tail, j.tailFrom = j.tail[:0], j.next
	}
	for _, s := range r.Samples {
		told := int64(model.Gap)
		if s != model.Gap {
			told = int64(s) * factor
		}
		j.tail = append(j.tail, told)
	}
	for samples := r.Samples; len(samples) > 0; {
		n := 0
		for n < len(samples) && samples[n] == model.Gap {
			n++
		}
		if n > 0 {
			j.close()
			j.why = Missing
			j.next += int64(n)
			samples = samples[n:]
			continue
		}
		for n < len(samples) && samples[n] != model.Gap {
			n++
		}
		j.extend(samples[:n], factor, r)
		samples = samples[n:]
	}
}

// refine goes over to a scale that is finer by a factor.
func (j *Joiner) refine(to model.Decimal, factor int64) {
	j.scale = to
	for i := range j.tail {
		if j.tail[i] != model.Gap {
			j.tail[i] *= factor
		}
	}
	if j.open {
		j.seg.Scale = to
		j.seg.Min, j.seg.Max = int32(int64(j.seg.Min)*factor), int32(int64(j.seg.Max)*factor)
	}
}

// extend appends samples of which none is missing; factor makes them steps of
// the grid's scale.
func (j *Joiner) extend(samples []int32, factor int64, r *Run) {
	if !j.open {
		first := int32(int64(samples[0]) * factor)
		j.seg = Segment{
			Start: time.Unix(0, j.start+j.next*j.period).UTC(), PeriodNS: j.period, Origin: j.origin, Scale: j.scale,
			Min: first, Max: first, Why: j.why, Conflicts: j.left, Repeats: j.again, From: r.Ref,
		}
		j.open, j.left, j.again = true, 0, 0
		j.n++
	}
	lo, hi := samples[0], samples[0]
	for _, s := range samples {
		lo, hi = min(lo, s), max(hi, s)
	}
	j.seg.Min, j.seg.Max = min(j.seg.Min, int32(int64(lo)*factor)), max(j.seg.Max, int32(int64(hi)*factor))
	if j.Moved != nil {
		j.Moved(Piece{Segment: j.n - 1, From: j.seg.Count, Scale: r.Scale, Samples: samples})
	}
	j.seg.Count += int64(len(samples))
	j.seg.To = r.Ref
	j.next += int64(len(samples))
}

func (j *Joiner) close() {
	if j.open {
		j.Ended(j.seg)
		j.open = false
	}
}
