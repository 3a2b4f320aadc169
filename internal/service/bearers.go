package service

import (
	"context"
	"slices"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/patients"
)

// BearerAsk asks who is on some devices now, or on which devices somebody is.
type BearerAsk struct {
	Devices []model.DeviceID `json:"devices,omitempty" arg:"devices" doc:"device ids, at most 1000"`
	Patient model.PatientID  `json:"patient,omitempty" doc:"patient id, instead of devices"`
	Number  string           `json:"number,omitempty" private:"true" doc:"number of the patient, instead of an id: number, or number^^^authority"`
}

// Bearer is a patient on a device.
type Bearer struct {
	Device  model.DeviceID   `json:"device"`
	Patient model.PatientID  `json:"patient"`
	Number  model.Identifier `json:"number,omitzero"` // of the patient, the first known
	Source  string           `json:"source"`          // message, scan, hand
	From    time.Time        `json:"from"`
}

func bearerOps() []Op {
	return []Op{
		ofPatients(define(Reads, "association.get", "Show who is on some devices now, or on which devices a patient is.", "dev-abc", getBearers)),
	}
}

// mostBearers bounds one question.
const mostBearers = 1000

func getBearers(ctx context.Context, c *call, r BearerAsk) ([]Bearer, error) {
	now := c.s.now()
	if r.Number != "" {
		band, err := patients.ParseWristband(r.Number)
		if err == nil {
			r.Patient, err = c.s.Patients.ByWristband(ctx, band, false, now)
		}
		if err != nil {
			return nil, err
		}
	}
	if r.Patient != "" {
		var err error
		if r.Devices, err = c.devicesOf(ctx, r.Patient, now); err != nil {
			return nil, err
		}
		c.look(r.Patient)
	}
	r.Devices = slices.Clone(r.Devices)
	if len(r.Devices) > mostBearers {
		return nil, fault.New(fault.Invalid, "service.argument", "name at most %d devices", mostBearers).At("devices")
	}
	var out []Bearer
	for i, id := range r.Devices { // an unknown one is told, before anybody is looked at
		d, err := c.s.Register.Get(id)
		if err != nil {
			return nil, err
		}
		r.Devices[i] = d.ID // it may have been named by another name of it
	}
	on, err := c.s.onDevices(ctx, r.Devices, now)
	if err != nil {
		return nil, err
	}
	for _, id := range r.Devices {
		who, ok := on[id]
		if !ok {
			continue
		}
		p, err := c.s.Patients.Get(ctx, who.Patient)
		if err != nil {
			return nil, err
		}
		if r.Patient != "" && p.ID != r.Patient && !slices.Contains(p.Aliases, r.Patient) {
			continue
		}
		b := Bearer{Device: id, Patient: p.ID, Source: who.Source, From: who.From}
		if len(p.Identifiers) > 0 {
			b.Number = p.Identifiers[0]
		}
		c.look(p.ID)
		out = append(out, b)
	}
	return out, nil
}

// devicesOf gives the devices a patient may be on: those people connected, and
// those whose messages told values of them.
func (c *call) devicesOf(ctx context.Context, id model.PatientID, now time.Time) ([]model.DeviceID, error) {
	same, err := c.s.Patients.Same(ctx, id)
	if err != nil {
		return nil, err
	}
	var out []model.DeviceID
	add := func(d model.DeviceID) {
		if d != "" && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	rows, err := c.s.Patients.Connections(ctx, patients.ConnectionQuery{Patients: same, Open: true, Limit: mostBearers})
	if err != nil {
		return nil, err
	}
	for _, one := range rows {
		add(one.Device)
	}
	q := record.LastQuery{Since: now.Add(-lookBack)}
	for _, p := range same {
		q.Subjects = append(q.Subjects, record.Subject{Patient: p})
	}
	values, err := c.s.Record.LastValues(ctx, q)
	if err != nil {
		return nil, err
	}
	for i := range values {
		add(values[i].Device)
	}
	return out[:min(len(out), mostBearers)], nil
}
