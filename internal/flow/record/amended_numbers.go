package record

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"thalamus/internal/grid"
	"thalamus/internal/model"
)

// series of values that were gathered because some of them changed hands.
type heldSeries struct {
	series Series
	values []grid.Value
}

// Numbers calls each with the numbers of codes over time, under whom they
// belong to now.
func (r *AmendedReader) Numbers(ctx context.Context, q NumbersQuery, each EachNumbers) error {
	origins, touched, err := r.touched(ctx, q)
	if err != nil {
		return err
	}
	if !touched {
		return r.Reader.Numbers(ctx, q, each)
	}
	held := map[Series]*heldSeries{}
	take := func(q NumbersQuery, only *Subject) error {
		mine := map[Series]bool{}
		return r.Reader.Numbers(ctx, q, func(s *Series, values []grid.Value) error {
			if only != nil && s.Patient != only.Patient {
				return nil
			}
			one := held[*s]
			if one != nil && !mine[*s] {
				return nil // under another subject already
			}
			if one == nil {
				one = &heldSeries{series: *s}
				held[*s], mine[*s] = one, true
			}
			one.values = append(one.values, values...)
			return nil
		})
	}
	if err := take(q, nil); err != nil {
		return err
	}
	for _, o := range origins {
		other := q
		other.Subjects = []Subject{o}
		if err := take(other, &o); err != nil {
			return err
		}
	}
	return r.hand(ctx, q, held, each)
}

// touched says whether any of the numbers asked for may have changed hands, and
// under whom else the record has them.
func (r *AmendedReader) touched(ctx context.Context, q NumbersQuery) (origins []Subject, touched bool, err error) {
	any, err := r.amendments.AnyAmended(ctx)
	if err != nil || !any || len(q.Subjects) == 0 {
		return nil, false, err
	}
	wide := false
	for _, s := range q.Subjects {
		if wide = wide || s.Patient == ""; s.Patient == "" {
			continue
		}
		to, err := r.amendments.AmendedTo(ctx, s.Patient, model.MessageRef{}, mostAmended)
		if err != nil {
			return nil, false, err
		}
		from, err := r.amendments.AmendedFrom(ctx, s.Patient, model.MessageRef{}, 1)
		if err != nil {
			return nil, false, err
		}
		touched = touched || len(to)+len(from) > 0
		for _, o := range originsOf(to, s.Device) {
			if !slices.Contains(origins, o) {
				origins = append(origins, o)
			}
		}
	}
	if touched || !wide {
		return origins, touched, nil
	}
	// Devices, or everybody: a first look at which messages they come from
	// keeps nothing in memory.
	var lo, hi model.MessageRef
	err = r.Reader.Numbers(ctx, q, func(_ *Series, values []grid.Value) error {
		for i := range values {
			ref := values[i].Ref
			if lo == (model.MessageRef{}) || compareRefs(ref, lo) < 0 {
				lo = ref
			}
			if compareRefs(ref, hi) > 0 {
				hi = ref
			}
		}
		return nil
	})
	if err != nil || hi == (model.MessageRef{}) {
		return nil, false, err
	}
	list, err := r.amendments.AmendedBetween(ctx, lo, hi)
	return nil, len(list) > 0, err
}

// hand calls each with what was gathered, each value under whom it belongs to.
func (r *AmendedReader) hand(ctx context.Context, q NumbersQuery, held map[Series]*heldSeries, each EachNumbers) error {
	var refs []model.MessageRef
	for _, one := range held {
		for i := range one.values {
			refs = append(refs, one.values[i].Ref)
		}
	}
	truths, err := r.truths(ctx, refs)
	if err != nil {
		return err
	}
	asked := func(s Subject) bool {
		return slices.ContainsFunc(q.Subjects, func(a Subject) bool {
			return (a.Patient == "" || a.Patient == s.Patient) && (a.Device == "" || a.Device == s.Device)
		})
	}
	right := map[Series]*heldSeries{}
	for _, one := range held {
		for _, v := range one.values {
			s := one.series
			if a := truths[v.Ref]; a != nil {
				s.Patient = idOf(a)
			}
			if !asked(s.Subject) {
				continue
			}
			to := right[s]
			if to == nil {
				to = &heldSeries{series: s}
				right[s] = to
			}
			to.values = append(to.values, v)
		}
	}
	list := make([]*heldSeries, 0, len(right))
	for _, one := range right {
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b *heldSeries) int {
		x, y := &a.series, &b.series
		return cmp.Or(strings.Compare(string(x.Patient), string(y.Patient)), strings.Compare(string(x.Device), string(y.Device)),
			strings.Compare(x.Code.Key(), y.Code.Key()), strings.Compare(x.Received.Code, y.Received.Code), strings.Compare(x.UnitUCUM, y.UnitUCUM), cmp.Compare(bit(x.Simulated), bit(y.Simulated)))
	})
	for _, one := range list {
		slices.SortStableFunc(one.values, func(a, b grid.Value) int {
			return cmp.Or(cmp.Compare(a.At, b.At), compareRefs(a.Ref, b.Ref))
		})
		if err := each(&one.series, one.values); err != nil {
			return err
		}
	}
	return nil
}

// LastValues gives the last value of every code asked for.
func (r *AmendedReader) LastValues(ctx context.Context, q LastQuery) ([]LatestValue, error) {
	any, err := r.amendments.AnyAmended(ctx)
	if err != nil {
		return nil, err
	}
	if !any {
		return r.Reader.LastValues(ctx, q)
	}
	var all []LatestValue
	for _, s := range q.Subjects {
		list, err := r.Latest(ctx, s)
		if err != nil {
			return nil, err
		}
		for i := range list {
			v := &list[i]
			wanted := len(q.Codes) == 0 || slices.ContainsFunc(q.Codes, func(word string) bool { return CodeIs(&v.Code, &v.Received, word) })
			if wanted && (q.Since.IsZero() || !v.Time.Before(q.Since)) {
				all = append(all, *v)
			}
		}
	}
	return newest(all), nil
}
