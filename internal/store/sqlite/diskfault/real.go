package diskfault

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/loopdisk"
)

// SufferReal puts a store through real power cuts: an ext4 file system that is
// shut down under it at some moment and mounted again. Where that cannot be,
// the test is skipped with the reason.
func (o Ordeal) SufferReal(t *testing.T) {
	if underRace {
		t.Skip("an ordeal is one goroutine; it runs without the race detector")
	}
	v := loopdisk.New(t, 96)
	states, _ := o.undisturbed(t)
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	took := time.Second
	random := rand.New(rand.NewPCG(uint64(len(o.Steps)), 13))
	for round := range rounds {
		folder := filepath.Join(v.Dir, fmt.Sprint("round", round))
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		r := &run{Ordeal: &o, t: t, folder: folder, states: states}
		s := r.open()
		// The folder itself is to outlive the cut; what is in it is the store's.
		if d, err := os.Open(v.Dir); err == nil {
			_ = d.Sync()
			d.Close()
		}
		began := time.Now()
		pause := time.Duration(random.Int64N(int64(took)))
		// What counts is what was acknowledged when the cut began. Shutting ext4
		// down takes a moment, in which an fsync under way may be told that all is
		// well of a log that is being thrown away; without power nobody is told.
		var acknowledged, sure atomic.Int64
		cutNow := func() error {
			sure.Store(acknowledged.Load())
			return v.Cut()
		}
		cut := make(chan error, 1)
		if round > 0 {
			go func() {
				time.Sleep(pause)
				cut <- cutNow()
			}()
		}
		for _, step := range o.Steps {
			if step(s) != nil {
				break
			}
			acknowledged.Add(1)
		}
		if round == 0 { // how long it takes, and a cut right behind the last step
			took = time.Since(began)
			cut <- cutNow()
		}
		if err := <-cut; err != nil {
			s.Close()
			t.Skipf("this file system cannot be shut down: %v", err)
		}
		s.Close() // its error is the cut's
		v.Remount()
		r.again(fmt.Sprintf("real cut %d", round), int(sure.Load()), int(acknowledged.Load()))
		t.Logf("cut %d after %d of %d steps", round, sure.Load(), len(o.Steps))
		if t.Failed() {
			return
		}
	}
}
