package record

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/model"
)

// Numbers and samples of the amended record. Every point names the message
// that brought it, so that those of amended messages go to whom they belong.

// Trend gives the numbers of a code over time.
func (r *AmendedReader) Trend(ctx context.Context, q TrendQuery) ([]Trend, error) {
	raw := q
	raw.Step, raw.Limit = 0, mostAmended
	lists, touched, err := trends(ctx, r, q.Subject, func(s Subject) ([]Trend, error) {
		one := raw
		one.Subject = s
		return r.Reader.Trend(ctx, one)
	})
	if err != nil {
		return nil, err
	}
	if !touched {
		return r.Reader.Trend(ctx, q)
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 100_000
	}
	for i := range lists {
		t := &lists[i]
		slices.SortStableFunc(t.Points, func(a, b Point) int {
			return cmp.Or(a.Time.Compare(b.Time), compareRefs(a.Ref, b.Ref))
		})
		if q.Step > 0 {
			t.Points, t.Step = onGrid(t.Points, q.Step), model.Duration(q.Step)
		}
		t.Points = t.Points[:min(len(t.Points), limit)]
	}
	return lists, nil
}

// trends gathers the trends of a subject with their points where they belong;
// touched is false when nothing of it was amended.
func trends(ctx context.Context, r *AmendedReader, s Subject, read func(Subject) ([]Trend, error)) (all []Trend, touched bool, err error) {
	subjects := []Subject{s}
	if s.Patient != "" {
		to, err := r.amendments.AmendedTo(ctx, s.Patient, model.MessageRef{}, mostAmended)
		if err != nil {
			return nil, false, err
		}
		from, err := r.amendments.AmendedFrom(ctx, s.Patient, model.MessageRef{}, 1)
		if err != nil || len(to)+len(from) == 0 {
			return nil, false, err
		}
		subjects = append(subjects, originsOf(to, s.Device)...)
	}
	var lists []Trend
	for i, one := range subjects {
		list, err := read(one)
		if err != nil {
			return nil, false, err
		}
		for _, t := range list {
			if i == 0 || t.Patient == one.Patient {
				lists = append(lists, t)
			}
		}
	}
	var refs []model.MessageRef
	for i := range lists {
		for k := range lists[i].Points {
			refs = append(refs, lists[i].Points[k].Ref)
		}
	}
	truths, err := r.truths(ctx, refs)
	if err != nil || s.Patient == "" && len(truths) == 0 {
		return nil, false, err
	}
	type key struct {
		subject   Subject
		unit      string
		code      model.Code
		sent      string
		simulated bool
	}
	at := map[key]int{}
	for i := range lists {
		t := &lists[i]
		for _, p := range t.Points {
			subject := t.Subject
			if a := truths[p.Ref]; a != nil {
				subject.Patient = idOf(a)
			}
			if s.Patient != "" && subject.Patient != s.Patient {
				continue
			}
			k := key{subject, t.UnitUCUM, t.Code, t.Received.Code, t.Simulated}
			n, ok := at[k]
			if !ok {
				n, at[k] = len(all), len(all)
				one := *t
				one.Subject, one.Points = subject, nil
				all = append(all, one)
			}
			all[n].Points = append(all[n].Points, p)
		}
	}
	slices.SortStableFunc(all, func(a, b Trend) int {
		return cmp.Or(strings.Compare(string(a.Patient), string(b.Patient)), strings.Compare(string(a.Device), string(b.Device)), strings.Compare(a.UnitUCUM, b.UnitUCUM))
	})
	return all, true, nil
}

// onGrid gathers points in order of time into the steps of a grid.
func onGrid(points []Point, step time.Duration) []Point {
	var out []Point
	for _, p := range points {
		ns := p.Time.UnixNano()
		begin := ns - ns%int64(step)
		if ns%int64(step) < 0 {
			begin -= int64(step)
		}
		at := time.Unix(0, begin).UTC()
		if n := len(out); n > 0 && out[n-1].Time.Equal(at) {
			one := &out[n-1]
			one.Mean = (one.Mean*float64(one.Count) + p.Mean*float64(p.Count)) / float64(one.Count+p.Count)
			one.Count += p.Count
			one.Last, one.Ref = p.Last, p.Ref
			if p.Min.Float64() < one.Min.Float64() {
				one.Min = p.Min
			}
			if p.Max.Float64() > one.Max.Float64() {
				one.Max = p.Max
			}
			continue
		}
		p.Time = at
		out = append(out, p)
	}
	return out
}

