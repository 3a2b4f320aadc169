package patients

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Options of the room.
type Options struct {
	// Authority is the assigning authority of numbers sent without one; empty
	// keeps them apart from all others.
	Authority string
	// Remembered is how many patients, beds and devices each are kept in
	// memory; beyond twice as many the store is asked again. 0 means 20,000.
	Remembered int
}

// Patients is the live room. Its methods may be called at any time from
// anywhere; messages of one channel must be resolved in order.
type Patients struct {
	store  Store
	secret []byte

	mu        sync.Mutex // never held while the store is asked to write
	authority string
	people    recent[model.PatientID, *Patient] // a *Patient is never changed, only replaced
	byKey     recent[string, model.PatientID]   // identity key, to the record that holds it
	fast      recent[tuple, sure]               // identifiers as sent, to the person
	stays     recent[model.PatientID, *stay]    // by the person's record
	beds      recent[string, []Span]            // the last spans of a bed, by From
	places    recent[model.Place, string]       // place as sent, to its bed key
	devices   recent[model.DeviceID, *connected]
	pending   Batch
	// connections people made, as made; the last holds.
	connections recent[model.DeviceID, []Connection]
	ever        map[model.DeviceID]struct{} // devices that ever had a connection or an association; nil: not read yet
	heard       recent[Heard, struct{}]     // which device was heard in which bed, stored already
	wake        chan struct{}               // something is to be reviewed
	made        uint64                      // changes so far
	saved       atomic.Uint64               // of them durable

	saving sync.Mutex // one writer at a time
}

// tuple is how a message names a patient, as sent.
type tuple struct {
	n          int
	v0, s0, t0 string
	v1, s1, t1 string
	v2, s2, t2 string
}

type sure struct{ id model.PatientID }

// secretName is the name of the key that PatientIDs are made with.
const secretName = "patients"

// Open prepares the room; it reads nothing but its key.
func Open(ctx context.Context, store Store, o Options) (*Patients, error) {
	secret, err := store.Secret(ctx, secretName, func() ([]byte, error) {
		b := make([]byte, 32)
		if _, err := rand.Read(b); err != nil {
			return nil, fault.Wrap(err, fault.Broken, "access.random", "the system gives no random numbers")
		}
		return b, nil
	})
	if err != nil {
		return nil, err
	}
	n := o.Remembered
	if n <= 0 {
		n = 20_000
	}
	return &Patients{
		store: store, secret: secret, authority: o.Authority,
		people:      newRecent[model.PatientID, *Patient](n),
		byKey:       newRecent[string, model.PatientID](2 * n),
		fast:        newRecent[tuple, sure](n),
		stays:       newRecent[model.PatientID, *stay](n),
		beds:        newRecent[string, []Span](n),
		places:      newRecent[model.Place, string](n),
		devices:     newRecent[model.DeviceID, *connected](n),
		connections: newRecent[model.DeviceID, []Connection](n),
		heard:       newRecent[Heard, struct{}](n),
		wake:        make(chan struct{}, 1),
	}, nil
}

// Resolve says who a message is about and sets Patient.ID; applies what an ADT
// message tells; and gives a message that names no patient, but a bed, the
// patient whom people connected to its device, with FoundBy, or who lay in its
// bed, with FromADT. What it changed is durable when it
// returns nil. An error is fault.Transient: try the message again, which gives
// the same. What does not fit becomes an issue of the message.
func (p *Patients) Resolve(ctx context.Context, m *model.Message) error {
	p.mu.Lock()
	if p.saved.Load() == p.made {
		p.rotate()
	}
	err := p.resolve(ctx, m)
	made := p.made
	p.mu.Unlock()
	if err != nil {
		return err
	}
	if p.saved.Load() >= made {
		return nil
	}
	return p.save(ctx, made)
}

