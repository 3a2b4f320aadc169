package register_test

import (
	"fmt"
	"testing"

	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/store/sqlite/registerdb"
)

// TestAlike: what nobody adopted is compared with what is known by its serial
// number, and with who of its model fell silent at its bed before it spoke
// (R30).
func TestAlike(t *testing.T) {
	h := newHouse(t)
	n := 0
	see := func(serial, kind string) model.DeviceID {
		n++
		return h.sight(t, h.message(model.Device{Parent: -1, Serial: serial, Manufacturer: "Acme", Model: kind, Identifiers: ids(fmt.Sprint("id-", n), "urn:x", "")})).Devices[0].ID
	}
	stands := func(id model.DeviceID, adopted bool) {
		t.Helper()
		err := h.db.Update(t.Context(), func(tx registerdb.Tx) error {
			if _, err := h.Assert(t.Context(), tx, id, register.Asserted{Place: model.Place{PointOfCare: "ICU", Room: "1", Bed: "2"}}, register.AnyVersion, mark(1, "place")); err != nil || !adopted {
				return err
			}
			_, err := h.Adopt(t.Context(), tx, id, register.AnyVersion, mark(1, "adopt"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	renamed, before := see("S-1", "M1 Plus"), see("", "M2")
	stands(before, true)
	known, successor, nobody := see("s-1", "M1"), see("", "M2"), see("S-9", "M3")
	stands(successor, false)
	for _, c := range []struct {
		of   model.DeviceID
		want string
	}{
		{known, fmt.Sprintln(renamed, true, false)},
		{renamed, fmt.Sprintln(known, true, false)},
		{successor, fmt.Sprintln(before, false, true)},
		{before, ""}, // the other is not adopted, and came later
		{nobody, ""},
		{"dev-none", ""},
	} {
		got := ""
		for _, a := range h.Alike([]model.DeviceID{known, renamed, successor, before, nobody, "dev-none"})[c.of] {
			got += fmt.Sprintln(a.Device.ID, a.Serial, a.Place)
		}
		if got != c.want {
			t.Errorf("%s may be %q, not %q", c.of, got, c.want)
		}
	}
}
