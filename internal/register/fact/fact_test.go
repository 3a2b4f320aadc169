package fact

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
)

var noon = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

func hour(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }

// table is a store in memory.
type table struct{ rows []Fact }

func (s *table) apply(e Edit, at time.Time, change string) {
	for i := range s.rows {
		if slices.Contains(e.Retract, s.rows[i].ID) {
			s.rows[i].Retracted, s.rows[i].Undone = at, change
		}
	}
	for _, f := range e.Add {
		f.ID = int64(len(s.rows) + 1)
		s.rows = append(s.rows, f)
	}
}

func (s *table) put(t *testing.T, f Fact) {
	t.Helper()
	e, err := Put(s.rows, f)
	if err != nil {
		t.Fatal(err)
	}
	s.apply(e, f.Believed, f.Change)
}

// TestTwoTimes: random corrections of past, present and future against an
// oracle that keeps, for each hour of belief, what each hour of the world was.
func TestTwoTimes(t *testing.T) {
	const hours = 24
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var s table
		var oracle [hours][hours]string // [believed][true]
		for known := 1; known < hours; known++ {
			oracle[known] = oracle[known-1]
			from := r.IntN(hours-1) + 1
			f := Fact{
				Subject: "device/dev-1", Name: "owner", Truth: Asserted, Value: string(rune('A' + r.IntN(3))),
				From: hour(from), Believed: hour(known), Change: fmt.Sprint("chg-", known),
			}
			until := hours
			if r.IntN(2) == 0 {
				until = from + 1 + r.IntN(hours-from)
				f.Until = hour(until)
			}
			if r.IntN(5) == 0 {
				f.Value = ""
			}
			s.put(t, f)
			for h := from; h < until && h < hours; h++ {
				oracle[known][h] = f.Value
			}
		}
		for known := range hours {
			for at := 1; at < hours; at++ {
				got := Select(s.rows, hour(at), hour(known))
				want := oracle[known][at]
				if len(got) > 1 || len(got) == 1 && got[0].Value != want || len(got) == 0 && want != "" {
					t.Fatalf("seed %d: true at %d, believed at %d: got %v, want %q", seed, at, known, got, want)
				}
			}
		}
	}
}

// TestUndo: a change is taken back whole, and not where somebody wrote since.
func TestUndo(t *testing.T) {
	var s table
	owner := Fact{Subject: "device/dev-1", Name: "owner", Truth: Asserted, Value: "ICU", From: hour(1), Believed: hour(1), Change: "chg-1"}
	s.put(t, owner)
	owner.Value, owner.From, owner.Believed, owner.Change = "ER", hour(2), hour(2), "chg-2"
	s.put(t, owner)
	if got := Select(s.rows, hour(3), hour(3)); len(got) != 1 || got[0].Value != "ER" {
		t.Fatalf("after the change: %v", got)
	}
	e, later := Undo(s.rows, "chg-2", hour(4), "usr-1", "chg-3")
	if len(later) > 0 {
		t.Fatalf("later: %v", later)
	}
	s.apply(e, hour(4), "chg-3")
	for at := 1; at < 6; at++ {
		if got := Select(s.rows, hour(at), hour(5)); len(got) != 1 || got[0].Value != "ICU" {
			t.Errorf("true at %d after undoing: %v", at, got)
		}
	}
	if got := Select(s.rows, hour(3), hour(3)); len(got) != 1 || got[0].Value != "ER" {
		t.Errorf("what was believed then is gone: %v", got)
	}

	owner.Value, owner.From, owner.Believed, owner.Change = "OR", hour(5), hour(5), "chg-4"
	s.put(t, owner)
	owner.Value, owner.From, owner.Believed, owner.Change = "XR", hour(6), hour(6), "chg-5"
	s.put(t, owner)
	e, later = Undo(s.rows, "chg-4", hour(7), "usr-1", "chg-6")
	if !e.Empty() || len(later) == 0 {
		t.Errorf("undone over a later change: %v, later %v", e, later)
	}
	// Redo: the undoing is a change as any other.
	var again table
	again.put(t, Fact{Subject: "device/dev-1", Name: "owner", Truth: Asserted, Value: "ICU", From: hour(1), Believed: hour(1), Change: "chg-1"})
	e, _ = Undo(again.rows, "chg-1", hour(2), "usr-1", "chg-2")
	again.apply(e, hour(2), "chg-2")
	e, later = Undo(again.rows, "chg-2", hour(3), "usr-1", "chg-3")
	again.apply(e, hour(3), "chg-3")
	if got := Select(again.rows, hour(3), hour(3)); len(got) != 1 || got[0].Value != "ICU" || len(later) > 0 {
		t.Errorf("after undoing the undoing: %v, later %v", got, later)
	}
}

