package drivertest

import (
	"bytes"
	"context"
	"sync"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Intake is a driver.Intake that keeps what it took, fails and waits on
// demand. The zero Intake takes everything at once.
type Intake struct {
	mu     sync.Mutex
	taken  []model.Frame
	offers int
	fail   func(frames []model.Frame) error
	gate   chan struct{}
	dead   bool
}

var _ driver.Intake = (*Intake)(nil)

// Offer keeps copies of the frames, or fails, as was asked.
func (i *Intake) Offer(ctx context.Context, frames []model.Frame) ([]model.Seq, error) {
	i.mu.Lock()
	gate, fail := i.gate, i.fail
	i.offers++
	i.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, fault.Wrap(ctx.Err(), fault.Transient, "drivertest.stopped", "intake was stopped")
		}
	}
	if fail != nil {
		if err := fail(frames); err != nil {
			return nil, err
		}
	}
	i.mu.Lock()
	seqs := make([]model.Seq, len(frames))
	for n, f := range frames {
		f.Bytes = bytes.Clone(f.Bytes)
		i.taken = append(i.taken, f)
		seqs[n] = model.Seq(len(i.taken))
	}
	dead := i.dead
	i.mu.Unlock()
	if dead {
		<-ctx.Done()
		return nil, fault.Wrap(ctx.Err(), fault.Transient, "drivertest.stopped", "intake was stopped")
	}
	return seqs, nil
}

// Die makes offers durable and tells nobody until their contexts end, as where
// the process ends in between; until live is called.
func (i *Intake) Die() (live func()) {
	set := func(dead bool) {
		i.mu.Lock()
		i.dead = dead
		i.mu.Unlock()
	}
	set(true)
	return func() { set(false) }
}

// Fail makes every offer ask f; nil makes them succeed again.
func (i *Intake) Fail(f func(frames []model.Frame) error) {
	i.mu.Lock()
	i.fail = f
	i.mu.Unlock()
}

// Full is the error of a full disk.
func Full([]model.Frame) error {
	return fault.New(fault.Transient, "journal.full", "the disk is full; make room")
}

// Hold makes offers wait until release is called.
func (i *Intake) Hold() (release func()) {
	gate := make(chan struct{})
	i.mu.Lock()
	i.gate = gate
	i.mu.Unlock()
	return func() {
		i.mu.Lock()
		i.gate = nil
		i.mu.Unlock()
		close(gate)
	}
}

// Taken gives the frames taken so far, in order.
func (i *Intake) Taken() []model.Frame {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]model.Frame(nil), i.taken...)
}

// Count gives how many frames were taken, in how many offers.
func (i *Intake) Count() (frames, offers int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.taken), i.offers
}

// Has says whether a frame with exactly these bytes was taken.
func (i *Intake) Has(content []byte) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := range i.taken {
		if bytes.Equal(i.taken[n].Bytes, content) {
			return true
		}
	}
	return false
}

// Notes collects what a driver reports beside frames.
type Notes struct {
	mu   sync.Mutex
	made []model.Issue
}

// Note is a driver.Host's Note.
func (n *Notes) Note(_ string, issue model.Issue) {
	n.mu.Lock()
	n.made = append(n.made, issue)
	n.mu.Unlock()
}

// Codes gives the codes noted so far.
func (n *Notes) Codes() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var codes []string
	for _, i := range n.made {
		codes = append(codes, i.Code)
	}
	return codes
}

// All gives the issues noted so far.
func (n *Notes) All() []model.Issue {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]model.Issue(nil), n.made...)
}
