package intellivue

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "intellivue"

// Codec reads frames of IntelliVue monitors. It is stateless.
type Codec struct{}

// New gives the codec.
func New() Codec { return Codec{} }

var _ codec.Codec = Codec{}

// Name is "intellivue".
func (Codec) Name() string { return Name }

// decoder reads one frame.
type decoder struct {
	m     model.Message
	known map[Object][]Attribute
	said  map[string]bool

	reply  *Reply
	at     model.Timestamp // of the reply
	anchor anchor
	demo   bool // the monitor is in demonstration mode
}

// Decode reads a frame: one message and what it refers to.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	d := &decoder{said: map[string]bool{}, known: map[Object][]Attribute{}}
	d.m = model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Arrived: e.Arrived}
	if e.Redacted {
		d.m.Issues = []model.Issue{{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"}}
		return []model.Message{d.m}
	}
	message, known, err := Split(e.Bytes)
	if err != nil {
		d.fault(err, "frame")
	}
	for _, k := range known {
		d.known[k.Object] = k.Attributes
	}
	if message != nil {
		d.read(message)
	}
	return []model.Message{d.m}
}

func (d *decoder) read(message []byte) {
	if s, ok := SessionOf(message); ok {
		d.m.Type = s.String()
		return
	}
	if !IsData(message) {
		d.m.Type = "beacon"
		b, err := ParseBeacon(message)
		if err != nil {
			d.fault(err, "beacon")
			return
		}
		d.system(b.Attributes)
		return
	}
	a, err := Parse(message)
	if err != nil {
		d.fault(err, "message")
		return
	}
	d.m.ControlID = strconv.Itoa(int(a.ID))
	switch {
	case a.Kind == Failed:
		d.m.Type = "error"
		d.issue(model.Issue{Code: "intellivue.error", Severity: model.Warning, Field: "message", Text: "the monitor answered a request with an error: " + ErrorName(a.Error), Hint: "see what the channel asks for, and the monitor's configuration"})
	case a.Kind == Invoke && (a.Command == CommandEvent || a.Command == CommandConfirmedEvent):
		d.event(a)
	case a.Kind != Invoke && a.Command == CommandAction:
		d.poll(a)
	default:
		d.m.Type = fmt.Sprintf("operation %d, command %d", a.Kind, a.Command)
	}
}

// event reads an event report; monitors have one, which says that the
// association is usable and what they are.
func (d *decoder) event(a *APDU) {
	d.m.Type = "event"
	e, err := ParseEvent(a.Body)
	if err != nil {
		d.fault(err, "event")
		return
	}
	if e.Type != EventCreate {
		d.m.Type = fmt.Sprintf("event 0x%04X", e.Type)
		d.issue(model.Issue{Code: "intellivue.operation", Severity: model.Warning, Field: "event", Text: "an event report is of a kind that is not described", Hint: "what came is kept"})
		return
	}
	d.m.Type = "mds-create"
	c, err := ParseCreate(e.Body)
	if err != nil {
		d.fault(err, "system")
		return
	}
	d.system(c.Attributes)
	if d.anchor.known {
		d.m.DeviceTime = stamp(d.anchor.at(e.Time), true)
	}
}

func (d *decoder) poll(a *APDU) {
	d.m.Type = "poll"
	reply, err := ParseReply(a.Body)
	if err != nil {
		d.fault(err, "reply")
		return
	}
	d.reply = reply
	d.m.Type = "poll-" + ClassName(reply.Class)
	d.system(d.known[Object{Class: ClassMDS}])
	switch reply.Class {
	case ClassMDS:
		for i := range reply.Objects {
			d.system(d.merged(Object{Class: ClassMDS}, reply.Objects[i].Attributes))
		}
	case ClassPatient:
	default:
		d.m.Patient = patientOf(d.known[Object{Class: ClassPatient}])
	}
	d.at = d.anchor.timeOf(reply.Relative, reply.Absolute)
	d.m.DeviceTime = d.at
	for i := range reply.Objects {
		p := &reply.Objects[i]
		switch reply.Class {
		case ClassNumeric, ClassEnumeration, ClassWave:
			d.metric(p)
		case ClassAlerts:
			d.alerts(p)
		case ClassPatient:
			d.patient(p)
		}
	}
}

// merged are an object's attributes over what is known of it.
func (d *decoder) merged(o Object, own []Attribute) []Attribute {
	out := append([]Attribute(nil), own...)
	for _, k := range d.known[o] {
		if find(own, k.ID) == nil {
			out = append(out, k)
		}
	}
	return out
}

// system takes what is known of the monitor itself.
func (d *decoder) system(all []Attribute) {
	d.m.Devices = []model.Device{deviceOf(all)}
	if id := d.m.Devices[0].Identifiers; len(id) > 0 {
		d.m.Sender.ApplicationID = id[0].Value
	}
	if a := anchorOf(all); a.known {
		d.anchor = a
	}
	if b := find(all, AttrMode); len(b) == 2 {
		d.demo = binary.BigEndian.Uint16(b)&modeDemo != 0
	}
	if place := d.m.Devices[0].Place; place != (model.Place{}) {
		d.m.Visit = &model.Visit{Place: place}
	}
}

// fault makes an issue of an error, once for each code and place.
func (d *decoder) fault(err error, field string) {
	i := model.Issue{Code: fault.CodeOf(err), Severity: model.Error, Field: field, Text: err.Error(), Hint: "what came is kept; look at the link and the monitor's software version"}
	if f, ok := err.(*fault.Fault); ok {
		i.Text = f.Text
	}
	d.issue(i)
}

func (d *decoder) issue(i model.Issue) {
	if key := i.Code + " " + i.Field; !d.said[key] && len(d.said) < 256 {
		d.said[key] = true
		d.m.Issues = append(d.m.Issues, i)
	}
}

// place names an object within its message.
func place(o Object) (field, sub string) {
	sub = strconv.Itoa(int(o.Context)) + "." + strconv.Itoa(int(o.Handle))
	return ClassName(o.Class) + " " + sub, sub
}
