package record

import (
	"context"
	"time"

	"thalamus/internal/clock"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Devices finds or makes the device behind each Device of a message, sets
// Devices[i].ID and notes the sighting. It must give the same ids when asked
// again for the same message.
type Devices interface {
	Sight(ctx context.Context, m *model.Message) error
}

// Patients finds or makes the patient a message is about and sets Patient.ID;
// applies ADT events; and where a message names nobody but its bed or device
// has a patient through ADT, sets Patient with FromADT (R20). It is asked
// after Devices, and must give the same ids when asked again.
type Patients interface {
	Resolve(ctx context.Context, m *model.Message) error
}

// Router decides where a message goes.
type Router interface {
	Decide(m *model.Message) []model.Decision
}

// Entry is a journal entry after decode and normalise.
type Entry struct {
	Seq      model.Seq
	Digest   Digest // of the frame's bytes
	Messages []*model.Message
}

// Options of the stage.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Waiting is told each time the stage waits because the store or a
	// register cannot take the batch now (disk full, disk error), and with nil
	// when it goes on. It may be nil.
	Waiting func(err error)
	// Clock says what is done about the clock of a message's device: one of
	// the rules above. It may be nil: the default for all.
	Clock func(m *model.Message, device model.DeviceID) string
	// Names knows which ids stand for one device. It may be nil: each for its own.
	Names Names
	// Noticed is told once a message is recorded how many issues it got after
	// Devices had seen it: of clocks, patients and other paths. It may be nil.
	Noticed func(m *model.Message, issues int)
}

// Stage records entries.
type Stage struct {
	store    Store
	devices  Devices
	patients Patients
	router   Router
	o        Options
	clocks   clocks
	window   window
	lives    lives
	noticed  []noticed // in this try
}

// noticed are issues of a message that Devices did not see.
type noticed struct {
	m      *model.Message
	issues int
}

// New makes the stage.
func New(store Store, devices Devices, patients Patients, router Router, o Options) *Stage {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Waiting == nil {
		o.Waiting = func(error) {}
	}
	if o.Clock == nil {
		o.Clock = func(*model.Message, model.DeviceID) string { return ClockImpossible }
	}
	return &Stage{store: store, devices: devices, patients: patients, router: router, o: o}
}

// Cursor is the last journal entry that is recorded; reading goes on after it.
func (s *Stage) Cursor() model.Seq { return s.store.Cursor() }

// Record makes entries, in order of Seq, part of the record in one
// transaction. While the store or a register cannot take them for a passing
// reason it waits and tries again, so it returns nil, the end of ctx, or an
// error that waiting does not mend. The messages belong to the record
// afterwards.
func (s *Stage) Record(ctx context.Context, entries []Entry) error {
	pause := 50 * time.Millisecond
	waiting := false
	for {
		err := s.try(ctx, entries)
		if err == nil || fault.KindOf(err) != fault.Transient {
			if waiting && err == nil {
				s.o.Waiting(nil)
			}
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		waiting = true
		s.o.Waiting(err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// try makes one attempt. Entries that are in the record already, because an
// attempt before got so far, are left out.
func (s *Stage) try(ctx context.Context, entries []Entry) error {
	for cursor := s.store.Cursor(); len(entries) > 0 && entries[0].Seq <= cursor; {
		entries = entries[1:]
	}
	if len(entries) == 0 {
		return nil
	}
	if err := s.clocks.load(ctx, s.store); err != nil {
		return err
	}
	clear(s.clocks.changed) // of a try that failed
	s.noticed = s.noticed[:0]
	if err := s.window.load(ctx, s.store); err != nil {
		return err
	}
	s.window.loaded = false // until this try has succeeded
	s.lives.load(s.store)
	s.lives.batch.Drop()
	n := 0
	for i := range entries {
		n += len(entries[i].Messages)
	}
	b := Batch{
		Cursor:   entries[len(entries)-1].Seq,
		Messages: make([]*model.Message, 0, n),
		Prints:   make([]Print, 0, n),
	}
	for i := range entries {
		for _, m := range entries[i].Messages {
			clock.Restore(m) // after a try that failed
			clock.Forget(m)
			unlike(m)
			b.Messages = append(b.Messages, m)
			b.Prints = append(b.Prints, PrintOf(m, entries[i].Digest))
		}
	}
	first, err := s.firsts(ctx, b)
	if err != nil {
		return err
	}
	now := s.o.Now().UTC()
	for i, m := range b.Messages {
		m.Recorded = now
		if first[i] != (model.MessageRef{}) {
			repeat(m, first[i])
		}
		if first[i] != (model.MessageRef{}) || isBare(m) {
			s.window.begin(m)
		} else if err := s.place(ctx, m); err != nil {
			return err
		}
		s.window.end(m)
		s.lives.feed(m, s.o.Names)
	}
	if err := s.commit(ctx, b); err != nil {
		if ctx.Err() == nil && blames(err) {
			return s.around(ctx, entries, err)
		}
		return err
	}
	s.window.loaded = true
	s.clocks.settle()
	s.lives.batch.Settle()
	if s.o.Noticed != nil {
		for _, n := range s.noticed {
			s.o.Noticed(n.m, n.issues)
		}
	}
	clear(s.noticed)
	return nil
}

// firsts gives for each message of the batch the one it repeats, in the record
// or earlier in the batch.
func (s *Stage) firsts(ctx context.Context, b Batch) ([]model.MessageRef, error) {
	first, err := s.store.Seen(ctx, b.Prints)
	if err != nil {
		return nil, err
	}
	within := make(map[Print]model.MessageRef, len(b.Prints))
	for i, p := range b.Prints {
		if p == (Print{}) || first[i] != (model.MessageRef{}) {
			continue
		}
		if ref, ok := within[p]; ok {
			first[i] = ref
		} else {
			within[p] = b.Messages[i].Ref
		}
	}
	return first, nil
}

// repeat makes a message the note that it came again: what it says is kept
// once, in the first one, and so are its issues.
func repeat(m *model.Message, first model.MessageRef) {
	m.Duplicate = first
	m.Observations, m.Waveforms, m.Alerts, m.AlertLists, m.Issues, m.Event, m.Routed = nil, nil, nil, nil, nil, nil, nil
}
