package service

import (
	"context"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/patients"
)

// Connection is who people put on which device, with the words for both.
type Connection struct {
	patients.Connection
	PatientName string      `json:"patientName,omitempty"`
	DeviceName  string      `json:"deviceName,omitempty"`
	Place       model.Place `json:"place,omitzero"` // of the patient now
}

// AssociationAsk says which associations to list.
type AssociationAsk struct {
	Device  model.DeviceID  `json:"device,omitempty" doc:"only of this device"`
	Patient model.PatientID `json:"patient,omitempty" doc:"only of this patient"`
	Open    bool            `json:"open,omitempty" doc:"only those that last"`
	At      time.Time       `json:"at,omitzero" doc:"only those that held then, e.g. -2h"`
	After   string          `json:"after,omitempty" doc:"the next page: what the page before gave"`
	Limit   int             `json:"limit,omitempty" doc:"rows of a page, 50 unless told"`
}

// AssociationStart connects a device to a patient.
type AssociationStart struct {
	Wristband string          `json:"wristband,omitempty" arg:"wristband" private:"true" doc:"what the scanner read on the wristband: a number, number^^^authority, or GS1 (8018)"`
	Barcode   string          `json:"barcode,omitempty" arg:"device" private:"true" doc:"what the scanner read on the device: UDI, serial or asset number, or our label"`
	Patient   model.PatientID `json:"patient,omitempty" doc:"patient id, instead of a wristband"`
	Device    model.DeviceID  `json:"device,omitempty" doc:"device id, instead of a barcode"`
	From      time.Time       `json:"from,omitzero" doc:"since when, e.g. -20m; now unless told"`
	New       bool            `json:"new,omitempty" doc:"when nobody is known by the number, make a patient with it"`
	Reason    string          `json:"reason,omitempty" doc:"why, for the audit; needed for a time that has passed"`
}

// AssociationEnd ends a connection.
type AssociationEnd struct {
	ID     int64     `json:"id" arg:"id" doc:"number of the connection"`
	At     time.Time `json:"at,omitzero" doc:"when it ended, e.g. -20m; now unless told. At its beginning: it never was"`
	Reason string    `json:"reason,omitempty" doc:"why, for the audit"`
}

// AssociationAttach gives what a device measured in a span to a patient.
type AssociationAttach struct {
	Device  model.DeviceID  `json:"device" arg:"device" doc:"device id"`
	Patient model.PatientID `json:"patient,omitempty" arg:"patient" doc:"patient id"`
	// Wristband names the patient where no id is given.
	Wristband string    `json:"wristband,omitempty" private:"true" doc:"what the scanner read on the wristband, instead of a patient id"`
	From      time.Time `json:"from" doc:"the beginning of the span, e.g. -3h"`
	Until     time.Time `json:"until,omitzero" doc:"its end; now unless told"`
	Reason    string    `json:"reason" doc:"how it is known, for the audit; needed"`
}

func associationOps() []Op {
	return []Op{
		ofPatients(define(Reads, "association.list", "List who people put on which device, the last first.", "--open", listAssociations)),
		ofPatients(define(Acts, "association.start", "Connect a device to a patient by scanning wristband and device, or by their ids.", "MRN-1^^^HOSP SN-4711", startAssociation)),
		ofPatients(define(Acts, "association.end", "End a connection of device and patient.", "12", endAssociation)),
		ofPatients(define(Acts, "association.attach", "Give what a device measured in a past span, and named nobody, to a patient.", "dev-abc pat-abc --from -3h --reason 'seen at the bed'", attachAssociation)),
	}
}

func listAssociations(ctx context.Context, c *call, r AssociationAsk) (List[Connection], error) {
	q := patients.ConnectionQuery{Device: r.Device, Open: r.Open, At: r.At, Limit: r.Limit}
	if q.Limit <= 0 {
		q.Limit = 50
	}
	var list List[Connection]
	if r.After != "" {
		before, err := strconv.ParseInt(r.After, 10, 64)
		if err != nil || before <= 0 {
			return list, fault.New(fault.Invalid, "service.argument", "no page begins after %q", clip(r.After, 40)).At("after")
		}
		q.Before = before
	}
	if r.Patient != "" {
		same, err := c.s.Patients.Same(ctx, r.Patient)
		if err != nil {
			return list, err
		}
		q.Patients = same
		c.look(r.Patient)
	}
	rows, err := c.s.Patients.Connections(ctx, q)
	if err != nil {
		return list, err
	}
	for _, one := range rows {
		named, err := c.named(ctx, one)
		if err != nil {
			return list, err
		}
		list.Rows = append(list.Rows, named)
	}
	if n := len(rows); n > 0 && n == min(q.Limit, 1000) {
		list.Next = strconv.FormatInt(rows[n-1].ID, 10)
	}
	return list, nil
}

// named adds the words for patient and device.
func (c *call) named(ctx context.Context, one patients.Connection) (Connection, error) {
	out := Connection{Connection: one}
	p, err := c.s.Patients.Get(ctx, one.Patient)
	if err != nil && fault.KindOf(err) != fault.Absent {
		return out, err
	}
	if err == nil {
		out.PatientName, out.Place, out.Patient = p.DisplayName(), p.Place, p.ID
	}
	if d, err := c.s.Register.Get(one.Device); err == nil {
		out.DeviceName = deviceWords(deviceRow(d))
	}
	c.look(out.Patient)
	return out, nil
}

