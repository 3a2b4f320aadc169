package deliver

import (
	"context"

	"thalamus/internal/model"
)

// parkOne gives a parcel a row in the store, so that the cursor need not wait
// for it.
func (r *runner) parkOne(l *lane, p *parcel) {
	r.lastOrd++
	p.ord = r.lastOrd
	r.enqueue(l, p)
}

func (r *runner) enqueue(l *lane, p *parcel) {
	r.pending.Park = append(r.pending.Park, p.queued(l.key))
	r.touched()
	r.parked++
	l.parkedIn = r.generation
	if p.slot != 0 {
		r.ledger.settle(p.slot)
	}
}

func (p *parcel) queued(key string) Queued {
	return Queued{
		Ord: p.ord, Key: key, Ref: p.ref, Replay: p.replay, Attempts: p.attempts, Failures: p.failures, Owed: p.owed,
		FirstTried: p.firstTried, FailingSince: p.failingSince, NextTry: p.nextTry, Code: p.code, Reason: p.reason,
	}
}

// park gives every parcel of a lane a row.
func (r *runner) park(l *lane) {
	for _, p := range l.parcels {
		if p.ord == 0 {
			r.parkOne(l, p)
		}
	}
}

// spill parks a lane and keeps only its first parcels in memory; when memory
// is short, without their messages, which are read again when they are sent.
func (r *runner) spill(l *lane) {
	if l.spilled == 0 { // else all of it has rows already
		r.park(l)
		if keep := max(r.o.LaneWindow, l.flying); len(l.parcels) > keep {
			for i, p := range l.parcels {
				if i < keep {
					l.loadedTo = p.ord
				} else {
					r.unload(p)
				}
			}
			l.spilled = len(l.parcels) - keep
			clear(l.parcels[keep:])
			l.parcels = l.parcels[:keep:keep]
		}
	}
	for i := l.flying; i < len(l.parcels) && r.crowded(); i++ {
		r.unload(l.parcels[i])
	}
}

// push puts a parcel that has no place in the ledger at the end of its lane,
// with a row in the store; m may be nil.
func (r *runner) push(l *lane, p *parcel, m *model.Message) {
	if l.spilled > 0 {
		r.parkOne(l, p)
		l.spilled++
		return
	}
	r.park(l) // what stands before it must come before it after a crash, too
	r.parkOne(l, p)
	if m != nil && !r.crowded() {
		r.carry(p, m)
	}
	l.parcels = append(l.parcels, p)
	if len(l.parcels) > r.o.LaneWindow {
		r.spill(l)
	}
	if l.state == idle {
		r.wake(l, false)
	}
}

// pushFront puts a parcel with a row in the store before all others of a lane.
func (r *runner) pushFront(l *lane, p *parcel) {
	r.frontOrd--
	p.ord = r.frontOrd
	r.enqueue(l, p)
	l.parcels = append([]*parcel{p}, l.parcels...)
	l.loadedTo = max(l.loadedTo, p.ord)
}

// load reads the next parked parcels of a lane, after what is pending is
// stored.
func (r *runner) load(l *lane) {
	l.loading = true
	if l.parkedIn == r.generation {
		r.flush()
	}
	from, limit := l.loadedTo, r.o.LaneWindow
	expected := min(l.spilled, limit)
	var rows []Queued
	loads := l.loads
	r.operate(operation{
		what: func(ctx context.Context) (err error) {
			rows, err = r.o.Store.Queued(ctx, r.id, l.key, from, limit)
			return err
		},
		then: func(err error) {
			if err == nil && loads == l.loads {
				r.loaded(l, rows, expected)
			}
		},
	})
}

func (r *runner) loaded(l *lane, rows []Queued, expected int) {
	l.loading = false
	for _, q := range rows {
		l.loadedTo = max(l.loadedTo, q.Ord)
		l.parcels = append(l.parcels, &parcel{
			ref: q.Ref, replay: q.Replay, ord: q.Ord, attempts: q.Attempts, failures: q.Failures, owed: q.Owed,
			firstTried: q.FirstTried, failingSince: q.FailingSince, nextTry: q.NextTry, code: q.Code, reason: q.Reason,
		})
	}
	// What was parked while the rows were read is counted already. Rows that
	// are missing must not be waited for.
	l.spilled -= max(len(rows), expected)
	if l.state == idle {
		r.wake(l, false)
	}
}
