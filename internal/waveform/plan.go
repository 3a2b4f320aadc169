package waveform

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/model"
)

// Layout says how signals are laid out in the files of a format.
type Layout struct {
	// Frame gives the time in ns that holds whole numbers of samples of all the
	// periods, and how many of each; false when they cannot be in one file.
	Frame func(periods []int64) (frame int64, per []int, ok bool)
	// Fill is the longest gap within a span: it is told by missing samples.
	Fill time.Duration
	// Alone says that a signal is in files of its own and missing samples are
	// never written for it, only gaps between spans. May be nil: none is.
	Alone func(*Signal) bool
	// PeriodNS asks for resampling to this period; 0 leaves samples as they were
	// sent.
	PeriodNS int64
	// Holds says why a signal cannot be told exactly in the format; nil where it
	// can. The function itself may be nil: all can.
	Holds func(*Signal) error
}

// Left is a signal that a format cannot hold, and why.
type Left struct {
	Series Series
	Count  int64 // samples
	Why    error
}

// Signal is what one file holds of a series: all its segments of one period,
// origin and scale.
type Signal struct {
	Series   Series
	PeriodNS int64
	Origin   model.Decimal
	Scale    model.Decimal
	Min, Max int32 // in steps of Scale
	Count    int64 // samples, none of them missing
	Parts    []Part

	source []placed // before they have their places
}

// Part is samples without a hole in a span.
type Part struct {
	Span  int
	At    int64     // place of the first sample, in samples of this signal
	Count int64     // of samples
	Start time.Time // of the first, exactly; its place is the nearest there is

	segment int   // of the track
	from    int64 // first sample of the segment
}

// Span is a time of which something is known. Sample p of a signal with n
// samples a frame lies at Start + p × frame/n.
type Span struct {
	Start  time.Time
	Frames int64
}

// Recording is signals of one device and patient that lie in one file, or in
// the files of one record.
type Recording struct {
	Name      string // letters, digits and underscores; names no patient
	Patient   model.PatientID
	Device    model.DeviceID
	Simulated bool
	FrameNS   int64
	Per       []int // samples of each signal in a frame
	Signals   []Signal
	Spans     []Span

	alone    bool
	periodNS int64 // resampled to
	tracks   []Track
}

// Start is when the first span begins.
func (r *Recording) Start() time.Time { return r.Spans[0].Start }

// End is when the last span ends.
func (r *Recording) End() time.Time {
	last := r.Spans[len(r.Spans)-1]
	return last.Start.Add(time.Duration(last.Frames * r.FrameNS))
}

// Plan lays tracks out as recordings: by patient, device and whether they are
// simulated, and of those what can be in one file. What the format cannot hold
// is left out and named.
func Plan(tracks []Track, l Layout) (all []*Recording, left []Left) {
	for i := range tracks {
		for _, s := range signals(&tracks[i], l.PeriodNS) {
			if l.Holds != nil {
				if err := l.Holds(&s); err != nil {
					left = append(left, Left{Series: s.Series, Count: s.Count, Why: err})
					continue
				}
			}
			all = join(all, s, &tracks[i], &l)
		}
	}
	slices.SortStableFunc(all, func(a, b *Recording) int {
		return cmp.Or(strings.Compare(string(a.Device), string(b.Device)), strings.Compare(string(a.Patient), string(b.Patient)))
	})
	names := map[string]int{}
	for _, r := range all {
		if r.alone {
			r.lay(0)
		} else {
			r.lay(int64(l.Fill))
		}
		name := plainName(string(cmp.Or(r.Device, model.DeviceID(r.Patient))))
		name = name[:min(len(name), longestOwner)] + "_" + r.Start().Format("20060102_150405")
		if r.Simulated {
			name += "_sim"
		}
		names[name]++
		if n := names[name]; n > 1 {
			name += "_" + strconv.Itoa(n)
		}
		r.Name = name
	}
	return all, left
}

// longestOwner keeps names within what formats take: WFDB has room for 50
// letters, the names of segments among them.
const longestOwner = 16

// plainName keeps letters and digits; WFDB takes no others but underscores
// (WFDB header(5)).
func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, s)
}

// placed is a segment, resampled where that is asked for, on its way to its
// place.
type placed struct {
	signal  int
	segment int
	from    int64
	count   int64
	start   int64 // Unix ns
}

// signals gathers the segments of a track by period, origin and scale.
func signals(t *Track, periodNS int64) []Signal {
	var list []Signal
next:
	for i, seg := range t.Segments {
		series := t.Series
		if periodNS > 0 {
			series.Derived = derived(seg.PeriodNS, periodNS)
			var ok bool
			if seg, ok = Resampled(seg, periodNS); !ok {
				continue
			}
		}
		p := placed{segment: i, count: seg.Count, start: seg.Start.UnixNano()}
		for k := range list {
			if list[k].Series.Derived == series.Derived && list[k].takes(&seg) {
				list[k].source = append(list[k].source, p)
				list[k].Count += seg.Count
				continue next
			}
		}
		list = append(list, Signal{
			Series: series, PeriodNS: seg.PeriodNS, Origin: seg.Origin, Scale: seg.Scale,
			Min: seg.Min, Max: seg.Max, Count: seg.Count, source: []placed{p},
		})
	}
	return list
}

