package care

import (
	"math/rand/v2"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// TestAdd: months end on their last day, leap years have one more.
func TestAdd(t *testing.T) {
	for _, c := range []struct {
		day          Day
		months, days int
		want         Day
	}{
		{"2026-01-15", 1, 0, "2026-02-15"},
		{"2026-01-31", 1, 0, "2026-02-28"},
		{"2028-01-31", 1, 0, "2028-02-29"},
		{"2026-08-31", 1, 0, "2026-09-30"},
		{"2026-12-31", 2, 0, "2027-02-28"},
		{"2028-02-29", 12, 0, "2029-02-28"},
		{"2028-02-29", 48, 0, "2032-02-29"},
		{"2096-02-29", 48, 0, "2100-02-28"}, // 2100 is no leap year
		{"2026-02-28", 1, 0, "2026-03-28"},
		{"2026-12-01", 1, 0, "2027-01-01"},
		{"2026-02-27", 0, 2, "2026-03-01"},
		{"2028-02-27", 0, 2, "2028-02-29"},
		{"2026-12-31", 0, 1, "2027-01-01"},
		{"2026-05-03", 0, -3, "2026-04-30"},
		{"9999-12-01", 12, 0, "9999-12-31"},
		{"", 1, 0, ""},
		{"2026-02-30", 1, 0, ""},
	} {
		if got := c.day.Add(c.months, c.days); got != c.want {
			t.Errorf("%s and %d months, %d days: %s, want %s", c.day, c.months, c.days, got, c.want)
		}
	}
}

// TestNext: which day comes next (R31).
func TestNext(t *testing.T) {
	monthly, yearly := Plan{Months: 1}, Plan{Months: 12}
	kept := Plan{Months: 1, KeepRhythm: true}
	ninety := Plan{Days: 90}
	kept90 := Plan{Days: 90, KeepRhythm: true}
	use := Plan{AfterUse: true}
	from := Plan{Months: 12, From: "2027-01-01"}
	for name, c := range map[string]struct {
		plan  Plan
		begun Day
		last  Done
		used  Day
		want  Day
	}{
		"never done, from the day it came":            {yearly, "2026-05-03", Done{}, "", "2027-05-03"},
		"nothing is known of when it came":            {yearly, "", Done{}, "", ""},
		"done before anybody knew when it came":       {yearly, "", Done{On: "2026-05-03"}, "", "2027-05-03"},
		"done in time":                                {yearly, "2020-01-01", Done{On: "2026-05-03", Due: "2026-05-10"}, "", "2027-05-03"},
		"done late: counts from when it was done":     {monthly, "2026-01-10", Done{On: "2026-03-20", Due: "2026-02-10"}, "", "2026-04-20"},
		"at the end of a month":                       {monthly, "2025-01-01", Done{On: "2026-01-31"}, "", "2026-02-28"},
		"on a leap day":                               {yearly, "2025-01-01", Done{On: "2028-02-29"}, "", "2029-02-28"},
		"the plan was changed to yearly":              {yearly, "2026-01-10", Done{On: "2026-03-10", Due: "2026-03-10"}, "", "2027-03-10"},
		"the plan was changed to 90 days":             {ninety, "2026-01-10", Done{On: "2026-03-10", Due: "2026-03-10"}, "", "2026-06-08"},
		"nothing before the plan begins":              {from, "2020-01-01", Done{}, "", "2027-01-01"},
		"nothing before the plan begins, though done": {from, "2020-01-01", Done{On: "2025-06-01"}, "", "2027-01-01"},
		"after the plan began":                        {from, "2020-01-01", Done{On: "2026-06-01"}, "", "2027-06-01"},
		"rhythm, never done":                          {kept, "2026-01-31", Done{}, "", "2026-02-28"},
		"rhythm, done in time":                        {kept, "2026-01-31", Done{On: "2026-02-28", Due: "2026-02-28"}, "", "2026-03-31"},
		"rhythm, done early for its day":              {kept, "2026-01-31", Done{On: "2026-02-20", Due: "2026-02-28"}, "", "2026-03-31"},
		"rhythm, done days late":                      {kept, "2026-01-31", Done{On: "2026-03-05", Due: "2026-02-28"}, "", "2026-03-31"},
		"rhythm, done months late: nothing twice":     {kept, "2026-01-31", Done{On: "2026-06-05", Due: "2026-02-28"}, "", "2026-06-30"},
		"rhythm, done on a day of the rhythm":         {kept, "2026-01-31", Done{On: "2026-03-31"}, "", "2026-04-30"},
		"rhythm of a leap day":                        {Plan{Months: 12, KeepRhythm: true}, "2024-02-29", Done{On: "2027-03-05", Due: "2027-02-28"}, "", "2028-02-29"},
		"rhythm of 90 days":                           {kept90, "2026-01-01", Done{On: "2026-04-10", Due: "2026-04-01"}, "", "2026-06-30"},
		"rhythm, and when it came is not known":       {kept, "", Done{On: "2026-01-31"}, "", "2026-02-28"},
		"rhythm, done before it came":                 {kept, "2026-05-03", Done{On: "2025-01-01"}, "", "2026-06-03"},
		"after use, never used":                       {use, "2026-01-01", Done{}, "", ""},
		"after use, never done":                       {use, "2026-01-01", Done{}, "2026-05-03", "2026-05-03"},
		"after use, done since":                       {use, "2026-01-01", Done{On: "2026-05-03"}, "2026-05-03", ""},
		"after use, used since":                       {use, "2026-01-01", Done{On: "2026-05-03"}, "2026-05-04", "2026-05-04"},
		"the plan is off":                             {Plan{Months: 1, Disabled: true}, "2026-01-01", Done{}, "", ""},
	} {
		if got := c.plan.Next(c.begun, c.last, c.used); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestNextHolds: whatever the days, the next is after what was done, no further
// than one span away, and in a kept rhythm a whole number of spans from the
// beginning.
func TestNextHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 31))
	day := func() Day { return Day("2020-01-01").Add(0, r.IntN(4000)) }
	for range 20_000 {
		p := Plan{KeepRhythm: r.IntN(2) == 0}
		if r.IntN(2) == 0 {
			p.Months = 1 + r.IntN(36)
		} else {
			p.Days = 1 + r.IntN(800)
		}
		begun, last := day(), Done{On: day(), Due: day()}
		next := p.Next(begun, last, "")
		after := last.On
		if p.KeepRhythm {
			after = max(last.On, last.Due)
		}
		if next <= after {
			t.Fatalf("%+v begun %s, done %+v: next %s is not after", p, begun, last, next)
		}
		if !p.KeepRhythm {
			if next != last.On.Add(p.Months, p.Days) {
				t.Fatalf("%+v done %+v: %s", p, last, next)
			}
			continue
		}
		n, at := 0, begun
		for at < next {
			n++
			at = begun.Add(n*p.Months, n*p.Days)
		}
		if at != next {
			t.Fatalf("%+v begun %s: %s is no whole number of spans away", p, begun, next)
		}
		if before := begun.Add((n-1)*p.Months, (n-1)*p.Days); n > 1 && before > after {
			t.Fatalf("%+v begun %s, done %+v: %s, but %s comes before", p, begun, last, next, before)
		}
	}
}

