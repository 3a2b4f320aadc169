package hl7v2

import (
	"thalamus/internal/model"
)

// Structure says where the message does not keep to the abstract message
// structure of its type, as far as that changes what a receiver reads: a
// segment that must be there is not, one that may stand once stands twice, a
// version that is none. Reading goes on regardless; of a repeated segment the
// first counts. Types other than ADT and ORU are not checked
// (HL7 v2.5.1 §3.3, §7.3.1).
func (m *Message) Structure() []model.Issue {
	if m.Len() == 0 {
		return nil
	}
	var found []model.Issue
	msh := m.Segment(0)
	if v := msh.Field(12).Component(1); !versionKnown(v.Raw()) {
		found = append(found, model.Issue{Code: codeVersion, Severity: model.Warning, Field: "MSH-12", Offset: v.Offset(),
			Text: "MSH-12 names no version of HL7 v2; the message was read as version 2.5", Hint: "the sender should fill MSH-12, for example 2.6"})
	}
	switch kind := msh.Field(9); {
	case kind.Component(1).Is("ADT"):
		if !severalPatients(kind.Component(2).Raw()) {
			found = m.once(found, "EVN", "PID", "PD1", "PV1", "PV2", "DRG", "ACC", "UB1", "UB2")
		}
		found = m.required(found, "EVN", model.Warning)
		found = m.required(found, "PID", model.Error)
	case kind.Component(1).Is("ORU"):
		found = m.required(found, "OBR", model.Warning)
	}
	return found
}

// severalPatients tells whether an ADT event speaks of several patients or
// visits, each with segments of its own: swap, merge, link, move.
func severalPatients(trigger []byte) bool {
	switch string(trigger) {
	case "A17", "A18", "A24", "A30", "A34", "A35", "A36", "A37", "A39", "A40", "A41", "A42", "A43", "A44", "A45", "A46", "A47", "A48", "A49", "A50", "A51":
		return true
	}
	return false
}

func (m *Message) once(found []model.Issue, ids ...string) []model.Issue {
	for _, id := range ids {
		if s := m.Find(id, 2); s.Present() {
			found = append(found, model.Issue{Code: codeSegmentRepeated, Severity: model.Error, Field: id + "[2]", Offset: s.Offset(),
				Text: "the segment " + id + " stands twice where the message structure allows it once; only the first was read", Hint: "the sender should send it once"})
		}
	}
	return found
}

func (m *Message) required(found []model.Issue, id string, sev model.Severity) []model.Issue {
	if m.Find(id, 1).Present() {
		return found
	}
	return append(found, model.Issue{Code: codeSegmentMissing, Severity: sev, Field: id,
		Text: "the segment " + id + ", which the message structure requires, is missing", Hint: "the sender should send it; check the profile of its interface"})
}

func versionKnown(v []byte) bool {
	switch string(v) {
	case "2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2", "2.9", "2.9.1":
		return true
	}
	return false
}
