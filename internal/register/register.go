package register

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/acceptance"
	"thalamus/internal/register/fact"
)

// Options of a register.
type Options struct {
	// MostUnknown is how many devices nobody adopted one channel may bring;
	// what comes after is counted under one overflow device, with an issue, so
	// that a sender which invents names cannot fill the disk. 0 means 10,000.
	MostUnknown int
}

// Register is the live register. Its methods may be called at any time from
// anywhere.
type Register struct {
	store Store
	most  int

	mu        sync.Mutex // never held while the store is asked to write
	units     map[model.DeviceID]*unit
	order     []*unit // by id
	byKey     map[string]*unit
	aliases   map[model.DeviceID]*unit          // merged into others; their keys are theirs
	fast      map[tuple]*unit                   // identity as sent, to unit; emptied when it grows too large
	beliefs   map[fact.Subject][]fact.Fact      // what people and other systems said, believed now; of devices that are here it is kept with them
	names     names                             // of facts
	origin    *origin                           // of the fact kept last
	accepts   map[string]*acceptance.Acceptance // by the id of device, release or model; never changed in place
	turned    atomic.Uint64                     // counts changes of accepts
	caring    caring                            // plans and what was done by them
	catalogue catalogue                         // by what devices are found
	kinship   kinship                           // how many devices of what there are
	surveys   surveying                         // what is kept of all devices
	contacts  contacts                          // the links of devices
	unknown   map[model.ChannelID]int           // devices nobody adopted, by the channel that brought them
	dirty     []*unit                           // heard since the last flush
	fresh     []*unit                           // new and not yet durable
	made      uint64                            // new units so far
	saved     atomic.Uint64                     // of them durable
	zoned     atomic.Int64                      // units with a zone of their own
	merges    atomic.Int64                      // aliases
	blocks    atomic.Int64                      // units with a block

	saving sync.Mutex // one writer of fresh units at a time
	flush  sync.Mutex // one flush at a time
}

// unit is a device in memory, guarded by Register.mu.
type unit struct {
	glance  glance // what every survey looks at comes first
	sought  sought
	dev     Device
	zone    *time.Location // of Asserted.Zone
	heard   bool           // in dirty
	changed bool           // its observed facts differ from what is stored
	changes []Change
	facts   []held // said of it and believed now
	line    *line  // over which it spoke last; nil: over one that tells nothing of itself
	filed   filed
	counted counted

	is               modelled
	isKnown          bool      // is holds
	key              [3]string // maker, model and release that the ids below stand for
	models, releases string
}

// fastLimit bounds the table of identities as sent.
const fastLimit = 1 << 16

// Open reads the register into memory.
func Open(ctx context.Context, store Store, o Options) (*Register, error) {
	if o.MostUnknown <= 0 {
		o.MostUnknown = 10_000
	}
	r := &Register{
		store: store, most: o.MostUnknown,
		units:     map[model.DeviceID]*unit{},
		byKey:     map[string]*unit{},
		aliases:   map[model.DeviceID]*unit{},
		fast:      map[tuple]*unit{},
		unknown:   map[model.ChannelID]int{},
		beliefs:   map[fact.Subject][]fact.Fact{},
		accepts:   map[string]*acceptance.Acceptance{},
		catalogue: newCatalogue(),
	}
	done, err := store.LastDone(ctx, "")
	if err != nil {
		return nil, err
	}
	r.caring = newCaring(done)
	devices, err := store.Devices(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		if u := r.add(d); d.Merged != nil {
			r.putAside(u, time.Time{})
		}
	}
	err = r.loadFacts(func(said func(*fact.Fact), changed func(fact.Subject, time.Time)) error {
		return store.Beliefs(ctx, said, changed)
	})
	if err != nil {
		return nil, err
	}
	accepted, err := store.Acceptances(ctx)
	if err != nil {
		return nil, err
	}
	for i := range accepted {
		r.accept(&accepted[i])
	}
	return r, nil
}

// add makes a unit of d and indexes it. Called with r.mu held or before use.
func (r *Register) add(d Device) *unit {
	u := r.index(d)
	r.place(u)
	return u
}

// index makes a unit of d that has no place in the order yet. Called with r.mu
// held or before use.
func (r *Register) index(d Device) *unit {
	u := &unit{dev: d}
	if subject := fact.Of(fact.OfDevice, string(d.ID)); len(r.beliefs) > 0 && r.beliefs[subject] != nil {
		u.say(r.holdAll(r.beliefs[subject]))
		delete(r.beliefs, subject)
	}
	u.noted()
	r.recall(u)
	r.touch(u, time.Time{})
	r.said(u)
	r.units[d.ID] = u
	for _, k := range d.Keys {
		if r.byKey[k] == nil {
			r.byKey[k] = u
		}
	}
	if d.Adoption == nil {
		r.unknown[d.Observed.Channel]++
	}
	if d.Block != nil {
		r.blocks.Add(1)
	}
	return u
}

// Sight sets the DeviceID of every device m names: the whole and its parts
// (MDS, VMD, channel) are one unit and have one id. A message with results
// that names no device gets its sending system added as one. It keeps when and
// how the units were heard. New units are durable when Sight returns nil; an
// error is fault.Transient: try the message again.
func (r *Register) Sight(ctx context.Context, m *model.Message) error {
	return r.SightAll(ctx, []*model.Message{m})
}

