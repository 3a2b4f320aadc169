package care

import (
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
)

var by = Mark{By: "user:nele", Name: "Nele W.", At: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)}

const today Day = "2026-05-03"

func order(t *testing.T) Order {
	t.Helper()
	p := Plan{ID: "safety", Name: "Safety", Kind: Safety, Measures: []Measure{{Name: "Earth", UnitUCUM: "Ohm", Max: "0.3"}, {Name: "Leakage", UnitUCUM: "uA", Max: "500"}}}
	o, err := Begin(FromPlan(&p, "dev-1", "2026-05-01"), by)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func results(earth, leakage Number) []Result {
	return []Result{{Measure: Measure{Name: "Earth"}, Value: earth}, {Measure: Measure{Name: "Leakage", Max: "9999"}, Value: leakage}}
}

// TestLife: from each state only to those it may become.
func TestLife(t *testing.T) {
	may := map[State][]State{
		Open: {Open, Working, Waiting, Cancelled}, Working: {Open, Working, Waiting, Cancelled}, Waiting: {Open, Working, Waiting, Cancelled},
		Finished: {Open}, Cancelled: {},
	}
	for _, from := range States() {
		for _, next := range append(States(), "gone") {
			o := order(t)
			o.State = from
			if from == Finished {
				o.Finish = &Finish{On: today, Passed: true}
			}
			err := o.Change(Change{State: next, Text: "because"}, by)
			if ok := err == nil; ok != slices.Contains(may[from], next) {
				t.Errorf("%s to %s: %v", from, next, err)
			}
			if err != nil && (o.State != from || len(o.Steps) != 1) {
				t.Errorf("%s to %s was refused and changed it", from, next)
			}
		}
	}
	o := order(t)
	if err := o.Change(Change{State: Cancelled}, by); fault.CodeOf(err) != "care.order" {
		t.Error("cancelled without why:", err)
	}
}

// TestEnd: what was measured decides.
func TestEnd(t *testing.T) {
	for name, c := range map[string]struct {
		finish Finish
		failed bool
		passed bool
		fault  string
	}{
		"within":               {Finish{Results: results("0.12", "120")}, false, true, ""},
		"on the limit":         {Finish{Results: results("0.30", "500.0")}, false, true, ""},
		"above":                {Finish{Results: results("0.31", "120")}, false, false, ""},
		"with a comma":         {Finish{Results: results("0,12", "120")}, false, true, ""},
		"thousands, or not":    {Finish{Results: results("0.12", "1,200")}, false, false, "care.measure"},
		"three decimals":       {Finish{Results: results("0,125", "120")}, false, true, ""},
		"said to have failed":  {Finish{Results: results("0.12", "120")}, true, false, ""},
		"one is missing":       {Finish{Results: results("0.12", "120")[:1]}, false, false, "care.finish"},
		"none":                 {Finish{}, false, false, "care.finish"},
		"a value is missing":   {Finish{Results: results("", "120")}, false, false, "care.measure"},
		"no number":            {Finish{Results: results("0.12", "ok")}, false, false, "care.measure"},
		"tomorrow":             {Finish{On: "2026-05-04", Results: results("0.12", "120")}, false, false, "care.finish"},
		"weeks ago":            {Finish{On: "2026-04-01", Results: results("0.12", "120")}, false, true, ""},
		"no day":               {Finish{On: "1.4.2026", Results: results("0.12", "120")}, false, false, "care.finish"},
		"a part":               {Finish{Results: results("0.12", "120"), Parts: []Part{{Name: "Fuse", Lot: "7", Cost: "1.20", Currency: "EUR"}}}, false, true, ""},
		"a part without name":  {Finish{Results: results("0.12", "120"), Parts: []Part{{Lot: "7"}}}, false, false, "care.finish"},
		"a part that pays":     {Finish{Results: results("0.12", "120"), Parts: []Part{{Name: "Fuse", Cost: "-1"}}}, false, false, "care.finish"},
		"a currency by sign":   {Finish{Results: results("0.12", "120"), Parts: []Part{{Name: "Fuse", Currency: "€"}}}, false, false, "care.finish"},
		"less than no time":    {Finish{Minutes: -1, Results: results("0.12", "120")}, false, false, "care.finish"},
		"wiping without proof": {Finish{Results: results("0.12", "120"), Wiping: &Wiping{By: "J. Ott"}}, false, false, "care.wiping"},
		"seen, not measured":   {Finish{Results: append(results("0.12", "120"), Result{Measure: Measure{Name: "Housing"}, Text: "cracked"})}, false, false, ""},
	} {
		o := order(t)
		err := o.End(c.finish, c.failed, today, by)
		if (err != nil || c.fault != "") && fault.CodeOf(err) != c.fault {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err != nil {
			if o.State != Open || o.Finish != nil || len(o.Steps) != 1 {
				t.Errorf("%s: refused, and yet %+v", name, o)
			}
			continue
		}
		if o.Finish.Passed != c.passed || o.State != Finished || o.Finish.By != by.By || o.Finish.On == "" {
			t.Errorf("%s: %+v", name, o.Finish)
		}
		if o.Finish.Results[1].Max != "500" || o.Finish.Results[1].UnitUCUM != "uA" {
			t.Errorf("%s: the plan's limits do not count: %+v", name, o.Finish.Results[1])
		}
		if strings.Contains(string(o.Finish.Results[0].Value), ",") {
			t.Errorf("%s: kept as %s", name, o.Finish.Results[0].Value)
		}
		if c.finish.Results[0].Passed {
			t.Errorf("%s: the caller's results were changed", name)
		}
		if err := o.End(c.finish, c.failed, today, by); fault.CodeOf(err) != "care.life" {
			t.Errorf("%s: finished twice: %v", name, err)
		}
	}
}

// TestAgain: an order opened again keeps how it ended before.
func TestAgain(t *testing.T) {
	o := order(t)
	if err := o.End(Finish{Results: results("0.12", "120")}, false, today, by); err != nil {
		t.Fatal(err)
	}
	if err := o.Change(Change{State: Open, Text: "wrong device measured"}, by); err != nil {
		t.Fatal(err)
	}
	if o.Finish != nil || len(o.Earlier) != 1 || o.Earlier[0].Results[0].Value != "0.12" || len(o.Steps) != 3 {
		t.Errorf("%+v", o)
	}
}

// TestSteps: no order grows without bound.
func TestSteps(t *testing.T) {
	o := order(t)
	var err error
	for range mostRows {
		err = o.Change(Change{Text: "still waiting"}, by)
	}
	if fault.CodeOf(err) != "care.order" || len(o.Steps) != mostRows {
		t.Error(len(o.Steps), err)
	}
}

func TestWiping(t *testing.T) {
	whole := Wiping{By: "J. Ott", How: "overwritten", On: today, Document: "DOC-1"}
	if err := whole.Check(today); err != nil {
		t.Fatal(err)
	}
	for place, change := range map[string]func(w *Wiping){
		"wiping.by": func(w *Wiping) { w.By = "" }, "wiping.how": func(w *Wiping) { w.How = strings.Repeat("x", 501) },
		"wiping.on": func(w *Wiping) { w.On = "2026-05-04" }, "wiping.document": func(w *Wiping) { w.Document = " " },
	} {
		w := whole
		change(&w)
		if f, ok := w.Check(today).(*fault.Fault); !ok || f == nil || f.Code != "care.wiping" || f.Place != place {
			t.Errorf("%s: %v", place, f)
		}
	}
	for holds, want := range map[string]bool{"personal": true, "pseudonymous": true, "technical": false, "none": false, "": false} {
		if NeedsWiping(holds) != want {
			t.Error(holds)
		}
	}
}

// TestContract: a contract covers a device from its first to its last day.
func TestContract(t *testing.T) {
	c := Contract{ID: "c", Name: "Full", Supplier: "Acme", From: "2026-01-01", Until: "2026-12-31", Covers: []Kind{Safety}, Models: []string{"mdl-1"}}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	for day, want := range map[Day]bool{"2025-12-31": false, "2026-01-01": true, "2026-12-31": true, "2027-01-01": false} {
		if c.For("dev-1", "mdl-1", day) != want {
			t.Error(day)
		}
	}
	if c.For("dev-1", "mdl-2", today) || c.For("dev-1", "", today) || !c.Does(Safety) || c.Does(Corrective) {
		t.Error("it covers what it should not")
	}
	c.Until = "2025-12-31"
	if err := c.Check(); fault.CodeOf(err) != "care.contract" {
		t.Error(err)
	}
}
