package fhir

import (
	"strconv"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// observation reads an Observation: its value, those of its components, and
// what they stand under. A panel without a value of its own is an order with
// the panel's code, under which its parts stand.
func (r *reading) observation(s *resource) {
	n := s.node
	who := r.subject(s)
	p := r.part(subjectKey(who), who)
	m := &p.m
	if m.ControlID == "" {
		m.ControlID = instanceOf(n)
	}
	status, known := statusOf(n.Get("status").Text())
	if !known {
		m.Issues = append(m.Issues, model.Issue{Code: "fhir.status", Severity: model.Warning, Field: below(s.place, "status"), Received: word(n.Get("status").Text()),
			Text: "the status is none that FHIR R4 has; the values stand as unknown", Hint: "the sender should give final, preliminary, amended, corrected or another of ObservationStatus"})
	}
	base := model.Observation{Status: status, Instance: instanceOf(n), Simulated: isTest(n), Flags: flags(n.Get("interpretation")), RangeText: rangeText(n.Get("referenceRange")),
		BodySite: one(n.Get("bodySite")), Method: one(n.Get("method")), Notes: notesOf(n.Get("note"))}
	base.Device, base.Setting = r.deviceOf(p, s)
	first, second := codings(n.Get("code"))
	components := n.Get("component")
	value, absent := valueMember(n), n.Get("dataAbsentReason")
	panel := value == nil && absent == nil && (components.Len() > 0 || n.Get("hasMember").Len() > 0)
	base.Order = p.order(s, status, panel)
	base.DeviceTime = m.Orders[base.Order].Start
	if end := m.Orders[base.Order].End.UTC; end.After(base.DeviceTime.UTC) {
		base.DeviceTimeEnd = end
	}
	if first == (model.Coding{}) && !panel {
		m.Issues = append(m.Issues, model.Issue{Code: "fhir.no-code", Severity: model.Error, Field: below(s.place, "code"), Text: "the Observation does not say what was observed", Hint: "the sender should give code, with a LOINC or MDC code"})
	}
	parent := ""
	switch {
	case panel:
		m.Orders[base.Order].Code = first
	case n.Get("valueSampledData") != nil:
		r.samples(p, s, base, first)
	default:
		o := base
		o.Field, o.SubID = at(s), strconv.Itoa(len(m.Observations)+1)
		o.Received, o.Alternate = first, second
		parent = o.SubID
		r.value(p, &o, n, s.place)
		m.Observations = append(m.Observations, o)
	}
	for i := range components.Len() {
		c := components.At(i)
		o := base
		o.Field, o.SubID = below(s.place, "component["+strconv.Itoa(i)+"]"), strconv.Itoa(len(m.Observations)+1)
		if parent != "" {
			o.SubID, o.Parent = parent+"."+strconv.Itoa(i+1), parent
		}
		o.Notes = nil
		if o.Instance != "" { // R18: what comes again is known again, each part of it by itself
			o.Instance += "." + strconv.Itoa(i+1)
		}
		o.Flags, o.RangeText = flags(c.Get("interpretation")), rangeText(c.Get("referenceRange"))
		o.Received, o.Alternate = codings(c.Get("code"))
		if c.Get("valueSampledData") != nil {
			r.samples(p, &resource{node: c, kind: s.kind, place: o.Field}, o, o.Received)
			continue
		}
		r.value(p, &o, c, o.Field)
		m.Observations = append(m.Observations, o)
	}
}

// order gives the order that stands for an Observation's time; a panel has one
// of its own.
func (p *part) order(s *resource, status model.Status, panel bool) int {
	n := s.node
	start, end := n.Get("effectiveDateTime").Text(), ""
	switch {
	case n.Get("effectiveInstant") != nil:
		start = n.Get("effectiveInstant").Text()
	case n.Get("effectivePeriod") != nil:
		start, end = n.Get("effectivePeriod", "start").Text(), n.Get("effectivePeriod", "end").Text()
	case n.Get("effectiveTiming") != nil:
		start = n.Get("effectiveTiming", "event").At(0).Text()
	}
	key := [2]string{start, end}
	if i, ok := p.spans[key]; ok && !panel {
		return i
	}
	o := model.Order{Field: at(s), Start: timestamp(start), End: timestamp(end), Status: status}
	if panel {
		o.Filler = model.Identifier{Value: instanceOf(n)}
	}
	p.m.Orders = append(p.m.Orders, o)
	i := len(p.m.Orders) - 1
	if !panel {
		p.spans[key] = i
	}
	return i
}

// at is where a resource stands, for people.
func at(s *resource) string {
	if s.place == "" {
		return s.kind
	}
	return s.place
}

func below(place, name string) string {
	if place == "" {
		return name
	}
	return place + "." + name
}

// instanceOf is the sender's own id of an Observation.
func instanceOf(n *Node) string {
	if id := n.Get("identifier").At(0); id.Get("value").Text() != "" {
		return id.Get("value").Text()
	}
	return n.Get("id").Text()
}

// isTest says whether a resource is about no real patient (v3 ActReason
// HTEST), as meta writes it.
func isTest(n *Node) bool {
	labels := n.Get("meta", "security")
	for i := range labels.Len() {
		if l := labels.At(i); l.Get("system").Text() == systemActReason && l.Get("code").Text() == "HTEST" {
			return true
		}
	}
	return false
}

// statusOf reads ObservationStatus (FHIR R4 §10.1.3).
func statusOf(s string) (model.Status, bool) {
	switch s {
	case "final", "preliminary", "registered", "corrected", "cancelled", "entered-in-error", "unknown":
		return model.Status(s), true
	case "amended": // v2-to-FHIR writes C as corrected; amended says the same less exactly
		return model.StatusCorrected, true
	}
	return model.StatusUnknown, false
}

// codings gives the two codings of a CodeableConcept that say most: MDC first,
// then LOINC, then the others as they come; a text alone stands for a code.
func codings(concept *Node) (first, second model.Coding) {
	list := concept.Get("coding")
	best, next := 9, 9
	for i := range list.Len() {
		c := coding(list.At(i))
		rank := 3
		switch c.System {
		case systemMDC, systemRefID:
			rank = 0
		case systemLOINC:
			rank = 1
		}
		if c.Code == "" {
			continue
		}
		switch {
		case rank < best:
			second, next = first, best
			first, best = c, rank
		case rank < next:
			second, next = c, rank
		}
	}
	if text := concept.Get("text").Text(); text != "" {
		switch {
		case first.Code == "":
			first = model.Coding{Text: text}
		case first.Text == "":
			first.Text = text
		}
	}
	return first, second
}

// coding reads a Coding. The name of an 11073 term (urn:id:MDC) is its text.
func coding(n *Node) model.Coding {
	c := model.Coding{Code: n.Get("code").Text(), Text: n.Get("display").Text(), System: n.Get("system").Text()}
	if c.System == systemRefID && c.Text == "" {
		c.Text = c.Code
	}
	return c
}

// one gives what a CodeableConcept says first.
func one(concept *Node) model.Coding {
	first, _ := codings(concept)
	return first
}

// deviceKind is what a type of device means, where the tables know it.
func deviceKind(c model.Coding) model.Code {
	if t, disagree, ok := mdc.OfCoding(c); ok && !disagree {
		return t.Meaning()
	}
	if n, ok := mdc.Number(c.Code); ok && c.System == systemMDC {
		return model.Code{MDC: n, Name: c.Text}
	}
	return model.Code{Name: c.Text}
}

func flags(list *Node) []string {
	var out []string
	for i := range list.Len() {
		if c := one(list.At(i)); c.Code != "" {
			out = append(out, c.Code)
		} else if c.Text != "" {
			out = append(out, c.Text)
		}
	}
	return out
}

func notesOf(list *Node) []string {
	var out []string
	for i := range list.Len() {
		if t := list.At(i).Get("text").Text(); t != "" {
			out = append(out, t)
		}
	}
	return out
}

// rangeText writes the first reference range as OBX-7 would have it.
func rangeText(list *Node) string {
	r := list.At(0)
	if t := r.Get("text").Text(); t != "" {
		return t
	}
	low, high := r.Get("low", "value").Text(), r.Get("high", "value").Text()
	switch {
	case low != "" && high != "":
		return low + "-" + high
	case low != "":
		return ">=" + low
	case high != "":
		return "<=" + high
	}
	return ""
}
