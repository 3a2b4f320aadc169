// Package destination is the contract between Thalamus and whatever it hands
// messages to. A destination sends and says how it went; order, retry,
// back-off, circuit breaking, dead letters and replay are done for all of
// them by flow/deliver (R25). Package destinationtest is the suite every
// destination passes.
package destination

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/url"
	"strconv"

	"thalamus/internal/model"
)

// Parcel is one message owed to one destination.
type Parcel struct {
	Message *model.Message // normalised and recorded; read only
	Raw     []byte         // bytes as received; nil unless the Kind wants them
	Replay  uint64         // 0, or the number of the replay that asked again
	Attempt int            // 1 the first time
}

// Destination sends parcels.
type Destination interface {
	// Deliver sends parcels of one ordering key, oldest first, and returns
	// when the receiver acknowledged all of them. A repeat after a lost
	// acknowledgement must have no second effect at the receiver: what is sent
	// for the same Message.Ref (and Replay) carries the same identity.
	//
	// The error's fault.Kind decides: Transient is tried again later; Invalid,
	// Denied, Absent and Conflict make a dead letter; anything else counts as
	// transient. With several parcels an error means none counts as delivered;
	// they are then tried one by one. Down (below) marks an error that
	// concerns the destination as a whole.
	Deliver(ctx context.Context, parcels []Parcel) (Receipt, error)
	// Close ends connections. No Deliver is under way or follows.
	Close() error
}

// Receipt is what the receiver answered, short and without a patient's data:
// "AA 4711", "200 OK, 12 created, 3 unchanged".
type Receipt struct{ Text string }

// Down wraps an error that concerns the whole destination (refused
// connection, 503, expired credentials): it opens the circuit breaker, so
// other keys wait as well.
type Down struct{ Err error }

func (d Down) Error() string { return d.Err.Error() }
func (d Down) Unwrap() error { return d.Err }

// Host is what a destination is given.
type Host struct {
	Log   *slog.Logger
	Roots *x509.CertPool // the program's own authority beside the system's
	// Version of the program, as what it writes says of it; empty: not told
	Version string
}

// Reach is what a destination connects to.
type Reach struct {
	Host      string // name or address
	Port      uint16
	App       string // what is spoken: http, hl7v2
	Encrypted bool
}

// Reacher is implemented by destinations that connect to another machine.
type Reacher interface{ Reach() Reach }

// ReachOf gives what an http or https address leads to.
func ReachOf(u *url.URL) Reach {
	r := Reach{Host: u.Hostname(), Port: 80, App: "http", Encrypted: u.Scheme == "https"}
	if r.Encrypted {
		r.Port = 443
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		r.Port = uint16(n)
	}
	return r
}

// Kind describes a destination in the list of what is in the binary.
type Kind struct {
	Name        string
	Doc         string
	Settings    any  // pointer to a zero settings struct (package conf)
	WantsRaw    bool // Parcel.Raw is filled
	MaxBatch    int  // most parcels in one Deliver, at least 1
	Concurrency int  // default number of Deliver calls at once, across keys
	// New checks the settings and makes the destination. It dials nothing.
	New func(d model.Destination, host Host) (Destination, error)
}
