package sim

import (
	"context"
	"crypto/tls"
	"sync"
	"time"
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
	Trouble      *Trouble // nil: they behave
}

// NewWard makes n beds with a monitor and a pump each, and an ADT feed.
func NewWard(address string, tlsConfig *tls.Config, ward string, n int, terms Terms, run string) *Ward {
	w := &Ward{Address: address, TLS: tlsConfig, Beds: Beds(ward, n), Ledger: NewLedger()}
	w.Sources = append(w.Sources, NewADT(w.Beds, run))
	for _, b := range w.Beds {
		w.Sources = append(w.Sources, NewMonitor(b, terms, run, 1), NewPump(b, terms, run, 1))
	}
	return w
}

// Run lets every device send over a connection of its own until ctx ends; what
// is under way then is still waited for, at most for grace. The ADT feed comes
// first, so that the beds are known.
func (w *Ward) Run(ctx context.Context, grace time.Duration) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()
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
			count := 0
			send := func() {
				for _, m := range s.Next(time.Now()) {
					if w.send(sending, link, m, count) != nil {
						return
					}
					count++
				}
			}
			send()
			if i == 0 {
				close(first)
			}
			tick := time.NewTicker(50 * time.Millisecond)
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
