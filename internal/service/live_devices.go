package service

import (
	"cmp"
	"context"
	"slices"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/patients"
)

// LiveDevice is a device at a bed: whether it still speaks, and how it is known
// to belong there (R16, R30).
type LiveDevice struct {
	ID       model.DeviceID `json:"id"`
	Name     string         `json:"name"`
	LastSeen time.Time      `json:"lastSeen,omitzero"`
	Heard    Hearing        `json:"heard"`            // by its own rhythm
	Valued   time.Time      `json:"valued,omitzero"`  // its last value for this bed arrived; zero: none is known
	Source   string         `json:"source,omitempty"` // how its connection is known: message, scan, hand; empty: nobody is connected
	Since    time.Time      `json:"since,omitzero"`   // of the connection
	Left     bool           `json:"left,omitempty"`   // it is connected to somebody else now
}

// mostConnections bounds the connections made by people that the beds show.
const mostConnections = 1000

// connectedBeds gives the patients that people connected to devices, also to
// those that have sent nothing: a ward wants to see that they have not.
func (c *call) connectedBeds(ctx context.Context, r LiveAsk, who []record.Subject) ([]record.Subject, error) {
	rows, err := c.s.Patients.Connections(ctx, patients.ConnectionQuery{Device: r.Device, Open: true, Limit: mostConnections})
	if err != nil {
		return nil, err
	}
	var out []record.Subject
	for _, one := range rows {
		if r.Patient == "" || slices.ContainsFunc(who, func(s record.Subject) bool { return s.Patient == one.Patient }) {
			out = append(out, record.Subject{Patient: one.Patient, Device: one.Device})
		}
	}
	return out, nil
}

// join says of each device at the beds whether it speaks and why it is there.
func (c *call) join(ctx context.Context, beds []Bed, now time.Time) error {
	var connected []model.DeviceID
	for i := range beds {
		for k := range beds[i].Devices {
			if beds[i].Patient != "" {
				connected = append(connected, beds[i].Devices[k].ID)
			}
		}
	}
	on, err := c.s.Patients.OnAll(ctx, connected, now)
	if err != nil {
		return err
	}
	for i := range beds {
		if err := c.joinBed(ctx, &beds[i], on, now); err != nil {
			return err
		}
	}
	return nil
}

// joinBed is join of one bed; all tells who is connected to its devices.
func (c *call) joinBed(ctx context.Context, b *Bed, all map[model.DeviceID]model.Association, now time.Time) error {
	slices.SortFunc(b.Devices, func(a, b LiveDevice) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	for i := range b.Devices {
		d := &b.Devices[i]
		known, err := c.s.Register.Get(d.ID)
		if err != nil {
			return err
		}
		d.Heard = Hear(known.Observed.FirstSeen, known.Seen.LastSeen, known.Seen.Messages, now)
		for j := range b.Values {
			if v := &b.Values[j]; v.Device == d.ID && v.Arrived.After(d.Valued) {
				d.Valued = v.Arrived
			}
		}
		if b.Patient == "" {
			continue
		}
		on, ok := all[d.ID]
		if ok && on.Patient != b.Patient {
			if p, err := c.s.Patients.Get(ctx, on.Patient); err == nil {
				on.Patient = p.ID // an identity merged with another
			}
		}
		switch {
		case ok && on.Patient == b.Patient:
			d.Source, d.Since = on.Source, on.From
		case ok:
			d.Left = true
		}
	}
	return nil
}
