package fhir

import (
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/model"
)

// meta writes Resource.meta: the profile claimed, and HTEST for what is not
// about a real patient (R17; HL7 v3 ActReason HTEST, as the Point-of-Care
// guide maps OBX-8 DEMO and TEST).
// guide is a profile of the guide for personal health devices, empty for none.
func (b *builder) meta(profile string, simulated bool, guide ...string) {
	if len(guide) > 0 && guide[0] == "" {
		guide = nil
	}
	if profile == "" && !simulated && len(guide) == 0 {
		return
	}
	w := &b.w
	w.open("meta", '{')
	if profile != "" || len(guide) > 0 {
		w.open("profile", '[')
		if profile != "" {
			w.b = append(append(append(append(w.b, '"'), profileBase...), profile...), '"')
		}
		for _, g := range guide {
			w.comma()
			w.b = append(append(append(append(w.b, '"'), guideBase...), g...), '"')
		}
		w.close(']')
	}
	if simulated {
		w.open("security", '[')
		w.b = append(w.b, `{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HTEST","display":"test health data"}]`...)
	}
	w.close('}')
}

// meaning writes the members of a CodeableConcept: what a code means, then
// what the sender wrote where that says something else.
func (b *builder) meaning(c model.Code, received, alternate model.Coding) {
	b.concept("", "", c, received, alternate)
}

// concept is meaning with the codes a profile asks for in front.
func (b *builder) concept(loinc, second string, c model.Code, received, alternate model.Coding) {
	w := &b.w
	begin := len(w.b)
	if loinc != "" {
		w.coding(systemLOINC, loinc, "")
	}
	if second != "" && second != loinc {
		w.coding(systemLOINC, second, "")
	}
	if c.LOINC != "" && c.LOINC != loinc && c.LOINC != second {
		w.coding(systemLOINC, c.LOINC, "")
	}
	if c.MDC != 0 {
		w.codingMDC(c)
	} else if c.RefID != "" {
		w.coding(systemRefID, c.RefID, "")
	}
	for i := range 2 {
		sent := &received
		if i == 1 {
			sent = &alternate
		}
		code := codeText(clean(sent.Code))
		system := b.codeSystem(sent.System)
		if system == systemMDC && (code == "0" || code == "" || !isDigits(code)) {
			// No number: the name is what there is.
			system = systemRefID
			if code == "0" || code == "" {
				code = codeText(clean(sent.Text))
			}
		}
		switch {
		case code == "":
		case system == systemMDC && isNumber(code, c.MDC), system == systemRefID && code == c.RefID:
		case system == systemLOINC && (code == c.LOINC || code == loinc || code == second):
		case system == "" && code == c.RefID:
		default:
			w.coding(system, code, sent.Text)
		}
	}
	open := len(w.b) > begin
	if open {
		w.close(']')
	}
	text := c.Name
	for _, other := range [...]string{received.Text, alternate.Text, c.RefID, received.Code} {
		if clean(text) != "" {
			break
		}
		text = other
	}
	if clean(text) == "" && !open {
		text = "unknown"
	}
	w.text("text", text)
}

// coding writes one element of the member "coding", and opens that first
// when the last byte is the brace of its object.
func (w *writer) coding(system, code, display string) {
	w.beginCoding()
	if system != "" {
		w.text("system", system)
	}
	w.text("code", code)
	w.text("display", display)
	w.close('}')
}

func (w *writer) codingMDC(c model.Code) {
	w.beginCoding()
	w.b = append(w.b, `"system":"urn:iso:std:iso:11073:10101","code":"`...)
	w.b = strconv.AppendUint(w.b, uint64(c.MDC), 10)
	w.b = append(w.b, '"')
	w.text("display", c.RefID)
	w.close('}')
}

func (w *writer) beginCoding() {
	if w.b[len(w.b)-1] == '{' {
		w.b = append(w.b, `"coding":[{`...)
		return
	}
	w.b = append(w.b, ',', '{')
}

// isNumber tells whether a code of digits is the number n.
func isNumber(code string, n uint32) bool {
	var b [10]byte
	return string(strconv.AppendUint(b[:0], uint64(n), 10)) == code
}

func (b *builder) codeSystem(name string) string {
	if uri, ok := b.o.Systems[name]; ok && name != "" {
		return uri
	}
	return codeSystem(name)
}

// plain writes a CodeableConcept member of a coding as sent; nothing when
// there is none.
func (b *builder) plain(name string, c model.Coding) {
	if clean(c.Code) == "" && clean(c.Text) == "" {
		return
	}
	w := &b.w
	w.open(name, '{')
	b.meaning(model.Code{}, c, model.Coding{})
	w.close('}')
}

