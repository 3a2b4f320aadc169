// Package lab simulates laboratory instruments: an analyser that speaks ASTM
// E1381 and a glucose meter that speaks POCT1-A2. They make and read their
// protocols on their own, so that a mistake of the codecs cannot hide itself.
package lab

import (
	"context"
	"sync"
	"time"
)

// Outcome is what simulated instruments were told. It is safe for any number
// of goroutines.
type Outcome struct {
	mu           sync.Mutex
	sent, acked  int
	resent       int
	refused      map[string]int
	latencies    []time.Duration
	answers      int
	lastTrouble  error
	acknowledged func(id string)
}

// NewOutcome makes an empty one. acknowledged, which may be nil, is called with
// the specimen of each message that was acknowledged.
func NewOutcome(acknowledged func(id string)) *Outcome {
	return &Outcome{refused: map[string]int{}, acknowledged: acknowledged}
}

const keepLatencies = 1 << 20

func (o *Outcome) send(again bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if again {
		o.resent++
	} else {
		o.sent++
	}
}

func (o *Outcome) accept(id string, took time.Duration) {
	o.mu.Lock()
	o.acked++
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

func (o *Outcome) trouble(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lastTrouble = err
}

func (o *Outcome) answered() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers++
}

// Counts gives how many different messages were sent, how many of them were
// acknowledged, how often one was sent again, and how many queries were
// answered.
func (o *Outcome) Counts() (sent, acknowledged, resent, answers int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent, o.acked, o.resent, o.answers
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

// Trouble is the last reason why something was not acknowledged, nil when
// there was none.
func (o *Outcome) Trouble() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lastTrouble
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
