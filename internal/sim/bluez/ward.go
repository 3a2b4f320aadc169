package bluez

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Ward is BlueZ with the Bluetooth LE devices of some beds near it.
type Ward struct {
	Bus     string // address of a D-Bus, or system
	Name    string // of the ward
	Beds    int
	Only    int           // of the beds; 0: all
	Devices []string      // kinds; nil: all
	Every   time.Duration // between measurements of a device
	Faults  faults.Set    // what goes wrong, by turns; none: nothing
	// Acknowledged, when set, is told of each record of a meter that is not asked for
	// any more: whoever asks says that it has it.
	Acknowledged func(value []byte)

	daemon *daemon
	all    []*device
	mu     sync.Mutex
	count  Count
	gone   bool
}

// Count is what others did with the devices.
type Count struct {
	Pairings    int `json:"pairings"`
	Connections int `json:"connections"`
	Values      int `json:"values"`  // told to somebody who had subscribed
	Records     int `json:"records"` // that meters stored
	Kept        int `json:"kept"`    // of these, not asked for any more: whoever asks has them
}

var errBusGone = errors.New("the D-Bus went away")

// Gone says whether Run ended because the bus went away.
func (w *Ward) Gone() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone
}

// Counts gives what was done so far.
func (w *Ward) Counts() Count {
	w.mu.Lock()
	out := w.count
	w.mu.Unlock()
	for _, d := range w.all {
		d.look(func() { out.Kept += d.durable })
	}
	return out
}

func (w *Ward) note(f func(c *Count)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.count)
}

// Open takes the place of BlueZ on the bus, with all devices near.
func (w *Ward) Open() error {
	if w.Bus == "" {
		return fault.New(fault.Invalid, "cli.argument", "expected the address of a D-Bus, as `dbus-daemon --session --print-address` gives, or system").At("--bus")
	}
	for _, k := range w.Devices {
		if !slices.Contains(Kinds(), k) {
			return fault.New(fault.Invalid, "sim.device", "there is no simulated device %q; there are: %s", k, strings.Join(Kinds(), ", ")).At("--devices")
		}
	}
	if w.Every <= 0 {
		return fault.New(fault.Invalid, "cli.argument", "expected a span above 0").At("--every")
	}
	var err error
	if w.daemon, err = open(w.Bus); err != nil {
		return err
	}
	now := time.Now()
	for _, bed := range sim.Beds(w.Name, w.Beds) {
		if w.Only > 0 && bed.Number != w.Only {
			continue
		}
		body := &vitals{body: bed.Body()}
		for i, kind := range Kinds() {
			if len(w.Devices) > 0 && !slices.Contains(w.Devices, kind) {
				continue
			}
			d := &device{w: w, daemon: w.daemon, kind: kind, made: kinds[kind], bed: bed, body: body, blood: bed.Blood(), address: addressFor(i, w.Name, bed.Number), plan: w.Faults.Plan()}
			d.path = pathFor(d.address)
			d.memory(now)
			d.said = d.facts()
			w.all = append(w.all, d)
		}
	}
	w.daemon.mu.Lock()
	for _, d := range w.all {
		w.daemon.devices[d.path] = d
	}
	w.daemon.mu.Unlock()
	w.daemon.seen() // somebody may look already
	return nil
}

// Near is what a person sees who stands before a device.
type Near struct {
	Kind, Address, Serial string
	Shows                 string // the number to be compared while it is paired; empty: it has no display
}

// Near lists the devices.
func (w *Ward) Near() (out []Near) {
	for _, d := range w.all {
		one := Near{Kind: d.kind, Address: d.address, Serial: d.serial()}
		if d.made.compares {
			one.Shows = fmt.Sprintf("%06d", d.passkey())
		}
		out = append(out, one)
	}
	return out
}

// Waits says which devices are near, a line each.
func (w *Ward) Waits() (out []string) {
	for _, n := range w.Near() {
		line := n.Address + " " + n.Serial + " is near"
		if n.Shows != "" {
			line += "; it shows " + n.Shows + " while it is paired"
		}
		out = append(out, line)
	}
	return out
}

// Run lets the devices measure until ctx ends, and leaves the bus. It ends too when
// the bus went away.
func (w *Ward) Run(ctx context.Context, _ time.Duration) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := context.AfterFunc(w.daemon.conn.Context(), func() { cancel(errBusGone) })
	defer watch()
	var devices sync.WaitGroup
	for _, d := range w.all {
		devices.Go(func() { d.work(ctx) })
	}
	devices.Wait()
	w.mu.Lock()
	w.gone = context.Cause(ctx) == errBusGone
	w.mu.Unlock()
	watch()
	_ = w.daemon.conn.Close() // what was to be told is told
}