func status(s model.Status) string {
	switch s {
	case model.StatusFinal, model.StatusPreliminary, model.StatusRegistered, model.StatusCorrected,
		model.StatusCancelled, model.StatusError, "amended":
		return string(s)
	}
	return string(model.StatusUnknown)
}

const categoryVitalSigns = `,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}]`

// begin writes what every Observation starts with, up to effective[x].
// It says false when the transaction has it already.
// o is nil for what is not one value.
func (b *builder) start(id Identity, v *vital, g *guided, o *model.Observation, simulated bool, st model.Status) bool {
	if !b.entry(id, "Observation") {
		return false
	}
	profile := ""
	if v != nil {
		profile = v.profile
	}
	w := &b.w
	if g.profile != "" {
		if b.claiming == nil {
			b.claiming = map[Identity]bool{}
		}
		b.claiming[id] = true
	}
	b.meta(profile, simulated || b.spoken.m.Test, g.profile)
	b.ownIdentifier(id)
	b.extensions(g, o)
	w.word("status", status(st))
	b.category(v != nil, g.is)
	return true
}

// about writes subject and encounter.
func (b *builder) about() {
	if b.spoken.hasWho {
		b.reference("subject", b.spoken.patient)
		b.visitOf()
	}
}

// when writes effective[x] and issued.
func (b *builder) when(o *model.Observation) {
	w := &b.w
	t := b.timeOfObservation(o)
	end := o.DeviceTimeEnd
	if took, ok := spanOf(o); ok && personal(b.spoken.m) && !t.UTC.IsZero() {
		if b.heardAtItsEnd(o) {
			t.UTC = t.UTC.Add(-took)
		}
		end = t.UTC.Add(took)
	}
	if !end.IsZero() && !t.UTC.IsZero() && sane(t.UTC) && sane(end) && !end.Before(t.UTC) {
		w.open("effectivePeriod", '{')
		if t.Corrected() {
			w.clock(&t)
			t.ClockOffsetNS, t.UncertaintyNS = 0, 0
		}
		w.dateTime("start", t)
		w.instant("end", end)
		w.close('}')
	} else {
		w.dateTime("effectiveDateTime", t)
	}
	b.issued()
}

// timeOf gives the time a device said, else that of its message.
func (b *builder) timeOf(t model.Timestamp) model.Timestamp {
	if t.UTC.IsZero() {
		if m := b.spoken.m; m.DeviceTime.UTC.IsZero() && personal(m) {
			return model.Timestamp{UTC: m.Arrived, Precision: "fraction"}
		}
		return b.spoken.m.DeviceTime
	}
	return t
}

// timeOfObservation: a value without a time of its own has that of what it
// stands under (IHE PCD TF-2 B.7, OBR-7), else that of its message.
func (b *builder) timeOfObservation(o *model.Observation) model.Timestamp {
	if m := b.spoken.m; o.DeviceTime.UTC.IsZero() && o.Order >= 0 && o.Order < len(m.Orders) {
		return b.timeOf(m.Orders[o.Order].Start)
	}
	return b.timeOf(o.DeviceTime)
}

// notes writes comments as Annotations.
func (b *builder) notes(list []string) {
	w, open := &b.w, false
	for i, n := range list {
		if clean(n) == "" || slices.Contains(list[:i], n) {
			continue
		}
		if !open {
			w.open("note", '[')
			open = true
		}
		w.element()
		w.text("text", n)
		w.close('}')
	}
	if open {
		w.close(']')
	}
}

func (b *builder) issued() {
	if t := b.spoken.m.Arrived; !t.IsZero() && sane(t) {
		b.w.instant("issued", t)
	}
}

