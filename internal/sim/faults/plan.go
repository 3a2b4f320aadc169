package faults

import (
	"context"
	"sync"
	"time"
)

// every says how often something goes wrong: with each fifth message.
const every = 5

// flood is how many messages come at once.
const flood = 50

// Set are the faults that simulated devices have, by turns; none: they behave.
type Set []string

// Plan makes the plan of one device.
func (s Set) Plan() *Plan { return &Plan{set: s, every: every} }

// Plan says which messages of a device go wrong, and how. It is safe for any
// number of goroutines; a nil one has no faults.
type Plan struct {
	set   Set
	every int

	mu    sync.Mutex
	count int
	armed string    // fault of the link that the next frame has
	gone  time.Time // until when nobody can connect
	rush  int       // messages that come without a pause
}

// Often sets that every nth message goes wrong instead of every fifth.
func (p *Plan) Often(n int) *Plan {
	p.every = max(n, 1)
	return p
}

// Next begins a new message and says what is wrong with it.
func (p *Plan) Next() Turn {
	if p == nil || len(p.set) == 0 {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = ""
	if p.rush > 0 {
		return "" // a flood is one fault, however many messages it has
	}
	p.count++
	if p.count%p.every != 0 {
		return ""
	}
	name := p.set[(p.count/p.every-1)%len(p.set)]
	switch f, _ := Find(name); {
	case name == Flood:
		p.rush = flood
	case f.Where == Link:
		p.armed = name
	}
	return Turn(name)
}

// Pause waits until a device with that rhythm says its next; false when ctx
// ended. In a flood it does not wait.
func (p *Plan) Pause(ctx context.Context, rhythm time.Duration) bool {
	if p.Rushes() || rhythm <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(rhythm):
		return true
	}
}

// Rushes says whether the next message comes without a pause, and counts it.
func (p *Plan) Rushes() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rush == 0 {
		return false
	}
	p.rush--
	return true
}

// Turn is what is wrong with one message; empty: nothing.
type Turn string

// Is says whether the message has a fault.
func (t Turn) Is(name string) bool { return string(t) == name }

// Again says whether the message is to be sent once more after its
// acknowledgement.
func (t Turn) Again() bool { return t == Duplicate }

// zoneShift is how far a device's clock is off whose zone changed.
const zoneShift = 5 * time.Hour

// Clock gives what the device takes for the present.
func (t Turn) Clock(now time.Time) time.Time {
	switch t {
	case ClockJump:
		return now.Add(-26 * time.Hour)
	case ZoneChange:
		return now.Add(-zoneShift)
	case SummerNight: // 02:30 of the night in which Central Europe's clocks go back
		return time.Date(2026, 10, 25, 2, 30, now.Second(), 0, now.Location())
	}
	return now
}
