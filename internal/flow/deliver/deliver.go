// Package deliver hands every message to the destinations it is owed to.
//
// Each destination has a runner of its own with its own cursor over the
// record, so one that is slow or gone holds no other back. Within a
// destination order is kept per key (see KeyOf): the messages of one key are a
// lane, sent one call after the other, oldest first; lanes go side by side. A
// lane whose message fails for the moment waits alone (back-off with full
// jitter); when it keeps failing its backlog is parked in the store, so that
// the cursor goes on and memory stays bounded. An error marked
// destination.Down concerns everybody: the circuit breaker opens and one
// message at a time probes whether the destination is back. An error that
// stays makes a dead letter with its reason; the lane then goes on, or is held
// until somebody decides, as the destination's rules say.
//
// What is promised (R23, R25): every message owed is delivered, or is a dead
// letter that can be listed, retried or discarded. A message is never passed
// over. After a crash what was not yet known to be settled is delivered again
// under the same identity (Message.Ref and Replay), in the order of its lane.
//
// Nothing polls: the record's commit wakes the reader, and an idle destination
// is called at once. Memory does not grow with the backlog.
package deliver

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Record is what deliver reads: the messages as recorded, with their
// decisions, in the order of their refs.
type Record interface {
	// Head is the last message recorded; zero when there is none.
	Head() model.MessageRef
	// Owed gives up to limit messages after a ref that have a decision for the
	// destination which is Owed, and upTo: the last message looked at. The
	// work of one call may be bounded; upTo == after means nothing is there yet.
	Owed(ctx context.Context, dest model.DestinationID, after model.MessageRef, limit int) (msgs []*model.Message, upTo model.MessageRef, err error)
	// Message gives one message; fault.Absent when there is none.
	Message(ctx context.Context, ref model.MessageRef) (*model.Message, error)
	// Wait returns as soon as Head is after the ref.
	Wait(ctx context.Context, after model.MessageRef) error
	// Refs gives the messages that arrived in [from, until), of one device and
	// one channel where these are not empty, in ascending order. A zero until
	// means now. It holds nothing locked between two steps.
	Refs(ctx context.Context, from, until time.Time, device model.DeviceID, channel model.ChannelID) iter.Seq2[model.MessageRef, error]
}

// Backlog is implemented by a Record that can count what it owes.
type Backlog interface {
	// Backlog counts the messages after a ref that are owed to a destination.
	Backlog(ctx context.Context, dest model.DestinationID, after model.MessageRef) (int64, error)
}

// Raw gives the bytes of an entry, for destinations that want them.
type Raw interface {
	Read(seq model.Seq) (model.Entry, error)
}

// Options of a Deliver. Zero sizes mean the defaults.
type Options struct {
	Record Record
	Raw    Raw
	Store  Store
	Kinds  []destination.Kind
	Host   destination.Host
	// Part cuts one message out of an entry that holds several; nil: the
	// entry's bytes are given whole.
	Part func(e model.Entry, part int) []byte
	// Adopted says whether somebody took a device into use; nil: nobody did.
	// It is asked often and must not wait for anything.
	Adopted func(model.DeviceID) bool
	// Head gives the device that a device was merged into, itself where it was
	// not; nil: none ever was. What waited under its key then keeps its order
	// among what comes under the other's.
	Head func(model.DeviceID) model.DeviceID
	// Accepted says whether a device is accepted for use, as its channel asks
	// for it; nil: all are. It is asked often and must not wait for anything.
	Accepted func(model.ChannelID, model.DeviceID) bool
	// Blocked says whether a message of a device that arrived at an instant may
	// not leave; nil: none is blocked. It is asked often and must not wait.
	Blocked func(id model.DeviceID, arrived time.Time) bool
	// Freed says whether what was set aside of a device on a channel may go:
	// its block is over, somebody decided to send it, and the channel asks for
	// nothing more; nil: yes.
	Freed func(model.ChannelID, model.DeviceID) bool
	// Reread reads a recorded message's entry again and routes it, with what is
	// in force now; it is a message of its own that nobody changes, nil when
	// the entry does not hold it (its bytes are gone or damaged). An error is
	// tried again. Reread itself is nil where that cannot be asked for.
	Reread func(ctx context.Context, old *model.Message) (*model.Message, error)
	// Random gives numbers in [0, 1) for jitter; nil: math/rand/v2.
	Random func() float64

	WindowBytes    int           // messages a destination may hold in memory, estimated; default 24 MiB
	WindowMessages int           // the same, counted; default 4096
	LaneWindow     int           // messages of a parked key kept in memory; default 64
	Spread         int           // messages the cursor may lie behind the newest one read; default 65536
	Pending        int           // outcomes held until they are stored; default 8192
	Flush          time.Duration // an outcome is stored after this; default 50 ms
	Grace          time.Duration // calls under way get this when a destination changes or ends; default 5 s
}

