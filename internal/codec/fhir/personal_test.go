package fhir

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The profiles of HL7's guide for personal health devices that this package may
// claim, as rules in our own words. The validators that the other tests ask do not
// know these profiles. Where each rule is from, in HL7/phd, input/fsh, at 5af8412
// of 2026-03-23:
//
//	device, properties  StructureDefinition.PhgDevice.fsh, PhdDevice.fsh
//	coincident          StructureDefinition.PhdCoincidentTimeStampObservation.fsh
//	base                StructureDefinition.PhdBaseObservation.fsh, Accuracy.fsh,
//	                    Confidence95.fsh, CoincidentTimeStampReference.fsh
//	value               StructureDefinition.PhdNumericObservation.fsh, …Coded…,
//	                    …String…, …Bits…, …CompoundNumeric…, …Rtsa…
//	codes               ValueSet.DeviceTypes11073MDC.fsh, MDCDeviceVersionTypes.fsh,
//	                    MDCClockTypes.fsh (TestCodesOfTheGuide reads them)

type object = map[string]any

func member(v any, path ...string) any {
	for _, p := range path {
		o, _ := v.(object)
		v = o[p]
	}
	return v
}

func textAt(v any, path ...string) string { s, _ := member(v, path...).(string); return s }

func listAt(v any, path ...string) []any { l, _ := member(v, path...).([]any); return l }

// codesOf gives the codes of a system in a CodeableConcept.
func codesOf(concept any, system string) (codes []string) {
	for _, c := range listAt(concept, "coding") {
		if textAt(c, "system") == system && textAt(c, "code") != "" {
			codes = append(codes, textAt(c, "code"))
		}
	}
	return codes
}

func claims(r object) (names []string) {
	for _, p := range listAt(r, "meta", "profile") {
		if name, ok := strings.CutPrefix(p.(string), guideBase); ok {
			names = append(names, name)
		}
	}
	return names
}

// checker holds resources against the profiles they claim.
type checker struct {
	find  func(reference string) object // nil: nobody knows what it leads to
	wrong []string
}

func (c *checker) rule(holds bool, text string) {
	if !holds {
		c.wrong = append(c.wrong, text)
	}
}

// refers says whether a reference leads to a resource of a type that claims the
// profile; profile empty: any.
func (c *checker) refers(ref any, kind, profile string) bool {
	to := textAt(ref, "reference")
	if to == "" {
		return false
	}
	r := c.find(to)
	if r == nil { // an example that refers to what it does not hold
		return strings.HasPrefix(to, kind+"/")
	}
	return textAt(r, "resourceType") == kind && (profile == "" || slices.Contains(claims(r), profile))
}

func (c *checker) check(r object) []string {
	c.wrong = nil
	for _, name := range claims(r) {
		switch name {
		case "PhgDevice":
			c.device(r, "531981", false)
		case "PhdDevice":
			c.device(r, "65573", true)
		case "PhdCoincidentTimeStampObservation":
			c.coincident(r)
		default:
			c.base(r)
			c.value(r, name)
		}
	}
	return c.wrong
}

var dashedEUI = regexp.MustCompile(`^[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5}((-[0-9A-Fa-f]{2}){2})?$`)

var guideVersions = []string{"531974", "531975", "531976", "531977", "532352", "67912"}

