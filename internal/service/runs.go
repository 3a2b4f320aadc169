package service

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/waveform"
)

// samplesOf says which waveforms to read.
type samplesOf struct {
	patient     model.PatientID
	ids         []model.PatientID // all that are the patient; empty: of the device alone
	device      model.DeviceID
	codes       []string
	from, until time.Time
	head        model.MessageRef // what came later is not read
}

// Bounds of one read of the record: a window has at most so many runs of a
// series, so that memory does not grow with the time asked for. Windows are
// long where there is little.
const (
	mostWindowRuns  = 2000
	someWindowRuns  = mostWindowRuns / 8
	firstWindow     = time.Minute
	longestWindow   = 24 * time.Hour
	shortestWindow  = time.Millisecond
	mostWaveSamples = 1 << 24 // of one run
)

// runs gives the runs of samples, in the order of their starts, cut to the time
// asked for. It reads the record a window at a time; windows shrink where there
// is much and grow where there is little.
func (s *Service) runs(ctx context.Context, q samplesOf) iter.Seq2[waveform.Feed, error] {
	return func(yield func(waveform.Feed, error) bool) {
		width := firstWindow
		for at := q.from; at.Before(q.until); {
			end := at.Add(width)
			if end.After(q.until) {
				end = q.until
			}
			list, err := s.window(ctx, q, at, end)
			if err != nil {
				yield(waveform.Feed{}, err)
				return
			}
			if len(list) >= mostWindowRuns { // some may be missing
				if width /= 2; width < shortestWindow {
					yield(waveform.Feed{}, fault.New(fault.Invalid, "service.runs", "too many runs of samples begin at once; ask for one code"))
					return
				}
				continue
			}
			for i := range list {
				if !q.wants(&list[i], at) {
					continue
				}
				if f := q.feed(list, i); !yield(f, nil) {
					return
				}
			}
			if at = end; len(list) < someWindowRuns {
				width = min(2*width, longestWindow)
			}
		}
	}
}

// window reads the runs that touch a time.
func (s *Service) window(ctx context.Context, q samplesOf, from, until time.Time) ([]record.Samples, error) {
	code := ""
	if len(q.codes) == 1 {
		code = q.codes[0]
	}
	ids := q.ids
	if len(ids) == 0 {
		ids = []model.PatientID{""}
	}
	var all []record.Samples
	for _, id := range ids {
		list, err := s.Record.Waveform(ctx, record.TrendQuery{
			Subject: record.Subject{Patient: id, Device: q.device}, Code: code, From: from, Until: until, Limit: mostWindowRuns,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.SortStableFunc(all, func(a, b record.Samples) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Ref.Seq, b.Ref.Seq), cmp.Compare(a.Ref.Part, b.Ref.Part))
	})
	return all, nil
}

// wants says whether a run belongs to a window: it begins there, or reaches
// into the first one. What was withdrawn is not given (R17).
func (q *samplesOf) wants(r *record.Samples, at time.Time) bool {
	w := r.Waveform
	switch {
	case r.Start.Before(at) && !at.Equal(q.from), w.Status == model.StatusCancelled, w.Status == model.StatusError, len(w.Samples) > mostWaveSamples:
		return false
	case r.Ref.Seq > q.head.Seq || r.Ref.Seq == q.head.Seq && r.Ref.Part > q.head.Part:
		return false
	}
	return len(q.codes) < 2 || slices.ContainsFunc(q.codes, func(word string) bool { return record.CodeIs(&w.Code, &w.Received, word) })
}

// feed makes the run of list[i] what a joiner takes, cut to the time asked for.
// Runs of one message that are the same signal by all else are told apart by
// their order.
func (q *samplesOf) feed(list []record.Samples, i int) waveform.Feed {
	r := &list[i]
	w := r.Waveform
	f := waveform.Feed{
		Series: seriesOf(r),
		Run: waveform.Run{
			Ref: r.Ref, Start: r.Start, ClockOffsetNS: w.DeviceTime.ClockOffsetNS, UncertaintyNS: w.DeviceTime.UncertaintyNS,
			PeriodNS: w.PeriodNS, Origin: w.Origin, Scale: w.Scale, Samples: w.Samples,
		},
	}
	for k := i - 1; k >= 0 && list[k].Ref == r.Ref && list[k].Start.Equal(r.Start); k-- {
		if seriesOf(&list[k]) == f.Series {
			f.Series.Channel++
		}
	}
	if q.patient != "" {
		f.Series.Patient = q.patient // also where it was recorded under an id that was merged
	}
	if n := int64(len(w.Samples)); w.PeriodNS > 0 && n > 0 {
		lo := max(0, (q.from.Sub(r.Start).Nanoseconds()+w.PeriodNS-1)/w.PeriodNS)
		hi := min(n, (q.until.Sub(r.Start).Nanoseconds()+w.PeriodNS-1)/w.PeriodNS)
		lo, hi = min(lo, n), max(hi, min(lo, n))
		f.Run.Samples = w.Samples[lo:hi]
		f.Run.Start = r.Start.Add(time.Duration(lo * w.PeriodNS))
	}
	return f
}

func seriesOf(r *record.Samples) waveform.Series {
	w := r.Waveform
	s := waveform.Series{Patient: r.Patient, Device: r.Device, Code: w.Code, UnitUCUM: w.UnitUCUM, Simulated: r.Simulated || w.Simulated}
	if w.Code.Key() == "" { // otherwise the wording may change from message to message
		s.Received = w.Received
	}
	return s
}
