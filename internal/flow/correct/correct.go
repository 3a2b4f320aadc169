// Package correct sets right whose the recorded messages are, when what is
// known of a device or bed changed after they were recorded: an admission that
// came late, a wristband scanned after the first values, values attached by
// hand (R20, decision 0093).
//
// Whoever changes what is known asks for a review of that device or bed and
// that span, in the same transaction. A review looks at the messages recorded
// in the span, asks whose each is by what is known now, and gives those that
// have another patient a new version; what was recorded stays. Destinations
// are then told, exactly once and in the order of the corrections. Reviews,
// corrections and what was told are durable and repeat without effect, so a
// crash at any moment only makes some of it happen again.
package correct

import (
	"context"
	"iter"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Store keeps reviews and corrections.
type Store interface {
	// Reviews gives the oldest reviews to be made.
	Reviews(ctx context.Context, limit int) ([]model.Review, error)
	// EndReview takes a review off the list.
	EndReview(ctx context.Context, id uint64) error
	// BedDevices gives the devices that were heard in a bed.
	BedDevices(ctx context.Context, bed string) ([]model.DeviceID, error)
	// Amended gives the versions of a message, the last one first.
	Amended(ctx context.Context, ref model.MessageRef) ([]model.Amended, error)
	// AddCorrection stores a correction with its messages and gives its number.
	AddCorrection(ctx context.Context, c model.Correction, rows []model.Amended) (uint64, error)
	// Untold gives the oldest correction that was not told of, with its
	// messages; 0 when there is none.
	Untold(ctx context.Context) (uint64, []model.Amended, error)
	// Told notes that a correction was told of.
	Told(ctx context.Context, id uint64) error
}

// Record is the record as it was written.
type Record interface {
	Cursor() model.Seq
	Message(ctx context.Context, ref model.MessageRef) (*model.Message, error)
	// Refs gives the messages of a device that arrived in [from, until), oldest
	// first.
	Refs(ctx context.Context, from, until time.Time, device model.DeviceID) iter.Seq2[model.MessageRef, error]
}

// Patients knows whose a message is.
type Patients interface {
	Attribute(ctx context.Context, m *model.Message) (*model.Patient, error)
	SamePerson(ctx context.Context, a, b *model.Patient) (bool, error)
	// Forget has what is known of a device read again.
	Forget(device model.DeviceID)
}

// Options of a corrector.
type Options struct {
	Store    Store
	Record   Record
	Patients Patients
	Head     func() model.Seq // the last entry of the journal
	// Tell tells the destinations of a correction; again with the same number
	// it does nothing.
	Tell func(ctx context.Context, c model.Correction, messages []*model.Message) error
	// Version gives a message by a version; was is the patient of the one
	// before.
	Version func(m *model.Message, a *model.Amended, was *model.Patient) *model.Message
	// DeviceOf gives the device whose values a message holds.
	DeviceOf func(m *model.Message) model.DeviceID
	Now      func() time.Time // nil: time.Now
	Report   func(error)      // of what is tried again
}

// Corrector makes reviews, one after the other.
type Corrector struct{ o Options }

// New makes a corrector.
func New(o Options) *Corrector {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Corrector{o}
}

const (
	chunk = 256 // messages of one correction
	// heldBack is how long after its span a message may have come and be
	// looked at: devices that lost their link send later.
	heldBack = 24 * time.Hour
	retry    = 5 * time.Second
)

// Run works whenever wake is readable, and at once for what was left, until
// ctx ends. What fails is reported and tried again.
func (c *Corrector) Run(ctx context.Context, wake <-chan struct{}) {
	for ctx.Err() == nil {
		var again <-chan time.Time
		if err := c.All(ctx); err != nil && ctx.Err() == nil {
			c.o.Report(err)
			again = time.After(retry)
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-again:
		}
	}
}

// All makes all reviews there are, and tells of all corrections.
func (c *Corrector) All(ctx context.Context) error {
	for {
		if err := c.tell(ctx); err != nil {
			return err
		}
		list, err := c.o.Store.Reviews(ctx, 64)
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			if err := c.review(ctx, &list[i]); err != nil {
				return err
			}
		}
	}
}

