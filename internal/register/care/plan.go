// Package care is the maintenance of devices: plans of what is due and when,
// work orders with what was measured, used and found, contracts, accessories,
// loans and disposal (R31). It is pure: from the same plans, finished work and
// day it always tells the same day as due.
//
//	plan.go      plans, and what is measured by them
//	due.go       which day comes next
//	order.go     a work order and the life it may take
//	finish.go    how work ends: measurements, parts, time, proof of wiping
//	contract.go  contracts and accessories
//	calendar.go  what is due as a calendar (RFC 5545)
package care

import (
	"slices"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/ucum"
)

// Kind is what kind of work it is.
type Kind string

// The kinds of work. The first three are planned.
const (
	Preventive  Kind = "preventive"
	Calibration Kind = "calibration"
	Safety      Kind = "electrical-safety"
	Corrective  Kind = "corrective"
	Disposal    Kind = "disposal"
)

// Kinds gives all kinds.
func Kinds() []Kind { return []Kind{Preventive, Calibration, Safety, Corrective, Disposal} }

// Measured says whether work of a kind is nothing without what was measured.
func (k Kind) Measured() bool { return k == Calibration || k == Safety }

// Measure is something that a plan asks to be measured.
type Measure struct {
	Name     string `json:"name" yaml:"name"`
	UnitUCUM string `json:"unitUCUM,omitempty" yaml:"unitUCUM,omitempty"` // of the value and its limits
	Min      Number `json:"min,omitempty" yaml:"min,omitempty"`           // passes from here on
	Max      Number `json:"max,omitempty" yaml:"max,omitempty"`           // passes up to here
}

// Number is an exact decimal number as people write it, "0.30"; empty for none.
type Number string

// decimal reads it; a comma is taken for the point, but where it may as well
// stand between thousands: 1,200 is refused.
func (n Number) decimal() (model.Decimal, error) {
	whole, rest, comma := strings.Cut(strings.TrimSpace(string(n)), ",")
	if comma && len(rest) == 3 && strings.Trim(whole, "+-0") != "" {
		return model.Decimal{}, model.ErrDecimal
	}
	return model.ParseDecimal(string(n.plain()))
}

// plain writes it with a point.
func (n Number) plain() Number {
	return Number(strings.Replace(strings.TrimSpace(string(n)), ",", ".", 1))
}

// compare compares two numbers that can be read.
func (n Number) compare(m Number) int {
	a, _ := n.decimal()
	b, _ := m.decimal()
	return a.Compare(b)
}

// Plan says what is to be done to which devices and how often: every so many
// months or days, or after each use.
type Plan struct {
	ID       string           `json:"id" yaml:"id"`
	Name     string           `json:"name" yaml:"name"`
	Kind     Kind             `json:"kind" yaml:"kind"`
	Models   []string         `json:"models,omitempty" yaml:"models,omitempty"`   // ids, mdl-…: every device of them
	Devices  []model.DeviceID `json:"devices,omitempty" yaml:"devices,omitempty"` // and these
	Months   int              `json:"months,omitempty" yaml:"months,omitempty"`
	Days     int              `json:"days,omitempty" yaml:"days,omitempty"`
	AfterUse bool             `json:"afterUse,omitempty" yaml:"afterUse,omitempty"` // due as soon as a patient was connected and is no more
	// KeepRhythm counts the days from where the plan began for a device, so
	// that work done late or early does not move the days after it.
	KeepRhythm bool      `json:"keepRhythm,omitempty" yaml:"keepRhythm,omitempty"`
	From       Day       `json:"from,omitempty" yaml:"from,omitempty"` // nothing is due before
	Minutes    int       `json:"minutes,omitempty" yaml:"minutes,omitempty"`
	Steps      []string  `json:"steps,omitempty" yaml:"steps,omitempty"`
	Measures   []Measure `json:"measures,omitempty" yaml:"measures,omitempty"`
	Note       string    `json:"note,omitempty" yaml:"note,omitempty"`
	Disabled   bool      `json:"disabled,omitempty" yaml:"disabled,omitempty"`
}

// What bounds a plan and an order.
const (
	longestName = 200
	longestText = 4000
	mostRows    = 200
	mostDevices = 10_000
)

