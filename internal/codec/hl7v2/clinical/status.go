package clinical

import (
	"strings"

	"thalamus/internal/model"
)

// resultStatus reads OBX-11, which the standard requires (HL7 v2.5.1 §7.4.2.11).
// A status nobody knows and the first value without one have an issue, each
// once a message: a sender that leaves it out does so everywhere.
func (d *decoder) resultStatus(r *reading) model.Status {
	sent := d.text(d.f[11])
	s := d.status(sent)
	switch {
	case s != model.StatusUnknown || sent == "O": // an order's description only: nothing is known of a result
		return s
	case sent == "":
		if r.hasValue && d.firstOf("-") {
			d.issueAt(d.f[11], "decode.no-result-status", model.Note, "the value does not say whether it is preliminary, final or corrected; its status is unknown", "the sender should fill OBX-11, as the standard requires").Field = r.place + "-11"
		}
	case d.firstOf(sent):
		d.issueAt(d.f[11], "decode.result-status", model.Warning, "not a result status of HL7 table 0085; the value was kept with an unknown status", "the sender should write F, P, R, C or another code of the table").Received = clip(sent)
	}
	return s
}

// maxStatuses bounds what is remembered of statuses nobody knows, in bytes.
const maxStatuses = 64

// firstOf says whether a status was not reported yet.
func (d *decoder) firstOf(status string) bool {
	if status = clip(status) + " "; len(d.statuses) > maxStatuses || strings.Contains(" "+d.statuses, " "+status) {
		return false
	}
	d.statuses += status
	return true
}

// clip is a code as an issue may show it.
func clip(s string) string {
	if len(s) > 20 {
		s = s[:20]
	}
	return strings.ToValidUTF8(s, "")
}

// status by HL7 table 0085, in FHIR's words. R is what devices send: a value
// nobody has reviewed.
func (d *decoder) status(s string) model.Status {
	switch s {
	case "F", "V", "U", "B", "A":
		return model.StatusFinal
	case "R", "P", "S":
		return model.StatusPreliminary
	case "I":
		return model.StatusRegistered
	case "C":
		return model.StatusCorrected
	case "X", "N":
		return model.StatusCancelled
	case "D", "W":
		return model.StatusError
	}
	return model.StatusUnknown
}
