package ble

import (
	"context"
	"sync"
	"time"

	"thalamus/internal/codec/gatt"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// value is one value of a device on its way to the journal, or an answer of its
// record access, which waits behind the values that came before it.
type value struct {
	uuid   string
	frame  model.Frame
	answer bool
}

// queue keeps the values of a device in order.
type queue struct {
	mu      sync.Mutex
	values  []value
	held    int // of those taken out, not yet durable or given up, and those above
	most    int
	more    chan struct{}
	answers chan []byte // of record access, once all before is durable; nil: nobody waits
}

func (q *queue) put(v value) bool {
	q.mu.Lock()
	full := len(q.values) >= q.most
	if !full {
		q.values = append(q.values, v)
		q.held++
	}
	q.mu.Unlock()
	select {
	case q.more <- struct{}{}:
	default:
	}
	return !full
}

// take gives the values up to the next answer, or that answer.
func (q *queue) take() []value {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.values) && n < 256 && !q.values[n].answer {
		n++
	}
	if n == 0 && len(q.values) > 0 {
		n = 1
	}
	out := q.values[:n:n]
	if q.values = q.values[n:]; len(q.values) == 0 {
		q.values = nil
	}
	return out
}

// done says that values taken out are durable, or will never be.
func (q *queue) done(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held -= n
}

// empty says whether all that came is durable.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held == 0
}

// wait gives the channel on which the next answers come.
func (q *queue) wait() <-chan []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.answers = make(chan []byte, 4)
	return q.answers
}

func (q *queue) answer(b []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.answers != nil {
		select {
		case q.answers <- b:
		default:
		}
	}
}

// store makes values durable in order, and holds them while that is not
// possible. When the link stops it stores what is there.
func (p *peer) store(ctx context.Context) {
	for {
		batch := p.queue.take()
		switch {
		case len(batch) == 0:
			select {
			case <-ctx.Done():
				if batch = p.queue.take(); len(batch) == 0 {
					return
				}
			case <-p.queue.more:
				continue
			}
		case batch[0].answer:
			p.queue.answer(batch[0].frame.Bytes)
			p.queue.done(1)
			continue
		}
		stored := p.offer(p.d.ctx, batch) // also what came of a device that went, or of a BlueZ that ended
		p.queue.done(len(batch))
		if !stored {
			return
		}
	}
}

// offer tries until the values are durable; false: the link stopped before.
func (p *peer) offer(ctx context.Context, batch []value) bool {
	frames := make([]model.Frame, 0, len(batch))
	for _, v := range batch {
		if !v.answer {
			frames = append(frames, v.frame)
		}
	}
	if len(frames) == 0 {
		return true
	}
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 30*time.Second) {
		_, err := p.d.host.Intake.Offer(p.d.offers, frames)
		switch {
		case err == nil:
			p.durable(batch)
			return true
		case fault.KindOf(err) == fault.Invalid && len(frames) > 1: // find which
			for i := range batch {
				if !p.offer(ctx, batch[i:i+1]) {
					return false
				}
			}
			return true
		case fault.KindOf(err) == fault.Invalid:
			p.d.notes.Add(p.address, "ble.refused", "a value cannot be accepted: "+err.Error(), "Look at the device.")
			return true
		}
		p.d.notes.Add(p.address, "ble.not-stored", "values could not be stored and are held: "+err.Error(), "See what the fault says.")
		select {
		case <-ctx.Done():
			p.d.notes.Add(p.address, "ble.lost", "the link was stopped while values could not be stored; they are lost", "Glucose devices are asked for their records again.")
			return false
		case <-time.After(pause):
		}
	}
}

// durable remembers which records need not be asked for again.
func (p *peer) durable(batch []value) {
	came := map[string][]int{}
	for _, v := range batch {
		if n, ok := gatt.Sequence(v.uuid, v.frame.Bytes); ok {
			came[v.uuid] = append(came[v.uuid], int(n))
		}
	}
	for uuid, numbers := range came {
		more := false // than it had when it told all
		p.count(uuid, func(o *order, counted int) int {
			more = o.all
			for _, n := range numbers {
				counted = o.counts(counted, n)
			}
			return counted
		})
		if _, knew := p.d.memory.get(p.address).Stored[uuid]; more && knew {
			p.remember(func(r *remembered) { delete(r.Stored, uuid) })
		}
	}
}

// count changes up to which number the records of a characteristic count.
func (p *peer) count(uuid string, change func(o *order, counted int) int) {
	p.counting.Lock()
	defer p.counting.Unlock()
	o := p.orders[uuid]
	if o == nil {
		o = &order{}
		p.orders[uuid] = o
	}
	known := p.d.memory.get(p.address)
	was := known.counted(uuid)
	n := change(o, was)
	if n == was {
		return
	}
	p.remember(func(r *remembered) { r.count(uuid, n) })
}

// anew says that another connection begins.
func (p *peer) anew() {
	p.counting.Lock()
	defer p.counting.Unlock()
	clear(p.orders)
}
