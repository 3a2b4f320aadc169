package sim

import (
	"maps"
	"sync"
	"time"
)

// Ledger keeps what senders were told: which control ids were acknowledged, in
// which order per stream, and how long that took. It is safe for any number
// of goroutines.
type Ledger struct {
	mu      sync.Mutex
	sent    int
	refused map[string]int      // acknowledgement code other than accept
	order   map[string][]string // stream → control ids, in the order acknowledged
	acked   map[string]struct{}
	resent  int
	latency []time.Duration
	failure error
}

// NewLedger makes an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{refused: map[string]int{}, order: map[string][]string{}, acked: map[string]struct{}{}}
}

// keepLatencies bounds the memory of latencies.
const keepLatencies = 1 << 20

func (l *Ledger) send(m Message, again bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, twice := l.acked[m.ControlID]; again || twice {
		l.resent++
	} else {
		l.sent++
	}
}

func (l *Ledger) accept(m Message, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, twice := l.acked[m.ControlID]; twice {
		return
	}
	l.acked[m.ControlID] = struct{}{}
	l.order[m.Stream] = append(l.order[m.Stream], m.ControlID)
	if len(l.latency) < keepLatencies {
		l.latency = append(l.latency, took)
	}
}

func (l *Ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure = err
}

// Failure is the last reason why something was sent and not answered, nil when
// there was none.
func (l *Ledger) Failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

func (l *Ledger) refuse(code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused[code]++
}

// Counts gives how many different messages were sent, how many of them
// acknowledged, and how often one was sent again.
func (l *Ledger) Counts() (sent, acknowledged, resent int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent, len(l.acked), l.resent
}

// Refused gives how often each other acknowledgement code came.
func (l *Ledger) Refused() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.refused)
}

// Order gives the acknowledged control ids of each stream, oldest first.
func (l *Ledger) Order() map[string][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string][]string, len(l.order))
	for k, v := range l.order {
		out[k] = append([]string(nil), v...)
	}
	return out
}

// Latencies gives how long acknowledgements took, in the order they came.
func (l *Ledger) Latencies() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]time.Duration(nil), l.latency...)
}