func (c *checker) device(r object, kind string, isDevice bool) {
	typed := map[string]int{}
	for _, i := range listAt(r, "identifier") {
		for _, t := range codesOf(member(i, "type"), systemDeviceIdentifier) {
			typed[t]++
			want := map[string]string{"SYSID": SystemEUI64, "BTMAC": systemBluetooth, "ETHMAC": "http://hl7.org/fhir/sid/eui-48/ethernet"}[t]
			c.rule(textAt(i, "system") == want, "identifier."+t+".system")
			c.rule(dashedEUI.MatchString(textAt(i, "value")), "identifier."+t+".value: pairs of digits with dashes")
		}
	}
	c.rule(len(listAt(r, "identifier")) > 0, "identifier 1..")
	for t, n := range typed {
		c.rule(n == 1, "identifier."+t+" 0..1")
	}
	c.rule(slices.Equal(slices.DeleteFunc(codesOf(member(r, "type"), systemMDC), func(s string) bool { return s != kind }), []string{kind}), "type "+kind+" 1..1")
	c.rule(len(listAt(r, "specialization")) > 0, "specialization 1..")
	for _, s := range listAt(r, "specialization") {
		codes := codesOf(member(s, "systemType"), systemMDC)
		known := false
		for _, code := range codes {
			var n uint32
			fmt.Sscan(code, &n)
			known = known || isSpecialisation(n)
		}
		c.rule(known, "specialization.systemType of DeviceTypes11073MDC")
		c.rule(!isDevice || textAt(s, "version") != "", "specialization.version 1..")
	}
	c.rule(len(listAt(r, "version")) > 0, "version 1..")
	for _, v := range listAt(r, "version") {
		codes := codesOf(member(v, "type"), systemMDC)
		c.rule(len(codes) == 1 && slices.Contains(guideVersions, codes[0]), "version.type of MDCDeviceVersionTypes")
		c.rule(textAt(v, "value") != "" && member(v, "component") == nil, "version.value, no component")
	}
	c.rule(member(r, "parent") == nil, "parent ..0")
	c.properties(r)
	if isDevice {
		c.rule(textAt(r, "manufacturer") != "", "manufacturer 1..")
		c.rule(textAt(r, "modelNumber") != "", "modelNumber 1..")
	}
}

func (c *checker) properties(r object) {
	count := map[string]int{}
	for _, p := range listAt(r, "property") {
		for _, code := range codesOf(member(p, "type"), systemMDC) {
			count[code]++
			values, quantities := listAt(p, "valueCode"), listAt(p, "valueQuantity")
			switch code {
			case "68220": // MDC_TIME_SYNC_PROTOCOL
				c.rule(len(values) == 1 && len(codesOf(values[0], systemMDC)) == 1 && count[code] == 1, "property.timeSync")
			case "68221", "68222", "68223", "68224":
				c.rule(len(quantities) == 1 && textAt(quantities[0], "code") == "us" && textAt(quantities[0], "system") == systemUCUM, "property."+code+" in us")
			case "532353":
				c.rule(len(values) == 1 && len(codesOf(values[0], systemInterfaces)) == 1, "property.continuaCert")
			}
		}
		for _, code := range codesOf(member(p, "type"), systemASN1) {
			values := listAt(p, "valueCode")
			c.rule(strings.HasPrefix(code, "68219.") || code == "532354.0", "property: a bit of a clock or of regulation")
			c.rule(len(values) == 1 && member(p, "valueQuantity") == nil && len(codesOf(values[0], systemYesNo)) == 1, "property."+code+": Y or N")
		}
	}
}

func (c *checker) coincident(r object) {
	c.rule(textAt(r, "status") == "final", "status final")
	codes := codesOf(member(r, "code"), systemMDC)
	c.rule(len(codes) == 1 && clockNames[number(codes[0])] != "", "code of MDCClockTypes")
	c.rule(c.refers(member(r, "subject"), "Device", "PhdDevice"), "subject PhdDevice")
	c.rule(c.refers(member(r, "device"), "Device", "PhgDevice"), "device PhgDevice")
	values := 0
	for name := range r {
		if strings.HasPrefix(name, "value") {
			values++
			c.rule(name == "valueDateTime" || name == "valueQuantity", name+": a dateTime or a Quantity")
		}
	}
	if values == 0 {
		c.rule(slices.Contains(codesOf(member(r, "dataAbsentReason"), systemAbsent), "unknown"), "dataAbsentReason of a time fault")
	}
	for _, name := range []string{"derivedFrom", "hasMember", "specimen", "focus"} {
		c.rule(r[name] == nil, name+" 0..0")
	}
}

func number(s string) (n uint32) { fmt.Sscan(s, &n); return n }