// SightAll is Sight for several messages in order, with one durable write.
func (r *Register) SightAll(ctx context.Context, ms []*model.Message) error {
	made := r.sightAll(ms)
	if r.saved.Load() >= made {
		return nil
	}
	return r.save(ctx, made)
}

// sightAll gives how many units were ever made; the lock goes whatever happens.
func (r *Register) sightAll(ms []*model.Message) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range ms {
		r.sight(m)
	}
	return r.made
}

// save makes the first made new units durable.
func (r *Register) save(ctx context.Context, made uint64) error {
	r.saving.Lock()
	defer r.saving.Unlock()
	if r.saved.Load() >= made {
		return nil
	}
	r.mu.Lock()
	made, fresh := r.made, r.fresh
	r.fresh = nil
	devices := make([]Device, len(fresh))
	var told []Change
	for i, u := range fresh {
		devices[i] = u.dev.copy()
		told = append(told, first(&devices[i])...)
	}
	r.mu.Unlock()
	if err := r.store.SaveDevices(ctx, devices, told); err != nil {
		r.mu.Lock()
		r.fresh = append(fresh, r.fresh...)
		r.mu.Unlock()
		return err
	}
	r.saved.Store(made)
	return nil
}

// Adopted says whether somebody took the device into use. It asks memory
// only: routing calls it for each message.
func (r *Register) Adopted(id model.DeviceID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.unit(id)
	return u != nil && u.dev.Adoption != nil
}

// Get gives a device, also by the id of one that was merged into it, or a
// fault.Absent.
func (r *Register) Get(id model.DeviceID) (Device, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.unit(id); u != nil {
		return u.dev.copy(), nil
	}
	return Device{}, absent(id)
}

func absent(id model.DeviceID) error {
	return fault.New(fault.Absent, "register.no-device", "there is no device %q; list the devices to see their ids", clip(string(id)))
}

// flushAtOnce is how many devices one transaction writes: when a whole house
// speaks at once, others get their turn in between.
const flushAtOnce = 1000

// Flush writes what was observed since the last flush.
func (r *Register) Flush(ctx context.Context) error {
	r.flush.Lock()
	defer r.flush.Unlock()
	r.mu.Lock()
	left := len(r.dirty)
	r.mu.Unlock()
	for ; left > 0; left -= flushAtOnce {
		if err := r.flushSome(ctx, min(left, flushAtOnce)); err != nil {
			return err
		}
	}
	return nil
}

// flushSome writes what was observed of the first devices of those heard.
func (r *Register) flushSome(ctx context.Context, most int) error {
	r.mu.Lock()
	made := r.made
	most = min(most, len(r.dirty))
	heard := slices.Clone(r.dirty[:most])
	if r.dirty = r.dirty[most:]; len(r.dirty) == 0 {
		r.dirty = nil
	}
	seen := make([]Device, 0, len(heard))
	var changed []Device
	var changes []Change
	for _, u := range heard {
		u.heard = false
		seen = append(seen, Device{ID: u.dev.ID, Seen: u.dev.Seen})
		if u.changed {
			changed = append(changed, u.dev.copy())
			changes = append(changes, u.changes...)
			u.changed, u.changes = false, nil
		}
	}
	r.mu.Unlock()
	if len(heard) == 0 {
		return nil
	}
	err := r.save(ctx, made)
	if err == nil && len(changed) > 0 {
		err = r.store.SaveDevices(ctx, changed, changes)
	}
	if err != nil {
		r.putBack(heard, changed, changes)
		return err
	}
	if err := r.store.SaveSightings(ctx, seen); err != nil {
		r.putBack(heard, nil, nil)
		return err
	}
	return nil
}

// putBack remembers what a failed flush could not write.
func (r *Register) putBack(heard []*unit, changed []Device, changes []Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range heard {
		r.hear(u)
	}
	for _, d := range changed {
		u := r.own(d.ID)
		u.changed = true
		var own []Change
		for _, c := range changes {
			if c.Device == d.ID {
				own = append(own, c)
			}
		}
		u.changes = append(own, u.changes...)
	}
}

// Run flushes once a second until ctx ends, then once more. Faults of single
// flushes go to report; what they concern is kept and tried again.
func (r *Register) Run(ctx context.Context, report func(error)) {
	// After a start everything is to be taken up: as much time is left to others,
	// because a page of devices asks the register several hundred times.
	r.takeUpAll(time.Now(), time.Sleep)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := r.Flush(last); err != nil {
				report(err)
			}
			return
		case <-tick.C:
			if err := r.Flush(ctx); err != nil && ctx.Err() == nil {
				report(err)
			}
		}
	}
}

// copy gives a device that shares nothing changeable with the register.
func (d Device) copy() Device {
	d.Observed.Identifiers = append([]model.Identifier(nil), d.Observed.Identifiers...)
	d.Keys = append([]string(nil), d.Keys...)
	if d.Adoption != nil {
		a := *d.Adoption
		d.Adoption = &a
	}
	if d.Merged != nil {
		m := *d.Merged
		d.Merged = &m
	}
	if d.Block != nil {
		b := *d.Block
		d.Block = &b
	}
	return d
}
