package web

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/web/ui"
)

const (
	eventPause = time.Second      // between two events of one kind
	eventBeat  = 20 * time.Second // a sign of life, so that nobody in between hangs up
	eventLife  = 5 * time.Minute  // then the browser asks again, and its session is looked at again
)

// events tells a page that something was recorded or changed: an event of that
// name, without saying what; who wants to know reads the page again and is
// allowed to, or not.
func (c *console) events(v *ui.Visit, w http.ResponseWriter) error {
	free, ok := c.streams.take(string(v.Door.Actor().ID))
	if !ok {
		return fault.New(fault.Transient, "web.too-many-streams", "too many live pages are open; close some")
	}
	defer free()
	ctx := v.Context()
	changes, stop := c.s.Events(ctx)
	defer stop()
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	if _, err := fmt.Fprint(w, ": ready\n\n"); err != nil || out.Flush() != nil {
		return nil
	}
	tick, beat, end := time.NewTicker(eventPause), time.NewTicker(eventBeat), time.NewTimer(eventLife)
	defer tick.Stop()
	defer beat.Stop()
	defer end.Stop()
	due := map[string]bool{}
	for {
		text := ""
		select {
		case <-ctx.Done():
			return nil
		case <-end.C:
			return nil
		case e := <-changes:
			due[e.Kind] = true
			continue
		case <-beat.C:
			text = ": here\n\n"
		case <-tick.C:
			for kind := range due {
				text += "event: " + kind + "\ndata: 1\n\n"
			}
			clear(due)
		}
		if text == "" {
			continue
		}
		if v.Door.Still() != nil {
			return nil // signed out: the browser asks again and is told
		}
		if _, err := fmt.Fprint(w, text); err != nil || out.Flush() != nil {
			return nil
		}
	}
}

// slots bounds how many streams are open, of all and of one actor.
type slots struct {
	mu         sync.Mutex
	all, each  int
	taken      int
	takenByOne map[string]int
}

func newSlots(all, each int) *slots {
	return &slots{all: all, each: each, takenByOne: map[string]int{}}
}

func (s *slots) take(who string) (free func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken >= s.all || s.takenByOne[who] >= s.each {
		return nil, false
	}
	s.taken++
	s.takenByOne[who]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taken--
		if s.takenByOne[who]--; s.takenByOne[who] == 0 {
			delete(s.takenByOne, who)
		}
	}, true
}