// base is PhdBaseObservation.
func (c *checker) base(r object) {
	gateways := 0
	unit := textAt(r, "valueQuantity", "code")
	seen := map[string]bool{}
	for _, e := range listAt(r, "extension") {
		switch textAt(e, "url") {
		case extensionGateway:
			gateways++
			c.rule(c.refers(member(e, "valueReference"), "Device", "PhgDevice"), "extension gatewayDevice: a PhgDevice")
		case guideBase + "Accuracy": // Accuracy.fsh: a Quantity, positive, in the unit of the value
			q := member(e, "valueQuantity")
			n, _ := member(q, "value").(float64)
			c.quantity(q, "extension Accuracy")
			c.rule(n >= 0 && textAt(q, "code") == unit && !seen["a"], "extension Accuracy 0..1: positive, in the unit of the value")
			seen["a"] = true
		case guideBase + "Confidence95": // Confidence95.fsh: a Range, both ends in the unit of the value
			low, high := member(e, "valueRange", "low"), member(e, "valueRange", "high")
			c.quantity(low, "extension Confidence95.low")
			c.quantity(high, "extension Confidence95.high")
			c.rule(textAt(low, "code") == unit && textAt(high, "code") == unit && !seen["c"], "extension Confidence95 0..1: in the unit of the value")
			seen["c"] = true
		case guideBase + "CoincidentTimeStampReference":
			c.rule(c.refers(member(e, "valueReference"), "Observation", "PhdCoincidentTimeStampObservation"), "extension CoincidentTimeStampReference")
		}
	}
	c.rule(gateways == 1, "extension gatewayDevice 1..1")
	category := 0
	for _, one := range listAt(r, "category") {
		category += len(codesOf(one, "http://hl7.org/fhir/uv/phd/CodeSystem/PhdObservationCategories"))
	}
	c.rule(category == 1, "category phd 1..1")
	for _, from := range listAt(r, "derivedFrom") { // PhdBaseObservation.fsh: only Reference(PhdBaseObservation)
		to := c.find(textAt(from, "reference"))
		c.rule(to == nil || len(claims(to)) > 0, "derivedFrom: an Observation of the guide")
	}
	if p := member(r, "effectivePeriod"); p != nil {
		from, err := time.Parse(time.RFC3339, textAt(p, "start"))
		until, err2 := time.Parse(time.RFC3339, textAt(p, "end"))
		c.rule(err == nil && err2 == nil && !until.Before(from), "effectivePeriod: a start, then an end")
	}
	c.rule(slices.Contains([]string{"final", "preliminary"}, textAt(r, "status")), "status final or preliminary")
	c.rule(len(codesOf(member(r, "code"), systemMDC)) == 1, "code of MDC (mdc-1)")
	c.rule(c.refers(member(r, "subject"), "Patient", "") || c.refers(member(r, "subject"), "Device", "PhdDevice"), "subject: Patient or PhdDevice")
	c.rule(textAt(r, "effectiveDateTime") != "" || member(r, "effectivePeriod") != nil, "effective: dateTime or Period")
	c.rule(c.refers(member(r, "device"), "Device", "PhdDevice"), "device: a PhdDevice")
	c.interpretation(r)
	absent := member(r, "dataAbsentReason")
	c.rule(absent == nil || len(codesOf(absent, systemAbsent)) == 1, "dataAbsentReason.coding")
	valued := false
	for name := range r {
		valued = valued || strings.HasPrefix(name, "value")
	}
	c.rule(!(valued && absent != nil), "a value, or why there is none")
	for _, one := range listAt(r, "component") {
		if slices.Contains(codesOf(member(one, "code"), systemMDC), "68193") {
			c.rule(len(codesOf(member(one, "valueCodeableConcept"), systemMDC)) == 1 && member(one, "dataAbsentReason") == nil, "component supplemental type")
		}
	}
}

func (c *checker) interpretation(of object) {
	for _, i := range listAt(of, "interpretation") {
		c.rule(len(codesOf(i, systemMeasurementStatus)) == 1, "interpretation: one measurement status")
	}
}

func (c *checker) quantity(q any, where string) {
	_, has := member(q, "value").(float64)
	c.rule(has && textAt(q, "system") == systemUCUM && textAt(q, "code") != "", where+": value in UCUM")
}

