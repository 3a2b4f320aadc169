package record

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"thalamus/internal/alert"
	"thalamus/internal/grid"
	"thalamus/internal/model"
)

// Numbers calls each with the numbers of codes over time.
func (r *NamedReader) Numbers(ctx context.Context, q NumbersQuery, each EachNumbers) error {
	subjects, more := r.widen(q.Subjects)
	if !more {
		return r.Reader.Numbers(ctx, q, each)
	}
	q.Subjects = subjects
	var all []numbersOf
	at := map[Series]int{}
	err := r.Reader.Numbers(ctx, q, func(s *Series, values []grid.Value) error {
		one := *s
		if one.Device != "" {
			one.Device = r.names.Head(one.Device)
		}
		n, ok := at[one]
		if !ok {
			n, at[one] = len(all), len(all)
			all = append(all, numbersOf{Series: one})
		}
		all[n].values = append(all[n].values, values...)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range all {
		slices.SortStableFunc(all[i].values, func(a, b grid.Value) int { return cmp.Compare(a.At, b.At) })
		if err := each(&all[i].Series, all[i].values); err != nil {
			return err
		}
	}
	return nil
}

// Trend gives the numbers of a code over time.
func (r *NamedReader) Trend(ctx context.Context, q TrendQuery) ([]Trend, error) {
	var all []Trend
	for _, id := range r.ids(q.Device) {
		q.Device = id
		list, err := r.Reader.Trend(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	if !r.names.Merging() {
		return all, nil
	}
	type key struct {
		Subject
		unit      string
		code      model.Code
		received  string
		simulated bool
	}
	at, out := map[key]int{}, all[:0:0]
	for _, t := range all {
		if t.Device != "" {
			t.Device = r.names.Head(t.Device)
		}
		k := key{t.Subject, t.UnitUCUM, t.Code, t.Received.Code, t.Simulated}
		n, ok := at[k]
		if !ok {
			at[k] = len(out)
			out = append(out, t)
			continue
		}
		points := append(slices.Clone(out[n].Points), t.Points...)
		slices.SortStableFunc(points, func(a, b Point) int { return a.Time.Compare(b.Time) })
		if q.Step > 0 {
			points = onGrid(points, q.Step)
		}
		out[n].Points = points
	}
	slices.SortStableFunc(out, func(a, b Trend) int {
		return cmp.Or(strings.Compare(string(a.Patient), string(b.Patient)), strings.Compare(string(a.Device), string(b.Device)), strings.Compare(a.UnitUCUM, b.UnitUCUM))
	})
	return out, nil
}

// Waveform gives the runs of samples of a code that touch the time span.
func (r *NamedReader) Waveform(ctx context.Context, q TrendQuery) ([]Samples, error) {
	var all []Samples
	ids := r.ids(q.Device)
	for _, id := range ids {
		q.Device = id
		list, err := r.Reader.Waveform(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	if r.names.Merging() {
		for i := range all {
			if all[i].Device != "" {
				all[i].Device = r.names.Head(all[i].Device)
			}
		}
	}
	if len(ids) > 1 {
		slices.SortStableFunc(all, func(a, b Samples) int { return a.Start.Compare(b.Start) })
	}
	return all, nil
}

// Alerts gives alerts, the latest news first.
func (r *NamedReader) Alerts(ctx context.Context, q AlertQuery) ([]AlertState, error) {
	var all []alert.Life
	ids := r.ids(q.Device)
	for _, id := range ids {
		q.Device = id
		list, err := r.Reader.Alerts(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	if r.names.Merging() {
		for i := range all {
			if all[i].Device != "" {
				all[i].Device = r.names.Head(all[i].Device)
			}
		}
	}
	if len(ids) > 1 {
		slices.SortStableFunc(all, func(a, b AlertState) int { return b.Arrived.Compare(a.Arrived) })
		all = all[:min(len(all), q.Most())]
	}
	return all, nil
}

// Sightings tells when each device was last heard.
func (r *NamedReader) Sightings(ctx context.Context) ([]Sighting, error) {
	list, err := r.Reader.Sightings(ctx)
	if err != nil || !r.names.Merging() {
		return list, err
	}
	at, out := map[model.DeviceID]int{}, list[:0:0]
	for _, s := range list {
		if s.Device != "" {
			s.Device = r.names.Head(s.Device)
		}
		n, ok := at[s.Device]
		if !ok {
			at[s.Device] = len(out)
			out = append(out, s)
			continue
		}
		one := &out[n] // the latest come first
		one.Messages += s.Messages
		if s.First.Before(one.First) {
			one.First = s.First
		}
	}
	return out, nil
}
