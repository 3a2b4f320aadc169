package care

import (
	"slices"
	"strings"

	"thalamus/internal/fault"
)

// Part is something that was built in or used up.
type Part struct {
	Name     string `json:"name"`
	Number   string `json:"number,omitempty"` // of the maker or supplier
	Lot      string `json:"lot,omitempty"`
	Count    int    `json:"count,omitempty"` // 1 when left out
	Cost     Number `json:"cost,omitempty"`  // of all of them
	Currency string `json:"currency,omitempty"`
}

// Result is something that was measured, and whether it is within its limits.
type Result struct {
	Measure
	Value  Number `json:"value,omitempty"`
	Text   string `json:"text,omitempty"` // where it is no number: "no damage seen"
	Passed bool   `json:"passed"`         // computed from the limits where there are any
}

// Wiping is the proof that the data of patients is gone from a device.
type Wiping struct {
	By       string `json:"by"`  // who did it
	How      string `json:"how"` // method
	On       Day    `json:"on"`
	Document string `json:"document"` // certificate, protocol: its number or link
}

// Finish is how work ended.
type Finish struct {
	Mark
	On      Day      `json:"on"` // the day it was done
	Passed  bool     `json:"passed"`
	Minutes int      `json:"minutes,omitempty"`
	Who     string   `json:"who,omitempty"`    // did it, where it was not who says so
	Device  string   `json:"tester,omitempty"` // the instrument it was measured with
	Results []Result `json:"results,omitempty"`
	Parts   []Part   `json:"parts,omitempty"`
	Wiping  *Wiping  `json:"wiping,omitempty"`
	Text    string   `json:"text,omitempty"` // what was found and done
}

// End finishes an order. Whether it passed follows from the results; failed
// says so where nothing measured does. today is the day of the installation: no
// work is finished in the future. Errors are fault.Conflict, code care.life, and
// fault.Invalid, codes care.finish, care.measure and care.wiping.
func (o *Order) End(f Finish, failed bool, today Day, by Mark) error {
	wrong := func(at, text string, args ...any) error {
		return fault.New(fault.Invalid, "care.finish", text, args...).At(at)
	}
	if o.State.Ended() {
		return fault.New(fault.Conflict, "care.life", "the order is %s already", o.State).At("state")
	}
	if f.On == "" {
		f.On = today
	}
	switch {
	case !f.On.valid():
		return wrong("on", "expected a date such as 2026-05-03")
	case f.On > today:
		return wrong("on", "the work cannot have been done after today, %s", today)
	case f.Minutes < 0 || f.Minutes > 60_000:
		return wrong("minutes", "expected 0 to 60000 minutes")
	case len(f.Results) > mostRows || len(f.Parts) > mostRows:
		return wrong("results", "at most %d measurements and %d parts", mostRows, mostRows)
	case len(f.Text) > longestText || len(f.Who) > longestName || len(f.Device) > longestName:
		return wrong("text", "a text has at most %d bytes, a name %d", longestText, longestName)
	}
	f.Passed = !failed
	f.Results = slices.Clone(f.Results)
	for i := range f.Results {
		r := &f.Results[i]
		o.asPlanned(r)
		if err := r.judge(); err != nil {
			return err
		}
		f.Passed = f.Passed && r.Passed
	}
	for _, m := range o.Measures {
		if !slices.ContainsFunc(f.Results, func(r Result) bool { return r.Name == m.Name }) {
			return wrong("results", "%s was to be measured; give what was measured, or cancel the order and say why", m.Name)
		}
	}
	if o.Kind.Measured() && len(f.Results) == 0 {
		return wrong("results", "a %s is nothing without what was measured", o.Kind)
	}
	for i := range f.Parts {
		if err := f.Parts[i].check(); err != nil {
			return err
		}
	}
	if f.Wiping != nil {
		if err := f.Wiping.Check(today); err != nil {
			return err
		}
	}
	f.Mark = by
	was := o.before()
	o.State, o.Finish, o.Waits = Finished, &f, ""
	return o.step(by, f.Text, was)
}

// asPlanned gives a result the unit and limits that the plan has for it.
func (o *Order) asPlanned(r *Result) {
	for _, m := range o.Measures {
		if m.Name == r.Name {
			r.Measure = m
		}
	}
}

// judge checks a result and says whether it passed.
func (r *Result) judge() error {
	if err := r.Measure.check(); err != nil {
		return err
	}
	limited := r.Min != "" || r.Max != ""
	if _, err := r.Value.decimal(); r.Value != "" && err != nil {
		return fault.New(fault.Invalid, "care.measure", "%s: %q is not a number such as 0.3; leave marks of thousands out", r.Name, clip(string(r.Value))).At("results")
	}
	r.Value = r.Value.plain()
	switch {
	case r.Value == "" && (limited || strings.TrimSpace(r.Text) == ""):
		return fault.New(fault.Invalid, "care.measure", "%s: the value is missing", r.Name).At("results")
	case len(r.Text) > 500:
		return fault.New(fault.Invalid, "care.measure", "%s: the text has more than 500 bytes", r.Name).At("results")
	}
	if limited {
		r.Passed = (r.Min == "" || r.Value.compare(r.Min) >= 0) && (r.Max == "" || r.Value.compare(r.Max) <= 0)
	}
	return nil
}

func (p *Part) check() error {
	bad := strings.TrimSpace(p.Name) == "" || p.Count < 0 || p.Count > 1_000_000
	for _, text := range []string{p.Name, p.Number, p.Lot} {
		bad = bad || len(text) > longestName
	}
	if p.Cost != "" {
		cost, err := p.Cost.decimal()
		bad = bad || err != nil || cost.Coef < 0
		p.Cost = p.Cost.plain()
	}
	if p.Currency != "" { // ISO 4217: three capital letters
		bad = bad || len(p.Currency) != 3 || strings.Trim(p.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != ""
	}
	if bad {
		return fault.New(fault.Invalid, "care.finish", "a part needs a name; its count and cost are not negative, its currency is three capital letters such as EUR").At("parts")
	}
	p.Count = max(p.Count, 1)
	return nil
}

// Check says what the proof lacks. today is as in End.
func (w *Wiping) Check(today Day) error {
	for _, f := range []struct{ at, text string }{{"by", w.By}, {"how", w.How}, {"on", string(w.On)}, {"document", w.Document}} {
		if strings.TrimSpace(f.text) == "" || len(f.text) > 500 {
			return fault.New(fault.Invalid, "care.wiping", "the proof of wiping says who did it, how, on which day, and which document shows it").At("wiping." + f.at)
		}
	}
	if !w.On.valid() || w.On > today {
		return fault.New(fault.Invalid, "care.wiping", "the day of wiping is a date such as 2026-05-03, not after today").At("wiping.on")
	}
	return nil
}

// NeedsWiping says whether a device that holds such data may only go with a
// proof that it is gone; holds is the value of the fact of that name.
func NeedsWiping(holds string) bool { return holds == "personal" || holds == "pseudonymous" }
