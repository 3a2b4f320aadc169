package storetest

import (
	"bytes"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/patients"
)

func registerPatients(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	calls := 0
	secret := func() ([]byte, error) { calls++; return []byte{1, 2, byte(calls)}, nil }
	first, err := s.Secret(ctx, "x", secret)
	must(t, err)
	again, err := s.Secret(ctx, "x", secret)
	if err != nil || !bytes.Equal(first, again) || calls != 1 {
		t.Error(first, again, calls, err)
	}
	p := patients.Patient{Keys: []string{"p|H|1", "AN|H|77"}, FirstSeen: noon, Aliases: []model.PatientID{"pat-x"}}
	p.ID, p.Family, p.Given = "pat-a", "Álvarez  Ruiz", []string{"Ana"}
	p.Identifiers = []model.Identifier{{Value: "1", System: "H", Type: "MR"}}
	q := patients.Patient{Keys: []string{"p|H|2"}, MergedInto: "pat-a"}
	q.ID, q.Family = "pat-b", "Álvarez"
	for range 2 {
		must(t, s.SavePatients(ctx, patients.Batch{Patients: []patients.Patient{q, p}}))
	}
	s = reopen()
	got, ok, err := s.Patient(ctx, "pat-a")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	same(t, "patient", got, p)
	if _, ok, err := s.Patient(ctx, "pat-none"); ok || err != nil {
		t.Error(ok, err)
	}
	found, err := s.PatientsByKey(ctx, []string{"none", "AN|H|77", "p|H|1", "p|H|2"})
	if err != nil || len(found) != 2 {
		t.Error(found, err)
	}
	for text, want := range map[string]int{"ÁLV": 1, "ÁLVAREZ R": 1, "ANA": 1, "1": 1, "77": 1, "2": 0, "ÁLVAREZ RUIZ, A": 1, "H": 0, "Z": 0} {
		if found, err := s.FindPatients(ctx, text, 5); err != nil || len(found) != want {
			t.Errorf("%s: %d, want %d %v", text, len(found), want, err)
		}
	}
}

func registerStays(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	span := func(patient, bed string, from, until int) patients.Span {
		p := patients.Span{Bed: bed, Visit: "v", Association: model.Association{Patient: model.PatientID(patient), Place: model.Place{Bed: bed}, Source: "adt", From: noon.Add(time.Duration(from) * time.Hour)}}
		if until > 0 {
			p.Until = noon.Add(time.Duration(until) * time.Hour)
		}
		return p
	}
	dev := func(patient string, from int) patients.Span {
		p := span(patient, "", from, 0)
		p.Device, p.Source, p.Visit = "dev-a", "message", ""
		return p
	}
	move := patients.Movement{Patient: "pat-a", Visit: "v", What: patients.Enter, At: noon, Said: noon.Add(time.Second), Place: model.Place{PointOfCare: "ICU", Bed: "A"}}
	group := []model.PatientID{"pat-a", "pat-old"}
	batch := patients.Batch{
		Movements: []patients.Movement{move},
		Stays:     []patients.Stay{{Group: group, Spans: []patients.Span{span("pat-a", "A", 0, 2), span("pat-a", "B", 2, 0)}}, {Group: []model.PatientID{"pat-b"}, Spans: []patients.Span{span("pat-b", "A", 3, 0)}}},
		Devices:   []patients.Span{dev("pat-a", 0), dev("pat-b", 1)},
	}
	for range 2 {
		must(t, s.SavePatients(ctx, batch))
	}
	// A stay replaces what began at or after Since, of the group alone.
	must(t, s.SavePatients(ctx, patients.Batch{Stays: []patients.Stay{{Group: group, Since: noon.Add(time.Hour), Spans: []patients.Span{span("pat-a", "C", 2, 0)}}}}))
	s = reopen()
	moves, more, err := s.Movements(ctx, group, 5)
	must(t, err)
	same(t, "movements", moves, []patients.Movement{move})
	if more {
		t.Error("more")
	}
	if moves, more, err = s.Movements(ctx, group, 0); err != nil || !more || len(moves) != 0 {
		t.Error(moves, more, err)
	}
	bed, err := s.BedSpans(ctx, "A", 5)
	must(t, err)
	same(t, "bed A", bed, []patients.Span{span("pat-a", "A", 0, 2), span("pat-b", "A", 3, 0)})
	if bed, err = s.BedSpans(ctx, "A", 1); err != nil || len(bed) != 1 || bed[0].Patient != "pat-b" {
		t.Error("the last are kept:", bed, err)
	}
	if bed, err = s.BedSpans(ctx, "B", 5); err != nil || len(bed) != 0 {
		t.Error(bed, err)
	}
	last, ok, err := s.DeviceSpan(ctx, "dev-a")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	same(t, "device", last, dev("pat-b", 1))
	lasts, err := s.DeviceSpans(ctx, []model.DeviceID{"dev-a", "dev-none", "dev-a"})
	must(t, err)
	same(t, "of devices", lasts, []patients.Span{dev("pat-b", 1)})
	if lasts, err = s.DeviceSpans(ctx, nil); err != nil || len(lasts) != 0 {
		t.Error("of no devices:", lasts, err)
	}
	for name, c := range map[string]struct {
		q    patients.Query
		want int
	}{
		"of nothing":  {patients.Query{}, 0},
		"of a person": {patients.Query{Patients: group}, 3},
		"of a device": {patients.Query{Device: "dev-a"}, 2},
		"of a bed":    {patients.Query{Bed: "A"}, 2},
		"in a span":   {patients.Query{Bed: "A", From: noon.Add(2 * time.Hour), Until: noon.Add(3 * time.Hour)}, 0},
		"and longer":  {patients.Query{Bed: "A", From: noon.Add(time.Hour), Until: noon.Add(3*time.Hour + time.Microsecond)}, 2},
		"limited":     {patients.Query{Patients: group, Limit: 1}, 1},
	} {
		if list, err := s.Associations(ctx, c.q); err != nil || len(list) != c.want {
			t.Errorf("%s: %d, want %d %v", name, len(list), c.want, err)
		}
	}
}
