package patients

import (
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/model"
)

// Whose a message is follows from the message and from what is known of its
// time, never from the order in which the two came (R20, decision 0092):
//
//  1. a patient whom the message names by a number;
//  2. a connection that people made between device and patient, the last one
//     made where several hold: by hand or by scan;
//  3. who lies in the bed by the patient administration.
//
// Where the message came within the very second or minute that its time names, its
// own time and that of its arrival must not lead to two patients; where it came
// late, both must lead to one. Where two sources disagree the first one counts, and an
// issue tells. What nobody can tell stays with the device.

// answer is whose a message without a named patient is.
type answer struct {
	one    *Patient // nil: nobody's
	by     string   // adt, scan, hand
	place  model.Place
	issues []model.Issue
}

// Attribute gives the patient of a recorded message by what is known now, nil
// for nobody. It changes nothing.
func (p *Patients) Attribute(ctx context.Context, m *model.Message) (*model.Patient, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.Patient.Named() || m.Event != nil {
		return m.Patient, nil
	}
	a, err := p.attribute(ctx, m)
	if err != nil || a.one == nil {
		return nil, err
	}
	return a.patient(m), nil
}

// SamePerson says whether two patients are one, after merges; nobody is nobody.
func (p *Patients) SamePerson(ctx context.Context, a, b *model.Patient) (bool, error) {
	if a == nil || b == nil || a.ID == "" || b.ID == "" {
		return (a == nil || a.ID == "") && (b == nil || b.ID == ""), nil
	}
	return p.same(ctx, a.ID, b.ID)
}

// patient is the answer as a message has it.
func (a *answer) patient(m *model.Message) *model.Patient {
	who := a.one.Patient
	who.Identifiers = slices.Clone(who.Identifiers)
	if said := saidFamily(m); said != "" {
		who.Said = true
		if who.Family == "" {
			who.Family = said
		}
	}
	who.FromADT, who.FoundBy = a.by == "adt", ""
	if a.by != "adt" {
		who.FoundBy = a.by
	}
	return &who
}

// saidFamily is the family name that a message gives which names nobody by a
// number.
func saidFamily(m *model.Message) string {
	if m.Patient == nil || m.Patient.ID != "" && !m.Patient.Said {
		return ""
	}
	return m.Patient.Family
}

// attribute says whose a message is that names nobody. Called with p.mu held.
func (p *Patients) attribute(ctx context.Context, m *model.Message) (answer, error) {
	t := measured(m)
	bed, err := p.inBed(ctx, m, t)
	if err != nil {
		return answer{}, err
	}
	a, told, err := p.onDevice(ctx, m, t)
	switch {
	case err != nil:
		return a, err
	case !told:
		a = bed
	case a.one != nil && bed.one != nil && a.one.ID != bed.one.ID:
		a.issues = append(a.issues, model.Issue{
			Code: "patients.scan-differs", Severity: model.Warning, Field: "PV1-3",
			Text: "the device is connected to another patient than the one who is in its bed by the patient administration; the connection counts",
			Hint: "check at the bed whom the device is on, and end the connection or correct the bed",
		})
	}
	if said := saidFamily(m); a.one != nil && said != "" && a.one.Family != "" && !strings.EqualFold(said, a.one.Family) {
		return answer{issues: append(a.issues, differs)}, nil
	}
	return a, nil
}

// onDevice gives who is connected to all devices of a message; told is false
// where nobody said anything about them.
func (p *Patients) onDevice(ctx context.Context, m *model.Message, t time.Time) (a answer, told bool, err error) {
	times := [2]time.Time{t, t}
	late := late(m, t)
	if late || inside(m, t) {
		times[1] = m.Arrived
	}
	whole, with := 0, 0
	unsure := false
	for i := range m.Devices {
		d := &m.Devices[i]
		if d.Parent >= 0 || d.ID == "" {
			continue
		}
		whole++
		var ids [2]model.PatientID
		for k, at := range times {
			c, err := p.connectedAt(ctx, d.ID, at)
			if err != nil {
				return a, false, err
			}
			if c == nil {
				continue
			}
			one, err := p.root(ctx, c.Patient)
			if err != nil {
				return a, false, err
			}
			if one == nil {
				continue
			}
			if ids[k] = one.ID; a.one == nil {
				a.one, a.by, a.place = one, c.Source, d.Place
			}
			unsure = unsure || a.one.ID != one.ID
		}
		unsure = unsure || late && ids[0] != ids[1]
		if ids[0] != "" || ids[1] != "" {
			with++
		}
	}
	if a.one == nil {
		return a, false, nil
	}
	if unsure || with != whole {
		return answer{issues: []model.Issue{{
			Code: "patients.scan-unsure", Severity: model.Warning,
			Text: "devices of this message were connected to a patient, but whose its values are cannot be told: they were connected to several, or the connection changed between the device's time and the arrival",
			Hint: "check the device's clock; attach the values by hand to the patient they belong to",
		}}}, true, nil
	}
	return a, true, nil
}

