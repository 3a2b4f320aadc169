package register_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
)

// found gives the ids a search finds on all its pages.
func (h *house) found(t testing.TB, w register.Wanted, now time.Time) (out []model.DeviceID) {
	t.Helper()
	w.Limit = 7
	for {
		page, next, err := h.Search(t.Context(), w, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page {
			out = append(out, s.ID)
		}
		if w.After = next; next == "" {
			break
		}
	}
	w.After = ""
	if n, err := h.Count(t.Context(), w, now); err != nil || n != len(out) {
		t.Errorf("%+v finds %d and counts %d, %v", w, len(out), n, err)
	}
	return out
}

// TestSearchFindsWhatCounts: whatever is heard, said, decided and undone, a
// search finds exactly the devices of which it counts, as one finds who looks
// at every single one.
func TestSearchFindsWhatCounts(t *testing.T) {
	h := newHouse(t)
	r := rand.New(rand.NewPCG(29, 4))
	makers, places, lives := []string{"Acme", "Acme Medical", "Umbrella"}, []string{"ICU^1^1", "ICU^1^2", "ICU^2^1^HOSP", "OR^1^"}, []string{"in-use", "lent", "stored", "lost"}
	var all []model.DeviceID
	for i := range 40 {
		m := h.sight(t, h.message(model.Device{Parent: -1, Serial: fmt.Sprintf("S-%d", i), Manufacturer: makers[i%3], Model: fmt.Sprintf("M%d", i%4), Kind: model.Code{MDC: uint32(i % 2 * 69965)}}))
		all = append(all, m.Devices[0].ID)
	}
	var changes []string
	for step := range 120 {
		about := fact.Of(fact.OfDevice, string(all[r.IntN(len(all))]))
		m := mark(1+step, fmt.Sprintf("c%d", step))
		f := fact.Fact{Subject: about, Truth: fact.Asserted}
		switch r.IntN(6) {
		case 0:
			f.Name, f.Value = "place", places[r.IntN(4)]
		case 1:
			f.Name, f.Value, f.Until = "life", lives[r.IntN(4)], m.At.AddDate(0, 0, 1+r.IntN(20))
		case 2:
			f.Name, f.Value, f.Truth = "manufacturer", makers[r.IntN(3)], fact.Decided
		case 3:
			f.Name, f.Value = "asset", fmt.Sprintf("A-%d", r.IntN(30))
		case 4:
			f.Name = "place" // taken back
		case 5:
			if len(changes) > 0 {
				if _, err := h.undo(t, changes[r.IntN(len(changes))], m); err != nil {
					t.Fatal(err)
				}
			}
			continue
		}
		if err := h.say(t, f, m); err != nil {
			t.Fatal(err)
		}
		changes = append(changes, m.Change)
		if step%10 != 9 {
			continue
		}
		if step == 59 {
			if err := h.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.reopen(t, register.Options{})
		}
		h.compare(t, all, m.At.Add(time.Hour))
	}
	h.compare(t, all, day(400)) // every end has passed
}

// compare asks the register and looks at every device.
func (h *house) compare(t *testing.T, all []model.DeviceID, now time.Time) {
	t.Helper()
	sheets := map[model.DeviceID]register.Sheet{}
	var last []register.Sheet
	for _, id := range all {
		v, err := h.View(id)
		if err != nil {
			t.Fatal(err)
		}
		counts := register.Counts(&v, now)
		s, err := h.Sheet(id, now)
		if err != nil || fmt.Sprint(s.Counts) != fmt.Sprint(counts) {
			t.Fatalf("%v %v, %v", s.Counts, counts, err)
		}
		sheets[id], last = s, append(last, s)
	}
	check := func(w register.Wanted, is func(s register.Sheet) bool) {
		t.Helper()
		var want []model.DeviceID
		for _, id := range all {
			if is(sheets[id]) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		got := h.found(t, w, now)
		if !w.Changed && !slices.IsSorted(got) {
			t.Errorf("%+v: not by id", w)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%+v found %v, not %v", w, got, want)
		}
	}
	wish := func(f register.Field, how register.How, values ...string) register.Wanted {
		return register.Wanted{Wishes: []register.Wish{{Field: f, Values: values, Match: how}}}
	}
	check(register.Wanted{}, func(register.Sheet) bool { return true })
	check(register.Wanted{Changed: true}, func(register.Sheet) bool { return true })
	check(wish(register.ByMaker, register.Whole, "acme"), func(s register.Sheet) bool { return s.Counts["manufacturer"] == "Acme" })
	check(wish(register.ByMaker, register.Begins, "acm"), func(s register.Sheet) bool { return strings.HasPrefix(s.Counts["manufacturer"], "Acm") })
	check(wish(register.ByMaker, register.Contains, "medic", "BRELL"), func(s register.Sheet) bool { return s.Counts["manufacturer"] != "Acme" })
	check(wish(register.ByState, register.Not, register.Unknown), func(s register.Sheet) bool { return s.Standing != register.Unknown })
	check(wish(register.ByKind, register.Whole, "69965"), func(s register.Sheet) bool { return s.Observed.Kind.MDC == 69965 })
	ward, room := register.LocationID(model.Place{PointOfCare: "ICU"}), register.LocationID(model.Place{PointOfCare: "ICU", Room: "1"})
	check(wish(register.ByPlace, register.Within, ward), func(s register.Sheet) bool {
		p := register.PlaceOf(s.Counts)
		return p.PointOfCare == "ICU" && p.Facility == ""
	})
	check(wish(register.ByPlace, register.Whole, room), func(s register.Sheet) bool {
		return register.PlaceOf(s.Counts) == model.Place{PointOfCare: "ICU", Room: "1"}
	})
	check(register.Wanted{Numbers: []string{"a-7"}}, func(s register.Sheet) bool { return s.Counts["asset"] == "A-7" })
	check(register.Wanted{Numbers: []string{"S-3"}, IDs: all[:10]}, func(s register.Sheet) bool { return s.Counts["serial"] == "S-3" })
	both := wish(register.ByMaker, register.Whole, "Acme", "Umbrella")
	both.Wishes = append(both.Wishes, register.Wish{Field: register.ByName, Values: []string{"M1", "M2"}})
	check(both, func(s register.Sheet) bool {
		return s.Counts["manufacturer"] != "Acme Medical" && (s.Counts["model"] == "M1" || s.Counts["model"] == "M2")
	})
	slices.SortFunc(last, func(a, b register.Sheet) int { return b.Updated.Compare(a.Updated) })
	middle := last[len(last)/2].Updated
	check(register.Wanted{Since: middle}, func(s register.Sheet) bool { return !s.Updated.Before(middle) })
	check(register.Wanted{Until: middle, Changed: true}, func(s register.Sheet) bool { return s.Updated.Before(middle) })
	h.compareKept(t, all, now)
	models, _, total := h.SearchModels(register.ModelQuery{Counts: true, Limit: 1000}, now)
	known := map[string]int{}
	for _, s := range sheets {
		known[s.Model]++
	}
	if len(models) != len(known) || total != len(known) {
		t.Errorf("%d models, not %d", len(models), len(known))
	}
	for _, m := range models {
		if m.Devices != known[m.ID] {
			t.Errorf("%+v, not %d devices", m, known[m.ID])
		}
	}
	places, _, _ := h.Locations(register.LocationQuery{Limit: 1000}, now)
	for _, l := range places {
		n := 0
		for _, s := range sheets {
			for at := register.PlaceOf(s.Counts); at != (model.Place{}); {
				if register.LocationID(at) == l.ID {
					n++
				}
				switch {
				case at.Bed != "":
					at.Bed = ""
				case at.Room != "":
					at.Room = ""
				case at.PointOfCare != "":
					at.PointOfCare = ""
				default:
					at.Facility = ""
				}
			}
		}
		if n == 0 || l.Devices != n {
			t.Errorf("%+v, not %d devices", l, n)
		}
	}
}
