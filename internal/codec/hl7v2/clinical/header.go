package clinical

import (
	"strings"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/model"
)

// messageKind says what a message is for, as far as reading it depends on it.
type messageKind int

const (
	otherMessage  messageKind = iota // kept, but not meant to tell of observations
	resultMessage                    // ORU, OUL and relatives
	alertMessage                     // ORU^R40: PCD-04
	adtMessage
)

// header reads MSH.
func (d *decoder) header() {
	o := d.out
	o.Sender = model.Party{Application: d.text(d.f[3].Component(1)), ApplicationID: d.text(d.f[3].Component(2)), Facility: d.hdField(d.f[4])}
	o.Receiver = model.Party{Application: d.text(d.f[5].Component(1)), ApplicationID: d.text(d.f[5].Component(2)), Facility: d.hdField(d.f[6])}
	o.DeviceTime = d.sent(d.f[7])
	o.Type = d.joined(d.f[9].Rep(1))
	o.ControlID = d.text(d.f[10])
	switch d.text(d.f[11].Component(1)) {
	case "T", "D": // HL7 table 0103: training, debugging
		o.Test = true
	}
	o.Version = d.text(d.f[12].Component(1))
	o.Profile = d.profile()
	d.kind = d.kindOf(d.text(d.f[9].Component(1)), d.text(d.f[9].Component(2)))
}

func (d *decoder) hdField(e hl7v2.Element) string {
	if name := d.text(e.Component(1)); name != "" {
		return name
	}
	return d.text(e.Component(2))
}

// profiles that name themselves by OID alone (IHE PCD TF vol. 2).
var profiles = map[string]string{
	"1.3.6.1.4.1.19376.1.6.1.1.1":  "IHE_PCD_001",
	"1.3.6.1.4.1.19376.1.6.4.1":    "IHE_PCD_001",
	"1.3.6.1.4.1.19376.1.6.1.3.1":  "IHE_PCD_003",
	"1.3.6.1.4.1.19376.1.6.1.4.1":  "ACM_04",
	"1.3.6.1.4.1.19376.1.6.4.10":   "IHE_PCD_010",
	"1.3.6.1.4.1.19376.1.6.1.10.1": "IHE_PCD_010",
	"1.3.6.1.4.1.19376.1.6.1.15.1": "IHE_PCD_015",
}

func (d *decoder) profile() string {
	e := d.f[21].Rep(1)
	if name := d.text(e.Component(1)); name != "" {
		return name
	}
	oid := d.text(e.Component(3))
	if name, ok := profiles[oid]; ok {
		return name
	}
	return oid
}

func (d *decoder) kindOf(code, trigger string) messageKind {
	switch code {
	case "ORU", "OUL", "OPU", "ORF":
		if trigger == "R40" {
			d.event = true
			return alertMessage
		}
		return resultMessage
	case "ADT":
		return adtMessage
	}
	if code != "" {
		i := d.issueAt(d.f[9], "decode.not-observation", model.Warning,
			"a message of this type is kept, but it is not an observation, an alert or a patient event", "send results as ORU^R01, alarms as ORU^R40, patient events as ADT")
		i.Received = d.out.Type
	}
	return otherMessage
}

// eventType reads EVN.
func (d *decoder) eventType() {
	if d.kind == adtMessage {
		d.eventOf()
		if at := d.sent(d.f[6]); at.Original != "" {
			d.out.Event.Occurred = at
		} else {
			d.out.Event.Occurred = d.sent(d.f[2])
		}
		if trigger := d.text(d.f[1]); trigger != "" && trigger != d.out.Event.Trigger {
			d.issueAt(d.f[1], "decode.event-differs", model.Warning, "EVN-1 names another event than MSH-9, which counts", "the sender should fill both alike")
		}
	}
}

// actions of the ADT events we know (HL7 v2.5.1 §3.3).
var actions = map[string]string{
	"A01": "admit", "A02": "transfer", "A03": "discharge", "A04": "register", "A05": "pre-admit",
	"A06": "to-inpatient", "A07": "to-outpatient", "A08": "update",
	"A11": "cancel-admit", "A12": "cancel-transfer", "A13": "cancel-discharge",
	"A28": "add-person", "A31": "update-person", "A40": "merge", "A34": "merge",
}

// eventOf makes the patient event from MSH-9, once.
func (d *decoder) eventOf() {
	if d.out.Event != nil {
		return
	}
	_, rest, _ := strings.Cut(d.out.Type, "^")
	trigger, _, _ := strings.Cut(rest, "^")
	d.out.Event = &model.PatientEvent{Trigger: trigger, Action: actions[trigger]}
	if d.out.Event.Action == "" {
		d.out.Issues = append(d.out.Issues, model.Issue{Code: "decode.event-unknown", Severity: model.Warning, Field: "MSH-9", Received: trigger,
			Text: "this patient event is kept, but it changes nothing here", Hint: "known are A01 to A08, A11 to A13, A28, A31, A34 and A40"})
	}
}

// merge reads MRG: the identifiers that are no longer to be used.
func (d *decoder) merge() {
	d.eventOf()
	e := d.out.Event
	for _, n := range [...]int{1, 4} {
		for _, r := range d.f[n].Reps() {
			if id, ok := d.cx(r, ""); ok {
				e.Merged = append(e.Merged, id)
			}
		}
	}
	if id, ok := d.cx(d.f[3].Rep(1), "AN"); ok {
		e.Merged = append(e.Merged, id)
	}
}
