// Package lab simulates laboratory instruments: an analyser that speaks ASTM
// E1381 and a glucose meter that speaks POCT1-A2. They make and read their
// protocols on their own, so that a mistake of the codecs cannot hide itself.
package lab

import (
	"context"
	"sync"
	"time"

	"thalamus/internal/sim"
)

// Outcome is what simulated instruments were told. It is safe for any number
// of goroutines.
type Outcome struct {
	sim.Account // of messages

	mu           sync.Mutex
	refused      map[string]int
	latencies    []time.Duration
	answers      int
	acknowledged func(id string)
}

// NewOutcome makes an empty one. acknowledged, which may be nil, is called with
// the specimen of each message that was acknowledged.
func NewOutcome(acknowledged func(id string)) *Outcome {
	return &Outcome{refused: map[string]int{}, acknowledged: acknowledged}
}

const keepLatencies = 1 << 20

func (o *Outcome) send(again bool) {
	o.Note(func(t *sim.Told) {
		if again {
			t.Resent++
		} else {
			t.Sent++
		}
	})
}

func (o *Outcome) accept(id string, took time.Duration) {
	o.Note(func(t *sim.Told) { t.Acknowledged++ })
	o.mu.Lock()
	if len(o.latencies) < keepLatencies {
		o.latencies = append(o.latencies, took)
	}
	o.mu.Unlock()
	if o.acknowledged != nil {
		o.acknowledged(id)
	}
}

func (o *Outcome) refuse(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused[what]++
}

func (o *Outcome) trouble(err error) { o.Note(func(t *sim.Told) { t.Failure = err }) }

func (o *Outcome) answered() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers++
}

// Answers gives how many queries for orders were answered.
func (o *Outcome) Answers() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.answers
}

// Refused gives what was refused, by what was said.
func (o *Outcome) Refused() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := map[string]int{}
	for k, n := range o.refused {
		out[k] = n
	}
	return out
}

// Latencies gives how long acknowledgements took.
func (o *Outcome) Latencies() []time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]time.Duration(nil), o.latencies...)
}

// wait pauses, or says that ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
