package record

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"thalamus/internal/grid"
	"thalamus/internal/model"
)

// Numbers calls each with the numbers of codes over time, each value with the
// patient it is known to be of now. Where nothing was amended they go straight
// through.
func (r *AmendedReader) Numbers(ctx context.Context, q NumbersQuery, each EachNumbers) error {
	origins, touched, err := r.from(ctx, q.Subjects)
	if err != nil {
		return err
	}
	if !touched {
		touched, err = r.bears(ctx, q)
		if err != nil {
			return err
		}
	}
	if !touched {
		return r.Reader.Numbers(ctx, q, each)
	}
	asked := q.Subjects
	q.Subjects = append(slices.Clone(asked), origins...)
	var all []numbersOf
	var refs []model.MessageRef
	count := 0
	err = r.Reader.Numbers(ctx, q, func(s *Series, values []grid.Value) error {
		if len(all) == 0 || all[len(all)-1].Series != *s {
			all = append(all, numbersOf{Series: *s})
		}
		one := &all[len(all)-1]
		one.values = append(one.values, values...)
		count += len(values)
		for i := range values {
			if n := len(refs); n == 0 || refs[n-1] != values[i].Ref {
				refs = append(refs, values[i].Ref)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	truths, err := r.truths(ctx, refs)
	if err != nil {
		return err
	}
	for _, one := range regroup(all, truths, asked) {
		if err := each(&one.Series, one.values); err != nil {
			return err
		}
	}
	return nil
}

// numbersOf is the values of one series, all of them.
type numbersOf struct {
	Series
	values []grid.Value
}

// regroup puts values of amended messages where they belong, and leaves out
// what then is not asked for.
func regroup(all []numbersOf, truths map[model.MessageRef]*model.Amended, asked []Subject) []numbersOf {
	at := map[Series]int{}
	var out []numbersOf
	for _, one := range all {
		for _, v := range one.values {
			s := one.Series
			if a := truths[v.Ref]; a != nil {
				s.Patient = idOf(a)
			}
			if !slices.ContainsFunc(asked, func(who Subject) bool { return who.holds(s.Subject) }) {
				continue
			}
			n, ok := at[s]
			if !ok {
				n, at[s] = len(out), len(out)
				out = append(out, numbersOf{Series: s})
			}
			out[n].values = append(out[n].values, v)
		}
	}
	for i := range out {
		slices.SortStableFunc(out[i].values, func(a, b grid.Value) int {
			return cmp.Or(cmp.Compare(a.At, b.At), compareRefs(a.Ref, b.Ref))
		})
	}
	slices.SortStableFunc(out, func(a, b numbersOf) int {
		return cmp.Or(strings.Compare(string(a.Patient), string(b.Patient)), strings.Compare(string(a.Device), string(b.Device)))
	})
	return out
}

// holds says whether a subject asked for is, or contains, another.
func (s Subject) holds(other Subject) bool {
	return (s.Patient == "" || s.Patient == other.Patient) && (s.Device == "" || s.Device == other.Device)
}

// from gives under whom else the record has what is now of patients asked for;
// touched says that something of theirs, then or now, was amended.
func (r *AmendedReader) from(ctx context.Context, subjects []Subject) (origins []Subject, touched bool, err error) {
	for _, s := range subjects {
		if s.Patient == "" {
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
		origins = append(origins, originsOf(to, s.Device)...)
	}
	return origins, touched, nil
}

// bears says whether amended messages bear on what is asked of devices,
// whoever the patient.
func (r *AmendedReader) bears(ctx context.Context, q NumbersQuery) (bool, error) {
	q.Subjects = slices.DeleteFunc(slices.Clone(q.Subjects), func(s Subject) bool { return s.Patient != "" })
	if len(q.Subjects) == 0 {
		return false, nil
	}
	all, err := r.amendments.AmendedBetween(ctx, model.MessageRef{}, r.Head())
	return len(all) > 0, err
}

// LastValues gives the last value of every code asked for.
func (r *AmendedReader) LastValues(ctx context.Context, q LastQuery) ([]LatestValue, error) {
	_, touched, err := r.from(ctx, q.Subjects)
	if err != nil {
		return nil, err
	}
	if !touched {
		list, err := r.Reader.LastValues(ctx, q)
		if err != nil {
			return nil, err
		}
		refs := make([]model.MessageRef, len(list))
		for i := range list {
			refs[i] = list[i].Ref
		}
		truths, err := r.truths(ctx, refs)
		if err != nil || len(truths) == 0 {
			return list, err
		}
	}
	var all []LatestValue
	for _, s := range q.Subjects {
		list, err := r.Latest(ctx, s)
		if err != nil {
			return nil, err
		}
		for i := range list {
			v := &list[i]
			if !v.Time.Before(q.Since) && (len(q.Codes) == 0 || slices.ContainsFunc(q.Codes, func(word string) bool { return CodeIs(&v.Code, &v.Received, word) })) {
				all = append(all, *v)
			}
		}
	}
	return newest(all), nil
}
