package bedside

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
)

// Ward is a set of devices, one at each bed, each behind a TCP port as a
// terminal server offers it, or each calling a channel.
type Ward struct {
	Listen string // address of the first device; each next one has the next port, with port 0 any
	To     string // instead: address of the channel that each device calls
	Name   string // of the ward; "": SIM
	Beds   int
	Make   func(bed sim.Bed) Device

	mu        sync.Mutex
	devices   []Device
	listeners []net.Listener
}

// Open takes the ports; Addresses are known then.
func (w *Ward) Open() error {
	name := w.Name
	if name == "" {
		name = "SIM"
	}
	var first *net.TCPAddr
	if w.To == "" {
		at, err := net.ResolveTCPAddr("tcp", w.Listen)
		if err != nil {
			return fault.New(fault.Invalid, "sim.address", "expected host:port, such as 127.0.0.1:4010").At("--listen")
		}
		first = at
	}
	for i, bed := range sim.Beds(name, w.Beds) {
		w.devices = append(w.devices, &guarded{Device: w.Make(bed), mu: &w.mu})
		if first == nil {
			continue
		}
		at := *first
		if at.Port != 0 {
			at.Port += i
		}
		l, err := net.Listen("tcp", at.String())
		if err != nil {
			w.Close()
			f := fault.New(fault.Conflict, "sim.address", "cannot take %s: something else may use the port", at.String())
			f.Err = err
			return f.At("--listen")
		}
		w.listeners = append(w.listeners, l)
	}
	return nil
}

// Close gives the ports back.
func (w *Ward) Close() {
	for _, l := range w.listeners {
		l.Close()
	}
}

// Waits says where the devices wait, a line each.
func (w *Ward) Waits() (out []string) {
	for i, at := range w.Addresses() {
		out = append(out, fmt.Sprintf("device %d waits at %s", i+1, at))
	}
	return out
}

// Addresses of the devices, bed by bed; none when they call.
func (w *Ward) Addresses() (out []netip.AddrPort) {
	for _, l := range w.listeners {
		out = append(out, l.Addr().(*net.TCPAddr).AddrPort())
	}
	return out
}

// Count adds up what all devices did.
func (w *Ward) Count() (all Count) {
	for _, d := range w.devices {
		all.add(d.Count())
	}
	return all
}

// Run lets the devices work until ctx ends, then gives their ports back. A
// port serves one line at a time, as a serial port does.
func (w *Ward) Run(ctx context.Context, _ time.Duration) {
	stop := context.AfterFunc(ctx, w.Close)
	defer stop()
	var all sync.WaitGroup
	for i, d := range w.devices {
		all.Go(func() {
			for ctx.Err() == nil {
				line, err := w.line(ctx, i)
				if err == nil {
					_ = Talk(ctx, line, d) // a line that ends is nothing to tell
				} else if !pause(ctx, time.Second) {
					return
				}
			}
		})
	}
	all.Wait()
}

func (w *Ward) line(ctx context.Context, i int) (net.Conn, error) {
	if w.To != "" {
		return (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", w.To)
	}
	return w.listeners[i].Accept()
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// guarded lets Count be asked while the device works.
type guarded struct {
	Device
	mu *sync.Mutex
}

func (g *guarded) Connected(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.Device.Connected(now)
}

func (g *guarded) Receive(now time.Time, b []byte) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.Device.Receive(now, b)
}

func (g *guarded) Tick(now time.Time) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.Device.Tick(now)
}

func (g *guarded) Cut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.Device.Cut()
}

func (g *guarded) Count() Count {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.Device.Count()
}
