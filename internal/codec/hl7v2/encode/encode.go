// Package encode writes model messages as HL7 v2.6: observations and waveforms
// as ORU^R01 in the form of IHE PCD-01, alerts as ORU^R40 in that of PCD-04.
// What normalise found goes first (MDC code, UCUM unit, UTC time), what the
// sender said stands beside it as the alternate. It is pure: the same message
// gives the same bytes.
package encode

import (
	"strconv"
	"strings"
	"time"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/hl7time"
	"thalamus/internal/model"
)

// Options of one message.
type Options struct {
	ControlID      string // MSH-10; at most 20 characters for old receivers
	Sender         model.Party
	Receiver       model.Party
	AcceptAck      string // MSH-15: AL NE ER SU, empty for original mode
	ApplicationAck string // MSH-16
}

// Can says whether there is anything in m that Message writes. Patient events
// (ADT) and messages without observations are better sent on as received.
func Can(m *model.Message) bool {
	return len(m.Observations)+len(m.Waveforms)+len(m.Alerts) > 0
}

// Message writes m, each segment ended by CR. A fault says that an option
// cannot be written.
func Message(m *model.Message, o Options) ([]byte, error) {
	w := writer{Builder: hl7v2.NewBuilder(hl7v2.StandardDelimiters(), "UNICODE UTF-8"), m: m}
	w.header(o)
	w.patient()
	w.visit()
	w.results()
	w.alerts()
	return w.Bytes()
}

type writer struct {
	*hl7v2.Builder
	m   *model.Message
	obr int
	obx int // since the last OBR

	attributes int // of devices that were written
}

func (w *writer) header(o Options) {
	trigger := "R01"
	if len(w.m.Alerts) > 0 {
		trigger = "R40"
	}
	at := w.m.DeviceTime
	if at.UTC.IsZero() && at.Original == "" {
		at.UTC = w.m.Arrived
	}
	w.Segment("MSH")
	w.Field(3, o.Sender.Application, o.Sender.ApplicationID, universalType(o.Sender.ApplicationID))
	w.Field(4, o.Sender.Facility)
	w.Field(5, o.Receiver.Application, o.Receiver.ApplicationID, universalType(o.Receiver.ApplicationID))
	w.Field(6, o.Receiver.Facility)
	w.Field(7, stamp(at))
	w.Field(9, "ORU", trigger, "ORU_"+trigger)
	w.Field(10, o.ControlID)
	if w.m.Test {
		w.Field(11, "T")
	} else {
		w.Field(11, "P")
	}
	w.Field(12, "2.6")
	w.Field(15, o.AcceptAck)
	w.Field(16, o.ApplicationAck)
	if trigger == "R40" {
		w.Field(21, "IHE_PCD_ACM_001", "IHE PCD", "1.3.6.1.4.1.19376.1.6.1.4.1", "ISO")
	} else {
		w.Field(21, "IHE_PCD_001", "IHE PCD", "1.3.6.1.4.1.19376.1.6.1.1.1", "ISO")
	}
}

// universalType of a universal id (HL7 table 0301).
func universalType(id string) string {
	switch {
	case id == "":
		return ""
	case oid(id):
		return "ISO"
	case len(id) == 16 && strings.Trim(id, "0123456789ABCDEFabcdef") == "":
		return "EUI-64"
	case strings.Contains(id, ":"):
		return "URI"
	}
	return "L"
}

func oid(s string) bool { return strings.Contains(s, ".") && strings.Trim(s, "0123456789.") == "" }

// stamp is the instant in UTC; where nobody knows it, the time as it was sent.
func stamp(t model.Timestamp) string {
	if t.UTC.IsZero() {
		return t.Original
	}
	return instant(t.UTC)
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	p := hl7time.Second
	if t.Nanosecond() != 0 {
		p = hl7time.Fraction
	}
	return hl7time.Format(t.UTC(), p, true)
}