// late says that a message came so long after its own time that nobody can
// tell whether it was held back or the device's clock is behind.
func late(m *model.Message, t time.Time) bool {
	return !m.Arrived.IsZero() && m.Arrived.Sub(t) > lateAllowed
}

// inside says that a message arrived in the very second or minute that its own
// time names, so that it may have been measured up to its arrival.
func inside(m *model.Message, t time.Time) bool {
	width := time.Duration(0)
	switch m.DeviceTime.Precision {
	case "second":
		width = time.Second
	case "minute":
		width = time.Minute
	}
	return m.Arrived.After(t) && m.Arrived.Sub(t) < width
}

// inBed gives who lies in the bed that a message names.
func (p *Patients) inBed(ctx context.Context, m *model.Message, t time.Time) (a answer, err error) {
	place := placeOf(m)
	spans, err := p.bedAt(ctx, place)
	if err != nil || len(spans) == 0 {
		return a, err
	}
	found, unsure := occupant(spans, place, t)
	if late(m, t) {
		now, alsoUnsure := occupant(spans, place, m.Arrived)
		unsure = unsure || alsoUnsure || (now == nil) != (found == nil) || now != nil && now.Patient != found.Patient
	} else if inside(m, t) {
		now, alsoUnsure := occupant(spans, place, m.Arrived)
		switch {
		case now == nil || alsoUnsure:
		case found == nil:
			found = now
		case now.Patient != found.Patient:
			before, err := p.root(ctx, found.Patient)
			if err != nil {
				return a, err
			}
			after, err := p.root(ctx, now.Patient)
			if err != nil {
				return a, err
			}
			unsure = unsure || before == nil || after == nil || before.ID != after.ID
		}
	}
	if unsure {
		a.issues = []model.Issue{{
			Code: "patients.bed-unsure", Severity: model.Warning, Field: "PV1-3",
			Text: "the message names a bed, but whose it was cannot be told: the bed changed hands between the device's time and the arrival, or several facilities have it",
			Hint: "check the device's clock, and let it send the facility in PV1-3.4; the values are kept under the device",
		}}
		return a, nil
	}
	if found == nil {
		return a, nil
	}
	a.one, err = p.root(ctx, found.Patient)
	a.by, a.place = "adt", found.Place
	return a, err
}

// unnamed gives a message that names nobody its patient, and notes which
// device was heard in which bed. Called with p.mu held.
func (p *Patients) unnamed(ctx context.Context, m *model.Message) error {
	p.hear(m)
	a, err := p.attribute(ctx, m)
	if err != nil {
		return err
	}
	for _, one := range a.issues {
		issue(m, one)
	}
	if a.one == nil {
		return nil
	}
	m.Patient = a.patient(m)
	if m.Visit == nil && a.place != (model.Place{}) {
		m.Visit = &model.Visit{Place: a.place}
	}
	if m.Visit != nil && m.Visit.Class == "" {
		m.Visit.Class = a.one.Class
	}
	return nil
}

// Heard says that a device without a patient of its own was heard in a bed:
// what is known of the bed concerns it.
type Heard struct {
	Bed    string
	Device model.DeviceID
}

func (p *Patients) hear(m *model.Message) {
	place := placeOf(m)
	if place.Bed == "" {
		return
	}
	key := p.keyOf(place)
	if key == "" {
		return
	}
	for i := range m.Devices {
		d := &m.Devices[i]
		if d.Parent >= 0 || d.ID == "" {
			continue
		}
		h := Heard{key, d.ID}
		if _, ok := p.heard.get(h); ok {
			continue
		}
		p.heard.put(h, struct{}{})
		p.pending.Heard = append(p.pending.Heard, h)
		p.made++
	}
}
