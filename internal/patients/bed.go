package patients

import (
	"context"
	"time"

	"thalamus/internal/model"
)

// lateAllowed is how old a message may be for its own time alone to say whose
// it is. An older one may come from a buffer or from a device whose clock is
// behind; nobody can tell, so it gets a patient only where both times agree.
const lateAllowed = 2 * time.Minute

// placeOf gives the bed a message names: PV1-3, else the place of its devices
// where all that have one agree.
func placeOf(m *model.Message) (place model.Place) {
	if m.Visit != nil && m.Visit.Place.Bed != "" {
		return m.Visit.Place
	}
	for i := range m.Devices {
		d := &m.Devices[i]
		if d.Place.Bed == "" {
			continue
		}
		if place.Bed != "" && d.Place != place {
			return model.Place{}
		}
		place = d.Place
	}
	return place
}

// bedAt gives the spans of the bed at a place, none where it names no bed.
func (p *Patients) bedAt(ctx context.Context, place model.Place) ([]Span, error) {
	if place.Bed == "" {
		return nil, nil
	}
	key := p.keyOf(place)
	if key == "" {
		return nil, nil
	}
	return p.bed(ctx, key)
}

// keyOf gives the key of a place's bed.
func (p *Patients) keyOf(place model.Place) string {
	key, ok := p.places.get(place)
	if !ok {
		key = bedKey(place)
		p.places.put(place, key)
	}
	return key
}

// measured gives when a message's values were taken: the device's time, but
// never after the arrival.
func measured(m *model.Message) time.Time {
	t := m.DeviceTime.UTC
	if t.IsZero() || !m.Arrived.IsZero() && t.After(m.Arrived) {
		return m.Arrived
	}
	return t
}

// differs tells of a bed that is another's than the message says.
var differs = model.Issue{
	Code: "patients.bed-differs", Severity: model.Warning, Field: "PV1-3",
	Text: "the message names another patient than the one who is in this bed by the patient administration",
	Hint: "check whether the device still has the patient before, or whether a transfer was not told; what the message says counts",
}

// connected is which patient a device has.
type connected struct {
	span    Span
	known   bool // span holds
	since   time.Time
	changes int
	shared  bool // serves many patients at once, as a central station does
}

// A device that changes its patient more often than sharedChanges times within
// sharedSpan serves several at once; it has no association until it has been
// calm for sharedCalm.
const (
	sharedChanges = 6
	sharedSpan    = time.Minute
	sharedCalm    = time.Hour
)

// beside notes which devices a named patient has, and tells of a bed that is
// another's. Called with p.mu held.
func (p *Patients) beside(ctx context.Context, m *model.Message, id model.PatientID) error {
	t := measured(m)
	place := placeOf(m)
	spans, err := p.bedAt(ctx, place)
	if err != nil {
		return err
	}
	if len(spans) > 0 {
		if found, unsure := occupant(spans, place, t); found != nil && !unsure && found.Patient != id {
			one, err := p.root(ctx, found.Patient)
			if err != nil {
				return err
			}
			if one != nil && one.ID != id {
				issue(m, differs)
			}
		}
	}
	for i := range m.Devices {
		d := &m.Devices[i]
		if d.Parent >= 0 || d.ID == "" {
			continue
		}
		c, err := p.connectedAt(ctx, d.ID, t)
		if err != nil {
			return err
		}
		if c == nil || c.Patient == id {
			continue
		}
		if one, err := p.root(ctx, c.Patient); err != nil {
			return err
		} else if one != nil && one.ID != id {
			issue(m, model.Issue{
				Code: "patients.scan-differs", Severity: model.Warning, Field: "PID-3",
				Text: "the message names another patient than the one its device was connected to; what the message says counts, and nothing of it goes to the other",
				Hint: "check at the bed whom the device is on; admit the right patient at the device, or end the connection",
			})
		}
	}
	named := false
	for i := range m.Devices {
		d := &m.Devices[i]
		named = named || len(d.Identifiers) > 0 || d.Serial != "" || d.UDI != ""
	}
	if !named {
		return nil // only the sending system is known
	}
	for i := range m.Devices {
		if d := &m.Devices[i]; d.Parent < 0 && d.ID != "" {
			if err := p.connect(ctx, d, id, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// connect notes that a device had a patient at t.
func (p *Patients) connect(ctx context.Context, d *model.Device, id model.PatientID, t time.Time) error {
	c, ok := p.devices.get(d.ID)
	if !ok {
		c = &connected{}
		var err error
		if c.span, c.known, err = p.store.DeviceSpan(ctx, d.ID); err != nil {
			return err
		}
		p.devices.put(d.ID, c)
	}
	t = t.UTC().Truncate(time.Microsecond)
	if c.known && (c.span.Patient == id || t.Before(c.span.From)) {
		return nil
	}
	if c.known {
		if one, err := p.root(ctx, c.span.Patient); err != nil || one != nil && one.ID == id {
			return err
		}
	}
	calm := sharedSpan
	if c.shared {
		calm = sharedCalm
	}
	if t.Sub(c.since) > calm {
		c.since, c.changes, c.shared = t, 0, false
	}
	if c.changes++; c.changes > sharedChanges {
		c.shared = true
	}
	if c.shared {
		c.since = t
		return nil
	}
	c.span = Span{Association: model.Association{Device: d.ID, Place: d.Place, Patient: id, Source: "message", From: t}}
	c.known = true
	p.note(d.ID)
	p.pending.Devices = append(p.pending.Devices, c.span)
	p.made++
	return nil
}
