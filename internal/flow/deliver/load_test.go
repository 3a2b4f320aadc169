package deliver_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

// broken is a store that cannot write while it is full.
type broken struct {
	deliver.Store
	full atomic.Bool
}

func (s *broken) Commit(ctx context.Context, b *deliver.Batch) error {
	if s.full.Load() {
		return fault.Wrap(errors.New("disk full"), fault.Transient, "deliver.store", "no room")
	}
	return s.Store.Commit(ctx, b)
}

func TestFullDiskHoldsUpAndLosesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{Pending: 100}, "ehr")
		defer func() { w.shut() }()
		store := &broken{}
		w.wrap = func(s deliver.Store) deliver.Store { store.Store = s; return store }
		w.reopen()
		store.full.Store(true)
		for i := range 2000 {
			w.record.add("p"+text(i%20), "ehr")
		}
		pass(time.Minute)
		s := w.stat("ehr")
		expect(t, "state", s.State, deliver.Waiting)
		expect(t, "code", s.LastCode, "deliver.store")
		if n := w.receivers["ehr"].count(); n < 100 || n > 200 {
			t.Errorf("%d were delivered without being able to say so", n)
		}
		store.full.Store(false)
		pass(time.Minute)
		expect(t, "delivered", w.receivers["ehr"].count(), 2000)
		expect(t, "state", w.stat("ehr").State, deliver.Running)
		inOrder(t, w.receivers["ehr"], 0)
	})
}

// TestBacklogDrainsInBoundedMemory: 200,000 messages wait, one key of them
// fails all the time.
func TestBacklogDrainsInBoundedMemory(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 20_000
	}
	w := newWorld(t, deliver.Options{WindowMessages: 1000}, "ehr")
	defer w.shut()
	w.list[0].Disabled = true
	w.apply()
	for i := range n {
		w.record.add("p"+text(i%50), "ehr")
	}
	var stuck atomic.Bool
	stuck.Store(true)
	var most atomic.Int64
	w.script("ehr", func(_ context.Context, call int, p []destination.Parcel) error {
		if stuck.Load() && p[0].Message.Patient.ID == "p7" {
			return transient()
		}
		if call%500 == 0 {
			most.Store(max(most.Load(), int64(w.stat("ehr").InMemory)))
		}
		return nil
	})
	w.list[0].Disabled = false
	w.apply()
	waitFor(t, func() bool { return w.receivers["ehr"].count() == n-n/50 })
	if m := most.Load(); m > 1000+512 {
		t.Errorf("%d messages in memory", m)
	}
	stuck.Store(false)
	waitFor(t, func() bool { return w.receivers["ehr"].count() == n })
	waitFor(t, func() bool { s := w.stat("ehr"); return s.Queued == 0 && s.Cursor.Seq == model.Seq(n) })
	inOrder(t, w.receivers["ehr"], 0)
	expect(t, "delivered", w.stat("ehr").Delivered, int64(n))
}

// waitFor waits generously until a condition holds.
func waitFor(t testing.TB, holds func() bool) {
	t.Helper()
	for range 6000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it never came to that")
}

// sink is a destination that takes everything at once.
type sink struct{ taken *atomic.Int64 }

func (s sink) Deliver(_ context.Context, parcels []destination.Parcel) (destination.Receipt, error) {
	s.taken.Add(int64(len(parcels)))
	return destination.Receipt{Text: "200 OK, 12 created"}, nil
}

func (sink) Close() error { return nil }

// ring is a record of any length that holds only a few messages.
type ring struct {
	*record
	head atomic.Uint64
}

func (r *ring) Head() model.MessageRef { return model.MessageRef{Seq: model.Seq(r.head.Load())} }

func (r *ring) Owed(_ context.Context, _ model.DestinationID, after model.MessageRef, limit int) ([]*model.Message, model.MessageRef, error) {
	n := min(limit, int(r.head.Load()-uint64(after.Seq)))
	owed := make([]*model.Message, n)
	for i := range owed {
		after.Seq++
		m := *r.messages[int(after.Seq)%len(r.messages)]
		m.Ref = after
		owed[i] = &m
	}
	return owed, after, nil
}

func (r *ring) Wait(ctx context.Context, after model.MessageRef) error {
	for r.head.Load() <= uint64(after.Seq) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		runtime.Gosched()
	}
	return nil
}

// benchmarkDrain delivers b.N messages of a number of patients that are owed.
func benchmarkDrain(b *testing.B, patients, batch int) {
	w := newWorld(b, deliver.Options{})
	w.Close(ctx)
	for i := range patients {
		w.record.add("patient-with-a-long-id-"+text(i), "ehr")
	}
	r := &ring{record: w.record}
	var taken atomic.Int64
	kind := destination.Kind{Name: "sink", MaxBatch: batch, Concurrency: 8,
		New: func(model.Destination, destination.Host) (destination.Destination, error) { return sink{&taken}, nil }}
	d := deliver.New(deliver.Options{Record: r, Store: w.store, Kinds: []destination.Kind{kind}})
	if err := d.Apply(ctx, []model.Destination{{ID: "ehr", Kind: "sink"}}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	r.head.Store(uint64(b.N))
	for taken.Load() < int64(b.N) {
		time.Sleep(100 * time.Microsecond)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
	if err := d.Close(ctx); err != nil {
		b.Fatal(err)
	}
	w.store.Close()
}

func BenchmarkDrain(b *testing.B) {
	b.Run("one patient, singly", func(b *testing.B) { benchmarkDrain(b, 1, 1) })
	b.Run("500 patients, singly", func(b *testing.B) { benchmarkDrain(b, 500, 1) })
	b.Run("500 patients, batches of 50", func(b *testing.B) { benchmarkDrain(b, 500, 50) })
}

// BenchmarkLatency is the time from a record's commit to the call, when
// nothing else is to be done.
func BenchmarkLatency(b *testing.B) {
	w := newWorld(b, deliver.Options{}, "ehr")
	arrived := make(chan struct{})
	w.script("ehr", func(context.Context, int, []destination.Parcel) error { arrived <- struct{}{}; return nil })
	var all []time.Duration
	for b.Loop() {
		began := time.Now()
		w.record.add("ann", "ehr")
		<-arrived
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
	w.shut()
}
