package deliver

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// parkAfter is how many failures of a message park its lane.
const parkAfter = 3

// result of one call.
type result struct {
	lane      *lane
	probe     bool
	receipt   string
	err       error
	cancelled bool // we ended the call ourselves
}

// send starts a call with the first parcels of a lane.
func (r *runner) send(l *lane, now time.Time, probe bool) {
	n := min(r.rules.batch, len(l.parcels))
	if l.singles > 0 || probe {
		n = 1
	}
	l.state, l.flying = sending, n
	parcels, refs := make([]destination.Parcel, n), make([]model.MessageRef, n)
	for i, p := range l.parcels[:n] {
		p.attempts++
		if p.firstTried.IsZero() {
			p.firstTried = now
		}
		parcels[i] = destination.Parcel{Message: p.msg, Replay: p.replay, Attempt: p.attempts}
		refs[i] = p.ref
	}
	r.inFlight++
	go func(ctx context.Context, d destination.Destination, timeout time.Duration, raw bool) {
		res := result{lane: l, probe: probe}
		call, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		if res.err = r.fill(call, parcels, refs, raw); res.err == nil {
			res.err = r.stops(parcels)
		}
		if res.err == nil {
			res.receipt, res.err = deliver(call, d, parcels)
		}
		res.cancelled = res.err != nil && ctx.Err() != nil
		select {
		case r.results <- res:
		case <-r.ended:
		}
	}(r.calls, r.destination, r.rules.timeout, r.rules.wantsRaw)
}

// fill reads what the parcels lack: messages that are not in memory, and the
// bytes as received where the destination wants them.
func (r *runner) fill(ctx context.Context, parcels []destination.Parcel, refs []model.MessageRef, raw bool) error {
	for i := range parcels {
		if parcels[i].Message == nil {
			m, err := r.message(ctx, refs[i], parcels[i].Replay)
			if err != nil {
				return err
			}
			parcels[i].Message = m
		}
		parcels[i].Message = news(parcels[i].Message, r.id)
		if !raw || r.o.Raw == nil {
			continue
		}
		e, err := r.o.Raw.Read(refs[i].Seq)
		if err != nil {
			return err
		}
		switch {
		case e.Redacted:
		case r.o.Part != nil:
			parcels[i].Raw = r.o.Part(e, refs[i].Part)
		default:
			parcels[i].Raw = e.Bytes
		}
	}
	return nil
}

// news is what of a message a destination is owed: without the parts that an
// earlier message brought it over another path (R18).
func news(m *model.Message, dest model.DestinationID) *model.Message {
	for i := range m.Routed {
		if d := &m.Routed[i]; d.Destination == dest && d.OnlyNew {
			return m.OnlyNew()
		}
	}
	return m
}

// deliver makes the call; a panic in a destination is its defect and must not
// end the server.
func deliver(ctx context.Context, d destination.Destination, parcels []destination.Parcel) (receipt string, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fault.New(fault.Broken, "deliver.panic", "the destination has a defect (%T); report it with the log", x)
		}
	}()
	got, err := d.Deliver(ctx, parcels)
	return got.Text, err
}

// finished takes the outcome of a call.
func (r *runner) finished(res result) {
	l, now := res.lane, time.Now()
	r.inFlight--
	if res.probe {
		r.probing = false
	}
	n := l.flying
	l.flying, l.state = 0, idle
	batch := l.parcels[:n]
	var down destination.Down
	var stop *stopped
	switch {
	case res.err == nil:
		r.answered()
		r.hasten(now)
		receipt := clip(res.receipt)
		for _, p := range batch {
			r.settle(l, p, Settled{State: model.Delivered, Settled: now, Receipt: receipt})
		}
		l.drop(n)
		l.singles = max(0, l.singles-n)
	case res.cancelled:
		if res.probe {
			r.breaker.state = open
		}
		r.wake(l, true)
		return
	case errors.As(res.err, &stop):
		if res.probe {
			r.breaker.state = open // nobody was asked
		}
		if n > 1 {
			l.singles = n
			r.wake(l, true)
			return
		}
		if !r.setAside(l, batch[0], stop, now) {
			return
		}
	case errors.As(res.err, &down):
		r.numbers.failed(now, res.err)
		was := r.breaker.state
		r.breaker.down(now, res.probe, asked(res.err))
		if was == closed {
			r.o.Host.Log.Warn("destination is down", "destination", r.id, "code", codeOf(res.err), "until", r.breaker.until)
		}
		r.wake(l, true)
		return
	case n > 1:
		// One of them may be to blame: find out which.
		r.answered()
		r.numbers.failed(now, res.err)
		l.singles = n
		if wait := asked(res.err); wait > 0 {
			r.wait(l, now.Add(wait))
			return
		}
		r.wake(l, true)
		return
	default:
		r.answered()
		r.numbers.failed(now, res.err)
		if !r.fail(l, batch[0], res.err, now) {
			return
		}
	}
	r.wake(l, false)
}