// takes makes a segment part of the signal where its values fit its steps.
func (s *Signal) takes(seg *Segment) bool {
	k, ok := tens(seg.Scale, s.Scale)
	if !ok || seg.PeriodNS != s.PeriodNS || normal(seg.Origin) != normal(s.Origin) {
		return false
	}
	mine, its := int64(1), int64(1)
	if k > 0 {
		its = power(k)
	} else {
		mine = power(-k)
	}
	lo := min(int64(s.Min)*mine, int64(seg.Min)*its)
	hi := max(int64(s.Max)*mine, int64(seg.Max)*its)
	if !fits(lo) || !fits(hi) {
		return false
	}
	if s.Min, s.Max = int32(lo), int32(hi); k < 0 {
		s.Scale = seg.Scale
	}
	return true
}

// join puts a signal into the first recording that takes it, or a new one.
func join(all []*Recording, s Signal, t *Track, l *Layout) []*Recording {
	alone := l.Alone != nil && l.Alone(&s)
	for _, r := range all {
		if alone || r.alone || r.Patient != t.Series.Patient || r.Device != t.Series.Device || r.Simulated != t.Series.Simulated {
			continue
		}
		periods := make([]int64, 0, len(r.Signals)+1)
		for i := range r.Signals {
			periods = append(periods, r.Signals[i].PeriodNS)
		}
		if frame, per, ok := l.Frame(append(periods, s.PeriodNS)); ok {
			r.FrameNS, r.Per = frame, per
			r.Signals, r.tracks = append(r.Signals, s), append(r.tracks, *t)
			return all
		}
	}
	frame, per, ok := l.Frame([]int64{s.PeriodNS})
	if !ok {
		frame, per = s.PeriodNS, []int{1}
	}
	return append(all, &Recording{
		Patient: t.Series.Patient, Device: t.Series.Device, Simulated: t.Series.Simulated, periodNS: l.PeriodNS, alone: alone,
		FrameNS: frame, Per: per, Signals: []Signal{s}, tracks: []Track{*t},
	})
}

// lay gives every segment its place. A span ends where nothing is known of any
// signal for longer than fill, and where the times of a signal run into what
// lies before by more than a sample: its clock was slower than the samples say.
func (r *Recording) lay(fill int64) {
	var todo []placed
	for i := range r.Signals {
		for _, p := range r.Signals[i].source {
			p.signal = i
			todo = append(todo, p)
		}
		r.Signals[i].source = nil
	}
	byStart := func(a, b placed) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.signal, b.signal)) }
	slices.SortStableFunc(todo, byStart)
	ends := make([]int64, len(r.Signals))
	for len(todo) > 0 {
		begin := todo[0].start
		covered, span := begin, len(r.Spans)
		clear(ends)
		var cut *placed
		i := 0
		for ; i < len(todo); i++ {
			p := &todo[i]
			if p.start > covered+fill+r.FrameNS/2 {
				break
			}
			per := int64(r.Per[p.signal])
			at := nearest(p.start-begin, per, r.FrameNS)
			if ends[p.signal]-at > 1 {
				cut = p
				break
			}
			at = max(at, ends[p.signal])
			s := &r.Signals[p.signal]
			s.Parts = append(s.Parts, Part{Span: span, At: at, Count: p.count, Start: time.Unix(0, p.start).UTC(), segment: p.segment, from: p.from})
			ends[p.signal] = at + p.count
			covered = max(covered, p.start+p.count*s.PeriodNS)
		}
		var rest []placed
		if cut != nil {
			rest = r.cut(span, cut, ends)
		}
		if todo = todo[i:]; len(rest) > 0 {
			todo = append(rest, todo...)
			slices.SortStableFunc(todo, byStart)
		}
		frames := int64(0)
		for k, end := range ends {
			frames = max(frames, (end+int64(r.Per[k])-1)/int64(r.Per[k]))
		}
		r.Spans = append(r.Spans, Span{Start: time.Unix(0, begin).UTC(), Frames: frames})
	}
}

// nearest is a × n / d, rounded; it does not overflow for spans of years.
func nearest(a, n, d int64) int64 {
	whole, rest := a/d, a%d
	return whole*n + (rest*n+d/2)/d
}

// cut ends a span where a signal's clock does not fit, for all signals: what
// the others have behind that instant goes into the next span.
func (r *Recording) cut(span int, at *placed, ends []int64) (rest []placed) {
	for i := range r.Signals {
		s := &r.Signals[i]
		if i == at.signal || len(s.Parts) == 0 {
			continue
		}
		p := &s.Parts[len(s.Parts)-1]
		if p.Span != span {
			continue
		}
		start := p.Start.UnixNano()
		keep := min((at.start-start+s.PeriodNS-1)/s.PeriodNS, p.Count)
		if keep == p.Count {
			continue
		}
		rest = append(rest, placed{signal: i, segment: p.segment, from: p.from + keep, count: p.Count - keep, start: start + keep*s.PeriodNS})
		ends[i] -= p.Count - keep
		if p.Count = keep; keep == 0 {
			s.Parts = s.Parts[:len(s.Parts)-1]
		}
	}
	return rest
}

// PerSecond gives samples a second as the shortest number whose period is the one
// given: periods are whole nanoseconds, 300 samples a second has 3333333.
func PerSecond(periodNS int64) model.Decimal {
	if periodNS <= 0 {
		return model.Decimal{}
	}
	for digits := 1; digits <= 17; digits++ {
		d, err := model.ParseDecimal(strconv.FormatFloat(1e9/float64(periodNS), 'e', digits-1, 64))
		if err == nil && int64(1e9/d.Float64()+0.5) == periodNS {
			return normal(d)
		}
	}
	d, _ := model.ParseDecimal(strconv.FormatFloat(1e9/float64(periodNS), 'g', 17, 64))
	return d
}
