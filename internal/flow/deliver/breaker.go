package deliver

import (
	"time"

	"thalamus/internal/destination"
)

const (
	breakerMin = time.Second
	breakerMax = time.Minute
	retryMin   = 10 * time.Millisecond
	retryBase  = 250 * time.Millisecond
	retryMax   = time.Minute
	// askedMax bounds the wait a receiver may ask for (Retry-After): one that
	// says "tomorrow" by mistake does not stop a ward's messages for a day.
	askedMax = time.Hour
)

// breaker opens when the destination as a whole is down, and lets one message
// through now and then to see whether it is back.
type breaker struct {
	state  breakerState
	downs  int // in a row
	until  time.Time
	random func() float64
}

type breakerState uint8

const (
	closed breakerState = iota
	open
	halfOpen // the interval is over: one probe may go, or is under way
)

// look moves from open to half-open when the time has come.
func (b *breaker) look(now time.Time) {
	if b.state == open && !now.Before(b.until) {
		b.state = halfOpen
	}
}

// down takes note that the destination is down, and for how long it asked not
// to be called (0: it did not say). Calls that began before the circuit opened
// say nothing else that is new and are passed with probe false.
func (b *breaker) down(now time.Time, probe bool, asked time.Duration) {
	until := now.Add(asked)
	if b.state == open || b.state == halfOpen && !probe {
		if asked > 0 && until.After(b.until) {
			b.state, b.until = open, until
		}
		return
	}
	limit := min(breakerMax, breakerMin<<min(b.downs, 10))
	b.downs++
	// Jitter over the whole range above the lower bound, so that many
	// destinations behind one dead link do not come back in step.
	b.until = now.Add(breakerMin + time.Duration(b.random()*float64(limit-breakerMin)))
	if until.After(b.until) {
		b.until = until
	}
	b.state = open
}

// asked gives the wait that the receiver asked for with an error, bounded; 0
// when it asked for none.
func asked(err error) time.Duration { return max(0, min(destination.NotBefore(err), askedMax)) }

// answered takes note that the destination is there.
func (b *breaker) answered() { b.state, b.downs = closed, 0 }

// backOff gives how long a message waits after its nth failure in a row:
// exponential with full jitter.
func backOff(n int, random func() float64) time.Duration {
	limit := min(retryMax, retryBase<<min(n-1, 20))
	return max(retryMin, time.Duration(random()*float64(limit)))
}
