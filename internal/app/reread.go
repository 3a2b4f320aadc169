package app

import (
	"context"
	"reflect"

	"thalamus/internal/clock"
	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// reread reads a recorded message's entry again, as the way would today, and
// decides anew who gets it. Who it is about is what the first reading found, as
// long as the new one names the same identifiers: reading again observes
// nothing of devices and moves no patient. It gives nil when the entry does not
// hold the message any more.
func (a *App) reread(ctx context.Context, old *model.Message) (*model.Message, error) {
	e, err := a.journal.Read(old.Ref.Seq)
	switch {
	case err != nil && fault.KindOf(err) == fault.Transient:
		return nil, err
	case err != nil || e.Redacted: // dropped by retention, or damaged: reported where it was found
		return nil, nil
	}
	messages := a.routing.again(e)
	if old.Ref.Part >= len(messages) {
		return nil, nil
	}
	m := &messages[old.Ref.Part]
	m.Recorded, m.Duplicate = old.Recorded, old.Duplicate
	a.sameDevices(m, old)
	clock.Keep(m, old)
	record.KeepAlerts(m, old)
	record.KeepSame(m, old)
	if err := a.samePatient(ctx, m, old); err != nil {
		return nil, err
	}
	m.Routed = a.routing.Decide(m)
	return m, nil
}

// sameDevices gives the devices of a message the ids of the first reading, or
// those the register knows them by.
func (a *App) sameDevices(m, old *model.Message) {
	if len(m.Devices) == 0 {
		m.Devices = old.Devices // the sending system, which the register added
		return
	}
	for i := range m.Devices {
		d := &m.Devices[i]
		for k := range old.Devices {
			if was := &old.Devices[k]; d.SubID == was.SubID && d.Serial == was.Serial && reflect.DeepEqual(d.Identifiers, was.Identifiers) {
				d.ID = was.ID
				break
			}
		}
		if d.ID != "" {
			continue
		}
		if known, err := a.register.Find(*d, m.Channel); err == nil {
			d.ID = known.ID
		}
	}
}

// samePatient gives a message its patient. One whom only the new reading names
// is looked up, or introduced, by identifiers alone.
func (a *App) samePatient(ctx context.Context, m, old *model.Message) error {
	switch {
	case m.Patient == nil:
		if old.Patient != nil && old.Patient.FromADT {
			m.Patient = old.Patient
		}
		return nil
	case old.Patient != nil && reflect.DeepEqual(m.Patient.Identifiers, old.Patient.Identifiers):
		m.Patient.ID = old.Patient.ID
		return nil
	}
	who := *m.Patient
	alone := model.Message{Ref: m.Ref, Channel: m.Channel, Codec: m.Codec, Sender: m.Sender, DeviceTime: m.DeviceTime, Arrived: m.Arrived, Patient: &who}
	if err := a.patients.Resolve(ctx, &alone); err != nil {
		return err
	}
	m.Patient = alone.Patient
	return nil
}
