package phdagent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

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
	Address string
	Beds    int
	Devices []string      // kinds; nil: all
	Every   time.Duration // between measurements of a device; 0: 2 s
	Faults  faults.Set    // what goes wrong, by turns; none: nothing

	sim.Account // of measurements: acknowledged are those that were confirmed
}

// Open says what is wrong with a ward.
func (w *Ward) Open() error {
	for _, k := range w.Devices {
		if !slices.Contains(Kinds(), k) {
			return fault.New(fault.Invalid, "sim.device", "there is no simulated device %q; there are: %s", k, strings.Join(Kinds(), ", ")).At("--devices")
		}
	}
	return nil
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
			a := &Agent{Device: d, System: SystemID(kind, bed+1), Serial: "SIM" + kind[:2], Plan: w.Faults.Plan()}
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
		v, turn := next(), a.Plan.Next()
		switch turn {
		case faults.OutOfRange:
			v = beyond
		case faults.NaN:
			v = none
		}
		w.Note(func(t *sim.Told) { t.Sent++ })
		for tries := 0; sending.Err() == nil; tries++ {
			if tries > 0 {
				w.Note(func(t *sim.Told) { t.Resent++ })
			}
			err := error(nil)
			if !connected {
				err = a.Connect(sending, w.Address)
				connected = err == nil
			}
			if turn.Is(faults.ClockJump) {
				a.Clock = time.Until(turn.Clock(time.Now()))
			}
			if err == nil {
				err = a.Measure(v)
			}
			if err == nil && turn.Again() {
				turn = ""
				if err = a.Measure(v); err != nil {
					w.Note(func(t *sim.Told) { t.Acknowledged++ }) // the first time it was
					a.Close()
					connected = false
					break
				}
			}
			if err == nil {
				w.Note(func(t *sim.Told) { t.Acknowledged++ })
				break
			}
			w.Note(func(t *sim.Told) { t.Failure = err })
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
		// What is left of the pause when the manager ended the association meanwhile
		// is waited for all the same; the next measurement connects again.
		due := time.Now().Add(every)
		if a.Plan.Rushes() {
			due = time.Now()
		}
		if connected && a.Attend(ctx, time.Until(due)) != nil {
			a.Close()
			connected = false
		}
		if !sleep(ctx, time.Until(due)) {
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
