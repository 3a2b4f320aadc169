package deliver

import (
	"context"
	"time"

	"thalamus/internal/model"
)

const (
	cursorDelay  = 5 * time.Second // the cursor alone is stored this late
	manyRows     = 2048            // a batch of that many is stored at once
	storeRetry   = 100 * time.Millisecond
	storeAtMost  = 10 * time.Second
	bytesOfLines = 300 // of a reason or receipt that are kept
)

// operation is work with the store. They are done one after the other, in the
// order in which the loop asked for them, so that what is read contains what
// was written.
type operation struct {
	what func(ctx context.Context) error
	then func(err error) // in the loop
}

// operate queues work with the store. It is tried until it succeeds: a full
// disk holds the destination up, it loses nothing.
func (r *runner) operate(op operation) {
	r.operations.push(op)
	if !r.operating {
		r.operateNext()
	}
}

func (r *runner) operateNext() {
	r.operating = r.operations.len() > 0
	if !r.operating {
		return
	}
	op := r.operations.pop()
	go func() {
		pause := storeRetry
		for {
			err := op.what(r.storing)
			if err == nil || r.storing.Err() != nil {
				r.stored <- func() {
					r.storeErr = nil
					if err != nil {
						r.err = err
					}
					op.then(err)
					r.operateNext()
				}
				return
			}
			r.stored <- func() {
				r.storeErr = err
				r.numbers.failed(time.Now(), err)
			}
			sleep(r.storing, pause)
			pause = min(2*pause, storeAtMost)
		}
	}()
}

// touched takes note that the pending batch holds something.
func (r *runner) touched() {
	if r.flushAt.IsZero() {
		r.flushAt = time.Now().Add(r.o.Flush)
	}
}

func (r *runner) flushIfDue(now time.Time) {
	switch {
	case r.operating:
	case r.pending.rows() >= manyRows, r.stopping, len(r.waiters) > 0,
		!r.flushAt.IsZero() && !now.Before(r.flushAt),
		!r.cursorAt.IsZero() && !now.Before(r.cursorAt):
		r.flush()
	}
}

// flush hands the pending batch to the store. The cursor in it never passes a
// message whose outcome is not in this batch or an earlier one.
func (r *runner) flush() {
	cursor := r.ledger.advance(r.read)
	r.flushAt, r.cursorAt = time.Time{}, time.Time{}
	b, waiters := r.pending, r.waiters
	if b.rows() == 0 && cursor == r.cursor {
		for _, w := range waiters {
			w(nil)
		}
		r.waiters = nil
		return
	}
	b.Cursor, r.cursor = cursor, cursor
	rows := b.rows()
	r.pending, r.waiters = &Batch{Destination: r.id}, nil
	r.generation++
	r.unstored += rows
	r.operate(operation{
		what: func(ctx context.Context) error { return r.o.Store.Commit(ctx, b) },
		then: func(err error) {
			r.unstored -= rows
			for _, w := range waiters {
				w(err)
			}
		},
	})
}

// settle ends a parcel: its outcome goes into the pending batch.
func (r *runner) settle(l *lane, p *parcel, s Settled) {
	s.Ref, s.Replay, s.Key, s.Attempts, s.FirstTried = p.ref, p.replay, l.key, p.attempts, p.firstTried
	r.pending.Settled = append(r.pending.Settled, s)
	r.touched()
	if p.ord != 0 {
		r.pending.Unqueue = append(r.pending.Unqueue, p.ord)
		r.parked--
	}
	if p.slot != 0 {
		r.ledger.settle(p.slot)
	}
	r.unload(p)
	if s.State == model.Delivered {
		r.numbers.delivered(s.Settled, s.Receipt)
	}
}
