package fhir

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// coded is what a test reads of a CodeableConcept.
type coded struct {
	Coding []struct{ System, Code string }
	Text   string
}

// of gives the codes of a system.
func (c *coded) of(system string) (codes []string) {
	if c == nil {
		return nil
	}
	for _, one := range c.Coding {
		if one.System == system && one.Code != "" {
			codes = append(codes, one.Code)
		}
	}
	return codes
}

type measured struct {
	Code             coded
	ValueQuantity    *struct{ System, Code string }
	ValueCoded       *coded          `json:"valueCodeableConcept"`
	ValueSampled     json.RawMessage `json:"valueSampledData"`
	ValueString      string
	DataAbsentReason *coded
	Interpretation   []coded
}

// HL7's guide for personal health devices, profiles PhdBaseObservation,
// PhdNumericObservation, PhdCompoundNumericObservation and the enumerations: what
// they demand of every Observation, but the gateway's Device, holds for all that our
// golden devices send (R8).
func TestPersonalObservationsKeepTheGuide(t *testing.T) {
	raw, err := os.ReadFile("testdata/phd-devices/bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	var bundle struct {
		Entry []struct {
			FullURL  string
			Resource json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &bundle); err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, e := range bundle.Entry {
		there[e.FullURL] = true
	}
	passed, total := 0, 0
	for i, e := range bundle.Entry {
		var o struct {
			Status, EffectiveDateTime, EffectiveInstant string
			EffectivePeriod                             json.RawMessage
			Category                                    []coded
			Subject, Device                             struct{ Reference string }
			Component                                   []measured
			Identifier                                  []struct{ Value string }
			measured
		}
		var kind struct{ ResourceType string }
		if err := json.Unmarshal(e.Resource, &kind); err != nil {
			t.Fatal(err)
		}
		if kind.ResourceType != "Observation" {
			continue
		}
		if err := json.Unmarshal(e.Resource, &o); err != nil {
			t.Fatal(err)
		}
		total++
		var wrong []string
		rule := func(holds bool, text string) {
			if !holds {
				wrong = append(wrong, text)
			}
		}
		rule(o.Status != "", "status")
		rule(len(o.Identifier) > 0 && o.Identifier[0].Value != "", "identifier.value")
		rule(there[o.Subject.Reference], "subject.reference")
		rule(there[o.Device.Reference], "device.reference")
		rule(o.EffectiveDateTime+o.EffectiveInstant != "" || o.EffectivePeriod != nil, "effective[x]")
		phd := false
		for _, c := range o.Category {
			phd = phd || len(c.of("http://hl7.org/fhir/uv/phd/CodeSystem/PhdObservationCategories")) == 1
		}
		rule(phd, "category of the guide")
		for n, m := range append([]measured{o.measured}, o.Component...) {
			at := "Observation"
			if n > 0 {
				at = fmt.Sprintf("component[%d]", n-1)
			}
			bits := len(m.Code.of("http://hl7.org/fhir/uv/phd/CodeSystem/ASN1ToHL7")) == 1
			rule(len(m.Code.of("urn:iso:std:iso:11073:10101")) == 1 || bits || m.Code.Text == "Exercise duration", at+".code.coding: one of MDC")
			valued := m.ValueQuantity != nil || m.ValueCoded != nil || m.ValueSampled != nil || m.ValueString != ""
			rule(valued != (m.DataAbsentReason != nil) || n == 0 && len(o.Component) > 0 && !valued, at+": a value, or why there is none")
			if q := m.ValueQuantity; q != nil {
				rule(q.System == "http://unitsofmeasure.org" && q.Code != "", at+".valueQuantity in UCUM")
			}
			if m.DataAbsentReason != nil {
				rule(len(m.DataAbsentReason.of("http://terminology.hl7.org/CodeSystem/data-absent-reason")) == 1, at+".dataAbsentReason")
			}
			for _, c := range m.Interpretation {
				rule(len(c.of("http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status")) <= 1, at+".interpretation: one measurement status")
			}
		}
		if len(wrong) > 0 {
			t.Errorf("entry %d: %s", i, strings.Join(wrong, "; "))
			continue
		}
		passed++
	}
	t.Logf("Observations of personal devices as HL7's guide asks: %d/%d", passed, total)
	if total < 20 {
		t.Errorf("%d Observations are too few to show it", total)
	}
}
