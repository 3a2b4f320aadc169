package fhir

import (
	"strconv"
)

// Identifier systems of Provenance.entity.what.
const (
	SystemMessage = "urn:id:message"          // the sender's number of a message, MSH-10
	SystemJournal = "urn:id:thalamus-journal" // entry and part in our journal, "4711.0" (model.MessageRef)
)

// provenance writes where the resources of the message under way came from
// (FHIR R4 §6.3): this gateway assembled them, that device or system said
// them, out of that journal entry. R13, R28.
func (b *builder) provenance() {
	said := b.said
	b.said = b.said[:0]
	if b.o.Provenance == ProvenanceNone || len(said) == 0 {
		return
	}
	m := b.spoken.m
	b.h.start('v')
	b.h.raw(b.spoken.id[:])
	b.h.raw(said[0][:]) // a message in two transactions has two
	id := b.h.sum()
	if !b.entry(id, "Provenance") {
		return
	}
	w := &b.w
	tag := b.o.Provenance == ProvenanceTag
	if tag {
		w.open("meta", '{')
		w.open("tag", '[')
		w.element()
		w.word("system", systemURI)
		w.name("code")
		w.b = append(id.appendUUID(append(w.b, `"urn:uuid:`...)), `"}]}`...)
	} else {
		w.name("id")
		w.b = append(id.appendUUID(append(w.b, '"')), '"')
	}
	w.open("target", '[')
	for _, target := range said {
		w.comma()
		w.b = append(w.b, `{"reference":"`...)
		w.b = append(target.appendURL(w.b), '"', '}')
	}
	w.close(']')
	b.periodSaid()
	recorded := m.Arrived
	if recorded.IsZero() || !sane(recorded) {
		recorded = m.DeviceTime.UTC
	}
	if recorded.IsZero() || !sane(recorded) {
		// required, and nobody said: R4's way to say so
		w.b = append(w.b, `,"_recorded":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}`...)
	} else {
		w.instant("recorded", recorded)
	}
	b.agents()
	b.source()
	if tag {
		b.request("Provenance", false)
		w.b = append(w.b, "_tag=urn%3Aietf%3Arfc%3A3986%7Curn%3Auuid%3A"...)
		w.b = append(id.appendUUID(w.b), `"}}`...)
		return
	}
	b.updates++
	b.whole(false)
	w.b = append(w.b, `},"request":{"method":"PUT","url":"Provenance/`...)
	w.b = append(id.appendUUID(w.b), `"}}`...)
}

// periodSaid writes occurredDateTime: when the sender made the message.
func (b *builder) periodSaid() {
	if t := b.spoken.m.DeviceTime; !t.UTC.IsZero() && sane(t.UTC) {
		b.w.dateTime("occurredDateTime", t)
	}
}

func (b *builder) agents() {
	w, m := &b.w, b.spoken.m
	w.open("agent", '[')
	w.element()
	w.b = append(w.b, `"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/provenance-participant-type","code":"assembler"}]},"who":{`...)
	w.text("display", b.o.Gateway)
	w.b = append(w.b, "}}"...)
	sender := clean(m.Sender.Application)
	if sender == "" {
		sender = clean(m.Sender.Facility)
	}
	if sender != "" || clean(m.Sender.ApplicationID) != "" {
		w.element()
		w.b = append(w.b, `"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/provenance-participant-type","code":"author"}]},"who":{`...)
		if clean(m.Sender.ApplicationID) != "" {
			w.open("identifier", '{')
			w.text("value", m.Sender.ApplicationID)
			w.close('}')
		}
		w.text("display", sender)
		w.b = append(w.b, "}}"...)
	}
	w.close(']')
}

// source writes what the resources are made of: the message as its sender
// numbered it (MSH-10), and the journal entry that keeps its bytes.
func (b *builder) source() {
	w, m := &b.w, b.spoken.m
	w.open("entity", '[')
	w.element()
	w.word("role", "source")
	w.open("what", '{')
	if clean(m.ControlID) != "" {
		w.open("identifier", '{')
		w.word("system", SystemMessage)
		w.text("value", m.ControlID)
		w.close('}')
	}
	display := m.Type
	if clean(display) == "" {
		display = m.Codec + " message"
	}
	w.text("display", display)
	w.b = append(w.b, "}}"...)
	if m.Ref.Seq > 0 {
		w.element()
		w.word("role", "source")
		w.open("what", '{')
		w.open("identifier", '{')
		w.word("system", SystemJournal)
		w.name("value")
		w.b = append(w.b, '"')
		w.b = strconv.AppendUint(w.b, uint64(m.Ref.Seq), 10)
		w.b = append(w.b, '.')
		w.b = strconv.AppendInt(w.b, int64(m.Ref.Part), 10)
		w.b = append(w.b, '"', '}')
		w.word("display", "journal entry")
		w.b = append(w.b, "}}"...)
	}
	w.close(']')
}