// observation writes observation i of the message as one Observation.
func (b *builder) observation(i int) {
	o := &b.spoken.m.Observations[i]
	category := "measurement"
	if o.Setting {
		category = "setting"
	}
	b.patient()
	g, by, hasBy := b.measuredBy(o.Device, o.SubID, o.Code, o.Received, o.UnitUCUM, category, o.DeviceTime)
	id := b.observationIdentity(o)
	var media Identity
	binary := o.Value.Kind == model.ValueBinary
	if binary {
		media, binary = b.media(id, o)
	}
	v := b.vitalOf(o)
	if g.is && b.keeps(&g, o, o.Code, o.Received) {
		g.profile = b.profileOfValue(o, false)
	}
	from, hasFrom := b.madeOf(i, &g)
	if !b.start(id, v, &g, o, o.Simulated, o.Status) {
		return
	}
	w := &b.w
	w.open("code", '{')
	if v != nil {
		b.concept(v.loinc, v.second, o.Code, o.Received, o.Alternate)
	} else {
		b.meaning(o.Code, o.Received, o.Alternate)
	}
	w.close('}')
	if g.known && o.Setting { // what is set is of the device, not of a person
		b.reference("subject", g.device)
	} else {
		b.about()
	}
	b.when(o)
	set, asBits := bitsOf(o)
	asBits = asBits && g.is && o.Absent == ""
	if !asBits {
		b.value(o, v)
	}
	b.interpretation(o.Flags, g.is)
	if g.is {
		b.notes(remarks(o))
	} else {
		b.notes(o.Notes)
	}
	b.plain("bodySite", o.BodySite)
	b.plain("method", o.Method)
	if hasBy {
		b.reference("device", by)
	}
	b.referenceRange(o)
	if g.is {
		open := asBits && b.bits(o.Code.MDC, set, false)
		if b.supplements(o, open) {
			w.close(']')
		}
	}
	if binary {
		from, hasFrom = media, true
	}
	if hasFrom {
		w.open("derivedFrom", '[')
		w.element()
		w.name("reference")
		w.b = append(w.b, '"')
		w.b = from.appendURL(w.b)
		w.b = append(w.b, `"}]`...)
	}
	b.requestByID(id, "Observation", b.o.Replace)
	b.said = append(b.said, id)
}

func (b *builder) observationIdentity(o *model.Observation) Identity {
	code := o.Received.Code
	if code == "" {
		code = o.Received.Text
	}
	return b.h.fieldIdentity('o', b.spoken.id, o.Field, o.SubID, code, o.DeviceTime.Original)
}

// interpretation writes the OBX-8 flags that v3-ObservationInterpretation has
// as codes (v2-to-FHIR, HL7 table 0078), the others as text. DEMO and TEST
// stand in meta.security. Those of a personal device have a code of measurement
// status, or stand among the notes.
func (b *builder) interpretation(flags []string, personal bool) {
	w, open := &b.w, false
	for _, f := range flags {
		f = codeText(clean(f))
		if f == "" || f == "DEMO" || f == "TEST" || personal && measurementStatus(f) == "" && !isInterpretation(f) {
			continue
		}
		if !open {
			w.open("interpretation", '[')
			open = true
		}
		w.element()
		if isInterpretation(f) {
			w.open("coding", '[')
			w.element()
			w.word("system", systemInterpretation)
			w.text("code", f)
			w.b = append(w.b, "}]}"...)
			continue
		}
		if code := measurementStatus(f); code != "" && personal {
			w.coding(systemMeasurementStatus, code, "")
			w.b = append(w.b, ']')
		}
		w.text("text", f)
		w.close('}')
	}
	if open {
		w.close(']')
	}
}

func isInterpretation(f string) bool {
	switch f {
	case "<", ">", "A", "AA", "B", "CAR", "D", "DET", "E", "EX", "EXP", "H", "HH", "HU", "I", "IE", "IND", "L", "LL", "LU",
		"MS", "N", "NCL", "ND", "NEG", "NR", "NS", "POS", "R", "RR", "S", "SDD", "SYN-R", "SYN-S", "U", "VS", "UNE", "W", "WR":
		return true
	}
	return false
}

// referenceRange writes OBX-7 as text, with low and high where it is
// "low-high", "<high" or ">low" in plain numbers.
func (b *builder) referenceRange(o *model.Observation) {
	text := clean(o.RangeText)
	if text == "" {
		return
	}
	w := &b.w
	w.open("referenceRange", '[')
	w.element()
	low, high, hasLow, hasHigh := parseRange(text)
	if hasLow {
		w.open("low", '{')
		b.quantity(low, "", o)
		w.close('}')
	}
	if hasHigh {
		w.open("high", '{')
		b.quantity(high, "", o)
		w.close('}')
	}
	w.text("text", text)
	w.b = append(w.b, "}]"...)
}

func parseRange(s string) (low, high model.Decimal, hasLow, hasHigh bool) {
	s = strings.TrimSpace(s)
	number := func(s string) (model.Decimal, bool) {
		d, err := model.ParseDecimal(strings.TrimSpace(s))
		return d, err == nil
	}
	if rest, ok := strings.CutPrefix(s, "<"); ok {
		high, hasHigh = number(strings.TrimPrefix(rest, "="))
		return
	}
	if rest, ok := strings.CutPrefix(s, ">"); ok {
		low, hasLow = number(strings.TrimPrefix(rest, "="))
		return
	}
	if len(s) < 3 {
		return
	}
	i := strings.IndexByte(s[1:], '-')
	if i < 0 {
		return
	}
	low, hasLow = number(s[:i+1])
	high, hasHigh = number(s[i+2:])
	if !hasLow || !hasHigh {
		return model.Decimal{}, model.Decimal{}, false, false
	}
	return
}