func (c *checker) value(r object, profile string) {
	kind := ""
	for name := range r {
		if strings.HasPrefix(name, "value") {
			kind = name
		}
	}
	only := func(want string) { c.rule(kind == "" || kind == want, profile+": "+want+" only") }
	switch profile {
	case "PhdNumericObservation":
		if only("valueQuantity"); kind == "valueQuantity" {
			c.quantity(r[kind], kind)
		}
	case "PhdCodedEnumerationObservation":
		if only("valueCodeableConcept"); kind != "" {
			c.rule(len(codesOf(r[kind], systemMDC)) > 0, "valueCodeableConcept of MDC")
		}
	case "PhdStringObservation":
		only("valueString")
	case "PhdBitsEnumerationObservation":
		c.rule(kind == "", "value ..0")
		for _, one := range listAt(r, "component") {
			if codes := codesOf(member(one, "code"), systemASN1); len(codes) > 0 {
				_, set := member(one, "valueBoolean").(bool)
				c.rule(len(codes) == 1 && set, "component of a bit: a boolean")
				c.rule(len(codes) == 1 && slices.Contains(codesOf(member(r, "code"), systemMDC), strings.Split(codes[0], ".")[0]), "component: a bit of this term")
			} else {
				c.rule(slices.Contains(codesOf(member(one, "code"), systemMDC), "68193"), "component: a bit or a supplemental type")
			}
		}
	case "PhdCompoundNumericObservation", "PhdCompoundObservation":
		c.rule(kind == "", "value ..0")
		for _, one := range listAt(r, "component") {
			if len(codesOf(member(one, "code"), systemMDC)) != 1 {
				c.rule(false, "component.code of MDC")
				continue
			}
			if q := member(one, "valueQuantity"); q != nil {
				c.quantity(q, "component")
			}
			c.interpretation(one.(object))
		}
	case "PhdRtsaObservation":
		only("valueSampledData")
		s := r["valueSampledData"]
		c.quantity(member(s, "origin"), "origin")
		c.rule(member(s, "factor") != nil && member(s, "dimensions") != nil, "factor, dimensions")
		c.rule(!strings.ContainsAny(textAt(s, "data"), "ELU"), "data without E, L and U")
	default:
		c.rule(false, "a profile that is not claimed: "+profile)
	}
}

// claimed reads the golden bundle of personal devices.
func claimed(t *testing.T) (all []object, find func(string) object) {
	raw, err := os.ReadFile("testdata/phd-devices/bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	var bundle struct {
		Entry []struct {
			FullURL  string
			Resource object
		}
	}
	if err := json.Unmarshal(raw, &bundle); err != nil {
		t.Fatal(err)
	}
	by := map[string]object{}
	for _, e := range bundle.Entry {
		all, by[e.FullURL] = append(all, e.Resource), e.Resource
	}
	return all, func(ref string) object { return by[ref] }
}

// What is claimed is kept, each profile is claimed somewhere, and what cannot keep
// one claims none (R8).
func TestPersonalProfilesAreKept(t *testing.T) {
	all, find := claimed(t)
	count, passed, silent := map[string]int{}, 0, 0
	for i, r := range all {
		names := claims(r)
		if len(names) == 0 {
			if textAt(r, "resourceType") == "Observation" {
				silent++
			}
			continue
		}
		c := checker{find: find}
		if wrong := c.check(r); len(wrong) > 0 {
			t.Errorf("entry %d (%s): %s", i, names, strings.Join(wrong, "; "))
			continue
		}
		passed++
		for _, n := range names {
			count[n]++
		}
	}
	for _, name := range []string{"PhgDevice", "PhdDevice", "PhdCoincidentTimeStampObservation", "PhdNumericObservation", "PhdCompoundNumericObservation",
		"PhdCodedEnumerationObservation", "PhdBitsEnumerationObservation", "PhdStringObservation", "PhdRtsaObservation"} {
		if count[name] == 0 {
			t.Errorf("nothing claims %s", name)
		}
	}
	if silent == 0 {
		t.Error("no Observation without a claim is among them")
	}
	t.Logf("resources that claim a profile of HL7's guide for personal devices and keep it: %d; Observations that claim none: %d; %v", passed, silent, count)
}

