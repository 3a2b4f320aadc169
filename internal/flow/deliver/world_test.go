package deliver_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
	"thalamus/internal/store/sqlite/deliverdb"
)

// record is a record in memory; the message with sequence number n is at n-1.
type record struct {
	mu       sync.Mutex
	messages []*model.Message
	grown    chan struct{}
	err      error // of every look, while set
	reads    int   // single messages read again
}

func newRecord() *record { return &record{grown: make(chan struct{})} }

// add records a message of a patient for the destinations.
func (r *record) add(patient string, dests ...model.DestinationID) model.MessageRef {
	decisions := make([]model.Decision, 0, len(dests))
	for _, d := range dests {
		decisions = append(decisions, model.Decision{Route: "all", Destination: d})
	}
	return r.addRouted(patient, decisions...)
}

// addRouted records a message of a patient with what was decided of it. What
// it says stands before anybody can read it.
func (r *record) addRouted(patient string, decisions ...model.Decision) model.MessageRef {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	m := &model.Message{
		Ref: model.MessageRef{Seq: model.Seq(len(r.messages) + 1)}, Channel: "icu", Type: "ORU^R01", Arrived: now, Recorded: now,
		Patient: &model.Patient{ID: model.PatientID(patient)}, Devices: []model.Device{{ID: model.DeviceID("monitor-" + patient), Parent: -1}},
		Routed: decisions,
	}
	r.messages = append(r.messages, m)
	close(r.grown)
	r.grown = make(chan struct{})
	return m.Ref
}

func (r *record) Owed(ctx context.Context, dest model.DestinationID, after model.MessageRef, limit int) ([]*model.Message, model.MessageRef, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var owed []*model.Message
	upTo := after
	for _, m := range r.messages[after.Seq:] {
		if r.err != nil {
			return nil, after, r.err
		}
		if len(owed) == limit {
			break
		}
		upTo = m.Ref
		for _, one := range m.Routed {
			if one.Destination == dest && one.Owed() {
				owed = append(owed, m)
			}
		}
	}
	return owed, upTo, ctx.Err()
}

func (r *record) Message(_ context.Context, ref model.MessageRef) (*model.Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	if ref.Seq < 1 || int(ref.Seq) > len(r.messages) || ref.Part != 0 || r.messages[ref.Seq-1] == nil {
		return nil, fault.New(fault.Absent, "record.absent", "there is no such message")
	}
	return r.messages[ref.Seq-1], nil
}

func (r *record) Head() model.MessageRef {
	r.mu.Lock()
	defer r.mu.Unlock()
	return model.MessageRef{Seq: model.Seq(len(r.messages))}
}

