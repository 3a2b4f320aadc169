package medibus

import (
	"encoding/hex"
	"fmt"
	"strings"

	"thalamus/internal/codec"
	"thalamus/internal/hl7time"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "medibus"

// Codec reads frames of MEDIBUS. It is stateless.
type Codec struct{}

// New gives the codec.
func New() Codec { return Codec{} }

var _ codec.Codec = Codec{}

// Name is "medibus".
func (Codec) Name() string { return Name }

// decoder reads one frame.
type decoder struct {
	e model.Entry
	m model.Message
}

// names of the codes for routes and people.
var names = map[byte]string{
	Measured1: "measured values 1", Measured2: "measured values 2", Low1: "low limits 1", Low2: "low limits 2", High1: "high limits 1", High2: "high limits 2",
	Alarms1: "alarms 1", Alarms2: "alarms 2", DateTime: "date and time", Settings: "settings", Texts: "text messages", Identify: "identification",
	RealtimeList: "real-time configuration", Corrupt: "not understood", NoOperation: "no operation", Initialise: "initialise", Stop: "stop", RealtimeAsk: "real-time order",
	TimeChanged: "time changed", RealtimeNew: "real-time configuration changed",
}

// Decode reads a frame: a command, a response, or real-time bytes.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	d := &decoder{e: e}
	d.m = model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived}
	if e.Redacted {
		d.m.Issues = []model.Issue{{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"}}
		return []model.Message{d.m}
	}
	d.device()
	if len(e.Bytes) > 0 && e.Bytes[0]&0x80 != 0 {
		d.m.Type = "real-time values"
		d.realtime(e.Bytes)
		d.simulated()
		return []model.Message{d.m}
	}
	m, ok := Parse(e.Bytes)
	if !ok {
		d.issue("medibus.checksum", model.Error, "", "", "the bytes are no message of MEDIBUS, or its checksum is wrong", "look at the line's speed and parity; the device is asked again by itself")
		return []model.Message{d.m}
	}
	if d.m.Type = names[m.Code]; d.m.Type == "" {
		d.m.Type = fmt.Sprintf("%02XH", m.Code)
	}
	if m.Lead == ESC {
		d.m.Type += " (command)"
		return []model.Message{d.m}
	}
	switch m.Code {
	case Measured1, Measured2:
		d.measured(m)
	case Settings:
		d.settings(m)
	case Alarms1, Alarms2:
		d.alarms(m)
	case Texts:
		d.texts(m)
	case DateTime:
		d.clock(string(m.Text))
	case Low1, Low2, High1, High2:
		if _, whole := pairs(m.Text, 4); !whole {
			d.cut(m.Code)
		}
	}
	d.simulated()
	return []model.Message{d.m}
}

func (d *decoder) issue(code string, s model.Severity, field, received, text, hint string) {
	d.m.Issues = append(d.m.Issues, model.Issue{Code: code, Severity: s, Field: field, Received: received, Text: text, Hint: hint})
}

func (d *decoder) cut(code byte) {
	d.issue("medibus.length", model.Error, fmt.Sprintf("%02X", code), "", "the response ends in the middle of a value; what came whole was read", "the device's protocol may be another version of MEDIBUS; what it sent is kept")
}

// said gives an earlier response that is with the frame.
func (d *decoder) said(name string) (Message, bool) {
	b, err := hex.DecodeString(codec.Said(d.e.Properties, name))
	if err != nil || len(b) == 0 {
		return Message{}, false
	}
	return Parse(b)
}

// Said is a line of a frame's properties: an earlier message, by its name.
func Said(name string, message []byte) string { return name + ": " + hex.EncodeToString(message) }

// device reads the identification: four characters that name the type, the name
// between apostrophes, and the revisions of device and protocol.
func (d *decoder) device() {
	dev := model.Device{Field: "52", Level: "mds", Parent: -1, Manufacturer: "Dräger"}
	id, ok := d.said("id")
	if m, whole := Parse(d.e.Bytes); whole && m.Lead == SOH && m.Code == Identify {
		id, ok = m, true
	}
	if ok {
		kind, rest, quoted := strings.Cut(text(id.Text), "'")
		if name, revisions, closed := strings.Cut(rest, "'"); quoted && closed {
			own, protocol, _ := strings.Cut(revisions, ":")
			dev.Model, dev.Release = strings.TrimSpace(name), strings.TrimSpace(own)
			d.m.Version = strings.TrimSpace(protocol)
		}
		if kind = strings.TrimSpace(kind); dev.Model == "" && kind != "" {
			dev.Model = "type " + kind
		}
	}
	if port := codec.Said(d.e.Properties, "port"); port != "" {
		dev.Identifiers = []model.Identifier{{Value: port, Type: "port"}}
	}
	d.m.Devices = []model.Device{dev}
}

// text is what a device writes, in ISO 8859-1 as far as it is no ASCII.
func text(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		if c >= 0x20 {
			s.WriteRune(rune(c))
		}
	}
	return s.String()
}

