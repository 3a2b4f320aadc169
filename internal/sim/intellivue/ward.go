package intellivue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Ward is a set of monitors, one at each bed, each with a UDP socket of its
// own.
type Ward struct {
	Listen string // address of the first monitor, host:port; the next have the ports after it, with port 0 any
	Beacon string // where each tells every ten seconds that it is there, host:port; "": nowhere
	Name   string // of the ward; "": SIM
	Beds   int
	Faults faults.Set
	// Rhythm is how often a beacon is sent; 0: ten seconds (PIPG p. 53).
	Rhythm time.Duration

	mu       sync.Mutex
	sockets  []*net.UDPConn
	monitors []*Monitor
}

const beaconRhythm = 10 * time.Second

// Open takes the sockets; Addresses are known then.
func (w *Ward) Open() error {
	first, err := net.ResolveUDPAddr("udp", w.Listen)
	if err != nil {
		return fault.New(fault.Invalid, "sim.address", "expected host:port, such as 127.0.0.1:24105").At("--listen")
	}
	name := w.Name
	if name == "" {
		name = "SIM"
	}
	for i, bed := range sim.Beds(name, w.Beds) {
		at := *first
		if at.Port != 0 {
			at.Port += i
		}
		socket, err := net.ListenUDP("udp", &at)
		if err != nil {
			w.Close()
			f := fault.New(fault.Conflict, "sim.address", "cannot take %s: something else may use the port", at.String())
			f.Err = err
			return f.At("--listen")
		}
		m := New(bed, time.Now())
		m.Plan = w.Faults.Plan()
		m.Address = socket.LocalAddr().(*net.UDPAddr).AddrPort()
		w.sockets, w.monitors = append(w.sockets, socket), append(w.monitors, m)
	}
	return nil
}

// Close gives the sockets back.
func (w *Ward) Close() {
	for _, s := range w.sockets {
		s.Close()
	}
}

// Waits says where the monitors wait, a line each.
func (w *Ward) Waits() (out []string) {
	for i, at := range w.Addresses() {
		out = append(out, fmt.Sprintf("monitor %d waits at %s", i+1, at))
	}
	return out
}

// Addresses of the monitors, bed by bed.
func (w *Ward) Addresses() (out []netip.AddrPort) {
	for _, m := range w.monitors {
		out = append(out, m.Address)
	}
	return out
}

// Count adds up what all monitors did.
func (w *Ward) Count() (all Count) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.monitors {
		c := m.Count
		all.Associations += c.Associations
		all.Refused += c.Refused
		all.Requests += c.Requests
		all.Results += c.Results
		all.Aborted += c.Aborted
		all.Faults += c.Faults
	}
	return all
}

// tick is how often a monitor looks what is due: short against the 256 ms of a
// block.
const tick = 20 * time.Millisecond

// Run lets the monitors work until ctx ends, then closes them.
func (w *Ward) Run(ctx context.Context, _ time.Duration) {
	stop := context.AfterFunc(ctx, w.Close)
	defer stop()
	var devices sync.WaitGroup
	for i := range w.monitors {
		devices.Go(func() { w.work(ctx, w.monitors[i], w.sockets[i]) })
	}
	devices.Wait()
}

func (w *Ward) work(ctx context.Context, m *Monitor, socket *net.UDPConn) {
	rhythm := w.Rhythm
	if rhythm <= 0 {
		rhythm = beaconRhythm
	}
	var tell *net.UDPAddr
	if w.Beacon != "" {
		tell, _ = net.ResolveUDPAddr("udp", w.Beacon)
	}
	buffer := make([]byte, 65536)
	var next time.Time
	for ctx.Err() == nil {
		now := time.Now()
		if tell != nil && !now.Before(next) {
			next = now.Add(rhythm)
			_, _ = socket.WriteToUDP(m.Beacon(now), tell) // nobody need listen
		}
		_ = socket.SetReadDeadline(now.Add(tick))
		n, from, err := socket.ReadFromUDPAddrPort(buffer)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // a client that is gone: ICMP tells
		}
		w.mu.Lock()
		var out []Packet
		if err == nil {
			out = m.Receive(time.Now(), from, buffer[:n])
		}
		out = append(out, m.Tick(time.Now())...)
		w.mu.Unlock()
		for _, p := range out {
			_, _ = socket.WriteToUDPAddrPort(p.Bytes, p.To) // UDP promises nothing
		}
	}
}