// answered takes note that the destination is there.
func (r *runner) answered() {
	if r.breaker.state != closed {
		r.o.Host.Log.Info("destination is back", "destination", r.id)
	}
	r.breaker.answered()
}

// hasten ends the back-off of lanes that began to fail since the last success,
// when there were several: not their messages were to blame but the
// destination, and it is back. Each message is hastened once at most; who
// fails on then waits as before.
func (r *runner) hasten(now time.Time) {
	if r.unwell > 1 {
		for _, l := range r.waiting {
			if len(l.parcels) == 0 { // gone back to the store, which knows until when it waits
				l.nextTry = now
				continue
			}
			if p := l.parcels[0]; !p.failingSince.Before(r.good) && !p.told {
				l.nextTry, p.nextTry = now, now
			}
		}
		heap.Init(&r.waiting)
	}
	r.unwell, r.good = 0, now
}

// fail decides about a message that failed alone; false: the lane waits.
func (r *runner) fail(l *lane, p *parcel, err error, now time.Time) bool {
	p.failures++
	if p.failingSince.IsZero() {
		p.failingSince = now
	}
	p.code, p.reason = codeOf(err), reasonOf(err)
	failing := now.Sub(p.failingSince)
	switch {
	case permanent(err):
		return r.die(l, p, p.reason, now)
	case r.rules.maxAttempts > 0 && p.failures >= r.rules.maxAttempts:
		return r.die(l, p, fmt.Sprintf("given up after %d failures: %s", p.failures, p.reason), now)
	case failing >= r.rules.maxAge:
		return r.die(l, p, fmt.Sprintf("given up after failing for %s: %s", failing.Round(time.Minute), p.reason), now)
	}
	wait := asked(err)
	p.nextTry, p.told = now.Add(max(backOff(p.failures, r.o.Random), wait)), wait > 0
	r.unwell++
	r.wait(l, p.nextTry)
	if p.ord != 0 {
		r.pending.Failing = append(r.pending.Failing, p.queued(l.key))
		r.touched()
	} else if p.failures >= parkAfter {
		r.spill(l)
	}
	return false
}

// wait keeps a lane back until a moment.
func (r *runner) wait(l *lane, until time.Time) {
	l.state, l.nextTry = waiting, until
	heap.Push(&r.waiting, l)
	r.stick(l)
}

// die makes a dead letter; false: it holds the lane.
func (r *runner) die(l *lane, p *parcel, reason string, now time.Time) bool {
	hold := r.rules.hold
	r.settle(l, p, Settled{State: model.Dead, Settled: now, Code: p.code, Reason: clip(reason), Hold: hold})
	r.numbers.Dead++
	r.o.Host.Log.Warn("dead letter", "destination", r.id, "seq", p.ref.Seq, "part", p.ref.Part, "code", p.code)
	l.drop(1)
	l.singles = max(0, l.singles-1)
	if hold {
		l.state, l.holder = held, identity{p.ref, p.replay}
		r.stick(l)
	}
	return !hold
}

// drop takes the first n parcels away.
func (l *lane) drop(n int) {
	clear(l.parcels[:n])
	if l.parcels = l.parcels[n:]; len(l.parcels) == 0 {
		l.parcels = nil
	}
}

// permanent says whether trying again cannot help. Our own Broken is not: it
// may pass, and the limits of the rules end it otherwise.
func permanent(err error) bool {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Denied, fault.Absent, fault.Conflict:
		return true
	}
	return false
}

func codeOf(err error) string {
	if errors.Is(err, context.DeadlineExceeded) && fault.CodeOf(err) == "internal" {
		return "deliver.timeout"
	}
	return fault.CodeOf(err)
}

// reasonOf gives the text of an error. One that nobody classified may hold
// anything, so only its type is kept.
func reasonOf(err error) string {
	var f *fault.Fault
	switch {
	case errors.As(err, &f):
		return clip(f.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return "the destination did not answer in time"
	}
	return fmt.Sprintf("an error that is not classified (%T)", err)
}

// clip keeps a line short and on one line.
func clip(s string) string {
	if len(s) > bytesOfLines {
		s = strings.ToValidUTF8(s[:bytesOfLines], "") + "…"
	}
	return strings.ReplaceAll(s, "\n", " ")
}