// Waveform gives the runs of samples of a code that touch the time span.
func (r *AmendedReader) Waveform(ctx context.Context, q TrendQuery) ([]Samples, error) {
	list, err := r.Reader.Waveform(ctx, q)
	if err != nil {
		return nil, err
	}
	if q.Patient != "" {
		origins, err := r.origins(ctx, q.Patient, q.Device)
		if err != nil {
			return nil, err
		}
		for _, o := range origins {
			other := q
			other.Subject = o
			more, err := r.Reader.Waveform(ctx, other)
			if err != nil {
				return nil, err
			}
			for _, s := range more {
				if s.Patient == o.Patient {
					list = append(list, s)
				}
			}
		}
	}
	refs := make([]model.MessageRef, len(list))
	for i := range list {
		refs[i] = list[i].Ref
	}
	truths, err := r.truths(ctx, refs)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if a := truths[list[i].Ref]; a != nil {
			list[i].Patient = idOf(a)
		}
	}
	list = slices.DeleteFunc(list, func(s Samples) bool { return q.Patient != "" && s.Patient != q.Patient })
	slices.SortStableFunc(list, func(a, b Samples) int { return a.Start.Compare(b.Start) })
	return list, nil
}

// lookBack bounds the messages from which last values are taken anew.
const lookBack = 500

// Latest gives the last value of every code of a subject.
func (r *AmendedReader) Latest(ctx context.Context, s Subject) ([]LatestValue, error) {
	list, err := r.Reader.Latest(ctx, s)
	if err != nil {
		return nil, err
	}
	refs := make([]model.MessageRef, len(list))
	for i := range list {
		refs[i] = list[i].Ref
	}
	truths, err := r.truths(ctx, refs)
	if err != nil {
		return nil, err
	}
	moved := false
	list = slices.Clone(list)
	for i := range list {
		if a := truths[list[i].Ref]; a != nil {
			moved = true
			list[i].Patient = idOf(a)
		}
	}
	if s.Patient == "" {
		return newest(list), nil
	}
	list = slices.DeleteFunc(list, func(v LatestValue) bool { return v.Patient != s.Patient })
	to, err := r.amendments.AmendedTo(ctx, s.Patient, model.MessageRef{}, lookBack)
	if err != nil {
		return nil, err
	}
	if moved { // what was the last before is asked of the messages
		found, _, err := r.Search(ctx, Query{Patients: []model.PatientID{s.Patient}, Device: s.Device, Limit: lookBack})
		if err != nil {
			return nil, err
		}
		for _, one := range found {
			to = append(to, model.Amended{Ref: one.Ref, Device: s.Device})
		}
	}
	for i := range to {
		if s.Device != "" && to[i].Device != s.Device {
			continue
		}
		m, err := r.Message(ctx, to[i].Ref)
		if err != nil {
			return nil, err
		}
		if PatientOf(m) == s.Patient {
			list = append(list, valuesOf(m, s.Device)...)
		}
	}
	return newest(list), nil
}

// valuesOf gives the values of a message as if each were the last.
func valuesOf(m *model.Message, device model.DeviceID) []LatestValue {
	var out []LatestValue
	for i := range m.Observations {
		o := &m.Observations[i]
		if o.Same != (model.MessageRef{}) {
			continue // it counts where it came first
		}
		v := LatestValue{
			Subject: Subject{Patient: PatientOf(m), Device: DeviceOf(m, o.Device)}, Ref: m.Ref, Code: o.Code, Received: o.Received, Value: o.Value,
			UnitUCUM: o.UnitUCUM, Time: TimeOf(&o.DeviceTime, m), Arrived: m.Arrived, Status: o.Status, Absent: o.Absent, Simulated: o.Simulated || m.Test,
		}
		if device == "" || v.Device == device {
			out = append(out, v)
		}
	}
	return out
}

// newest keeps the last value of each code of a subject, sorted as Latest
// promises.
func newest(list []LatestValue) []LatestValue {
	word := func(v *LatestValue) string { return v.Code.Key() + " " + v.Received.Code + " " + v.Received.System }
	order := func(a, b LatestValue) int {
		return cmp.Or(strings.Compare(string(a.Patient), string(b.Patient)), strings.Compare(string(a.Device), string(b.Device)),
			strings.Compare(word(&a), word(&b)), strings.Compare(a.UnitUCUM, b.UnitUCUM), cmp.Compare(bit(a.Simulated), bit(b.Simulated)))
	}
	slices.SortStableFunc(list, func(a, b LatestValue) int {
		return cmp.Or(order(a, b), b.Time.Compare(a.Time), compareRefs(b.Ref, a.Ref))
	})
	return slices.CompactFunc(list, func(a, b LatestValue) bool { return order(a, b) == 0 })
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
