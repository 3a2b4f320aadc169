package fhir

import (
	"thalamus/internal/model"
)

// event writes what an ADT message says: the patient, the patients merged
// into it, and the encounter.
func (b *builder) event(int) {
	s := &b.spoken
	b.patient()
	if !s.hasWho {
		return
	}
	b.said = append(b.said, s.patient)
	b.encounter(s.m)
}

// merged writes the patient whose number is no longer to be used: not
// active, replaced by the patient of the message (HL7 v2.5.1 §3.3.40, A40;
// FHIR R4 §8.1.6).
func (b *builder) merged(i model.Identifier) {
	id := b.identifierIdentity('p', i)
	if id == b.spoken.patient || !b.entry(id, "Patient") {
		return
	}
	w := &b.w
	b.identifiers([]model.Identifier{i})
	w.truth("active", false)
	w.open("link", '[')
	w.element()
	b.reference("other", b.spoken.patient)
	w.word("type", "replaced-by")
	w.close('}')
	w.close(']')
	b.requestBy(i, "Patient", !b.o.KeepPatients)
}

// encounterStatus follows the trigger (v2-to-FHIR, HL7 table 0003 to
// EncounterStatus), refined by what the event means where that table says
// only "unknown": an update of a running visit leaves it running.
func encounterStatus(m *model.Message) string {
	switch m.Event.Action {
	case "discharge":
		return "finished"
	case "pre-admit":
		return "planned"
	case "cancel-admit", "cancel-pre-admit":
		return "cancelled"
	case "admit", "transfer", "register", "cancel-transfer", "cancel-discharge":
		return "in-progress"
	}
	switch {
	case !m.Visit.Discharged.UTC.IsZero():
		return "finished"
	case m.Visit.Class == "P":
		return "planned"
	case !m.Visit.Admitted.UTC.IsZero():
		return "in-progress"
	}
	return "unknown"
}

// encounterClass follows HL7 table 0004 to v3-ActCode (v2-to-FHIR); what has
// no such code keeps its HL7 v2 code.
func encounterClass(class string) (system, code string) {
	switch class {
	case "E":
		return systemActCode, "EMER"
	case "I":
		return systemActCode, "IMP"
	case "O":
		return systemActCode, "AMB"
	case "P":
		return systemActCode, "PRENC"
	}
	return systemTable + "0004", class
}

// hasEncounter tells whether the visit has a number to be found by.
func hasEncounter(v *model.Visit) bool { return v != nil && clean(v.Number.Value) != "" }

// encounter writes the visit, when it has a number. Encounter.class is
// required, so a visit without one is class unknown of HL7 table 0004.
func (b *builder) encounter(m *model.Message) {
	if !hasEncounter(m.Visit) {
		return
	}
	v := m.Visit
	id := b.identifierIdentity('e', v.Number)
	if b.tellers[id] != m || !b.entry(id, "Encounter") {
		return // a later message of the same bundle tells of this visit
	}
	w := &b.w
	if m.Test {
		b.meta("", true)
	}
	b.identifiers([]model.Identifier{v.Number})
	status := encounterStatus(m)
	w.word("status", status)
	class := codeText(clean(v.Class))
	if class == "" {
		class = "U"
	}
	system, code := encounterClass(class)
	w.open("class", '{')
	w.word("system", system)
	w.code("code", code)
	w.close('}')
	b.reference("subject", b.spoken.patient)
	if clean(v.Attending) != "" {
		w.open("participant", '[')
		w.element()
		w.b = append(w.b, `"type":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"ATND"}]}],"individual":{`...)
		w.text("display", v.Attending)
		w.b = append(w.b, "}}]"...)
	}
	b.period(v)
	b.places(v, status)
	b.requestBy(v.Number, "Encounter", !b.o.KeepPatients)
	b.said = append(b.said, id)
}

func (b *builder) period(v *model.Visit) {
	if v.Admitted.UTC.IsZero() && v.Discharged.UTC.IsZero() {
		return
	}
	w := &b.w
	w.open("period", '{')
	w.dateTime("start", v.Admitted)
	if v.Admitted.UTC.IsZero() || !v.Discharged.UTC.Before(v.Admitted.UTC) { // per-1: start before end
		w.dateTime("end", v.Discharged)
	}
	w.close('}')
}

// places writes where the patient is and was, as text: beds are no resources
// of ours.
func (b *builder) places(v *model.Visit, status string) {
	now, before := clean(v.Place.String()), clean(v.Prior.String())
	if now == "" && before == "" {
		return
	}
	w := &b.w
	w.open("location", '[')
	for _, p := range [...]struct{ where, status string }{{now, "active"}, {before, "completed"}} {
		if p.where == "" || p.where == now && p.status == "completed" {
			continue
		}
		w.element()
		w.open("location", '{')
		w.text("display", p.where)
		w.close('}')
		switch {
		case status == "planned":
			w.word("status", "planned")
		case status == "finished":
			w.word("status", "completed")
		default:
			w.word("status", p.status)
		}
		w.close('}')
	}
	w.close(']')
}

// visitOf writes Observation.encounter as a logical reference: it says which
// visit without claiming that the server has it.
func (b *builder) visitOf() {
	v := b.spoken.m.Visit
	if !hasEncounter(v) || !b.spoken.hasWho {
		return
	}
	w := &b.w
	w.open("encounter", '{')
	w.open("identifier", '{')
	b.identifier(v.Number)
	w.b = append(w.b, "}}"...)
}
