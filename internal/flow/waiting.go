package flow

import (
	"context"
	"sync"

	"thalamus/internal/flow/record"
)

// waiting is what is decoded and waits to be recorded. While one transaction
// is made everything that arrives becomes part of the next, so transactions
// grow with the load, and their cost a message falls.
type waiting struct {
	most int // entries, unless one batch alone has more

	mu      sync.Mutex
	entries []record.Entry
	ended   bool
	put     chan struct{} // something was put, or it ended
	taken   chan struct{} // everything was taken
}

func newWaiting(most int) *waiting {
	return &waiting{most: most, put: make(chan struct{}, 1), taken: make(chan struct{}, 1)}
}

// add puts a batch behind what waits; false when ctx ended before there was
// room for it.
func (w *waiting) add(ctx context.Context, batch []record.Entry) bool {
	for {
		w.mu.Lock()
		if len(w.entries) == 0 || len(w.entries)+len(batch) <= w.most {
			w.entries = append(w.entries, batch...)
			w.mu.Unlock()
			signal(w.put)
			return true
		}
		w.mu.Unlock()
		select {
		case <-w.taken:
		case <-ctx.Done():
			return false
		}
	}
}

// end says that nothing more will be added.
func (w *waiting) end() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	signal(w.put)
}

// take gives all that waits, and waits until there is something; nothing when
// it ended.
func (w *waiting) take() []record.Entry {
	for {
		w.mu.Lock()
		batch, ended := w.entries, w.ended
		w.entries = nil
		w.mu.Unlock()
		if len(batch) > 0 {
			signal(w.taken)
			return batch
		}
		if ended {
			return nil
		}
		<-w.put
	}
}

// signal wakes the one who waits, or leaves it a note.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
