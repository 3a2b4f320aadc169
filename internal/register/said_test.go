package register_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/store/sqlite/registerdb"
)

// say says one fact in a transaction of its own.
func (h *house) say(t testing.TB, f fact.Fact, mark register.Mark) error {
	t.Helper()
	return h.db.Update(t.Context(), func(tx registerdb.Tx) error {
		_, err := h.Say(t.Context(), tx, f, mark)
		return err
	})
}

// undo takes a change of facts back where nothing newer stands on it, as
// change.undo does.
func (h *house) undo(t testing.TB, change string, mark register.Mark) (newer *fact.Fact, err error) {
	t.Helper()
	err = h.db.Update(t.Context(), func(tx registerdb.Tx) error {
		rows, err := tx.FactsOfChange(t.Context(), change)
		if err != nil {
			return err
		}
		if newer = fact.Newer(rows, change); newer != nil {
			return nil
		}
		return h.Undo(t.Context(), tx, rows, change, mark)
	})
	return newer, err
}

func day(n int) time.Time { return morning.AddDate(0, 0, n) }

func mark(n int, change string) register.Mark {
	return register.Mark{By: "usr-a", At: day(n), Change: change}
}

// value gives what counts of a device's fact.
func (h *house) value(t testing.TB, s fact.Subject, name string, at, known time.Time) string {
	t.Helper()
	facts, err := h.Facts(t.Context(), s, at, known)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if f.Name == name {
			text := f.Value + " " + string(f.Truth)
			for _, a := range f.Against {
				text += " against " + a.Value
			}
			return text
		}
	}
	return ""
}