// deviceWords is what a device is called.
func deviceWords(row DeviceRow) string {
	if row.Name != "" {
		return row.Name
	}
	if name := strings.TrimSpace(row.Manufacturer + " " + row.Model); name != "" {
		return name
	}
	return string(row.ID)
}

func startAssociation(ctx context.Context, c *call, r AssociationStart) (Connection, error) {
	now := c.s.now()
	one := patients.Connection{Device: r.Device, Patient: r.Patient, Source: patients.Hand, From: r.From, Made: now, By: c.actor.ID, Reason: r.Reason}
	switch {
	case r.Patient == "" && strings.TrimSpace(r.Wristband) == "":
		return Connection{}, fault.New(fault.Invalid, "service.argument", "scan the wristband, or name a patient").At("wristband")
	case r.Device == "" && strings.TrimSpace(r.Barcode) == "":
		return Connection{}, fault.New(fault.Invalid, "service.argument", "scan the device, or name it").At("barcode")
	case one.From.IsZero():
		one.From = now
	case one.From.Before(now.Add(-time.Minute)):
		if err := needReason(r.Reason); err != nil {
			return Connection{}, err
		}
	}
	if r.Device == "" {
		var err error
		if one.Device, err = scannedDevice(ctx, c, r.Barcode); err != nil {
			return Connection{}, err
		}
		one.Source = patients.Scan
	}
	d, err := c.s.Register.Get(one.Device)
	if err != nil {
		return Connection{}, err
	}
	one.Device = d.ID // it may have been named by another name of it
	c.object = "device " + string(one.Device)
	if r.Patient == "" {
		band, err := patients.ParseWristband(r.Wristband)
		if err != nil {
			return Connection{}, err
		}
		if one.Patient, err = c.s.Patients.ByWristband(ctx, band, r.New, now); err != nil {
			return Connection{}, err
		}
		one.Source = patients.Scan
		c.after(c.s.Patients.Flush) // a new patient
	}
	return c.connect(ctx, one)
}

// LabelPrefix begins the code on a label of ours; the device's id follows it.
const LabelPrefix = "thalamus:device:"

// scannedDevice gives the one device that a label stands on.
func scannedDevice(ctx context.Context, c *call, text string) (model.DeviceID, error) {
	got, err := scanDevice(ctx, c, Scan{Text: text})
	switch {
	case err != nil:
		return "", err
	case len(got.Devices) == 0:
		return "", fault.New(fault.Absent, "register.no-device", "no device has the label that was scanned; let the device send once, or choose it from the list").At("barcode")
	case got.Unclear:
		return "", fault.New(fault.Conflict, "register.scan-several", "the label that was scanned may stand on several devices; scan the UDI or our label, or choose the device from the list").At("barcode")
	}
	return got.Devices[0].Device.ID, nil
}

func (c *call) connect(ctx context.Context, one patients.Connection) (Connection, error) {
	p, err := c.s.Patients.Get(ctx, one.Patient)
	if err != nil {
		return Connection{}, err
	}
	one.Patient = p.ID
	done, _, err := c.s.Patients.Connect(ctx, c.tx, one)
	if err != nil {
		return Connection{}, err
	}
	return c.named(ctx, done)
}

func endAssociation(ctx context.Context, c *call, r AssociationEnd) (Connection, error) {
	if r.At.IsZero() {
		r.At = c.s.now()
	}
	done, err := c.s.Patients.End(ctx, c.tx, r.ID, r.At, c.s.now(), c.actor.ID, r.Reason)
	if err != nil {
		return Connection{}, err
	}
	c.object = "device " + string(done.Device)
	return c.named(ctx, done)
}

func attachAssociation(ctx context.Context, c *call, r AssociationAttach) (Connection, error) {
	c.object = "device " + string(r.Device)
	if err := needReason(r.Reason); err != nil {
		return Connection{}, err
	}
	now := c.s.now()
	if r.From.IsZero() {
		return Connection{}, fault.New(fault.Invalid, "service.argument", "say where the span begins").At("from")
	}
	if r.Until.IsZero() {
		r.Until = now
	}
	d, err := c.s.Register.Get(r.Device)
	if err != nil {
		return Connection{}, err
	}
	r.Device = d.ID // it may have been named by another name of it
	if r.Patient == "" {
		band, err := patients.ParseWristband(r.Wristband)
		if err == nil {
			r.Patient, err = c.s.Patients.ByWristband(ctx, band, false, now)
		}
		if err != nil {
			return Connection{}, err
		}
	}
	return c.connect(ctx, patients.Connection{Device: r.Device, Patient: r.Patient, Source: patients.Hand, From: r.From, Until: r.Until, Made: now, By: c.actor.ID, Reason: r.Reason})
}

// Corrected tells watchers that recorded messages have other patients now.
func (s *Service) Corrected() {
	s.events.publish(Event{Kind: "changed", Name: "association.corrected"})
}
