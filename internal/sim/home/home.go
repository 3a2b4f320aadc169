// Package home simulates patients at home: each has a blood-pressure cuff, a
// pulse oximeter and a thermometer, and a gateway in between that keeps what
// they measure and sends it as FHIR Observations to a REST channel when there
// is a network. The gateways use the program's own client library, so that a
// simulated home loses as little as a real one.
package home

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/client"
	"thalamus/internal/fault"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Homes are simulated homes that send to one channel.
type Homes struct {
	URL          string // of the channel, https://host:port/ingest/CHANNEL
	Name, Secret string // of the credential all of them use
	TLS          *tls.Config
	Folder       string     // where their gateways keep what waits; empty: a temporary one
	Ward         string     // of the patients' numbers
	Number       int        // of homes
	Rate         float64    // measurements a second of each; 0 means one in ten seconds
	Mark         string     // tells apart several runs against the same server
	Faults       faults.Set // what goes wrong, by turns; none: nothing

	measured  atomic.Int64
	all       []living
	temporary string // folder that goes with them

	mu      sync.Mutex
	failure error // why the last measurement was not kept
}

// living is one home.
type living struct {
	bed     sim.Bed
	plan    *faults.Plan
	gateway *client.Client
}

// Told implements sim.Senders: Observations measured, and what became of them.
// Acknowledged are also those that an earlier run left in Folder.
func (h *Homes) Told() sim.Told {
	t := sim.Told{Sent: int(h.measured.Load())}
	h.mu.Lock()
	t.Failure = h.failure
	h.mu.Unlock()
	for _, l := range h.all {
		s := l.gateway.Stats()
		t.Acknowledged += int(s.Sent)
		t.Refused += int(s.Refused)
		if s.LastFailure != "" {
			t.Failure = errors.New(s.LastFailure)
		}
	}
	return t
}

// Waiting is how many Observations wait in the gateways.
func (h *Homes) Waiting() (n int) {
	for _, l := range h.all {
		n += int(l.gateway.Stats().Pending)
	}
	return n
}

// Open opens the gateways; they begin to send what waits in Folder.
func (h *Homes) Open() error {
	if h.Rate < 0 {
		return fault.New(fault.Invalid, "cli.argument", "expected a rate above 0").At("--rate")
	}
	folder := h.Folder
	if folder == "" {
		var err error
		if folder, err = os.MkdirTemp("", "thalamus-homes-"); err != nil {
			return h.cannot(err)
		}
		h.temporary = folder
	}
	for i, bed := range sim.Beds(h.Ward, h.Number) {
		plan := h.Faults.Plan()
		o := client.Options{URL: h.URL, Folder: filepath.Join(folder, fmt.Sprintf("home-%03d", i+1)), Name: h.Name, Secret: h.Secret, TLS: h.TLS, MinBackoff: 100 * time.Millisecond, MaxBackoff: 5 * time.Second}
		if len(h.Faults) > 0 {
			o.MaxBackoff = time.Second // they fail often, and for a short while
			o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				return plan.Dial(ctx, network, address, nil) // TLS goes over it: what is encrypted is broken
			}
		}
		gateway, err := client.Open(o)
		if err != nil {
			h.close()
			return h.cannot(err)
		}
		h.all = append(h.all, living{bed, plan, gateway})
	}
	return nil
}

func (h *Homes) cannot(err error) error {
	return fault.Wrap(err, fault.Invalid, "sim.home", "the gateways of the homes cannot work").At(h.URL)
}

func (h *Homes) close() {
	for _, l := range h.all {
		_ = l.gateway.Close() // what waits is in its folder
	}
	if h.temporary != "" {
		_ = os.RemoveAll(h.temporary) // what stays is in the folder for such things
	}
}

// Run lets every home measure until ctx ends; what waits then is still sent, at
// most for grace. Then the gateways are closed.
func (h *Homes) Run(ctx context.Context, grace time.Duration) {
	rhythm := 10 * time.Second
	if h.Rate > 0 {
		rhythm = time.Duration(float64(time.Second) / h.Rate)
	}
	var homes sync.WaitGroup
	for _, l := range h.all {
		homes.Go(func() { h.live(ctx, l, rhythm, grace) })
	}
	homes.Wait()
	h.close()
}

// live lets one home measure.
func (h *Homes) live(ctx context.Context, l living, rhythm, grace time.Duration) {
	p := NewPatient(l.bed, h.Mark)
	for goesOn := true; goesOn; goesOn = l.plan.Pause(ctx, rhythm) {
		turn := l.plan.Next()
		list := p.Measure(time.Now(), turn)
		switch {
		case turn.Is(faults.Swapped):
			slices.Reverse(list)
		case turn.Again():
			list = append(list, list...)
		}
		h.measured.Add(int64(len(list)))
		if _, err := l.gateway.PutAll(context.WithoutCancel(ctx), list); err != nil {
			h.mu.Lock()
			h.failure = err
			h.mu.Unlock()
			return
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	_ = l.gateway.Flush(last) // what was not sent in time waits, and Told says why
}
