package patients

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Connection says that people connected a device to a patient for a time:
// with a scanner at the bed, or by hand (R20). What was said last counts.
type Connection struct {
	ID        int64           `json:"id"`
	Device    model.DeviceID  `json:"device"`
	Patient   model.PatientID `json:"patient"`
	Source    string          `json:"source"` // scan, hand
	From      time.Time       `json:"from"`
	Until     time.Time       `json:"until,omitzero"` // zero: it lasts
	Made      time.Time       `json:"made"`
	By        model.ActorID   `json:"by"`
	Reason    string          `json:"reason,omitempty"`
	Ended     time.Time       `json:"ended,omitzero"` // when somebody, or the next one, ended it
	EndedBy   model.ActorID   `json:"endedBy,omitempty"`
	EndReason string          `json:"endReason,omitempty"`
}

// Sources of a connection.
const (
	Scan = "scan"
	Hand = "hand"
)

// holds says whether a connection holds at t.
func (c *Connection) holds(t time.Time) bool {
	return !c.From.After(t) && (c.Until.IsZero() || c.Until.After(t))
}

// ConnectionQuery selects connections, the last made first; empty fields
// select all.
type ConnectionQuery struct {
	ID       int64
	Device   model.DeviceID
	Devices  []model.DeviceID // any of these
	Patients []model.PatientID
	Open     bool      // only those that last
	At       time.Time // only those that held then
	Before   int64     // only those with a lower id: the next page
	Limit    int       // 0 means 100, at most 1000
}

// Tx is what connecting needs of a transaction.
type Tx interface {
	// ConnectionsOf gives the last connections of a device, as made.
	ConnectionsOf(ctx context.Context, device model.DeviceID, limit int) ([]Connection, error)
	// Connection gives one, or a fault.Absent.
	Connection(ctx context.Context, id int64) (Connection, error)
	// AddConnection stores one and gives its id.
	AddConnection(ctx context.Context, c Connection) (int64, error)
	// EndConnection stores Until, Ended, EndedBy and EndReason.
	EndConnection(ctx context.Context, c Connection) error
	// AddReview keeps a review to be made.
	AddReview(ctx context.Context, r model.Review) error
	// OnCommit runs work after the commit, before any later transaction.
	OnCommit(work func())
}

// connectionMemory is how many connections of a device are looked at.
const connectionMemory = 256

// Connect connects a device to a patient from c.From on, until c.Until where
// that is set. One that lasts ends those of the device that last. To a patient
// who has the device already it gives the connection there is; made is false
// then. What was recorded since is reviewed.
func (p *Patients) Connect(ctx context.Context, tx Tx, c Connection) (done Connection, made bool, err error) {
	c.From, c.Until, c.Made = micro(c.From), micro(c.Until), micro(c.Made)
	switch {
	case c.From.After(c.Made.Add(futureAllowed)) || c.Until.After(c.Made.Add(futureAllowed)):
		return c, false, fault.New(fault.Invalid, "patients.future-connection", "a connection can not be told ahead; give a time that has passed, or none").At("from")
	case !c.Until.IsZero() && !c.Until.After(c.From):
		return c, false, fault.New(fault.Invalid, "patients.empty-span", "the span ends before it begins; correct one of the two times").At("until")
	}
	list, err := tx.ConnectionsOf(ctx, c.Device, connectionMemory)
	if err != nil {
		return c, false, err
	}
	if c.Until.IsZero() {
		for _, old := range list {
			if !old.Until.IsZero() {
				continue
			}
			one, err := p.same(ctx, old.Patient, c.Patient)
			if err != nil {
				return c, false, err
			}
			if one && !c.From.Before(old.From) {
				return old, false, nil
			}
			old.Until, old.Ended, old.EndedBy, old.EndReason = later(c.From, old.From), c.Made, c.By, "another patient was connected"
			if one {
				old.EndReason = "connected from an earlier time"
			}
			if err := tx.EndConnection(ctx, old); err != nil {
				return c, false, err
			}
		}
	}
	if c.ID, err = tx.AddConnection(ctx, c); err != nil {
		return c, false, err
	}
	cause := "a device was connected by scan"
	if c.Source == Hand {
		cause = "a device was connected by hand"
	}
	p.told(tx, c.Device)
	return c, true, tx.AddReview(ctx, model.Review{Device: c.Device, From: c.From, Until: c.Until, Cause: cause, Actor: c.By, Reason: c.Reason, Made: c.Made})
}

// End ends a connection at a time: at its beginning or before, it never was.
func (p *Patients) End(ctx context.Context, tx Tx, id int64, at, now time.Time, by model.ActorID, reason string) (Connection, error) {
	c, err := tx.Connection(ctx, id)
	if err != nil {
		return c, err
	}
	at, now = micro(at), micro(now)
	switch {
	case at.After(now.Add(futureAllowed)):
		return c, fault.New(fault.Invalid, "patients.future-connection", "the end lies ahead; give a time that has passed, or none").At("at")
	case !c.Until.IsZero() && at.After(c.Until):
		return c, fault.New(fault.Conflict, "patients.ended", "this connection ended before that; connect the device again").At("at")
	}
	was := c.Until
	c.Until, c.Ended, c.EndedBy, c.EndReason = later(at, c.From), now, by, reason
	if c.Until.Equal(was) {
		return c, nil
	}
	if err := tx.EndConnection(ctx, c); err != nil {
		return c, err
	}
	p.told(tx, c.Device)
	return c, tx.AddReview(ctx, model.Review{Device: c.Device, From: c.Until, Until: was, Cause: "a connection was ended", Actor: by, Reason: reason, Made: now})
}

// Reconsider has what was recorded of a device looked at again, because what
// is known of it changed, in the caller's transaction.
func (p *Patients) Reconsider(ctx context.Context, tx Tx, r model.Review) error {
	r.From, r.Until, r.Made = micro(r.From), micro(r.Until), micro(r.Made)
	p.told(tx, r.Device)
	return tx.AddReview(ctx, r)
}

// told forgets what memory knows of a device's connections once a transaction
// is through.
func (p *Patients) told(tx Tx, device model.DeviceID) {
	tx.OnCommit(func() {
		p.Forget(device)
		p.hurry()
	})
}

// Forget has the connections of a device read again.
func (p *Patients) Forget(device model.DeviceID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connections.drop(device)
	p.note(device)
}

// Connections gives connections, the last made first.
func (p *Patients) Connections(ctx context.Context, q ConnectionQuery) ([]Connection, error) {
	return p.store.Connections(ctx, q)
}

// same says whether two ids name one person.
func (p *Patients) same(ctx context.Context, a, b model.PatientID) (bool, error) {
	if a == b {
		return true, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	one, err := p.root(ctx, a)
	if err != nil || one == nil {
		return false, err
	}
	other, err := p.root(ctx, b)
	return other != nil && one.ID == other.ID, err
}

// connected gives the connection of a device at t, nil for none. Called with
// p.mu held.
func (p *Patients) connectedAt(ctx context.Context, device model.DeviceID, t time.Time) (*Connection, error) {
	if ever, err := p.everConnected(ctx, device); !ever {
		return nil, err
	}
	list, ok := p.connections.get(device)
	if !ok {
		var err error
		if list, err = p.store.ConnectionsOf(ctx, device, connectionMemory); err != nil {
			return nil, err
		}
		p.connections.put(device, list)
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].holds(t) {
			return &list[i], nil
		}
	}
	return nil, nil
}

func micro(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
