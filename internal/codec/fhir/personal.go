package fhir

import (
	"strconv"
	"strings"
	"time"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// What personal health devices send is written as HL7's guide for them asks
// (http://hl7.org/fhir/uv/phd, read in its sources of March 2026): the device as
// PhdDevice, the gateway that heard it as PhgDevice, how the device's clock
// stands to ours as a coincident time stamp, and the values with the guide's
// category, codes of MDC beside those of LOINC, UCUM, reasons of absent values,
// supplemental types and bits as components. A profile is claimed where all that
// it asks is there and nowhere else (decision 285).

// personal says whether a message is of a personal health device.
func personal(m *model.Message) bool { return m.Codec == "phd" || m.Codec == "gatt" }

const (
	guideBase        = "http://hl7.org/fhir/uv/phd/StructureDefinition/"
	systemASN1       = "http://terminology.hl7.org/CodeSystem/ASN1ToHL7"
	extensionGateway = "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice"
	categoryPersonal = `{"coding":[{"system":"http://hl7.org/fhir/uv/phd/CodeSystem/PhdObservationCategories","code":"phd"}]}`
)

// guided is what the guide asks of one Observation beside what all have. The
// zero value is for Observations that are not of its devices.
type guided struct {
	is       bool
	device   Identity // the Device itself: the guide has no DeviceMetric between
	known    bool     // device is there
	gateway  Identity
	clock    Identity // the coincident time stamp
	hasClock bool
	profile  string // of the guide, claimed; empty: none
}

// guided makes sure that the transaction holds what an Observation of a personal
// device refers to, and finds the profile that it keeps. stamped is its time.
func (b *builder) guided(device int, stamped model.Timestamp) (g guided) {
	if !personal(b.spoken.m) {
		return g
	}
	g.is = true
	if g.device, g.known = b.device(device); !g.known {
		return g
	}
	g.gateway = b.gateway()
	if stamped.Original != "" {
		g.clock, g.hasClock = b.coincident(device, &g, strings.HasPrefix(stamped.Original, "relative "))
	}
	return g
}

// keeps says whether all is there that PhdBaseObservation asks of an Observation
// but for its value: a gateway, a device and a subject that keep their profiles,
// a code of MDC, a time, and the relation of both clocks where the device told
// the time.
func (b *builder) keeps(g *guided, o *model.Observation, code model.Code, received model.Coding) bool {
	t := b.timeOfObservation(o)
	stamped := o.DeviceTime.Original != ""
	switch {
	case !g.known || b.o.GatewayClock == 0 || !b.conforming[g.device] || b.o.Unclaimed[g.gateway]:
	case !b.spoken.hasWho && !o.Setting:
	case !hasMDC(code, received):
	case t.UTC.IsZero() || !sane(t.UTC) || t.Precision == "year" || t.Precision == "month":
	case stamped && !g.hasClock:
	case o.ValueSent != nil && o.Absent == "": // converted: not the number that the device sent
	default:
		for _, f := range o.Flags {
			if f == "measurement-ongoing" { // the guide gives no such value out, we do
				return false
			}
		}
		return true
	}
	return false
}

func hasMDC(code model.Code, received model.Coding) bool {
	return code.MDC != 0 || received.System == "MDC" && isDigits(received.Code) && received.Code != "0"
}

// profileOfValue names the guide's profile for a value; empty where it has none
// that the value keeps. A part of a compound value alone keeps none, nor what
// names a value that it was made of and that is not there; derived: it is.
func (b *builder) profileOfValue(o *model.Observation, derived bool) string {
	switch {
	case o.Parent != "" && !derived:
		return ""
	case o.ValueType == "bits":
		if _, ok := bitsOf(o); ok || o.Absent != "" {
			return "PhdBitsEnumerationObservation"
		}
	case o.ValueType == "number":
		if o.UnitUCUM != "" || o.Absent != "" {
			return "PhdNumericObservation"
		}
	case o.ValueType == "coded":
		if o.Absent != "" || hasMDC(o.Value.Code, o.Value.Coding) {
			return "PhdCodedEnumerationObservation"
		}
	case o.ValueType == "string":
		if o.Absent != "" || clean(o.Value.Text) != "" {
			return "PhdStringObservation"
		}
	}
	return ""
}

// spanOf gives how long a value was measured.
func spanOf(o *model.Observation) (took time.Duration, ok bool) {
	for _, n := range o.Notes {
		if took, ok = model.NoteSpan(n); ok {
			return took, true
		}
	}
	return 0, false
}

// heardAtItsEnd says whether a personal device told no time of a value: it was
// heard when it had been measured.
func (b *builder) heardAtItsEnd(o *model.Observation) bool {
	return personal(b.spoken.m) && o.DeviceTime.UTC.IsZero() && b.spoken.m.DeviceTime.UTC.IsZero() && sane(b.spoken.m.Arrived)
}

// madeOf finds the value of the same message that a value of a personal device was
// made of (Source-Handle-Reference), makes sure that the transaction holds it, and
// claims the profile of the value where both keep one.
func (b *builder) madeOf(i int, g *guided) (Identity, bool) {
	s := &b.spoken
	o := &s.m.Observations[i]
	if !g.is || o.Parent == "" || strings.HasPrefix(o.SubID, o.Parent+".") {
		return Identity{}, false
	}
	at, write := -1, (*builder).observation
	for j := range s.m.Observations {
		from := &s.m.Observations[j]
		is := from.SubID == o.Parent && from.Parent == "" && !s.panels.holds(j)
		if p := s.panels.of(j); p != nil && from.Parent == o.Parent && channelOf(from.SubID) == o.Parent {
			is, write = true, (*builder).panel // a blood pressure, by its first part
		}
		if !is || j == i || from.Device != o.Device {
			continue
		}
		if at >= 0 {
			return Identity{}, false
		}
		at = j
	}
	if at < 0 {
		return Identity{}, false
	}
	write(b, at)
	from := &s.m.Observations[at]
	id := b.observationIdentity(from)
	if b.claiming[id] && b.keeps(g, o, o.Code, o.Received) {
		g.profile = b.profileOfValue(o, true)
	}
	return id, true
}

// nearness writes how near a number is to the truth, where it stands in the unit
// that was sent.
func (b *builder) nearness(o *model.Observation) {
	if o == nil || !tellsNearness(o) {
		return
	}
	w := &b.w
	for _, n := range o.Notes {
		if d, ok := model.NoteAccuracy(n); ok {
			w.element()
			w.word("url", guideBase+"Accuracy")
			w.open("valueQuantity", '{')
			b.quantity(d, "", o)
			w.b = append(w.b, "}}"...)
		}
		if low, high, ok := model.NoteConfidence(n); ok {
			w.element()
			w.word("url", guideBase+"Confidence95")
			w.open("valueRange", '{')
			w.open("low", '{')
			b.quantity(low, "", o)
			w.close('}')
			w.open("high", '{')
			b.quantity(high, "", o)
			w.b = append(w.b, "}}}"...)
		}
	}
}

func tellsNearness(o *model.Observation) bool {
	return o.Value.Kind == model.ValueNumber && o.ValueSent == nil && o.UnitUCUM != "" && !strings.Contains(o.SubID, ".")
}

// extensions writes the gateway, the coincident time stamp and how near a number
// is to the truth.
func (b *builder) extensions(g *guided, o *model.Observation) {
	if !g.known {
		return
	}
	w := &b.w
	w.open("extension", '[')
	w.element()
	w.word("url", extensionGateway)
	b.reference("valueReference", g.gateway)
	w.close('}')
	if g.hasClock {
		w.element()
		w.word("url", guideBase+"CoincidentTimeStampReference")
		b.reference("valueReference", g.clock)
		w.close('}')
	}
	b.nearness(o)
	w.close(']')
}

// category writes Observation.category.
func (b *builder) category(vitalSign, personal bool) {
	w := &b.w
	switch {
	case vitalSign && personal:
		w.b = append(w.b, categoryVitalSigns[:len(categoryVitalSigns)-1]...)
		w.b = append(w.b, ',')
		w.b = append(w.b, categoryPersonal...)
		w.b = append(w.b, ']')
	case vitalSign:
		w.b = append(w.b, categoryVitalSigns...)
	case personal:
		w.b = append(w.b, `,"category":[`...)
		w.b = append(w.b, categoryPersonal...)
		w.b = append(w.b, ']')
	}
}

const systemMeasurementStatus = "http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status"

// measurementStatus is the code for a flag of our codecs; empty for others.
func measurementStatus(flag string) string {
	switch flag {
	case "questionable", "calibration-ongoing", "early-indication", "in-alarm", "alarm-inhibited":
		return flag
	case "validated":
		return "validated-data"
	case "measurement-ongoing":
		return "msmt-ongoing"
	}
	return ""
}

// remarks are the notes of a personal device's value: what it says of it that is
// no measurement status, and its notes but for supplemental types.
func remarks(o *model.Observation) (all []string) {
	for _, f := range o.Flags {
		if measurementStatus(f) == "" && !isInterpretation(f) && f != "DEMO" && f != "TEST" {
			all = append(all, f)
		}
	}
	for _, n := range o.Notes {
		_, elsewhere := model.NoteSupplemental(n)
		if _, span := model.NoteSpan(n); span {
			elsewhere = true // the effective period
		}
		_, accurate := model.NoteAccuracy(n)
		if _, _, confident := model.NoteConfidence(n); (accurate || confident) && tellsNearness(o) {
			elsewhere = true
		}
		if !elsewhere {
			all = append(all, n)
		}
	}
	if set, ok := bitsOf(o); ok && o.Absent == "" && len(set) == 0 {
		all = append(all, "none of the bits is set")
	}
	return all
}

// supplemental gives the supplemental types of a value (MDC_ATTR_SUPPLEMENTAL_TYPES).
func supplemental(o *model.Observation) (all []model.Coding) {
	for _, c := range [...]model.Coding{o.BodySite, o.Method} {
		if c.System == "MDC" && isDigits(c.Code) {
			all = append(all, c)
		}
	}
	for _, n := range o.Notes {
		if code, ok := model.NoteSupplemental(n); ok {
			c := model.Coding{Code: code, System: "MDC"}
			if n, err := strconv.ParseUint(code, 10, 32); err == nil {
				if t, ok := mdc.ByCode(uint32(n)); ok {
					c.Text = t.RefID
				}
			}
			all = append(all, c)
		}
	}
	return all
}

// supplements writes a component for each supplemental type, and opens the list
// of components when none is open.
func (b *builder) supplements(o *model.Observation, open bool) bool {
	w := &b.w
	for _, c := range supplemental(o) {
		if !open {
			w.open("component", '[')
			open = true
		}
		w.element()
		w.b = append(w.b, `"code":{"coding":[{"system":"urn:iso:std:iso:11073:10101","code":"68193","display":"MDC_ATTR_SUPPLEMENTAL_TYPES"}]},"valueCodeableConcept":{`...)
		w.coding(systemMDC, c.Code, c.Text)
		w.b = append(w.b, "]}}"...)
	}
	return open
}

// bitValue is a bit of a bit string and whether it is set.
type bitValue struct {
	mdc.Bit
	set bool
}

// bitsOf reads a bit string whose bits the nomenclature names: of bits that tell
// of events those that are set, of states all. ok is false where a bit is set that
// nobody named, or where the value is none of them.
func bitsOf(o *model.Observation) (all []bitValue, ok bool) {
	v := o.Value
	if v.Kind == model.ValueNone {
		v = o.Sent()
	}
	digits, found := strings.CutPrefix(v.Coding.Code, "0x")
	if o.ValueType != "bits" || v.Coding.System != "IEEE 11073 bits" || !found {
		return nil, false
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	names := mdc.Bits(o.Code.MDC)
	if err != nil || len(names) == 0 {
		return nil, false
	}
	width := 4 * len(digits)
	named := uint64(0)
	for _, bit := range names {
		if bit.At >= width {
			continue
		}
		mask := uint64(1) << (width - 1 - bit.At)
		named |= mask
		if n&mask != 0 || bit.State {
			all = append(all, bitValue{bit, n&mask != 0})
		}
	}
	return all, n&^named == 0
}

// bits writes a component for each bit.
func (b *builder) bits(code uint32, all []bitValue, open bool) bool {
	w := &b.w
	for _, bit := range all {
		if !open {
			w.open("component", '[')
			open = true
		}
		w.element()
		w.open("code", '{')
		w.coding(systemASN1, strconv.FormatUint(uint64(code), 10)+"."+strconv.Itoa(bit.At), bit.Name)
		w.b = append(w.b, "]}"...)
		w.truth("valueBoolean", bit.set)
		w.close('}')
	}
	return open
}
