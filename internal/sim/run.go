package sim

import (
	"context"
	"crypto/tls"
	"slices"
	"strings"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/sim/faults"
)

// Ward is a set of simulated devices that send to one MLLP address.
type Ward struct {
	Address string
	TLS     *tls.Config
	Beds    []Bed
	Ledger  *Ledger
	Sources []Source
	// Acknowledged, when set, is called for each acknowledged message.
	Acknowledged func(m Message)
	Faults       faults.Set // what goes wrong, by turns; none: nothing
	// Rate is how many messages a second each monitor sends; 0 means one.
	Rate float64
}

// Kinds of simulated devices.
const (
	KindADT     = "adt"
	KindMonitor = "monitor"
	KindPump    = "pump"
)

// Kinds lists them.
func Kinds() []string { return []string{KindADT, KindMonitor, KindPump} }

// NewWard makes n beds with a monitor and a pump each, and an ADT feed.
func NewWard(address string, tlsConfig *tls.Config, ward string, n int, terms Terms, run string) *Ward {
	w := &Ward{Address: address, TLS: tlsConfig, Beds: Beds(ward, n), Ledger: NewLedger()}
	w.Sources = append(w.Sources, NewADT(w.Beds, run))
	for _, b := range w.Beds {
		w.Sources = append(w.Sources, NewMonitor(b, terms, run, 1), NewPump(b, terms, run, 1))
	}
	return w
}

// SampleRate sets how many samples of ECG the monitors take a second.
func (w *Ward) SampleRate(perSecond int) {
	for _, s := range w.Sources {
		if m, ok := s.(*Monitor); ok {
			m.PerSecond = perSecond
		}
	}
}

// Open implements Devices.
func (w *Ward) Open() error {
	if w.Rate < 0 {
		return fault.New(fault.Invalid, "cli.argument", "expected a rate above 0").At("--rate")
	}
	return nil
}

// Told implements Senders.
func (w *Ward) Told() Told {
	t := Told{Failure: w.Ledger.Failure()}
	t.Sent, t.Acknowledged, t.Resent = w.Ledger.Counts()
	return t
}

// Only leaves the devices of the given kinds.
func (w *Ward) Only(kinds []string) error {
	for _, k := range kinds {
		if !slices.Contains(Kinds(), k) {
			return fault.New(fault.Invalid, "sim.device", "there is no simulated device %q; there are: %s", k, strings.Join(Kinds(), ", ")).At("--devices")
		}
	}
	w.Sources = slices.DeleteFunc(w.Sources, func(s Source) bool { return !slices.Contains(kinds, kindOf(s)) })
	return nil
}

func kindOf(s Source) string {
	switch s.(type) {
	case *ADT:
		return KindADT
	case *Pump:
		return KindPump
	}
	return KindMonitor
}

// tick is how often a device is asked whether something is due.
const tick = 50 * time.Millisecond

// pace sets the monitors' rhythm and gives how often devices are asked.
func (w *Ward) pace() time.Duration {
	if w.Rate <= 0 {
		return tick
	}
	rhythm := time.Duration(float64(time.Second) / w.Rate)
	for _, s := range w.Sources {
		if m, ok := s.(*Monitor); ok {
			m.Rhythm = rhythm
		}
	}
	return max(min(rhythm/2, tick), time.Millisecond)
}

// Run lets every device send over a connection of its own until ctx ends; what
// is under way then is still waited for, at most for grace. The ADT feed comes
// first, so that the beds are known.
func (w *Ward) Run(ctx context.Context, grace time.Duration) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()
	asked := w.pace()
	var devices sync.WaitGroup
	first := make(chan struct{})
	for i, s := range w.Sources {
		devices.Go(func() {
			link := &Link{Address: w.Address, TLS: w.TLS, Ledger: w.Ledger, Acknowledged: w.Acknowledged}
			defer link.Close()
			if i > 0 {
				select {
				case <-first:
				case <-ctx.Done():
					return
				}
			}
			talker := newTalker(link, w.Faults)
			defer func() { _ = talker.rest(sending) }() // what it was told is in the ledger
			send := func() {
				for _, m := range s.Next(time.Now()) {
					if talker.say(sending, m) != nil {
						return
					}
				}
				for monitor, ok := s.(*Monitor); ok && talker.plan.Rushes(); {
					if talker.say(sending, monitor.Message(time.Now())) != nil {
						return
					}
				}
			}
			send()
			if i == 0 {
				close(first)
			}
			tick := time.NewTicker(asked)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					send()
				}
			}
		})
	}
	devices.Wait()
}