func (p *Patients) rotate() {
	p.people.rotate()
	p.byKey.rotate()
	p.fast.rotate()
	p.stays.rotate()
	p.beds.rotate()
	p.places.rotate()
	p.devices.rotate()
	p.connections.rotate()
	p.heard.rotate()
}

// Wake is readable when recorded messages are to be reviewed.
func (p *Patients) Wake() <-chan struct{} { return p.wake }

func (p *Patients) hurry() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// save makes the first made changes durable.
func (p *Patients) save(ctx context.Context, made uint64) error {
	p.saving.Lock()
	defer p.saving.Unlock()
	if p.saved.Load() >= made {
		return nil
	}
	p.mu.Lock()
	batch := p.pending
	made = p.made
	p.pending = Batch{}
	p.mu.Unlock()
	if err := p.store.SavePatients(ctx, batch); err != nil {
		p.mu.Lock()
		p.pending.Patients = append(batch.Patients, p.pending.Patients...)
		p.pending.Movements = append(batch.Movements, p.pending.Movements...)
		p.pending.Stays = append(batch.Stays, p.pending.Stays...)
		p.pending.Devices = append(batch.Devices, p.pending.Devices...)
		p.pending.Heard = append(batch.Heard, p.pending.Heard...)
		p.pending.Reviews = append(batch.Reviews, p.pending.Reviews...)
		p.mu.Unlock()
		return err
	}
	p.saved.Store(made)
	if len(batch.Reviews) > 0 {
		p.hurry()
	}
	return nil
}

// Flush writes what a fault of the store kept from being written.
func (p *Patients) Flush(ctx context.Context) error {
	p.mu.Lock()
	made := p.made
	p.mu.Unlock()
	return p.save(ctx, made)
}

// Run flushes once a second until ctx ends, so that what a full disk kept back
// is written as soon as there is room.
func (p *Patients) Run(ctx context.Context, report func(error)) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := p.Flush(ctx); err != nil && ctx.Err() == nil {
				report(err)
			}
		}
	}
}

// resolve does the work of Resolve in memory. Called with p.mu held.
func (p *Patients) resolve(ctx context.Context, m *model.Message) error {
	if m.Patient != nil && (m.Patient.FromADT || m.Patient.FoundBy != "") {
		// Resolved before: a fault came after.
		family := saidFamily(m)
		if m.Patient = nil; family != "" {
			m.Patient = &model.Patient{Family: family}
		}
	}
	var id model.PatientID
	if m.Patient != nil {
		person, err := p.who(ctx, m)
		if err != nil {
			return err
		}
		if person != nil {
			id = person.ID
			m.Patient.ID = id
		}
	}
	switch {
	case m.Event != nil:
		return p.event(ctx, m, id)
	case id == "":
		return p.unnamed(ctx, m)
	}
	return p.beside(ctx, m, id)
}

// person gives a record, nil when there is none.
func (p *Patients) person(ctx context.Context, id model.PatientID) (*Patient, error) {
	if one, ok := p.people.get(id); ok {
		return one, nil
	}
	one, ok, err := p.store.Patient(ctx, id)
	if err != nil || !ok {
		return nil, err
	}
	p.people.put(id, &one)
	return &one, nil
}

// root gives the record that id goes on in after merges.
func (p *Patients) root(ctx context.Context, id model.PatientID) (*Patient, error) {
	one, err := p.person(ctx, id)
	for err == nil && one != nil && one.MergedInto != "" {
		one, err = p.person(ctx, one.MergedInto)
	}
	return one, err
}

// keep replaces a record in memory and in the next batch.
func (p *Patients) keep(one Patient) *Patient {
	p.people.put(one.ID, &one)
	p.pending.Patients = append(p.pending.Patients, one)
	p.made++
	return &one
}

// issue adds an issue once, even when the message is resolved again.
func issue(m *model.Message, one model.Issue) {
	for i := range m.Issues {
		if m.Issues[i] == one {
			return
		}
	}
	m.Issues = append(m.Issues, one)
}