func (r *record) Wait(ctx context.Context, after model.MessageRef) error {
	for {
		r.mu.Lock()
		n, grown := len(r.messages), r.grown
		r.mu.Unlock()
		if n > int(after.Seq) {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *record) Refs(ctx context.Context, from, until time.Time, device model.DeviceID, channel model.ChannelID) iter.Seq2[model.MessageRef, error] {
	return func(yield func(model.MessageRef, error) bool) {
		for i := 0; ; i++ {
			r.mu.Lock()
			if i == len(r.messages) {
				r.mu.Unlock()
				return
			}
			m := r.messages[i]
			r.mu.Unlock()
			if m.Arrived.Before(from) || !until.IsZero() && !m.Arrived.Before(until) ||
				device != "" && m.Devices[0].ID != device || channel != "" && m.Channel != channel {
				continue
			}
			if !yield(m.Ref, ctx.Err()) {
				return
			}
		}
	}
}

func (r *record) Backlog(_ context.Context, dest model.DestinationID, after model.MessageRef) (n int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.messages[after.Seq:] {
		for _, one := range m.Routed {
			if one.Destination == dest && one.Refused == "" {
				n++
			}
		}
	}
	return n, nil
}

// sent is a message that a receiver took.
type sent struct {
	seq    model.Seq
	replay uint64
}

// receiver is the far end of a destination: what it took, in order, and
// whether a key ever had two calls at once. It outlives a crash.
type receiver struct {
	id      model.DestinationID
	mu      sync.Mutex
	takes   []sent
	by      map[string][]sent
	busy    map[string]bool
	errs    []string
	calls   int
	most    int // calls at once
	now     int
	biggest int
	closed  int
	// script decides how a call ends; nil: well. It is called without the lock.
	script func(ctx context.Context, call int, parcels []destination.Parcel) error
}

func newReceiver(id model.DestinationID) *receiver {
	return &receiver{id: id, by: map[string][]sent{}, busy: map[string]bool{}}
}

func (v *receiver) Deliver(ctx context.Context, parcels []destination.Parcel) (destination.Receipt, error) {
	key := deliver.KeyOf(parcels[0].Message)
	v.mu.Lock()
	if v.busy[key] {
		v.errs = append(v.errs, "two calls at once for "+key)
	}
	v.busy[key] = true
	v.calls++
	v.now++
	v.most, v.biggest = max(v.most, v.now), max(v.biggest, len(parcels))
	call, script := v.calls, v.script
	for _, p := range parcels {
		if deliver.KeyOf(p.Message) != key {
			v.errs = append(v.errs, "two keys in one call")
		}
	}
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.busy[key] = false
		v.now--
	}()
	var err error
	if script != nil {
		err = script(ctx, call, parcels)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	var lost lostAnswer
	if l, ok := err.(lostAnswer); ok {
		lost, err = l, l.error
	}
	if err == nil || lost.error != nil {
		for _, p := range parcels {
			s := sent{p.Message.Ref.Seq, p.Replay}
			v.takes = append(v.takes, s)
			v.by[key] = append(v.by[key], s)
		}
	}
	return destination.Receipt{Text: "AA"}, err
}

// lostAnswer is an error after which the receiver has the parcels all the same.
type lostAnswer struct{ error }

// link is one destination made for a receiver.
type link struct {
	*receiver
	calls  atomic.Int32
	closed atomic.Bool
}

func (l *link) Deliver(ctx context.Context, parcels []destination.Parcel) (destination.Receipt, error) {
	if l.calls.Add(1); l.closed.Load() {
		l.wrong("called after it was closed")
	}
	defer l.calls.Add(-1)
	return l.receiver.Deliver(ctx, parcels)
}

func (l *link) Close() error {
	if l.calls.Load() > 0 {
		l.wrong("closed while a call was under way")
	}
	if l.closed.Swap(true) {
		l.wrong("closed twice")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.receiver.closed++
	return nil
}

func (v *receiver) wrong(what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.errs = append(v.errs, what)
}

func (v *receiver) set(script func(ctx context.Context, call int, parcels []destination.Parcel) error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.script = script
}

// seqs gives what was taken, with repeats.
func (v *receiver) seqs() []model.Seq {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := []model.Seq{}
	for _, s := range v.takes {
		all = append(all, s.seq)
	}
	return all
}

// of gives what was taken of a patient.
func (v *receiver) of(patient string) []model.Seq {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := []model.Seq{}
	for _, s := range v.by["patient/"+patient] {
		all = append(all, s.seq)
	}
	return all
}

// called gives the number of calls, and the most parcels in one.
func (v *receiver) called() (calls, biggest int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.calls, v.biggest
}

func (v *receiver) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.takes)
}

// world is a Deliver with its surroundings.
type world struct {
	t         testing.TB
	path      string
	record    *record
	receivers map[model.DestinationID]*receiver
	options   deliver.Options
	list      []model.Destination
	store     *deliverdb.DB
	wantsRaw  bool
	wrap      func(deliver.Store) deliver.Store // a store that fails, between
	*deliver.Deliver
}

// kind has what the tests need: batches of up to 10, four calls at once.
func (w *world) kind() destination.Kind {
	return destination.Kind{
		Name: "test", MaxBatch: 10, Concurrency: 4, WantsRaw: w.wantsRaw,
		New: func(d model.Destination, _ destination.Host) (destination.Destination, error) {
			if d.Settings["wrong"] != nil {
				return nil, fault.New(fault.Invalid, "conf.unknown-key", "unknown key").At("wrong")
			}
			return &link{receiver: w.receivers[d.ID]}, nil
		},
	}
}

func newWorld(t testing.TB, o deliver.Options, dests ...model.DestinationID) *world {
	w := &world{options: o, t: t, path: filepath.Join(t.TempDir(), "deliver.db"), record: newRecord(), receivers: map[model.DestinationID]*receiver{}}
	for _, d := range dests {
		w.receivers[d] = newReceiver(d)
		w.list = append(w.list, model.Destination{ID: d, Kind: "test"})
	}
	w.open()
	return w
}

// script lets every receiver end its calls in one way.
func (w *world) script(id model.DestinationID, f func(ctx context.Context, call int, parcels []destination.Parcel) error) {
	w.receivers[id].set(f)
}

// failing gives a script that fails calls holding one of the messages.
func failing(err func() error, seqs ...model.Seq) func(context.Context, int, []destination.Parcel) error {
	return func(_ context.Context, _ int, parcels []destination.Parcel) error {
		for _, p := range parcels {
			if slices.Contains(seqs, p.Message.Ref.Seq) {
				return err()
			}
		}
		return nil
	}
}

// reopen stops in good order and starts again.
func (w *world) reopen() {
	w.t.Helper()
	w.shut()
	w.open()
}

// open starts with what is stored.
func (w *world) open() {
	w.t.Helper()
	var err error
	if w.store, err = deliverdb.Open(context.Background(), w.path, ""); err != nil {
		w.t.Fatal(err)
	}
	o := w.options
	if o.Store = w.store; w.wrap != nil {
		o.Store = w.wrap(w.store)
	}
	o.Record, o.Kinds = w.record, []destination.Kind{w.kind()}
	w.Deliver = deliver.New(o)
	w.apply()
}

func (w *world) apply() {
	w.t.Helper()
	if err := w.Apply(context.Background(), w.list); err != nil {
		w.t.Fatal(err)
	}
}

// shut stops in good order and looks whether a receiver saw something wrong.
func (w *world) shut() {
	w.t.Helper()
	if err := w.Close(context.Background()); err != nil {
		w.t.Error(err)
	}
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
	for id, v := range w.receivers {
		for _, e := range v.errs {
			w.t.Errorf("%s: %s", id, e)
		}
	}
}

// settle lets everything happen that happens without waiting for the clock.
func settle() { synctest.Wait() }

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) stat(id model.DestinationID) deliver.Stats {
	w.t.Helper()
	all, err := w.Stats(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range all {
		if s.Destination == id {
			return s
		}
	}
	w.t.Fatalf("no destination %s", id)
	return deliver.Stats{}
}

func transient() error { return fault.New(fault.Transient, "test.busy", "come again") }
func permanent() error { return fault.New(fault.Invalid, "test.refused", "never") }
func down() error      { return destination.Down{Err: fault.New(fault.Transient, "test.down", "gone")} }

// inBubble runs f with a clock that moves only when all wait.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func expect[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func text(x any) string { return fmt.Sprint(x) }

// locked makes a source of randomness that several goroutines may use.
type locked struct {
	mu     sync.Mutex
	source rand.Source
}

func (l *locked) Uint64() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.source.Uint64()
}