// review looks at what was recorded of a device or bed in a span.
func (c *Corrector) review(ctx context.Context, r *model.Review) error {
	devices := []model.DeviceID{r.Device}
	if r.Device == "" {
		var err error
		if devices, err = c.o.Store.BedDevices(ctx, r.Bed); err != nil {
			return err
		}
	}
	for _, d := range devices {
		c.o.Patients.Forget(d)
	}
	// What arrives from now on is recorded by what is known now; what arrived
	// before may have been looked at before the change, and is recorded first.
	head := c.o.Head()
	for c.o.Record.Cursor() < head {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	until := r.Until
	if !until.IsZero() {
		until = until.Add(heldBack)
	}
	for _, d := range devices {
		if err := c.device(ctx, r, d, until, head); err != nil {
			return err
		}
	}
	return c.o.Store.EndReview(ctx, r.ID)
}

func (c *Corrector) device(ctx context.Context, r *model.Review, device model.DeviceID, until time.Time, head model.Seq) error {
	var rows []model.Amended
	for ref, err := range c.o.Record.Refs(ctx, r.From, until, device) {
		if err != nil {
			return err
		}
		if ref.Seq > head {
			break
		}
		a, err := c.look(ctx, ref)
		if err != nil {
			return err
		}
		if a == nil {
			continue
		}
		if rows = append(rows, *a); len(rows) == chunk {
			if err := c.correct(ctx, r, rows); err != nil {
				return err
			}
			rows = nil
		}
	}
	return c.correct(ctx, r, rows)
}

// look gives the next version of a message that has another patient by what is
// known now, nil for one that is right.
func (c *Corrector) look(ctx context.Context, ref model.MessageRef) (*model.Amended, error) {
	m, err := c.o.Record.Message(ctx, ref)
	if err != nil || m.Patient.Named() || m.Event != nil || m.Duplicate != (model.MessageRef{}) {
		if fault.KindOf(err) == fault.Absent {
			err = nil // the day went
		}
		return nil, err
	}
	versions, err := c.o.Store.Amended(ctx, ref)
	if err != nil {
		return nil, err
	}
	now := m.Patient
	if len(versions) > 0 {
		now = versions[0].Patient
	}
	right, err := c.o.Patients.Attribute(ctx, m)
	if err != nil {
		return nil, err
	}
	same, err := c.o.Patients.SamePerson(ctx, now, right)
	if err != nil || same {
		return nil, err
	}
	return &model.Amended{Ref: ref, Device: c.o.DeviceOf(m), First: idOf(m.Patient), Was: idOf(now), Version: len(versions) + 1, Patient: right}, nil
}

func idOf(p *model.Patient) model.PatientID {
	if p == nil {
		return ""
	}
	return p.ID
}

// correct stores new versions and tells of them.
func (c *Corrector) correct(ctx context.Context, r *model.Review, rows []model.Amended) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := c.o.Store.AddCorrection(ctx, model.Correction{Cause: r.Cause, Actor: r.Actor, Reason: r.Reason, At: c.o.Now().UTC()}, rows); err != nil {
		return err
	}
	return c.tell(ctx)
}

// tell tells destinations of what they were not told of, in order.
func (c *Corrector) tell(ctx context.Context) error {
	for {
		id, rows, err := c.o.Store.Untold(ctx)
		if err != nil || id == 0 {
			return err
		}
		messages := make([]*model.Message, 0, len(rows))
		for i := range rows {
			a := &rows[i]
			m, err := c.o.Record.Message(ctx, a.Ref)
			if fault.KindOf(err) == fault.Absent && err != nil {
				continue
			}
			if err != nil {
				return err
			}
			was, err := c.before(ctx, m, a)
			if err != nil {
				return err
			}
			messages = append(messages, c.o.Version(m, a, was))
		}
		if len(messages) > 0 {
			if err := c.o.Tell(ctx, rows[0].Correction, messages); err != nil {
				return err
			}
		}
		if err := c.o.Store.Told(ctx, id); err != nil {
			return err
		}
	}
}

// before gives the patient of the version before.
func (c *Corrector) before(ctx context.Context, m *model.Message, a *model.Amended) (*model.Patient, error) {
	if a.Version == 1 {
		return m.Patient, nil
	}
	versions, err := c.o.Store.Amended(ctx, a.Ref)
	if err != nil {
		return nil, err
	}
	for i := range versions {
		if versions[i].Version == a.Version-1 {
			return versions[i].Patient, nil
		}
	}
	return m.Patient, nil
}
