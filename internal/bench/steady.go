package bench

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
)

// steady is devices that send at a rate until stopped, and a ledger of what
// they were told, by which receivers verify the order.
type steady struct {
	ledger   *sim.Ledger
	bytes    int
	observed int
	cancel   context.CancelFunc
	work     sync.WaitGroup
}

func newSteady(ctx context.Context, address string, o Options) *steady {
	ctx, cancel := context.WithCancel(ctx)
	l := &steady{ledger: sim.NewLedger(), cancel: cancel}
	terms := sim.NewTerms()
	every := time.Duration(float64(o.Connections) / o.Rate * float64(time.Second))
	began := time.Now()
	for i, bed := range beds(o.Connections) {
		all := templates(bed, terms, o.Size, nil)
		l.bytes, l.observed = all[0].bytes(), all[0].observations()
		due := began.Add(every * time.Duration(i) / time.Duration(o.Connections))
		l.work.Go(func() {
			link := &sim.Link{Address: address, Ledger: l.ledger}
			defer link.Close()
			for n := int64(1); ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Until(due)):
				}
				due = due.Add(every)
				// What was begun is finished, so that the ledger knows of it.
				if link.Send(context.WithoutCancel(ctx), all[n%distinct].message(n, time.Now())) != nil {
					return
				}
			}
		})
	}
	return l
}

// stop ends sending. What was begun is finished.
func (l *steady) stop() {
	l.cancel()
	l.work.Wait()
}

// subfolder makes a folder for one part of a measurement.
func subfolder(folder, name string) (string, error) {
	dir := filepath.Join(folder, strings.ReplaceAll(strings.ToLower(name), " ", "-"))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fault.Wrap(err, fault.Broken, "bench.folder", "cannot make a folder to work in").At(folder)
	}
	return dir, nil
}