func TestDays(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	late := time.Date(2026, 5, 3, 22, 30, 0, 0, time.UTC)
	if got := DayOf(late, berlin); got != "2026-05-04" {
		t.Error("a day begins where the installation is:", got)
	}
	if n := Day("2026-03-28").Until("2026-03-30"); n != 2 {
		t.Error("over the change of the clocks:", n)
	}
	for _, bad := range []string{"2026-02-30", "tomorrow", "2026-5-3", "0000-01-01", "2026-05-03T00:00:00Z"} {
		if d, err := ParseDay(bad); fault.CodeOf(err) != "care.day" {
			t.Errorf("%q: %q %v", bad, d, err)
		}
	}
}

// TestPlanCheck: what is wrong is told with its place.
func TestPlanCheck(t *testing.T) {
	good := func() Plan {
		return Plan{ID: "p", Name: "Safety", Kind: Safety, Models: []string{"mdl-1"}, Months: 12, Measures: []Measure{{Name: "Leakage", UnitUCUM: "uA", Max: "500"}}}
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for place, change := range map[string]func(p *Plan){
		"name":       func(p *Plan) { p.Name = " " },
		"kind":       func(p *Plan) { p.Kind = Corrective },
		"months":     func(p *Plan) { p.Days = 3 },
		"keepRhythm": func(p *Plan) { p.Months, p.AfterUse, p.KeepRhythm = 0, true, true },
		"models":     func(p *Plan) { p.Models = []string{"VM-200"} },
		"devices":    func(p *Plan) { p.Devices = []model.DeviceID{""} },
		"minutes":    func(p *Plan) { p.Minutes = -1 },
		"from":       func(p *Plan) { p.From = "3.5.2026" },
		"steps":      func(p *Plan) { p.Steps = []string{""} },
		"measures":   func(p *Plan) { p.Measures[0].UnitUCUM = "microamps" },
	} {
		p := good()
		change(&p)
		err := p.Check()
		if f, ok := err.(*fault.Fault); !ok || f.Code != "care.plan" || f.Place != place {
			t.Errorf("%s: %v", place, err)
		}
	}
	for name, m := range map[string]Measure{
		"twice": {Name: "Leakage"}, "limits": {Name: "a", Min: "2", Max: "1"}, "number": {Name: "a", Max: "few"}, "name": {},
	} {
		p := good()
		p.Measures = append(p.Measures, m)
		if err := p.Check(); fault.CodeOf(err) != "care.plan" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