func (w *writer) patient() {
	p := w.m.Patient
	if p == nil {
		return
	}
	w.Segment("PID")
	for i, id := range p.Identifiers {
		if i == 0 {
			w.Field(3, id.Value)
		} else {
			w.Rep(id.Value)
		}
		w.authority(id)
	}
	given, further := "", ""
	if len(p.Given) > 0 {
		given, further = p.Given[0], strings.Join(p.Given[1:], " ")
	}
	w.Field(5, p.Family, given, further, p.Suffix, p.Prefix)
	w.Field(7, strings.ReplaceAll(p.BirthDate, "-", ""))
	w.Field(8, sexes[p.Sex])
	if a := p.Address; a != nil {
		first, second := "", ""
		if len(a.Lines) > 0 {
			first, second = a.Lines[0], strings.Join(a.Lines[1:], ", ")
		}
		w.Field(11, first, second, a.City, a.State, a.PostalCode, a.Country)
	}
	for i, phone := range p.Phones {
		if i == 0 {
			w.Field(13, phone)
		} else {
			w.Rep(phone)
		}
	}
	if at := stamp(p.DeceasedAt); at != "" {
		w.Field(29, at)
	}
	if p.Deceased {
		w.Field(30, "Y")
	}
}

// sexes is HL7 table 0001 for FHIR's words.
var sexes = map[string]string{"male": "M", "female": "F", "other": "O", "unknown": "U"}

// authority adds CX-2 to CX-5 to the identifier just written.
func (w *writer) authority(id model.Identifier) {
	if id.System == "" && id.Type == "" {
		return
	}
	w.Subs("")
	w.Subs("")
	if oid(id.System) {
		w.Subs("", id.System, "ISO")
	} else {
		w.Subs(id.System)
	}
	w.Subs(id.Type)
}

func (w *writer) visit() {
	v := w.m.Visit
	if v == nil {
		return
	}
	class := v.Class
	if class == "" {
		class = "U" // PV1-2 is required; HL7 table 0004: unknown
	}
	w.Segment("PV1")
	w.Field(2, class)
	w.Field(3, v.Place.PointOfCare, v.Place.Room, v.Place.Bed, v.Place.Facility)
	w.Field(6, v.Prior.PointOfCare, v.Prior.Room, v.Prior.Bed, v.Prior.Facility)
	w.Field(7, "", v.Attending)
	if v.Number.Value != "" {
		w.Field(19, v.Number.Value)
		w.authority(v.Number)
	}
	w.Field(44, stamp(v.Admitted))
	w.Field(45, stamp(v.Discharged))
}

// order begins an OBR; the fields are those of o, else such as a receiver
// needs at least.
func (w *writer) order(o *model.Order, filler string, parent string, at model.Timestamp) {
	w.obr++
	w.obx = 0
	if o == nil {
		o = &model.Order{}
	}
	if o.Filler.Value != "" {
		filler = o.Filler.Value
	}
	if o.Parent.Value != "" {
		parent = o.Parent.Value
	}
	code := o.Code
	if code == (model.Coding{}) {
		code = model.Coding{Code: "182777000", Text: "monitoring of patient", System: "SCT"}
	}
	if o.Start.UTC.IsZero() && o.Start.Original == "" {
		o = &model.Order{Placer: o.Placer, Filler: o.Filler, Start: at, End: o.End, Status: o.Status, Notes: o.Notes}
	}
	w.Segment("OBR")
	w.Field(1, strconv.Itoa(w.obr))
	w.Field(2, o.Placer.Value, "", o.Placer.System)
	w.Field(3, filler, "", o.Filler.System)
	w.Field(4, code.Code, code.Text, code.System)
	w.Field(7, stamp(o.Start))
	w.Field(8, stamp(o.End))
	w.Field(25, statuses[o.Status])
	if parent != "" {
		w.Field(29, "", parent)
	}
	w.notes(o.Notes)
}

func (w *writer) notes(notes []string) {
	for i, n := range notes {
		w.Segment("NTE")
		w.Field(1, strconv.Itoa(i+1))
		w.Field(3, n)
	}
}
