package service

import "slices"

// firsts keeps the first of many, in an order, so many as are shown: whoever
// looks through a whole house neither holds nor sorts all of it.
type firsts[T any] struct {
	limit   int // at least 1
	compare func(a, b T) int
	kept    []T
	last    *T // of those kept when they were last put in order; what comes after it is not shown
}

func (f *firsts[T]) add(v T) {
	if f.last != nil && f.compare(v, *f.last) >= 0 {
		return
	}
	if f.kept = append(f.kept, v); len(f.kept) >= 4*max(f.limit, 64) {
		f.list()
	}
}

// list puts what is kept in order and lets go what is too much.
func (f *firsts[T]) list() []T {
	slices.SortFunc(f.kept, f.compare)
	if len(f.kept) > f.limit {
		f.kept = f.kept[:f.limit]
		last := f.kept[f.limit-1]
		f.last = &last
	}
	return f.kept
}