// TestSameChangesNothing: saying again what is believed makes no row.
func TestSameChangesNothing(t *testing.T) {
	var s table
	f := Fact{Subject: "device/dev-1", Name: "owner", Truth: Asserted, Value: "ICU", From: hour(1), Believed: hour(1)}
	s.put(t, f)
	f.From, f.Believed = hour(3), hour(3)
	if e, err := Put(s.rows, f); err != nil || !e.Empty() {
		t.Errorf("%v, %v", e, err)
	}
	f.Until = hour(2)
	if _, err := Put(s.rows, f); fault.CodeOf(err) != "register.span" {
		t.Errorf("an end before the beginning: %v", err)
	}
}

// TestResolve: which truth counts, and what speaks against it.
func TestResolve(t *testing.T) {
	f := func(name string, truth Truth, value string) Fact { return Fact{Name: name, Truth: truth, Value: value} }
	for _, c := range []struct {
		facts []Fact
		want  string
	}{
		{[]Fact{f("release", Asserted, "2.0"), f("release", Observed, "2.1")}, "release=2.1 observed against asserted 2.0"},
		{[]Fact{f("owner", Asserted, "ICU"), f("owner", Observed, "ER")}, "owner=ICU asserted against observed ER"},
		{[]Fact{f("release", Observed, "2.1"), f("release", Decided, "2.0")}, "release=2.0 decided against observed 2.1"},
		{[]Fact{f("serial", Observed, "AB-12"), f("serial", Asserted, "ab12")}, "serial=AB-12 observed"},
		{[]Fact{f("owner", Asserted, "Intensive  Care"), f("owner", Decided, "intensive care")}, "owner=intensive care decided"},
	} {
		r := Resolve(c.facts)[0]
		got := r.Name + "=" + r.Value + " " + string(r.Truth)
		for _, a := range r.Against {
			got += " against " + string(a.Truth) + " " + a.Value
		}
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// TestCheck: values are kept in one form, and errors say what is expected.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		layer                    Layer
		name, value, want, wrong string
	}{
		{OfDevice, "mac", "00-1A-2b-3C-4d-5E", "00:1a:2b:3c:4d:5e", ""},
		{OfDevice, "mac", "00-1A", "", "MAC address"},
		{OfDevice, "ip", "::ffff:10.0.0.1", "10.0.0.1", ""},
		{OfDevice, "ip", "10.0.0.300", "", "IP address"},
		{OfDevice, "purchased", "2026-02-30", "", "date"},
		{OfDevice, "price", "12.5", "12.5", ""},
		{OfDevice, "price", "12,5", "", "number"},
		{OfDevice, "life", "LENT", "lent", ""},
		{OfDevice, "life", "gone", "", "one of ordered"},
		{OfDevice, "document", "javascript:alert(1)", "", "link"},
		{OfDevice, "support", "ended", "", "a device has no fact"},
		{OfModel, "support", "ended", "ended", ""},
		{OfDevice, "owner", strings.Repeat("x", 1001), "", "at most"},
		{OfDevice, "owner", " ICU ", "ICU", ""},
		{OfDevice, "owner", "", "", ""},
	} {
		got, err := Check(c.layer, c.name, c.value)
		if c.wrong == "" && (err != nil || got != c.want) || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || fault.CodeOf(err) != "register.fact") {
			t.Errorf("%s %s %q: got %q, %v", c.layer, c.name, c.value, got, err)
		}
	}
	seen := map[string]bool{}
	for _, k := range Kinds("") {
		if seen[k.Name] || k.Title == "" || len(k.Layers) == 0 || (k.Form == Choice) != (len(k.Choices) > 0) || k.First != Observed && k.First != Asserted && k.First != Decided {
			t.Errorf("kind %+v", k)
		}
		seen[k.Name] = true
	}
}