func (o *Options) defaults() {
	set := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	set(&o.WindowBytes, 24<<20)
	set(&o.WindowMessages, 4096)
	set(&o.LaneWindow, 64)
	set(&o.Spread, 65536)
	set(&o.Pending, 8192)
	if o.Flush <= 0 {
		o.Flush = 50 * time.Millisecond
	}
	if o.Grace <= 0 {
		o.Grace = 5 * time.Second
	}
	if o.Adopted == nil {
		o.Adopted = func(model.DeviceID) bool { return false }
	}
	if o.Accepted == nil {
		o.Accepted = func(model.ChannelID, model.DeviceID) bool { return true }
	}
	if o.Blocked == nil {
		o.Blocked = func(model.DeviceID, time.Time) bool { return false }
	}
	if o.Freed == nil {
		o.Freed = func(model.ChannelID, model.DeviceID) bool { return true }
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Host.Log == nil {
		o.Host.Log = slog.New(slog.DiscardHandler)
	}
}

// Deliver runs the destinations. Its methods may be called at any time from
// any goroutine.
type Deliver struct {
	options Options
	kinds   map[string]destination.Kind

	applying sync.Mutex // one Apply or Close at a time
	// Corrections are told of one after the other, in their order.
	correcting sync.Mutex
	mu         sync.RWMutex
	runners    map[model.DestinationID]*runner
	closed     bool
}

// New makes a Deliver without destinations; nothing runs before Apply.
func New(o Options) *Deliver {
	o.defaults()
	d := &Deliver{options: o, kinds: map[string]destination.Kind{}, runners: map[model.DestinationID]*runner{}}
	for _, k := range o.Kinds {
		d.kinds[k.Name] = k
	}
	return d
}

// Apply makes the list the destinations in force: what is new starts, what is
// gone ends, what changed goes on from where it was, what is disabled pauses.
// Everything is checked first; with an error nothing has changed. What is owed
// to a destination that is gone stays in the store, in case it comes back.
//
// A destination that was never seen begins at the head of the record, so a
// long record need not be searched for what cannot be there. Apply must
// therefore come before routes that name it are in force, at start as well;
// Destinations gives the list to compile them with.
func (d *Deliver) Apply(ctx context.Context, list []model.Destination) error {
	d.applying.Lock()
	defer d.applying.Unlock()
	if d.closed {
		return fault.New(fault.Conflict, "deliver.closed", "the server is stopping; try again when it is up")
	}
	type change struct {
		want    model.Destination
		rules   rules
		made    destination.Destination // nil: the one that runs stays
		runner  *runner
		started *runner
	}
	var changes []change
	var faults []error
	wanted := map[model.DestinationID]bool{}
	for _, want := range list {
		place := "destination " + string(want.ID)
		if want.ID == "" || wanted[want.ID] {
			faults = append(faults, fault.New(fault.Invalid, "deliver.twice", "a destination needs an id of its own; rename it").At(place))
			continue
		}
		wanted[want.ID] = true
		kind, ok := d.kinds[want.Kind]
		if !ok {
			faults = append(faults, fault.New(fault.Invalid, "deliver.unknown-kind", "there is no kind of destination called %q; `thalamus destination kinds` lists them", want.Kind).At(place+": kind"))
			continue
		}
		c := change{want: want, runner: d.runner(want.ID)}
		var err error
		if c.rules, err = rulesOf(want, kind); err != nil {
			faults = append(faults, err)
			continue
		}
		if c.runner == nil || c.runner.made.Kind != want.Kind || !reflect.DeepEqual(c.runner.made.Settings, want.Settings) {
			if c.made, err = kind.New(want, d.options.Host); err != nil {
				faults = append(faults, fault.Wrap(err, fault.KindOf(err), fault.CodeOf(err), "the settings are refused").At(place))
				continue
			}
		}
		changes = append(changes, c)
	}
	undo := func() {
		for _, c := range changes {
			if c.made != nil {
				c.made.Close()
			}
		}
	}
	if len(faults) > 0 {
		undo()
		return errors.Join(faults...)
	}
	for i := range changes {
		c := &changes[i]
		if c.runner != nil {
			continue
		}
		standing, err := d.standing(ctx, c.want.ID)
		if err != nil {
			undo()
			return err
		}
		c.started = newRunner(&d.options, c.want, c.rules, c.made, standing)
	}
	// Nothing below can fail.
	var ended []*runner
	d.mu.Lock()
	for id, r := range d.runners {
		if !wanted[id] {
			ended = append(ended, r)
			delete(d.runners, id)
		}
	}
	for _, c := range changes {
		if c.started != nil {
			d.runners[c.want.ID] = c.started
		}
	}
	d.mu.Unlock()
	for _, c := range changes {
		switch {
		case c.started != nil:
			c.started.start()
		case c.made != nil:
			c.runner.made = c.want
			c.runner.do(func() { c.runner.replace(c.rules, c.made) })
		default:
			c.runner.do(func() { c.runner.setRules(c.rules) })
		}
	}
	stopAll(ctx, ended)
	return nil
}

// standing gives where a destination goes on; for a new one that is stored
// first.
func (d *Deliver) standing(ctx context.Context, id model.DestinationID) (Standing, error) {
	s, err := d.options.Store.Standing(ctx, id)
	if err != nil || s.Known {
		return s, err
	}
	s.Cursor = d.options.Record.Head()
	return s, d.options.Store.Commit(ctx, &Batch{Destination: id, Cursor: s.Cursor})
}

// Destinations are those in force, sorted.
func (d *Deliver) Destinations() []model.DestinationID {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.Sorted(maps.Keys(d.runners))
}

// Close stops all destinations: calls under way may finish while ctx and the
// grace last, then what is known is stored.
func (d *Deliver) Close(ctx context.Context) error {
	d.applying.Lock()
	defer d.applying.Unlock()
	d.mu.Lock()
	d.closed = true
	var all []*runner
	for id, r := range d.runners {
		all = append(all, r)
		delete(d.runners, id)
	}
	d.mu.Unlock()
	return stopAll(ctx, all)
}

func stopAll(ctx context.Context, all []*runner) error {
	var wg sync.WaitGroup
	errs := make([]error, len(all))
	for i, r := range all {
		wg.Go(func() { errs[i] = r.stop(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (d *Deliver) runner(id model.DestinationID) *runner {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.runners[id]
}

// deviceKey begins the key of messages that name no patient.
const deviceKey = "device/"

// KeyOf is what order is kept by: the patient, else the first device, else the
// channel. A message whose patient was corrected keeps the key it had at
// first, so that nothing said of one message overtakes what was said of it
// before, also where a destination is stuck.
func KeyOf(m *model.Message) string {
	if m.Amended != nil {
		if m.Amended.First != "" {
			return "patient/" + string(m.Amended.First)
		}
	} else if m.Patient != nil && m.Patient.ID != "" {
		return "patient/" + string(m.Patient.ID)
	}
	for i := range m.Devices {
		if m.Devices[i].ID != "" {
			return deviceKey + string(m.Devices[i].ID)
		}
	}
	return "channel/" + string(m.Channel)
}
