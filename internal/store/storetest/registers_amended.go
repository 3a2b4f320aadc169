package storetest

import (
	"encoding/json"
	"testing"

	"thalamus/internal/model"
)

// registerAmended: messages that got another patient come back by their last
// version, by whose they are and whose they were, and are told of once (R20,
// decision 0093).
func registerAmended(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	person := func(id model.PatientID) *model.Patient {
		return &model.Patient{ID: id, Family: "Ærø", Identifiers: []model.Identifier{{Value: string(id), System: "H", Type: "MR"}}}
	}
	ref := func(seq model.Seq, part int) model.MessageRef { return model.MessageRef{Seq: seq, Part: part} }
	row := func(seq model.Seq, part, version int, first, was model.PatientID, now *model.Patient) model.Amended {
		return model.Amended{Ref: ref(seq, part), Device: "dev-a", First: first, Was: was, Version: version, Patient: now}
	}
	a, b := person("pat-a"), person("pat-b")
	add := func(c model.Correction, rows []model.Amended) []model.Amended {
		t.Helper()
		id, err := s.AddCorrection(ctx, c, rows)
		must(t, err)
		c.ID = id
		for i := range rows {
			rows[i].Correction = c
		}
		return rows
	}
	first := add(model.Correction{Cause: "a late admission", At: hour(1)}, []model.Amended{
		row(7, 0, 1, "", "", a), row(7, 1, 1, "", "", a), row(8, 0, 1, "pat-b", "pat-b", a), row(9, 0, 1, "pat-b", "pat-b", nil),
	})
	second := add(model.Correction{Cause: "a scan", Actor: "usr-a", Reason: "wrong bed", At: hour(2)}, []model.Amended{
		row(8, 0, 2, "pat-b", "pat-a", b), row(12, 0, 1, "pat-a", "pat-a", b),
	})
	s = reopen()
	for name, c := range map[string]struct {
		ask  func() ([]model.Amended, error)
		want []model.Amended
	}{
		"versions, the last first": {func() ([]model.Amended, error) { return s.Amended(ctx, ref(8, 0)) }, []model.Amended{second[0], first[2]}},
		"of nothing":               {func() ([]model.Amended, error) { return s.Amended(ctx, ref(8, 1)) }, nil},
		"from here to there":       {func() ([]model.Amended, error) { return s.AmendedBetween(ctx, ref(7, 1), ref(9, 0)) }, []model.Amended{first[1], second[0], first[3]}},
		"of one message":           {func() ([]model.Amended, error) { return s.AmendedBetween(ctx, ref(7, 0), ref(7, 0)) }, first[:1]},
		"to a patient":             {func() ([]model.Amended, error) { return s.AmendedTo(ctx, "pat-a", model.MessageRef{}, 9) }, []model.Amended{first[1], first[0]}},
		"to a patient, before":     {func() ([]model.Amended, error) { return s.AmendedTo(ctx, "pat-b", ref(12, 0), 9) }, second[:1]},
		"to a patient, the newest": {func() ([]model.Amended, error) { return s.AmendedTo(ctx, "pat-b", model.MessageRef{}, 1) }, second[1:]},
		"from a patient":           {func() ([]model.Amended, error) { return s.AmendedFrom(ctx, "pat-b", model.MessageRef{}, 9) }, first[3:]},
		"from another, before":     {func() ([]model.Amended, error) { return s.AmendedFrom(ctx, "pat-a", ref(12, 0), 9) }, nil},
	} {
		got, err := c.ask()
		must(t, err)
		sameAmended(t, name, got, c.want)
	}
	for _, want := range [][]model.Amended{first, second} {
		id, rows, err := s.Untold(ctx)
		must(t, err)
		if id != want[0].ID {
			t.Fatalf("to be told of: %d, want %d", id, want[0].ID)
		}
		sameAmended(t, "to be told of", rows, want)
		must(t, s.Told(ctx, id))
	}
	if id, rows, err := s.Untold(ctx); id != 0 || len(rows) != 0 || err != nil {
		t.Error("all was told:", id, rows, err)
	}
}

// sameAmended compares by value: rows of one correction share their patients.
func sameAmended(t *testing.T, name string, got, want []model.Amended) {
	t.Helper()
	g, err := json.Marshal(append([]model.Amended{}, got...))
	must(t, err)
	w, err := json.Marshal(append([]model.Amended{}, want...))
	must(t, err)
	same(t, name, string(g), string(w))
}
