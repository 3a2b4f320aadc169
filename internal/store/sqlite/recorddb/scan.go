package recorddb

import (
	"context"
	"iter"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// Scan gives the messages that match, oldest first. They are read in runs, so
// that nothing is held open while the caller works, into the same room each
// time: memory is bounded by a run, however long the record.
func (d *DB) Scan(ctx context.Context, q record.Query) iter.Seq2[*model.Message, error] {
	return func(yield func(*model.Message, error) bool) {
		s := search{q: q}
		var run [scanAtOnce]model.Message
		d.mu.RLock()
		files := d.filesAfter(keyOf(q.After))
		d.mu.RUnlock()
		for _, f := range files {
			if !q.From.IsZero() && f.clock < nanoseconds(q.From) || !q.Until.IsZero() && f.begins-f.skew > nanoseconds(q.Until) {
				continue
			}
			for from := ordinal(1); from != 0; {
				n, next, err := d.scan(ctx, &s, f.f, from, &run)
				if err != nil {
					yield(nil, err)
					return
				}
				for i := range n {
					if !yield(&run[i], nil) {
						return
					}
				}
				from = next
			}
		}
	}
}

// One run of Scan finds or looks at so many messages at most.
const (
	scanAtOnce = 128
	scanLooks  = 4096
)

// scan reads the matches of a file from an ordinal on into run, and gives how
// many there are and where the next run begins, 0 for the end.
func (d *DB) scan(ctx context.Context, s *search, f *file, from ordinal, run *[scanAtOnce]model.Message) (found int, next ordinal, err error) {
	looks := 0
	before, after := keyOf(s.q.Before), keyOf(s.q.After)
	err = d.walk(ctx, s, f, from, func(p *page, n ordinal) (bool, error) {
		if looks == scanLooks || found == scanAtOnce {
			next = n
			return false, nil
		}
		looks++
		b, i, err := p.block(n)
		if err != nil {
			return false, err
		}
		if k := keyOf(b.Ref(i)); k <= after || before != 0 && k >= before {
			return true, nil
		}
		m := &run[found]
		if err := b.Read(i, m); err != nil {
			return false, err
		}
		if s.q.Matches(m) {
			found++
		}
		return true, nil
	})
	return found, next, err
}