// TestTruths: the wire, a person and a decision say three things of the
// software, and the register keeps them apart through two times and a restart.
func TestTruths(t *testing.T) {
	h := newHouse(t)
	m := h.message(model.Device{Parent: -1, Manufacturer: "Acme", Model: "VM-200", Serial: "SN1", Release: "2.0"})
	h.sight(t, m)
	id := m.Devices[0].ID
	s := fact.Of(fact.OfDevice, string(id))

	for n, f := range []fact.Fact{
		{Subject: s, Name: "release", Truth: fact.Asserted, Value: "1.9"},
		{Subject: s, Name: "owner", Truth: fact.Asserted, Value: "ICU"},
		{Subject: s, Name: "owner", Truth: fact.Asserted, Value: "Theatre", From: day(1)},
		{Subject: s, Name: "release", Truth: fact.Decided, Value: "1.9", Until: day(6)},
	} {
		if err := h.say(t, f, mark(n+1, "chg-"+string(rune('a'+n)))); err != nil {
			t.Fatal(err)
		}
	}
	check := func(now string) {
		t.Helper()
		for _, c := range []struct {
			name      string
			at, known int
			want      string
		}{
			{"release", 1, 1, now + " observed against 1.9"},
			{"release", 5, 5, "1.9 decided against " + now},
			{"release", 7, 7, now + " observed against 1.9"}, // the exception has ended
			{"owner", 2, 2, "ICU asserted"},
			{"owner", 2, 3, "Theatre asserted"}, // corrected on the third day, from the first on
			{"owner", 0, 9, ""},
		} {
			if got := h.value(t, s, c.name, day(c.at), day(c.known)); got != c.want {
				t.Errorf("%s true on day %d as believed on day %d: got %q, want %q", c.name, c.at, c.known, got, c.want)
			}
		}
	}
	check("2.0")
	later := h.message(model.Device{Parent: -1, Manufacturer: "Acme", Model: "VM-200", Serial: "SN1", Release: "2.1"})
	h.sight(t, later)
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d, _ := h.Get(id); d.Observed.Turns["release"].Was != "2.0" || d.Observed.Turns["release"].Now != "2.1" || !d.Observed.Turns["release"].At.Equal(later.Arrived) {
		t.Errorf("the last change of its software: %+v", d.Observed.Turns)
	}
	if got := h.value(t, s, "release", later.Arrived.Add(-1), day(9)); got != "2.0 observed" {
		t.Errorf("just before the change: %q", got)
	}
	again, err := register.Open(t.Context(), h.db, register.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h.Register = again
	check("2.1")
	if page, _ := h.List(register.Query{Facts: map[string]string{"owner": "theatre"}}); len(page) != 1 {
		t.Errorf("found by owner: %d", len(page))
	}
	if page, _ := h.List(register.Query{Facts: map[string]string{"asset": ""}}); len(page) != 1 {
		t.Errorf("found without an asset number: %d", len(page))
	}
	if page, _ := h.List(register.Query{Text: "theat"}); len(page) != 1 {
		t.Errorf("found by a text in a fact: %d", len(page))
	}

	for _, f := range []fact.Fact{
		{Subject: s, Name: "colour", Truth: fact.Asserted, Value: "red"},
		{Subject: s, Name: "name", Truth: fact.Asserted, Value: "Bed 1"},
		{Subject: s, Name: "owner", Truth: fact.Observed, Value: "ICU"},
	} {
		if err := h.say(t, f, mark(9, "chg-x")); fault.CodeOf(err) != "register.fact" {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if err := h.say(t, fact.Fact{Subject: "model/mdl-none", Name: "support", Truth: fact.Asserted, Value: "ended"}, mark(9, "chg-x")); fault.CodeOf(err) != "register.no-subject" {
		t.Error(err)
	}
}

// TestUndo: a change is undone also where it is part of how messages are read,
// and not over a later one.
func TestUndo(t *testing.T) {
	h := newHouse(t)
	m := h.message(model.Device{Parent: -1, Serial: "SN1"})
	h.sight(t, m)
	id := m.Devices[0].ID
	assert := func(n int, change, name, place string) {
		t.Helper()
		at, err := register.ParsePlace(place)
		if err != nil {
			t.Fatal(err)
		}
		err = h.db.Update(t.Context(), func(tx registerdb.Tx) error {
			_, err := h.Assert(context.Background(), tx, id, register.Asserted{Name: name, Place: at}, register.AnyVersion, mark(n, change))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	assert(1, "chg-1", "Bed 1", "ICU^1^1")
	assert(2, "chg-2", "Bed 2", "ICU^1^2")
	if _, err := h.undo(t, "chg-2", mark(3, "chg-3")); err != nil {
		t.Fatal(err)
	}
	d, err := h.Get(id)
	if err != nil || d.Asserted.Name != "Bed 1" || d.Asserted.Place.Bed != "1" || d.Version != 3 {
		t.Errorf("%+v, %v", d, err)
	}
	// What chg-1 said stands again by chg-3, so chg-3 is what could be undone.
	if newer, err := h.undo(t, "chg-1", mark(4, "chg-4")); err != nil || newer == nil || newer.Undone != "chg-2" && newer.Change != "chg-3" {
		t.Errorf("newer: %v, %v", newer, err)
	}
	assert(5, "chg-5", "Bed 5", "ICU^1^5")
	assert(6, "chg-6", "Bed 6", "ICU^1^5")
	newer, err := h.undo(t, "chg-5", mark(7, "chg-7"))
	if err != nil || newer == nil || newer.Name != "name" {
		t.Errorf("newer: %v, %v", newer, err)
	}
	if d, _ := h.Get(id); d.Asserted.Name != "Bed 6" {
		t.Errorf("a later change was undone too: %+v", d.Asserted)
	}
}

// TestModels: models and releases come from what devices say, and from what is
// said of them.
func TestModels(t *testing.T) {
	h := newHouse(t)
	for i, d := range []model.Device{
		{Parent: -1, Manufacturer: "Acme", Model: "VM-200", Serial: "A1", Release: "2.0"},
		{Parent: -1, Manufacturer: "ACME ", Model: "vm-200", Serial: "A2", Release: "2.1"},
		{Parent: -1, Manufacturer: "Acme", Model: "VM-200", Serial: "A3", Release: "2.1"},
		{Parent: -1, Manufacturer: "Borg", Model: "P1", Serial: "B1"},
		{Parent: -1, Serial: "C1"},
	} {
		m := h.message(d)
		m.Ref.Seq = model.Seq(100 + i)
		h.sight(t, m)
	}
	models := h.Models("")
	if len(models) != 2 || models[0].Devices != 3 || len(models[0].Releases) != 2 || models[0].Releases[0].Version != "2.1" || models[0].Releases[0].Devices != 2 || models[1].Name != "P1" {
		t.Fatalf("%+v", models)
	}
	acme := models[0]
	s := fact.Of(fact.OfModel, acme.ID)
	if err := h.say(t, fact.Fact{Subject: s, Name: "support", Truth: fact.Asserted, Value: "ended"}, mark(1, "chg-1")); err != nil {
		t.Fatal(err)
	}
	if got := h.Models("ended"); len(got) != 1 || got[0].ID != acme.ID {
		t.Errorf("found by what is said: %+v", got)
	}
	rel := fact.Of(fact.OfRelease, acme.Releases[0].ID)
	if err := h.say(t, fact.Fact{Subject: rel, Name: "support-until", Truth: fact.Asserted, Value: "2027-01-01"}, mark(1, "chg-2")); err != nil {
		t.Error(err)
	}
	if page, _ := h.List(register.Query{Model: acme.ID}); len(page) != 3 {
		t.Errorf("devices of the model: %d", len(page))
	}
	if page, _ := h.List(register.Query{Release: acme.Releases[0].ID}); len(page) != 2 {
		t.Errorf("devices of the release: %d", len(page))
	}
	// A device that names no model gets one by what is said of it.
	page, _ := h.List(register.Query{Text: "C1"})
	c := fact.Of(fact.OfDevice, string(page[0].ID))
	for name, value := range map[string]string{"manufacturer": "Acme", "model": "VM-200"} {
		if err := h.say(t, fact.Fact{Subject: c, Name: name, Truth: fact.Asserted, Value: value}, mark(2, "chg-3")); err != nil {
			t.Fatal(err)
		}
	}
	if m, _ := h.ModelOf(page[0].ID); m != acme.ID {
		t.Errorf("model %q, want %q", m, acme.ID)
	}
	// A model that nobody owns yet.
	err := h.db.Update(t.Context(), func(tx registerdb.Tx) error {
		_, err := h.AddModel(t.Context(), tx, "Cyber", "X", mark(3, "chg-4"))
		return err
	})
	if got := h.Models("cyber"); err != nil || len(got) != 1 || got[0].Devices != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// BenchmarkList: pages of a register of 100,000 devices, plain and searched.
func BenchmarkList(b *testing.B) {
	h := newHouse(b)
	var batch []*model.Message
	for i := range 100_000 {
		m := h.message(model.Device{Parent: -1, Manufacturer: "Acme", Model: "VM-" + strconv.Itoa(i%40), Serial: "SN" + strconv.Itoa(i), Release: strconv.Itoa(i % 7)})
		m.Channel = model.ChannelID("c" + strconv.Itoa(i%50))
		if batch = append(batch, m); len(batch) == 5000 {
			if err := h.SightAll(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	for name, q := range map[string]register.Query{"first": {}, "search": {Text: "sn99999"}, "channel": {Channel: "c7"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				h.List(q)
			}
		})
	}
}