// Check says what is wrong with a plan. The error is fault.Invalid, code
// care.plan.
func (p Plan) Check() error {
	wrong := func(at, text string, args ...any) error {
		return fault.New(fault.Invalid, "care.plan", text, args...).At(at)
	}
	switch n := btoi(p.Months != 0) + btoi(p.Days != 0) + btoi(p.AfterUse); {
	case strings.TrimSpace(p.Name) == "" || len(p.Name) > longestName:
		return wrong("name", "a plan needs a name of at most %d bytes", longestName)
	case p.Kind != Preventive && !p.Kind.Measured():
		return wrong("kind", "kind is %q; expected preventive, calibration or electrical-safety", clip(string(p.Kind)))
	case n != 1:
		return wrong("months", "say one of: every so many months, every so many days, after each use")
	case p.Months < 0 || p.Months > 1200 || p.Days < 0 || p.Days > 36_500:
		return wrong("months", "expected 1 to 1200 months or 1 to 36500 days")
	case p.AfterUse && p.KeepRhythm:
		return wrong("keepRhythm", "work after each use has no rhythm to keep")
	case len(p.Models)+len(p.Devices) == 0:
		return wrong("models", "say for which models or devices the plan is")
	case len(p.Models) > mostRows || len(p.Devices) > mostDevices || len(p.Steps) > mostRows || len(p.Measures) > mostRows:
		return wrong("models", "a plan has at most %d models, %d devices, and %d steps and measurements", mostRows, mostDevices, mostRows)
	case p.Minutes < 0 || p.Minutes > 60_000:
		return wrong("minutes", "expected 0 to 60000 minutes")
	case len(p.Note) > longestText:
		return wrong("note", "expected at most %d bytes", longestText)
	}
	for _, s := range p.Steps {
		if strings.TrimSpace(s) == "" || len(s) > 500 {
			return wrong("steps", "a step has 1 to 500 bytes")
		}
	}
	for _, id := range p.Models {
		if !strings.HasPrefix(id, "mdl-") || len(id) > 64 {
			return wrong("models", "%q is not the id of a model; expected mdl-… as model.list gives it", clip(id))
		}
	}
	for _, id := range p.Devices {
		if id == "" || len(id) > 64 {
			return wrong("devices", "%q is not the id of a device", clip(string(id)))
		}
	}
	if !p.From.valid() {
		return wrong("from", "expected a date such as 2026-05-03")
	}
	for i := range p.Measures {
		if err := p.Measures[i].check(); err != nil {
			return wrong("measures", "%s", err.Error())
		}
		if slices.ContainsFunc(p.Measures[:i], func(m Measure) bool { return m.Name == p.Measures[i].Name }) {
			return wrong("measures", "%q is measured twice", p.Measures[i].Name)
		}
	}
	return nil
}

// check says what is wrong with a measure, as a plain text.
func (m *Measure) check() error {
	wrong := func(text string, args ...any) error {
		return fault.New(fault.Invalid, "care.measure", text, args...).At("results")
	}
	if strings.TrimSpace(m.Name) == "" || len(m.Name) > longestName {
		return wrong("what is measured needs a name of at most %d bytes", longestName)
	}
	if m.UnitUCUM != "" {
		if _, err := ucum.Parse(m.UnitUCUM); err != nil {
			return wrong("%q is not a UCUM unit; write Ohm, uA, mm[Hg]", clip(m.UnitUCUM))
		}
	}
	for _, n := range []Number{m.Min, m.Max} {
		if _, err := n.decimal(); n != "" && err != nil {
			return wrong("%s: %q is not a number such as 0.3", m.Name, clip(string(n)))
		}
	}
	m.Min, m.Max = m.Min.plain(), m.Max.plain()
	if m.Min != "" && m.Max != "" && m.Min.compare(m.Max) > 0 {
		return wrong("%s: the lower limit is above the upper one", m.Name)
	}
	return nil
}

// Covers says whether a plan is for a device of a model.
func (p *Plan) Covers(device model.DeviceID, modelID string) bool {
	return !p.Disabled && (modelID != "" && slices.Contains(p.Models, modelID) || slices.Contains(p.Devices, device))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
