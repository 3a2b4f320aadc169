package service

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/patients"
)

// LiveAsk says whose last values to show.
type LiveAsk struct {
	Patient model.PatientID `json:"patient,omitempty" doc:"only this patient"`
	Device  model.DeviceID  `json:"device,omitempty" doc:"only this device"`
	Place   string          `json:"place,omitempty" arg:"place" doc:"only places that begin so, e.g. ICU or ICU^2"`
}

// Bed is one place with who lies there, what is connected and the last
// values.
type Bed struct {
	Place       string               `json:"place,omitempty"`
	Patient     model.PatientID      `json:"patient,omitempty"`
	PatientName string               `json:"patientName,omitempty"`
	Devices     []LiveDevice         `json:"devices"`
	Values      []record.LatestValue `json:"values"`
	Alerts      []AlertRow           `json:"alerts,omitempty"`
	Last        time.Time            `json:"last,omitzero"`
}

var activeAlerts = record.AlertQuery{Active: true, Limit: 1 << 20}

func liveOps() []Op {
	return []Op{
		ofPatients(define(Reads, "live.get", "Show the last values of every bed.", "ICU", getLive)),
		ofPatients(define(Reads, "live.watch", "Watch values and waveforms as they come.", "", func(context.Context, *call, None) (None, error) { return None{}, nil })),
		ofPatients(define(Reads, "patient.search", "Find patients by part of a name or number.", "almeida", searchPatients)),
		ofPatients(define(Reads, "patient.get", "Show one patient with identifiers, merges and places.", "pat-abc", getPatient)),
	}
}

// last orders what has something before what lacks it.
func last(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func getLive(ctx context.Context, c *call, r LiveAsk) ([]Bed, error) {
	// A patient is all identities merged with it (HL7 v2 A40).
	who, err := c.subjects(ctx, r.Patient, r.Device)
	if err != nil {
		return nil, err
	}
	values, err := c.s.Record.LastValues(ctx, record.LastQuery{Subjects: who})
	if err != nil {
		return nil, err
	}
	alerts, err := c.s.Record.Alerts(ctx, activeAlerts)
	if err != nil {
		return nil, err
	}
	beds := map[string]*Bed{}
	bedOf := func(s record.Subject) *Bed {
		key := "p" + string(s.Patient)
		if s.Patient == "" {
			key = "d" + string(s.Device)
		}
		b := beds[key]
		if b == nil {
			b = &Bed{Patient: s.Patient}
			if p, err := c.s.Patients.Get(ctx, s.Patient); err == nil {
				if other := beds["p"+string(p.ID)]; other != nil {
					b = other // an identity merged with one whose bed is there already
				} else {
					b.Patient, b.PatientName, b.Place = p.ID, p.DisplayName(), p.Place.String()
					beds["p"+string(p.ID)] = b
				}
			}
			beds[key] = b
		}
		if s.Device != "" && !slices.ContainsFunc(b.Devices, func(d LiveDevice) bool { return d.ID == s.Device }) {
			if d, err := c.s.Register.Get(s.Device); err == nil {
				row := deviceRow(d)
				b.Devices = append(b.Devices, LiveDevice{ID: d.ID, Name: nameOf(&row), LastSeen: row.LastSeen})
				if b.Place == "" {
					b.Place = row.Place
				}
			}
		}
		return b
	}
	for _, v := range values {
		b := bedOf(v.Subject)
		b.add(v)
		if v.Time.After(b.Last) {
			b.Last = v.Time
		}
	}
	connected, err := c.connectedBeds(ctx, r, who)
	if err != nil {
		return nil, err
	}
	for _, s := range connected {
		bedOf(s)
	}
	now := c.s.now()
	sources := sources{c: c, now: now}
	for i := range alerts {
		a := sources.row(&alerts[i])
		a.Steps = nil
		if r.Patient != "" && !slices.ContainsFunc(who, func(s record.Subject) bool { return s.Patient == a.Patient }) || r.Device != "" && a.Device != r.Device {
			continue
		}
		b := bedOf(record.Subject{Patient: a.Patient, Device: a.Device})
		b.Alerts = append(b.Alerts, a)
	}
	out := make([]Bed, 0, len(beds))
	for key, b := range beds {
		if b.Patient != "" && key != "p"+string(b.Patient) {
			continue // an identity merged with another, whose bed it is
		}
		if r.Place == "" || b.Place == r.Place || strings.HasPrefix(b.Place, strings.TrimSuffix(r.Place, "^")+"^") {
			out = append(out, *b)
			c.look(b.Patient)
		}
	}
	if err := c.join(ctx, out, now); err != nil {
		return nil, err
	}
	// Beds before patients of whom no bed is known, and those before devices
	// that nobody is connected to.
	slices.SortFunc(out, func(a, b Bed) int {
		return cmp.Or(last(a.Place == "", b.Place == ""), natural(a.Place, b.Place), last(a.Patient == "", b.Patient == ""), cmp.Compare(a.Patient, b.Patient))
	})
	return out, nil
}

// add takes a value, unless one of the same device and code is there that is
// later: under another identity of the same patient.
func (b *Bed) add(v record.LatestValue) {
	if v.Patient != b.Patient || len(b.Values) > 0 && b.Values[0].Patient != b.Patient {
		at := slices.IndexFunc(b.Values, func(o record.LatestValue) bool {
			return o.Device == v.Device && o.Code == v.Code && o.Received.Code == v.Received.Code && o.UnitUCUM == v.UnitUCUM && o.Simulated == v.Simulated
		})
		if at >= 0 {
			if v.Time.After(b.Values[at].Time) {
				b.Values[at] = v
			}
			return
		}
	}
	b.Values = append(b.Values, v)
}

// natural compares texts with their numbers by value: bed 2 before bed 10.
func natural(a, b string) int {
	for a != "" && b != "" {
		na, ra := number(a)
		nb, rb := number(b)
		if na >= 0 && nb >= 0 {
			if na != nb {
				return cmp.Compare(na, nb)
			}
			a, b = ra, rb
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// number gives the number a text begins with, -1 for none.
func number(s string) (int, string) {
	n, i := 0, 0
	for i < len(s) && i < 9 && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int(s[i]-'0')
		i++
	}
	if i == 0 {
		return -1, s
	}
	return n, s[i:]
}

// PatientAsk finds patients.
type PatientAsk struct {
	Text  string `json:"text" arg:"text" private:"true" doc:"beginning of a name or number"`
	Limit int    `json:"limit,omitempty" doc:"at most so many, 50 unless told"`
}

// PatientPage is everything known about one patient.
type PatientPage struct {
	Patient      patients.Patient    `json:"patient"`
	Associations []model.Association `json:"associations"`
}

func searchPatients(ctx context.Context, c *call, r PatientAsk) ([]patients.Patient, error) {
	if r.Limit <= 0 {
		r.Limit = 50
	}
	found, err := c.s.Patients.Find(ctx, r.Text, r.Limit)
	for i := range found {
		c.look(found[i].ID)
	}
	return found, err
}

func getPatient(ctx context.Context, c *call, r ID) (PatientPage, error) {
	var page PatientPage
	var err error
	if page.Patient, err = c.s.Patients.Get(ctx, model.PatientID(r.ID)); err != nil {
		return page, err
	}
	c.look(page.Patient.ID)
	group := append([]model.PatientID{page.Patient.ID}, page.Patient.Aliases...)
	page.Associations, err = c.s.Patients.Associations(ctx, patients.Query{Patients: group})
	return page, err
}
