package register_test

import (
	"reflect"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
)

// TestTakenBackAsStored: what memory says of a device after a change was taken
// back is what is stored, also where the adoption stays because the device was
// heard since, and what stands with the device goes with its facts.
func TestTakenBackAsStored(t *testing.T) {
	h := newHouse(t)
	first := register.Mark{By: "user:1", At: morning, Change: "c1"}
	entry := register.Entry{Adopt: true, Names: model.Device{Manufacturer: "Acme", Model: "M", Serial: "S-1"}, Said: map[string]string{"owner": "ICU", "place": "ICU^2^23", "note": "on loan"}}
	var id model.DeviceID
	if err := h.act(t, func(tx register.Tx) error {
		done, err := h.Enter(t.Context(), tx, []register.Entry{entry}, first)
		if err == nil {
			id, err = done[0].ID, done[0].Err
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got := h.sight(t, h.message(model.Device{Parent: -1, Manufacturer: "Acme", Model: "M", Serial: "S-1"})).Devices[0].ID; got != id {
		t.Fatalf("heard as %s, entered as %s", got, id)
	}
	subject := fact.Of(fact.OfDevice, string(id))
	if err := h.act(t, func(tx register.Tx) error {
		back, err := h.TakeBack(t.Context(), tx, "c1", []fact.Subject{subject}, map[fact.Subject]bool{subject: true}, register.Mark{By: "user:2", At: morning.Add(time.Minute), Change: "c2"})
		if err == nil && (back[0].Undone != 3 || back[0].Removed) {
			t.Errorf("%+v", back)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	before, err := h.View(id)
	if err != nil {
		t.Fatal(err)
	}
	if before.Adoption == nil || before.Asserted != (register.Asserted{}) || len(before.Said) != 1 || before.Said[0].Name != "adoption" {
		t.Errorf("after it was taken back: %+v, said %+v", before.Asserted, before.Said)
	}
	h.reopen(t, register.Options{})
	after, err := h.View(id)
	if err != nil || !reflect.DeepEqual(after.Said, before.Said) || after.Asserted != before.Asserted {
		t.Errorf("memory said %+v, the file %+v, %v", before.Said, after.Said, err)
	}
}