// Text messages that say that values are no patient's.
const (
	textTest       = 0x12
	textSimulation = 0x62
	textGivenName  = 0x60
	textFamilyName = 0x61
)

type said struct {
	code byte
	text string
}

// messages reads text messages: the code, one character that is 30H and the
// length, the text, ETX.
func messages(b []byte) (out []said, whole bool) {
	for len(b) > 0 {
		if len(b) < 3 {
			return out, false
		}
		code, ok := hexByte(b)
		n := int(b[2]) - 0x30
		if !ok || n < 0 || len(b) < 3+n {
			return out, false
		}
		out = append(out, said{code, strings.TrimSpace(text(b[3 : 3+n]))})
		if b = b[3+n:]; len(b) > 0 {
			b = b[1:] // ETX
		}
	}
	return out, true
}

func (d *decoder) texts(m Message) {
	all, whole := messages(m.Text)
	if !whole {
		d.cut(m.Code)
	}
	for _, one := range all {
		switch one.code {
		case textGivenName, textFamilyName:
			d.patient(one)
			continue
		}
		o := d.blank(m.Code, one.code)
		o.ValueType, o.Value = "string", model.Value{Kind: model.ValueText, Text: one.text}
		if one.text == "" {
			o.Value.Text = o.Received.Text
		}
		d.add(o)
	}
}

// patient takes the name that somebody entered at the device. It names nobody by
// a number.
func (d *decoder) patient(one said) {
	if one.text == "" {
		return
	}
	if d.m.Patient == nil {
		d.m.Patient = &model.Patient{}
	}
	if one.code == textFamilyName {
		d.m.Patient.Family = one.text
	} else {
		d.m.Patient.Given = strings.Fields(one.text)
	}
}

// simulated marks all values where the device says that it simulates or is
// tested (R17).
func (d *decoder) simulated() {
	m, ok := d.said("text")
	if own, whole := Parse(d.e.Bytes); whole && own.Lead == SOH && own.Code == Texts {
		m, ok = own, true
	}
	if !ok {
		return
	}
	all, _ := messages(m.Text)
	for _, one := range all {
		if one.code != textTest && one.code != textSimulation {
			continue
		}
		for i := range d.m.Observations {
			d.m.Observations[i].Simulated = true
		}
		for i := range d.m.Waveforms {
			d.m.Waveforms[i].Simulated = true
		}
		for i := range d.m.Alerts {
			d.m.Alerts[i].Simulated = true
		}
		return
	}
}

// months as devices write them, in English and German.
var months = map[string]int{"JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAI": 5, "MAY": 5, "JUN": 6, "JUL": 7, "AUG": 8, "SEP": 9, "OKT": 10, "OCT": 10, "NOV": 11, "DEZ": 12, "DEC": 12}

// clock reads the device's own time, "09:33:00 07-OCT-14"; seconds may be
// missing, zeros be blanks, and no blank stand before the day (V500).
func (d *decoder) clock(s string) {
	left, rest, ok := strings.Cut(s, "-")
	name, year, ok2 := strings.Cut(rest, "-")
	month := months[strings.TrimSpace(name)]
	at := strings.Split(left, ":")
	var seconds, days string
	if last := at[len(at)-1]; len(last) >= 2 { // minutes or seconds, and the day
		seconds, days = last[:2], last[2:]
	}
	h, okH := digits(at[0])
	m, okM := digits(at[min(1, len(at)-1)])
	sec := 0
	switch len(at) {
	case 2:
		m, okM = digits(seconds)
	case 3:
		sec, ok2 = digitsIf(ok2, seconds)
	default:
		ok = false
	}
	day, okD := digits(days)
	y, okY := digits(year)
	if !ok || !ok2 || !okH || !okM || !okD || !okY || month == 0 || h > 23 || m > 59 || sec > 60 || day < 1 || day > 31 {
		d.issue("medibus.time", model.Warning, "28", "", "the device's date and time cannot be read", "set the clock of the device")
		return
	}
	d.m.DeviceTime = model.Timestamp{Original: fmt.Sprintf("%04d%02d%02d%02d%02d%02d", 2000+y, month, day, h, m, sec), Format: hl7time.FormatHL7}
}

func digitsIf(ok bool, s string) (int, bool) {
	n, is := digits(s)
	return n, ok && is
}

// digits reads a number of one or two digits.
func digits(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 2 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n := 0
	for _, c := range s {
		n = 10*n + int(c-'0')
	}
	return n, true
}
