package register_test

import (
	"slices"
	"strings"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/store/sqlite/registerdb"
)

// act does something in one transaction.
func (h *house) act(t testing.TB, work func(tx register.Tx) error) error {
	t.Helper()
	return h.db.Update(t.Context(), func(tx registerdb.Tx) error { return work(tx) })
}

// hears has a device of a serial number heard so many times from a second on,
// and gives its id.
func (h *house) hears(t testing.TB, serial string, times int) model.DeviceID {
	t.Helper()
	var id model.DeviceID
	for range times {
		id = h.sight(t, h.message(model.Device{Parent: -1, Manufacturer: "Acme", Model: "VM-200", Serial: serial})).Devices[0].ID
	}
	return id
}

// TestMergeRefusals (R30): what cannot be one machine is not merged, and the
// text says what to do.
func TestMergeRefusals(t *testing.T) {
	mark := register.Mark{By: "usr-a", At: morning.Add(1000e9), Change: "chg"}
	for _, c := range []struct {
		name  string
		make  func(h *house, stranger, known model.DeviceID, tx register.Tx) error
		ask   func(a *register.MergeAsk)
		code  string
		words string
	}{
		{"itself", nil, func(a *register.MergeAsk) { a.Into = a.ID }, "register.merge", "into itself"},
		{"nobody", nil, func(a *register.MergeAsk) { a.ID = "dev-none" }, "register.no-device", "list the devices"},
		{"into nobody", nil, func(a *register.MergeAsk) { a.Into = "dev-none" }, "register.no-device", "list the devices"},
		{"version", nil, func(a *register.MergeAsk) { a.Expect = 7 }, "register.version", "read it again"},
		{"adopted stranger", func(h *house, stranger, _ model.DeviceID, tx register.Tx) error {
			_, err := h.Adopt(t.Context(), tx, stranger, register.AnyVersion, mark)
			return err
		}, nil, "register.merge", "release it first"},
		{"into a stranger", func(h *house, _, known model.DeviceID, tx register.Tx) error {
			_, err := h.Release(t.Context(), tx, known, register.AnyVersion, mark)
			return err
		}, nil, "register.merge", "adopt it first"},
		{"into what is gone", func(h *house, _, known model.DeviceID, tx register.Tx) error {
			_, err := h.Say(t.Context(), tx, fact.Fact{Subject: fact.Of(fact.OfDevice, string(known)), Name: "life", Value: "disposed", Truth: fact.Asserted, From: morning}, mark)
			return err
		}, nil, "register.merge", "stage of life"},
		{"two machines at once", func(h *house, _, _ model.DeviceID, _ register.Tx) error {
			h.hears(t, "1", 1)
			return nil
		}, nil, "register.merge-contradicts", "serial numbers"},
		{"two machines at once, by force", func(h *house, _, _ model.DeviceID, _ register.Tx) error {
			h.hears(t, "1", 1)
			return nil
		}, func(a *register.MergeAsk) { a.Force = true }, "", ""},
		{"one after the other", nil, nil, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			known := h.hears(t, "1", 2)
			stranger := h.hears(t, "2", 2)
			adopt := func(tx register.Tx) error {
				_, err := h.Adopt(t.Context(), tx, known, register.AnyVersion, mark)
				return err
			}
			if err := h.act(t, adopt); err != nil {
				t.Fatal(err)
			}
			if c.make != nil {
				if err := h.act(t, func(tx register.Tx) error { return c.make(h, stranger, known, tx) }); err != nil {
					t.Fatal(err)
				}
			}
			ask := register.MergeAsk{ID: stranger, Into: known, Expect: register.AnyVersion, Reason: "test"}
			if c.ask != nil {
				c.ask(&ask)
			}
			err := h.act(t, func(tx register.Tx) error {
				_, err := h.Merge(t.Context(), tx, ask, mark)
				return err
			})
			if c.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got := h.hears(t, "2", 1); got != known {
					t.Errorf("resolved to %s", got)
				}
				return
			}
			if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v, want %s: %s", err, c.code, c.words)
			}
			if h.Merging() {
				t.Error("refused, it was merged")
			}
		})
	}
}

// TestMergedNames (R11): keys that come beside those of a merged device are its
// own, a serial number told under another name does not flap, a chain leads to
// its end, and undoing gives all of it back.
func TestMergedNames(t *testing.T) {
	h := newHouse(t)
	mark := register.Mark{By: "usr-a", At: morning.Add(1000e9), Change: "chg"}
	known, stranger := h.hears(t, "1", 1), h.hears(t, "2", 1)
	do := func(work func(tx register.Tx) error) {
		t.Helper()
		if err := h.act(t, work); err != nil {
			t.Fatal(err)
		}
	}
	do(func(tx register.Tx) error {
		if _, err := h.Adopt(t.Context(), tx, known, register.AnyVersion, mark); err != nil {
			return err
		}
		_, err := h.Merge(t.Context(), tx, register.MergeAsk{ID: stranger, Into: known, Expect: register.AnyVersion, Reason: "test"}, mark)
		return err
	})
	for label, why := range map[string]string{"1": "serial", "2": "serial", string(known): "id", string(stranger): "id"} {
		if got := h.Labelled(label, nil, mark.At); len(got) != 1 || got[0].Device.ID != known || got[0].Why != why {
			t.Errorf("the label %s stands on %+v", label, got)
		}
	}
	beside := h.sight(t, h.message(model.Device{Parent: -1, Manufacturer: "Acme", Model: "VM-200", Serial: "2", Identifiers: ids("00:11:22:33:44:55", "", "MAC")}))
	h.hears(t, "1", 1)
	if beside.Devices[0].ID != known || len(beside.Issues) > 0 {
		t.Fatalf("%+v", beside)
	}
	both := h.sight(t, h.message(model.Device{Parent: -1, Manufacturer: "Acme", Model: "VM-200", Serial: "1", Identifiers: ids("00:11:22:33:44:55", "", "MAC")}))
	if both.Devices[0].ID != known || len(both.Issues) > 0 {
		t.Fatalf("keys of both names: %+v", both)
	}
	for range 2 {
		if d := mustGet(t, h, stranger); d.ID != known || d.Observed.Serial != "1" || d.Seen.Messages != 4 {
			t.Fatalf("%+v", d)
		}
		if names := h.Names(known); !slices.Equal(names, []model.DeviceID{known, stranger}) || h.Head(stranger) != known {
			t.Fatal(names)
		}
		if a := h.Aliases(known); len(a) != 1 || a[0].Observed.Serial != "2" || a[0].Seen.Messages != 2 || !slices.Contains(a[0].Keys, "mac|001122334455") {
			t.Fatalf("%+v", a)
		}
		if devices, waiting := h.Totals(); devices != 1 || waiting != 0 {
			t.Fatal(devices, waiting)
		}
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.reopen(t, register.Options{})
	}
	do(func(tx register.Tx) error {
		_, err := h.Separate(t.Context(), tx, stranger, register.AnyVersion, mark)
		return err
	})
	apart := h.sight(t, h.message(model.Device{Parent: -1, Identifiers: ids("00:11:22:33:44:55", "", "MAC")}))
	if apart.Devices[0].ID != stranger || h.Merging() {
		t.Fatalf("%+v", apart)
	}
	if devices, waiting := h.Totals(); devices != 2 || waiting != 1 {
		t.Fatal(devices, waiting)
	}
}
