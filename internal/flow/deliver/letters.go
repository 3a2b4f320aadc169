package deliver

import (
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// DeadLetters lists deliveries that were given up, newest first.
func (d *Deliver) DeadLetters(ctx context.Context, f DeadFilter) ([]DeadLetter, error) {
	return d.options.Store.DeadLetters(ctx, f)
}

// Retry queues a dead letter again, under the identity it had: behind what is
// queued of its key, or at its place when it holds the key. It returns when
// that is durable.
func (d *Deliver) Retry(ctx context.Context, id uint64) error {
	letter, err := d.options.Store.DeadLetter(ctx, id)
	if err != nil {
		return err
	}
	r := d.runner(letter.Destination)
	if r == nil {
		return fault.New(fault.Conflict, "deliver.removed", "destination %q of this dead letter is gone; add it again first, or discard the letter", letter.Destination)
	}
	return r.ask(ctx, func(done func(error)) {
		if _, twice := r.revived[id]; twice {
			done(fault.New(fault.Absent, "deliver.no-letter", "dead letter %d was retried or discarded meanwhile; read the list again", id))
			return
		}
		r.revived[id] = struct{}{}
		r.revive(letter)
		r.waiters = append(r.waiters, done)
	})
}

// Discard sets a dead letter aside for good, with a reason. A key that it
// holds goes on. It returns when that is durable.
func (d *Deliver) Discard(ctx context.Context, id uint64, reason string) error {
	if reason == "" {
		return fault.New(fault.Invalid, "deliver.no-reason", "discarding a dead letter needs a reason; say why nobody needs it")
	}
	letter, err := d.options.Store.DeadLetter(ctx, id)
	if err != nil {
		return err
	}
	discard := Discard{Letter: id, Reason: clip(reason), At: time.Now()}
	r := d.runner(letter.Destination)
	if r == nil {
		return d.options.Store.Commit(ctx, &Batch{Destination: letter.Destination, Discarded: []Discard{discard}})
	}
	return r.ask(ctx, func(done func(error)) {
		if _, twice := r.revived[id]; twice {
			done(fault.New(fault.Absent, "deliver.no-letter", "dead letter %d was retried or discarded meanwhile; read the list again", id))
			return
		}
		r.revived[id] = struct{}{}
		r.pending.Discarded = append(r.pending.Discarded, discard)
		r.numbers.Dead--
		r.numbers.Discarded++
		r.touched()
		if l := r.lanes[letter.Key]; l != nil && l.state == held && l.holder == (identity{letter.Ref, letter.Replay}) {
			r.release(l)
		}
		r.waiters = append(r.waiters, done)
	})
}

// ask runs f in the loop and waits until it calls done.
func (r *runner) ask(ctx context.Context, f func(done func(error))) error {
	answer := make(chan error, 1)
	if !r.do(func() { f(func(err error) { answer <- err }) }) {
		return fault.New(fault.Conflict, "deliver.closed", "the destination is stopping; try again when it is up")
	}
	select {
	case err := <-answer:
		return err
	case <-r.ended:
		select {
		case err := <-answer:
			return err
		default:
			return fault.New(fault.Conflict, "deliver.closed", "the destination stopped before this was stored; try again when it is up")
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *runner) revive(letter DeadLetter) {
	r.pending.Revived = append(r.pending.Revived, letter.ID)
	r.numbers.Dead--
	r.touched()
	p := &parcel{ref: letter.Ref, replay: letter.Replay, attempts: letter.Attempts, firstTried: letter.FirstTried, owed: time.Now()}
	l := r.lane(letter.Key)
	if l.state == held && l.holder == (identity{letter.Ref, letter.Replay}) {
		r.pushFront(l, p)
		r.release(l)
		return
	}
	r.push(l, p, nil)
}

// ByMessage gives all deliveries of a message, also those that still wait for
// their first call, by destination and replay (R28).
func (d *Deliver) ByMessage(ctx context.Context, ref model.MessageRef) ([]model.Delivery, error) {
	found, err := d.options.Store.ByMessage(ctx, ref)
	if err != nil {
		return nil, err
	}
	m, err := d.options.Record.Message(ctx, ref)
	if err != nil && fault.KindOf(err) != fault.Absent {
		return nil, err
	}
	if m != nil {
		for _, one := range m.Routed {
			known := slices.ContainsFunc(found, func(f model.Delivery) bool { return f.Destination == one.Destination && f.Replay == 0 })
			if !one.Owed() || known {
				continue
			}
			waiting := model.Delivery{Destination: one.Destination, Ref: ref, Key: KeyOf(m), State: model.Queued}
			if who := d.options.waitsFor(m, one.Destination); who != "" {
				waiting.State, waiting.Reason = model.Quarantined, WaitsReason(who)
			}
			if r := d.runner(one.Destination); r != nil {
				r.ask(ctx, func(done func(error)) {
					r.describe(&waiting)
					done(nil)
				})
			}
			found = append(found, waiting)
		}
	}
	slices.SortStableFunc(found, func(a, b model.Delivery) int {
		if c := strings.Compare(string(a.Destination), string(b.Destination)); c != 0 {
			return c
		}
		return int(min(a.Replay, 1<<30)) - int(min(b.Replay, 1<<30))
	})
	return found, nil
}

// describe adds what only the memory knows of a parcel.
func (r *runner) describe(d *model.Delivery) {
	l := r.lanes[d.Key]
	if l == nil {
		return
	}
	for _, p := range l.parcels {
		if p.ref == d.Ref && p.replay == d.Replay {
			d.Attempts, d.FirstTried, d.NextTry, d.FaultCode, d.Reason = p.attempts, p.firstTried, p.nextTry, p.code, p.reason
		}
	}
}
