package phdagent

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
)

// Troubles are the ways in which a ward's devices misbehave, every fifth
// measurement, by turns.
func Troubles() []string { return []string{"half-frame", "reset", "garbage", "duplicate", "clock"} }

// Kinds of devices a ward has at each bed.
func Kinds() (out []string) {
	for _, d := range Devices() {
		out = append(out, d.Kind)
	}
	return out
}

// Ward is a set of personal health devices at beds. Each keeps a measurement
// until it is confirmed and sends it again where it was not.
type Ward struct {
	Address  string
	Beds     int
	Devices  []string      // kinds; nil: all
	Every    time.Duration // between measurements of a device; 0: 2 s
	Troubles []string

	mu        sync.Mutex
	sent      int // different measurements
	confirmed int
	again     int // sent once more
	last      error
}

// Check says what is wrong with a ward.
func (w *Ward) Check() error {
	for _, k := range w.Devices {
		if !slices.Contains(Kinds(), k) {
			return fault.New(fault.Invalid, "sim.device", "there is no simulated device %q; there are: %s", k, strings.Join(Kinds(), ", ")).At("--devices")
		}
	}
	for _, t := range w.Troubles {
		if !slices.Contains(Troubles(), t) {
			return fault.New(fault.Invalid, "sim.trouble", "there is no trouble %q; there are: %s", t, strings.Join(Troubles(), ", ")).At("--trouble")
		}
	}
	return nil
}

// Counts gives how many measurements were sent, confirmed and sent again, and
// why the last attempt that failed did.
func (w *Ward) Counts() (sent, confirmed, again int, last error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent, w.confirmed, w.again, w.last
}

// Run lets every device measure until ctx ends; what is under way then is still
// confirmed, at most for grace.
func (w *Ward) Run(ctx context.Context, grace time.Duration) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()
	kinds := w.Devices
	if len(kinds) == 0 {
		kinds = Kinds()
	}
	var devices sync.WaitGroup
	for bed := range w.Beds {
		body := sim.Bed{Number: bed + 1}.Body()
		var vitals sync.Mutex
		next := func() Vitals {
			vitals.Lock()
			defer vitals.Unlock()
			return From(body.Next())
		}
		for _, kind := range kinds {
			d, _ := DeviceOf(kind)
			a := &Agent{Device: d, System: SystemID(kind, bed+1), Serial: "SIM" + kind[:2]}
			devices.Go(func() { w.device(ctx, sending, a, next) })
		}
	}
	devices.Wait()
}

// From makes devices' readings of a bed's vital signs. Weight, fat and glucose
// go with the patient's rest.
func From(v sim.Vitals) Vitals {
	return Vitals{SpO2: int64(v.SpO2Percent) * 10, Pulse: int64(v.PulsePerMin) * 10, Sys: int64(v.SysMmHg) * 10, Dia: int64(v.DiaMmHg) * 10, Mean: int64(v.MeanMmHg) * 10,
		Temp: int64(v.TempTenthCel), WeightKg: 600 + int64(v.RespPerMin)*10, FatPct: 180 + int64(v.RespPerMin), GlucoseMgDl: 700 + int64(v.PulsePerMin)*4}
}

func (w *Ward) count(f func()) {
	w.mu.Lock()
	f()
	w.mu.Unlock()
}

// device measures again and again.
func (w *Ward) device(ctx, sending context.Context, a *Agent, next func() Vitals) {
	every := w.Every
	if every <= 0 {
		every = 2 * time.Second
	}
	connected := false
	defer func() {
		if connected {
			a.Release()
		}
	}()
	for n := 1; ctx.Err() == nil; n++ {
		v := next()
		w.count(func() { w.sent++ })
		for tries := 0; sending.Err() == nil; tries++ {
			if tries > 0 {
				w.count(func() { w.again++ })
			}
			err := error(nil)
			if !connected {
				err = a.Connect(sending, w.Address)
				connected = err == nil
			}
			if err == nil && tries == 0 && n%5 == 0 && len(w.Troubles) > 0 {
				connected = w.trouble(a, w.Troubles[(n/5-1)%len(w.Troubles)], v)
				if !connected {
					continue
				}
			}
			if err == nil {
				err = a.Measure(v)
			}
			if err == nil {
				w.count(func() { w.confirmed++ })
				break
			}
			w.count(func() { w.last = err })
			if a.conn != nil {
				a.Close()
			}
			if connected = false; errors.Is(err, errRejected) {
				return
			}
			if !sleep(sending, time.Second) {
				return
			}
		}
		if !sleep(ctx, every) {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// trouble misbehaves; false: the connection is no more.
func (w *Ward) trouble(a *Agent, kind string, v Vitals) bool {
	switch kind {
	case "half-frame":
		a.conn.Write([]byte{0xE7, 0, 0, 0x40, 0, 0x3E, 0, 1})
		a.Close()
		return false
	case "reset":
		if c, ok := a.conn.(*net.TCPConn); ok {
			c.SetLinger(0)
		}
		a.Close()
		return false
	case "garbage":
		a.conn.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		a.Close()
		return false
	case "duplicate":
		return a.Measure(v) == nil
	case "clock":
		a.Clock = -26 * time.Hour
	}
	return true
}
