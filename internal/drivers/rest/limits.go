package rest

import (
	"math"
	"sync"
	"time"

	"thalamus/internal/fault"
)

// limits bounds what each sender may send: requests over a short while, bytes
// over an hour. Both are buckets that fill up with time.
type limits struct {
	requests float64 // a second; 0: no limit
	bytes    float64 // an hour; 0: no limit

	mu    sync.Mutex
	known map[string]*allowance
}

type allowance struct {
	requests, bytes float64 // left
	at              time.Time
}

const (
	// burst is how many seconds' requests may come at once.
	burst     = 5
	mostKnown = 100_000
)

func newLimits(requests float64, bytes int64) *limits {
	return &limits{requests: requests, bytes: float64(bytes), known: map[string]*allowance{}}
}

// most is how many requests may come at once.
func (l *limits) most() float64 { return math.Max(1, l.requests*burst) }

// tooMany is a request that has to wait.
type tooMany struct {
	*fault.Fault
	wait time.Duration
}

func (t *tooMany) Unwrap() error { return t.Fault }

// of gives a sender's allowance as it is now; l.mu is held.
func (l *limits) of(who string, now time.Time) *allowance {
	a := l.known[who]
	if a == nil {
		if len(l.known) >= mostKnown {
			for k, old := range l.known {
				if now.Sub(old.at) > time.Hour {
					delete(l.known, k)
				}
			}
			if len(l.known) >= mostKnown {
				l.known = map[string]*allowance{}
			}
		}
		a = &allowance{requests: l.most(), bytes: l.bytes, at: now}
		l.known[who] = a
	}
	if past := now.Sub(a.at).Seconds(); past > 0 {
		a.requests = math.Min(l.most(), a.requests+past*l.requests)
		a.bytes = math.Min(l.bytes, a.bytes+past*l.bytes/3600)
		a.at = now
	}
	return a
}

// request takes one request of a sender.
func (l *limits) request(who string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.requests <= 0 && l.bytes <= 0 {
		return nil
	}
	a := l.of(who, now)
	if l.bytes > 0 && a.bytes <= 0 {
		return &tooMany{fault.New(fault.Transient, "rest.quota", "this device has sent as many bytes as it may in an hour; go on when Retry-After is over"), seconds((1 - a.bytes) / l.bytes * 3600)}
	}
	if l.requests <= 0 {
		return nil
	}
	if a.requests < 1 {
		return &tooMany{fault.New(fault.Transient, "rest.too-many", "this device sends more requests a second than it may; wait as long as Retry-After says, or send more rows in one request"), seconds((1 - a.requests) / l.requests)}
	}
	a.requests--
	return nil
}

// spend takes bytes that were received.
func (l *limits) spend(who string, n int64, now time.Time) {
	if l.bytes <= 0 {
		return
	}
	l.mu.Lock()
	l.of(who, now).bytes -= float64(n)
	l.mu.Unlock()
}

func seconds(s float64) time.Duration {
	return time.Duration(math.Ceil(math.Min(math.Max(s, 0), 3600))) * time.Second
}
