package deliver

import (
	"context"
	"time"

	"thalamus/internal/model"
)

// readAhead is what one look into the record gave.
type readAhead struct {
	messages []*model.Message
	upTo     model.MessageRef
	err      error
}

const (
	mostRead   = 512
	readRetry  = 100 * time.Millisecond
	readAtMost = 10 * time.Second
)

// readRecord reads ahead whenever the loop wants more and the record has more.
func (r *runner) readRecord(ctx context.Context, position model.MessageRef) {
	pause := readRetry
	for {
		var limit int
		select {
		case limit = <-r.want:
		case <-ctx.Done():
			return
		}
		a := readAhead{}
		if a.err = r.o.Record.Wait(ctx, position); a.err == nil {
			a.messages, a.upTo, a.err = r.o.Record.Owed(ctx, r.id, position, limit)
		}
		select {
		case r.reads <- a:
		case <-ctx.Done():
			return
		}
		if a.err != nil {
			sleep(ctx, pause)
			pause = min(2*pause, readAtMost)
			continue
		}
		pause, position = readRetry, a.upTo
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// askForMore starts a read when there is room for what it brings. What is
// blocked by lanes that do not move is parked to make room.
func (r *runner) askForMore() {
	if r.reading || r.stopping || r.unstored+r.pending.rows() >= r.o.Pending {
		return
	}
	if r.crowded() && !r.rules.paused && r.breaker.state == closed {
		r.relieve()
	}
	if r.crowded() {
		return
	}
	limit := min(mostRead, r.o.WindowMessages-r.messages)
	if r.messages > 0 {
		limit = min(limit, (r.o.WindowBytes-r.weight)/max(1, r.weight/r.messages))
	} else {
		limit = min(limit, max(1, r.o.WindowBytes/r.typical()))
	}
	r.reading = true
	r.want <- max(1, limit)
}

// crowded says that the window has no room worth a read, or the cursor lies
// too far behind.
func (r *runner) crowded() bool {
	return r.messages > r.o.WindowMessages*3/4 || r.weight > r.o.WindowBytes*3/4 || r.ledger.slots.len() >= r.o.Spread
}

// typical is the estimated weight of a message, from those seen last.
func (r *runner) typical() int { return max(r.numbers.weight, 4096) }

// relieve parks what keeps the window full or the cursor back: lanes that wait
// and, when the cursor is too far behind, the lane it waits for, whatever that
// one does.
func (r *runner) relieve() {
	for len(r.stuck) > 0 && r.crowded() {
		l := r.stuck[len(r.stuck)-1]
		r.stuck = r.stuck[:len(r.stuck)-1]
		l.stuck = false
		if l.state == waiting || l.state == held {
			r.spill(l)
		}
	}
	for {
		r.ledger.advance(r.read)
		if r.ledger.slots.len() < r.o.Spread {
			return
		}
		l := r.lanes[r.ledger.slots.at(0).key]
		if l == nil {
			return
		}
		r.park(l)
		if !r.ledger.slots.at(0).done {
			return
		}
	}
}

// stick remembers a lane that does not move and holds messages in memory.
func (r *runner) stick(l *lane) {
	if !l.stuck {
		l.stuck = true
		r.stuck = append(r.stuck, l)
	}
}

// admitAll takes what was read.
func (r *runner) admitAll(a readAhead) {
	r.reading = false
	r.readErr = a.err
	if a.err != nil {
		r.numbers.failed(time.Now(), a.err)
		return
	}
	for _, m := range a.messages {
		if _, ok := r.skip[m.Ref]; ok {
			delete(r.skip, m.Ref)
			continue
		}
		r.admit(m)
	}
	r.read = a.upTo
	if r.skip != nil && !after(r.skipTo, r.read) {
		r.skip = nil
	}
	if r.cursorAt.IsZero() && r.read != r.cursor {
		r.cursorAt = time.Now().Add(cursorDelay)
	}
}

// admit puts a message that is owed behind what its lane holds.
func (r *runner) admit(m *model.Message) {
	key := KeyOf(m)
	if len(r.waits.keys) > 0 {
		r.releaseOf(key)
	}
	if who := r.waitsFor(m); who != "" {
		r.hold(m, key, who)
		return
	}
	p := &parcel{ref: m.Ref, owed: owedSince(m)}
	p.slot = r.ledger.add(m.Ref, p.owed, key)
	l := r.lane(key)
	if l.spilled > 0 {
		r.parkOne(l, p)
		l.spilled++
		return
	}
	r.carry(p, m)
	l.parcels = append(l.parcels, p)
	switch {
	case l.state == idle:
		r.wake(l, false)
	case l.state != waiting && l.state != held:
	case len(l.parcels) > r.o.LaneWindow:
		r.spill(l)
	default:
		r.stick(l)
	}
}

func owedSince(m *model.Message) time.Time {
	if m.Recorded.IsZero() {
		return m.Arrived
	}
	return m.Recorded
}

// carry keeps a parcel's message in memory.
func (r *runner) carry(p *parcel, m *model.Message) {
	p.msg, p.weight = m, weigh(m)
	r.messages++
	r.weight += p.weight
	r.numbers.weighed(p.weight)
}

// unload forgets a parcel's message; it is read again when it is sent.
func (r *runner) unload(p *parcel) {
	if p.msg != nil {
		r.messages--
		r.weight -= p.weight
		p.msg, p.weight = nil, 0
	}
}
