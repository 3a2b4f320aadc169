// Package home simulates patients at home: each has a blood-pressure cuff, a
// pulse oximeter and a thermometer, and a gateway in between that keeps what
// they measure and sends it as FHIR Observations to a REST channel when there
// is a network. The gateways use the program's own client library, so that a
// simulated home loses as little as a real one.
package home

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/client"
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
	Run          string     // tells apart several runs against the same server
	Faults       faults.Set // what goes wrong, by turns; none: nothing

	measured atomic.Int64
	mu       sync.Mutex
	gateways []*client.Client // of this run
}

// Result is what came of a run.
type Result struct {
	Measured     int64  // Observations kept by the gateways
	Acknowledged uint64 // of these
	Refused      uint64
	Waiting      uint64
	Failure      string // why the last request that failed did
}

// Measured is how many Observations there are so far.
func (h *Homes) Measured() int64 { return h.measured.Load() }

// Acknowledged is how many of them were acknowledged so far.
func (h *Homes) Acknowledged() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, g := range h.gateways {
		n += int(g.Stats().Sent)
	}
	return n
}

// Send lets every home measure until ctx ends; what waits then is still sent,
// at most for grace.
func (h *Homes) Send(ctx context.Context, grace time.Duration) (Result, error) {
	folder := h.Folder
	if folder == "" {
		var err error
		if folder, err = os.MkdirTemp("", "thalamus-homes-"); err != nil {
			return Result{}, err
		}
		defer os.RemoveAll(folder)
	}
	rhythm := 10 * time.Second
	if h.Rate > 0 {
		rhythm = time.Duration(float64(time.Second) / h.Rate)
	}
	var (
		out   Result
		mu    sync.Mutex
		first error
		homes sync.WaitGroup
	)
	for i, bed := range sim.Beds(h.Ward, h.Number) {
		homes.Go(func() {
			s, err := h.live(ctx, bed, filepath.Join(folder, fmt.Sprintf("home-%03d", i+1)), rhythm, grace)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && first == nil {
				first = err
			}
			out.Acknowledged += s.Sent
			out.Refused += s.Refused
			out.Waiting += s.Pending
			if s.LastFailure != "" {
				out.Failure = s.LastFailure
			}
		})
	}
	homes.Wait()
	out.Measured = h.measured.Load()
	return out, first
}

// live is one home.
func (h *Homes) live(ctx context.Context, bed sim.Bed, folder string, rhythm, grace time.Duration) (client.Stats, error) {
	plan := h.Faults.Plan()
	o := client.Options{URL: h.URL, Folder: folder, Name: h.Name, Secret: h.Secret, TLS: h.TLS, MinBackoff: 100 * time.Millisecond, MaxBackoff: 5 * time.Second}
	if len(h.Faults) > 0 {
		o.MaxBackoff = time.Second // they fail often, and for a short while
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return plan.Dial(ctx, network, address, nil) // TLS goes over it: what is encrypted is broken
		}
	}
	gateway, err := client.Open(o)
	if err != nil {
		return client.Stats{}, err
	}
	defer gateway.Close()
	h.mu.Lock()
	h.gateways = append(h.gateways, gateway)
	h.mu.Unlock()
	p := patient{bed: bed, body: bed.Body(), run: h.Run}
	for goesOn := true; goesOn; goesOn = plan.Pause(ctx, rhythm) {
		turn := plan.Next()
		list := p.measure(time.Now(), turn)
		switch {
		case turn.Is(faults.Swapped):
			slices.Reverse(list)
		case turn.Again():
			list = append(list, list...)
		}
		if _, err := gateway.PutAll(context.WithoutCancel(ctx), list); err != nil {
			return gateway.Stats(), err
		}
		h.measured.Add(int64(len(list)))
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	// What was not sent in time waits; the result says how much and why.
	_ = gateway.Flush(last)
	return gateway.Stats(), nil
}
