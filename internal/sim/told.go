package sim

import (
	"context"
	"sync"
	"time"
)

// Told is what simulated devices that send were told of what they sent.
type Told struct {
	Sent         int   // different ones, as they were meant
	Acknowledged int   // of these
	Resent       int   // once more, or what went wrong on purpose
	Refused      int   // for good
	Failure      error // why the last that was not acknowledged was not; nil: there was none
}

// Devices are simulated devices of one kind, however they speak.
type Devices interface {
	// Open says what is wrong with how they are to be, at the flag that says so,
	// and takes what they wait on.
	Open() error
	// Run lets them work until ctx ends; what is under way then is still waited
	// for, at most for grace.
	Run(ctx context.Context, grace time.Duration)
}

// Senders are devices that know what was acknowledged.
type Senders interface {
	Devices
	Told() Told
}

// Account counts what devices were told. It is safe for any number of goroutines;
// an empty one is ready.
type Account struct {
	mu   sync.Mutex
	told Told
}

// Note enters something.
func (a *Account) Note(f func(t *Told)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.told)
}

// Told gives what was entered so far.
func (a *Account) Told() Told {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.told
}
