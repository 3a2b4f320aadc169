// Package intake is where frames enter: it checks what may be checked without
// looking inside, keeps the amount of unsettled bytes bounded, and returns
// only when the journal has the frames on the disk (R23). What it refuses it
// refuses with a fault whose Kind says what to answer: Invalid is never
// acceptable, Transient may be sent again.
//
// It looks at no content and drops no duplicates: both are done behind the
// journal, where nothing can be lost by it.
package intake

import (
	"context"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Journal is what intake needs of a journal.
type Journal interface {
	Append(ctx context.Context, frames []model.Frame) (first model.Seq, err error)
}

// Options of an intake. The zero value is right for most.
type Options struct {
	// MaxFrame is the most bytes one frame may have; 0 means 16 MiB.
	MaxFrame int
	// MaxOffer is the most bytes one Offer may have; 0 means 24 MiB. The
	// journal refuses more than half of a segment.
	MaxOffer int
	// MaxPending is the most bytes offered and not settled, over all channels;
	// 0 means 64 MiB. Who offers more waits, so a driver that stops reading
	// slows its sender instead of filling memory.
	MaxPending int64
	// Now is the clock for frames without an arrival time; nil means time.Now.
	Now func() time.Time
}

// Intake takes frames from drivers. It satisfies driver.Intake.
type Intake struct {
	journal Journal
	o       Options

	mu      sync.Mutex
	pending int64
	waiting []*waiter // oldest first

	channels sync.Map // model.ChannelID → *counters
}

// waiter is an Offer that waits for room.
type waiter struct {
	bytes int64
	ready chan struct{}
}

// Counts of one channel since the start.
type Counts struct {
	Channel   model.ChannelID `json:"channel"`
	Frames    uint64          `json:"frames"` // durable
	Bytes     uint64          `json:"bytes"`
	Refused   uint64          `json:"refused"`   // never acceptable: empty, oversized; or refused by the link before
	Postponed uint64          `json:"postponed"` // not durable now: full, cannot sync, stopping
}

type counters struct{ frames, bytes, refused, postponed atomic.Uint64 }

// New makes an intake in front of a journal. No side effects.
func New(journal Journal, o Options) *Intake {
	if o.MaxFrame <= 0 {
		o.MaxFrame = 16 << 20
	}
	if o.MaxOffer <= 0 {
		o.MaxOffer = 24 << 20
	}
	if o.MaxPending <= 0 {
		o.MaxPending = 64 << 20
	}
	o.MaxPending = max(o.MaxPending, int64(o.MaxOffer))
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Intake{journal: journal, o: o}
}

// Offer makes frames durable, all or none, and gives their numbers. Frames
// without an arrival time get the present one, in the caller's slice.
// Faults: Invalid intake.empty, intake.oversize; Transient intake.busy when
// ctx ended before there was room, and those of the journal's Append.
func (in *Intake) Offer(ctx context.Context, frames []model.Frame) ([]model.Seq, error) {
	if len(frames) == 0 {
		return nil, fault.New(fault.Invalid, "intake.empty", "no frame was offered")
	}
	size, err := in.check(frames)
	if err != nil {
		in.count(frames, func(c *counters, _ uint64) { c.refused.Add(1) })
		return nil, err
	}
	if err := in.admit(ctx, size); err != nil {
		in.count(frames, func(c *counters, _ uint64) { c.postponed.Add(1) })
		return nil, err
	}
	first, err := in.journal.Append(ctx, frames)
	in.leave(size)
	if err != nil {
		if fault.KindOf(err) == fault.Invalid {
			in.count(frames, func(c *counters, _ uint64) { c.refused.Add(1) })
		} else {
			in.count(frames, func(c *counters, _ uint64) { c.postponed.Add(1) })
		}
		return nil, err
	}
	in.count(frames, func(c *counters, n uint64) { c.frames.Add(1); c.bytes.Add(n) })
	seqs := make([]model.Seq, len(frames))
	for i := range seqs {
		seqs[i] = first + model.Seq(i)
	}
	return seqs, nil
}

// check refuses what is never acceptable and sets missing arrival times.
func (in *Intake) check(frames []model.Frame) (int64, error) {
	var size int64
	for i := range frames {
		f := &frames[i]
		switch n := len(f.Bytes); {
		case n == 0:
			return 0, fault.New(fault.Invalid, "intake.empty", "a frame without a byte was offered")
		case n > in.o.MaxFrame:
			return 0, fault.New(fault.Invalid, "intake.oversize", "a frame of %d bytes; at most %d are taken", n, in.o.MaxFrame)
		case len(f.Topic) > model.MaxSaid || len(f.Properties) > model.MaxSaid:
			return 0, fault.New(fault.Invalid, "intake.oversize", "a topic of %d bytes and properties of %d; at most %d each are taken", len(f.Topic), len(f.Properties), model.MaxSaid)
		default:
			size += int64(n + len(f.Topic) + len(f.Properties))
		}
		if f.Arrived.IsZero() {
			f.Arrived = in.o.Now()
		}
	}
	if size > int64(in.o.MaxOffer) {
		return 0, fault.New(fault.Invalid, "intake.oversize", "%d frames of %d bytes together; at most %d bytes are taken at once", len(frames), size, in.o.MaxOffer)
	}
	return size, nil
}

// admit waits until size bytes more may be pending. Those who wait are let in
// in order, so that a large offer is not overtaken for ever.
func (in *Intake) admit(ctx context.Context, size int64) error {
	in.mu.Lock()
	if len(in.waiting) == 0 && in.pending+size <= in.o.MaxPending {
		in.pending += size
		in.mu.Unlock()
		return nil
	}
	w := &waiter{bytes: size, ready: make(chan struct{})}
	in.waiting = append(in.waiting, w)
	in.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for i, other := range in.waiting {
		if other == w {
			in.waiting = append(in.waiting[:i], in.waiting[i+1:]...)
			in.advance()
			return fault.Wrap(ctx.Err(), fault.Transient, "intake.busy", "more is arriving than the disk takes; send again later")
		}
	}
	return nil // let in at the same moment
}

func (in *Intake) leave(size int64) {
	in.mu.Lock()
	in.pending -= size
	in.advance()
	in.mu.Unlock()
}

// advance lets in who fits; in.mu is held.
func (in *Intake) advance() {
	for len(in.waiting) > 0 && in.pending+in.waiting[0].bytes <= in.o.MaxPending {
		in.pending += in.waiting[0].bytes
		close(in.waiting[0].ready)
		in.waiting = in.waiting[1:]
	}
}

func (in *Intake) count(frames []model.Frame, add func(c *counters, bytes uint64)) {
	for i := range frames {
		add(in.of(frames[i].Channel), uint64(len(frames[i].Bytes)))
	}
}

// Refused counts a frame that a link refused before it was offered.
func (in *Intake) Refused(channel model.ChannelID) {
	in.of(channel).refused.Add(1)
}

func (in *Intake) of(channel model.ChannelID) *counters {
	c, ok := in.channels.Load(channel)
	if !ok {
		c, _ = in.channels.LoadOrStore(channel, &counters{})
	}
	return c.(*counters)
}

// Counts gives the counters by channel, sorted by channel.
func (in *Intake) Counts() []Counts {
	var all []Counts
	in.channels.Range(func(id, c any) bool {
		n := c.(*counters)
		all = append(all, Counts{id.(model.ChannelID), n.frames.Load(), n.bytes.Load(), n.refused.Load(), n.postponed.Load()})
		return true
	})
	sort.Slice(all, func(i, j int) bool { return all[i].Channel < all[j].Channel })
	return all
}

// Pending gives the bytes offered and not settled.
func (in *Intake) Pending() int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.pending
}
