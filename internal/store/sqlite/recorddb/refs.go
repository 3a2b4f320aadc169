package recorddb

import (
	"context"
	"iter"
	"slices"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// Refs gives the messages that match, oldest first. Duplicates are not among
// them: they bring nothing to send again.
func (d *DB) Refs(ctx context.Context, q record.Span) iter.Seq2[model.MessageRef, error] {
	return func(yield func(model.MessageRef, error) bool) {
		s := search{q: record.Query{From: q.From, Until: q.Until, Device: q.Device, Channel: q.Channel}}
		d.mu.RLock()
		files := d.filesAfter(0)
		d.mu.RUnlock()
		for _, f := range files {
			if !q.From.IsZero() && f.clock < nanoseconds(q.From) || !q.Until.IsZero() && f.begins-f.skew > nanoseconds(q.Until) {
				continue
			}
			// A file's references are read in runs, so that nothing is held
			// open while the caller works.
			for from := ordinal(1); ; {
				refs, next, err := d.refs(ctx, &s, f.f, from)
				if err != nil {
					yield(model.MessageRef{}, err)
					return
				}
				for _, ref := range refs {
					if !yield(ref, nil) {
						return
					}
				}
				if next == 0 {
					break
				}
				from = next
			}
		}
	}
}

// refsAtOnce bounds the messages looked at in one run of Refs.
const refsAtOnce = 2048

// refs gives the matches of a file from an ordinal on, and where the next run
// begins, 0 for the end.
func (d *DB) refs(ctx context.Context, s *search, f *file, from ordinal) (refs []model.MessageRef, next ordinal, err error) {
	var m model.Message
	left := refsAtOnce
	err = d.walk(ctx, s, f, from, func(p *page, n ordinal) (more bool, err error) {
		if left == 0 {
			next = n
			return false, nil
		}
		left--
		if err := p.message(n, &m); err != nil {
			return false, err
		}
		if s.q.Matches(&m) && m.Duplicate == (model.MessageRef{}) {
			refs = append(refs, m.Ref)
		}
		return true, nil
	})
	return refs, next, err
}

// walk calls try with the messages of a file from an ordinal on that may be
// what a query asks for, oldest first, until it returns false.
func (d *DB) walk(ctx context.Context, s *search, f *file, from ordinal, try func(p *page, n ordinal) (more bool, err error)) error {
	wanted := s.wanted()
	view := d.look(f, wanted, "")
	return d.read(ctx, f, func(r *reading) error {
		r.extent = view.extent
		lo, hi, err := s.bounds(r)
		if err != nil {
			return err
		}
		lo = max(lo, from)
		p := &page{r: r}
		one := func(n ordinal) (bool, error) { return try(p, n) }
		if len(wanted) == 0 {
			for n := lo; n <= hi; n++ {
				if more, err := one(n); err != nil || !more {
					return err
				}
			}
			return nil
		}
		lists, err := r.sealedLists(wanted, lo, min(hi, r.sealed))
		if err != nil {
			return err
		}
		for list, err := range lists {
			if err != nil {
				return err
			}
			if more, err := eachIn(list, lo, hi, one); err != nil || !more {
				return err
			}
		}
		_, err = eachIn(view.found, lo, hi, one)
		return err
	})
}

func eachIn(list []ordinal, lo, hi ordinal, try func(ordinal) (bool, error)) (more bool, err error) {
	for _, n := range list {
		if n >= lo && n <= hi {
			if more, err := try(n); err != nil || !more {
				return false, err
			}
		}
	}
	return true, nil
}

// sealedLists gives the messages that bear the wanted names, seal by seal, the
// oldest first.
func (r *reading) sealedLists(wanted []group, lo, hi ordinal) (iter.Seq2[[]ordinal, error], error) {
	ids := make([][]int64, len(wanted))
	none := func(func([]ordinal, error) bool) {}
	for i, g := range wanted {
		var err error
		if ids[i], err = r.numbers(g); err != nil || len(ids[i]) == 0 {
			return none, err
		}
	}
	seals, err := r.seals(lo, hi)
	if err != nil || lo > hi {
		return none, err
	}
	return func(yield func([]ordinal, error) bool) {
		for _, one := range slices.Backward(seals) {
			if list, err := r.inSeal(one, ids, ""); !yield(list, err) || err != nil {
				return
			}
		}
	}, nil
}