// The rules above find what is wrong on purpose.
func TestPersonalRulesFind(t *testing.T) {
	raw, err := os.ReadFile("testdata/phd-devices/bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"no gateway":            {extensionGateway, "urn:x"},
		"other category":        {"PhdObservationCategories", "Other"},
		"gateway without type":  {`"531981"`, `"1"`},
		"device without type":   {`"65573"`, `"1"`},
		"no model":              {`"modelNumber"`, `"lotNumber"`},
		"system id bare":        {"00-12-EE-0E-76-00-00-01", "0012EE0E76000001X"},
		"unit is none":          {`"system": "http://unitsofmeasure.org"`, `"system": "urn:x"`},
		"bit of nothing":        {"CodeSystem/ASN1ToHL7", "CodeSystem/X"},
		"no term":               {`"system": "urn:iso:std:iso:11073:10101"`, `"system": "urn:x"`},
		"status words":          {`"status": "preliminary"`, `"status": "registered"`},
		"no clock":              {`"67975"`, `"67976"`},
		"time said as a string": {`"valueDateTime"`, `"valueString"`},
		"a status of its own":   {systemMeasurementStatus, "urn:x"},
		"no factor":             {`"factor"`, `"x"`},
		"accuracy of none":      {`"value": 0.2,`, `"value": -0.2,`},
		"bounds in other units": {`"value": 36.9,
                "unit": "Cel",
                "system": "http://unitsofmeasure.org",
                "code": "Cel"`, `"code": "K"`},
		"end before start": {`"end": "2026-11-21T10:16:10`, `"end": "2026-11-21T10:06:10`},
	} {
		if !strings.Contains(string(raw), change[0]) {
			t.Errorf("%s: %q does not stand there", name, change[0])
			continue
		}
		var bundle struct {
			Entry []struct {
				FullURL  string
				Resource object
			}
		}
		if err := json.Unmarshal([]byte(strings.ReplaceAll(string(raw), change[0], change[1])), &bundle); err != nil {
			t.Fatal(err)
		}
		by := map[string]object{}
		for _, e := range bundle.Entry {
			by[e.FullURL] = e.Resource
		}
		found := 0
		for _, e := range bundle.Entry {
			c := checker{find: func(ref string) object { return by[ref] }}
			found += len(c.check(e.Resource))
		}
		if found == 0 {
			t.Errorf("%s: nothing is found wrong", name)
		}
	}
}

// The guide's own examples keep the rules, but for what is named: so the rules do
// not ask for more than it does.
func TestPersonalRulesTakeTheGuidesExamples(t *testing.T) {
	folder := filepath.Join(root(t), "..", "shared", "corpus", "ieee11073", "HL7+phd", "input", "examples")
	files, _ := filepath.Glob(filepath.Join(folder, "*.json"))
	if len(files) == 0 {
		t.Skip("corpus absent: " + folder)
	}
	by, names := map[string]object{}, map[string]object{}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var r object
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Logf("%s: not JSON", filepath.Base(f))
			continue
		}
		names[filepath.Base(f)] = r
		by[textAt(r, "resourceType")+"/"+textAt(r, "id")] = r
	}
	passed, total := 0, 0
	for name, r := range names {
		if len(claims(r)) == 0 || textAt(r, "resourceType") == "DeviceMetric" || textAt(r, "resourceType") == "Patient" {
			continue
		}
		total++
		c := checker{find: func(ref string) object { return by[ref] }}
		if wrong := c.check(r); len(wrong) > 0 {
			if why := exampleFaults[name]; why == "" {
				t.Errorf("%s: %s", name, strings.Join(wrong, "; "))
			} else {
				t.Logf("%s keeps not all: %s (%s)", name, why, strings.Join(wrong, "; "))
			}
			continue
		}
		passed++
	}
	t.Logf("examples of HL7's guide for personal devices that keep the rules: %d/%d", passed, total)
}

// exampleFaults are examples of the guide that these rules ask more of: the guide
// only warns of a code that is none of MDC.
var exampleFaults = map[string]string{
	"compound-observation-glucose.json": "its code is none of MDC",
	"string-observation-1.json":         "its code is none of MDC",
}

// Codes that the rules and the encoder allow are those of the guide's own value
// sets.
func TestCodesOfTheGuide(t *testing.T) {
	folder := filepath.Join(root(t), "..", "shared", "corpus", "ieee11073", "HL7+phd", "input", "fsh")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("corpus absent: " + folder)
	}
	line := regexp.MustCompile(`(?m)^\* \$Mdc#(\d+)`)
	for set, ours := range map[string]func() []string{
		"DeviceTypes11073MDC": func() (all []string) {
			for n := uint32(528000); n < 529000; n++ {
				if isSpecialisation(n) {
					all = append(all, fmt.Sprint(n))
				}
			}
			return all
		},
		"MDCDeviceVersionTypes": func() []string { return slices.Clone(guideVersions) },
		"MDCClockTypes": func() (all []string) {
			for n := range clockNames {
				all = append(all, fmt.Sprint(n))
			}
			return all
		},
	} {
		raw, err := os.ReadFile(filepath.Join(folder, "ValueSet."+set+".fsh"))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, m := range line.FindAllStringSubmatch(string(raw), -1) {
			want = append(want, m[1])
		}
		got := ours()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: ours are %s, the guide's %s", set, got, want)
		}
	}
}
