package service

import (
	"context"
	"sync"
	"time"

	"thalamus/internal/model"
)

// Event tells watchers that something changed. It names no patient: who wants
// to know more asks, and is audited. Watchers that are slow miss events; the
// record does not.
type Event struct {
	ID       uint64          `json:"id"`   // greater with each event, over restarts too
	Kind     string          `json:"kind"` // recorded, changed; missed: events were lost, read everything again
	Name     string          `json:"name,omitempty"`
	Object   string          `json:"object,omitempty"`
	Messages int             `json:"messages,omitempty"` // recorded with this event
	Channel  model.ChannelID `json:"channel,omitempty"`
	Seq      model.Seq       `json:"seq,omitempty"` // last entry recorded
}

const (
	keptEvents    = 256 // for watchers that come back
	waitingEvents = 64  // of one watcher, before it misses some
)

type events struct {
	mu       sync.Mutex
	last     uint64
	kept     []Event // oldest first
	watchers map[chan Event]struct{}
	live     map[*Watcher]struct{}
}

func newEvents() *events {
	return &events{last: uint64(time.Now().UnixMicro()), watchers: map[chan Event]struct{}{}, live: map[*Watcher]struct{}{}}
}

func (e *events) publish(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	ev.ID = e.last
	if len(e.kept) == keptEvents {
		e.kept = append(e.kept[:0], e.kept[1:]...)
	}
	e.kept = append(e.kept, ev)
	for w := range e.watchers {
		select {
		case w <- ev:
		default: // may skip
		}
	}
}

// Events gives changes until stop is called or ctx ends.
func (s *Service) Events(ctx context.Context) (<-chan Event, func()) { return s.EventsAfter(ctx, 0) }

// EventsAfter gives changes after the event with a number, for a watcher that
// comes back: those that are still kept, behind an event "missed" when some
// are not.
func (s *Service) EventsAfter(ctx context.Context, after uint64) (<-chan Event, func()) {
	e := s.events
	w := make(chan Event, waitingEvents+keptEvents+1)
	e.mu.Lock()
	if after > 0 && after != e.last {
		if len(e.kept) == 0 || e.kept[0].ID > after+1 || after > e.last {
			w <- Event{ID: e.last, Kind: "missed"}
		}
		for _, ev := range e.kept {
			if ev.ID > after {
				w <- ev
			}
		}
	}
	e.watchers[w] = struct{}{}
	e.mu.Unlock()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			e.mu.Lock()
			delete(e.watchers, w)
			e.mu.Unlock()
		})
	}
	context.AfterFunc(ctx, stop)
	return w, stop
}

// Watcher sees recorded messages as they come. It may skip some.
type Watcher struct {
	C    chan *model.Message
	stop func()
}

// Stop ends watching.
func (w *Watcher) Stop() { w.stop() }

// Watch gives messages as they are recorded, to an actor who may see live
// values; the look is audited once, when it begins.
func (d *Door) Watch(ctx context.Context) (*Watcher, error) {
	if err := d.Call(ctx, "live.watch", nil, nil); err != nil {
		return nil, err
	}
	e := d.s.events
	w := &Watcher{C: make(chan *model.Message, 256)}
	w.stop = func() {
		e.mu.Lock()
		delete(e.live, w)
		e.mu.Unlock()
	}
	e.mu.Lock()
	e.live[w] = struct{}{}
	e.mu.Unlock()
	context.AfterFunc(ctx, w.stop)
	return w, nil
}

// Recorded tells watchers of messages that were just recorded. It never
// blocks.
func (s *Service) Recorded(messages []*model.Message) {
	if len(messages) == 0 {
		return
	}
	s.watchAcceptances(messages)
	last := messages[len(messages)-1]
	s.events.publish(Event{Kind: "recorded", Messages: len(messages), Channel: last.Channel, Seq: last.Ref.Seq})
	e := s.events
	e.mu.Lock()
	defer e.mu.Unlock()
	for w := range e.live {
		for _, m := range messages {
			select {
			case w.C <- m:
			default: // may skip
			}
		}
	}
}
