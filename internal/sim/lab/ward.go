package lab

import (
	"context"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
)

// Instrument is one simulated instrument.
type Instrument interface {
	// Work sends until ctx ends, then waits for what is under way.
	Work(ctx context.Context)
}

// Ward is a number of instruments that share an Outcome.
type Ward struct {
	Instruments int
	Rate        float64                                      // messages a second of each; 0: one after another
	Make        func(n int, rhythm time.Duration) Instrument // the nth, from 1
	Outcome     *Outcome
}

// Open implements sim.Devices.
func (w *Ward) Open() error {
	if w.Rate < 0 {
		return fault.New(fault.Invalid, "cli.argument", "expected a rate of 0 or more").At("--rate")
	}
	return nil
}

// Run implements sim.Devices. Each instrument has its own patience with what is
// under way.
func (w *Ward) Run(ctx context.Context, _ time.Duration) {
	rhythm := time.Duration(0)
	if w.Rate > 0 {
		rhythm = time.Duration(float64(time.Second) / w.Rate)
	}
	var all sync.WaitGroup
	for n := range w.Instruments {
		all.Go(func() { w.Make(n+1, rhythm).Work(ctx) })
	}
	all.Wait()
}

// Told implements sim.Senders.
func (w *Ward) Told() sim.Told { return w.Outcome.Told() }
