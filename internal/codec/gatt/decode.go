package gatt

import (
	"encoding/hex"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

// Name of the codec, as channels and entries give it.
const Name = "gatt"

// Codec reads values of characteristics. It is stateless.
type Codec struct{}

// New gives the codec.
func New() Codec { return Codec{} }

var _ codec.Codec = Codec{}

// Name is "gatt".
func (Codec) Name() string { return Name }

// Topic is where a value is filed.
func Topic(address, service, characteristic string) string {
	return "ble/" + address + "/" + service + "/" + characteristic
}

// decoder reads one value.
type decoder struct {
	m    model.Message
	r    reader
	said map[string][]byte // other characteristics of the device, by UUID

	clockHeard time.Time // when its current time (0x2A2B) among them was read
	at         model.Timestamp
	flags      []string // of every value
	sim        bool
	stat       model.Status
	gone       string // why no value may be used
}

// readers are the characteristics that are read.
var readers = map[string]struct {
	name string
	read func(d *decoder)
}{
	"2a1c": {"temperature measurement", (*decoder).temperature},
	"2a1e": {nameIntermediate, (*decoder).temperature},
	"2a35": {"blood pressure measurement", (*decoder).pressure},
	"2a36": {"intermediate cuff pressure", (*decoder).cuff},
	"2a37": {"heart rate measurement", (*decoder).heartRate},
	"2a18": {"glucose measurement", (*decoder).glucose},
	"2a34": {"glucose measurement context", (*decoder).glucoseContext},
	"2aa7": {"CGM measurement", (*decoder).continuous},
	"2a5e": {"PLX spot-check measurement", (*decoder).spot},
	"2a5f": {"PLX continuous measurement", (*decoder).oximetry},
	"2a9d": {"weight measurement", (*decoder).weight},
	"2a9c": {"body composition measurement", (*decoder).composition},
	"2a19": {"battery level", (*decoder).battery},
	"2a2b": {"current time", (*decoder).clock},
}

// live values are told while they are measured, without a time: when they
// arrived is when they were.
var live = map[string]bool{"2a1e": true, "2a36": true, "2a37": true, "2a5f": true}

// Known says whether values of a characteristic are read as measurements or
// facts; the UUID as four hexadecimal digits in lower case.
func Known(characteristic string) bool {
	_, ok := readers[characteristic]
	return ok
}

// Decode reads one value. Times without a zone are resolved when the message is
// normalised.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	d := &decoder{said: map[string][]byte{}, stat: model.StatusFinal}
	d.m = model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived}
	if e.Redacted {
		d.m.Issues = []model.Issue{{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"}}
		return []model.Message{d.m}
	}
	address, service, characteristic := "", "", ""
	if p := strings.Split(e.Topic, "/"); len(p) == 4 && p[0] == "ble" {
		address, service, characteristic = p[1], strings.ToLower(p[2]), strings.ToLower(p[3])
	}
	d.device(address, service, e.Properties)
	how, ok := readers[characteristic]
	if !ok {
		d.issue("gatt.unknown", model.Error, "", characteristic, "nothing says what this value is, or it is of a characteristic that is not read; it was kept",
			"values of Bluetooth devices come over a channel with the driver ble")
		return []model.Message{d.m}
	}
	d.m.Type = how.name
	d.r = reader{b: e.Bytes}
	if live[characteristic] && !e.Arrived.IsZero() {
		d.at = model.Timestamp{UTC: e.Arrived.UTC(), Precision: "fraction"}
	}
	how.read(d)
	if err := d.r.end(); err != nil {
		// A value that contradicts its own flags was misread somewhere: none of
		// its numbers can be believed.
		d.m.Observations, d.m.Patient = nil, nil
		text := err.Error()
		if f, ok := err.(*fault.Fault); ok {
			text = f.Text
		}
		d.issue(fault.CodeOf(err), model.Error, characteristic, "", text, "the device should follow the specification of the service; what it sent is kept")
	}
	return []model.Message{d.m}
}

func (d *decoder) issue(code string, s model.Severity, field, received, text, hint string) {
	d.m.Issues = append(d.m.Issues, model.Issue{Code: code, Severity: s, Field: field, Received: received, Text: text, Hint: hint})
}

// euiOID is the object identifier of EUI-64 (IHE PCD TF-2 appendix B).
const euiOID = "1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"

// device tells of the peer: its address, and device information (0x180A) and
// battery as they were read from it.
func (d *decoder) device(address, service, properties string) {
	services := []string{service}
	random := false
	for line := range strings.Lines(properties) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case !ok:
		case name == "address-type":
			random = value == "random"
		case name == Services:
			services = strings.Fields(value)
		case name == ClockHeard:
			d.clockHeard = heard(value)
		case len(name) == 4:
			if b, err := hex.DecodeString(value); err == nil {
				d.said[name] = b
			}
		}
	}
	dev := model.Device{Field: "peer", Level: "mds", Parent: -1,
		Manufacturer: d.text("2a29"), Model: d.text("2a24"), Serial: d.text("2a25"), Hardware: d.text("2a27"), Release: d.text("2a28")}
	if dev.Release == "" {
		dev.Release = d.text("2a26") // the firmware
	}
	if b := d.said["2a23"]; len(b) == 8 {
		dev.Identifiers = append(dev.Identifiers, model.Identifier{Value: SystemID(b), System: euiOID, Type: "EUI-64"})
		d.m.Sender.ApplicationID = SystemID(b)
	}
	if address != "" {
		id := model.Identifier{Value: address, System: "MAC", Type: "MAC"}
		if random { // chosen by the device itself: it names it here and nowhere else
			id = model.Identifier{Value: address, System: "bluetooth-random", Type: "bluetooth"}
		}
		dev.Identifiers = append(dev.Identifiers, id)
	}
	if b := d.said["2a19"]; len(b) == 1 {
		dev.Battery = strconv.Itoa(int(b[0])) + " %"
	}
	dev.Personal = d.personal(services)
	d.m.Devices = []model.Device{dev}
}

// SystemID is the system id (0x2A23) as an EUI-64: the value has the maker's 40
// bits first and the least significant byte first.
func SystemID(b []byte) string {
	out := make([]byte, len(b))
	for i := range b {
		out[len(b)-1-i] = b[i]
	}
	return strings.ToUpper(hex.EncodeToString(out))
}

func (d *decoder) text(uuid string) string { return Text(d.said[uuid]) }

// Text is a string of a device without what pads it.
func Text(b []byte) string {
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return strings.TrimSpace(s)
}

// coding of an MDC code, context-free.
func coding(code uint32) model.Coding {
	if code == 0 {
		return model.Coding{}
	}
	c := model.Coding{Code: strconv.FormatUint(uint64(code), 10), System: "MDC"}
	if t, ok := mdc.ByCode(code); ok {
		c.Text = t.RefID
	}
	return c
}

// blank is an observation of the value; what has no code of the nomenclature
// has a name.
func (d *decoder) blank(code uint32, name string) model.Observation {
	n := len(d.m.Observations) + 1
	o := model.Observation{Field: name, SubID: strconv.Itoa(n), Received: coding(code), Status: d.stat, DeviceTime: d.at, Simulated: d.sim, Flags: append([]string(nil), d.flags...)}
	if code == 0 {
		o.Received = model.Coding{Text: name, System: "GATT"}
		o.Mapped = &model.Mapping{Code: model.Code{Name: strings.ToUpper(name[:1]) + name[1:]}, By: Name}
	}
	return o
}

// number adds a measured number.
func (d *decoder) number(code uint32, name string, n sfloat.Number, unit uint32) *model.Observation {
	o := d.blank(code, name)
	o.ValueType, o.UnitSent = "number", coding(unit)
	if n.Special != sfloat.Finite {
		o.Absent, o.ValueSent = n.Special.Absent(), &model.Value{Kind: model.ValueText, Text: n.Special.String()}
	} else {
		o.Value = model.Value{Kind: model.ValueNumber, Number: n.Value}
	}
	if d.gone != "" {
		if o.Absent == "" {
			o.PutAside(d.gone)
		}
	}
	return d.add(o)
}

// coded adds a value out of a list; 0: not named.
func (d *decoder) coded(code, value uint32, name, words string) *model.Observation {
	o := d.blank(code, name)
	o.ValueType = "coded"
	c := coding(value)
	if value == 0 {
		c = model.Coding{Text: words, System: "GATT"}
	}
	o.Value = model.Value{Kind: model.ValueCoded, Coding: c}
	if t, ok := mdc.ByCode(value); ok {
		o.Value.Code = t.Meaning()
	}
	return d.add(o)
}

// bits adds a bit string with the names of what is set; in the value the least
// significant bit is the first. Where the nomenclature has the bits under the same
// term they are written in its order, so that one term means one thing however the
// device speaks: 16 bits, the most significant the first.
func (d *decoder) bits(code uint32, name string, v uint32, digits int, names []string) *model.Observation {
	o := d.blank(code, name)
	o.ValueType = "bits"
	words := strings.Join(set(v, names), ", ")
	if words == "" {
		words = "none"
	}
	system := "GATT bits"
	if order, ok := nomenclature[code]; ok && v <= 0xFFFF {
		system, digits = "IEEE 11073 bits", 4
		if order == sameNumbers {
			v = uint32(bits.Reverse16(uint16(v)))
		}
	}
	o.Value = model.Value{Kind: model.ValueCoded, Coding: model.Coding{Code: fmt.Sprintf("0x%0*X", digits, v), Text: words, System: system}}
	return d.add(o)
}

// How the bits of a characteristic stand in the nomenclature: bit n here is bit n
// there, or bit 15-n, which is the same 16 bits (code system ASN1ToHL7 of HL7's
// guide for personal health devices beside the services' specifications).
const (
	sameNumbers = iota + 1
	sameBits
)

var nomenclature = map[uint32]int{
	dm | 22000:    sameNumbers, // blood pressure, BLS 1.1.1 §3.1.1.6
	dm | 29144:    sameNumbers, // glucose meter, GLS 1.0 §3.1.1.7
	scada | 19532: sameBits,    // pulse oximeter, PLXS 1.0.1 §3.2.1.5
}

func set(v uint32, names []string) (out []string) {
	for at := range 32 {
		if v>>at&1 == 0 {
			continue
		}
		name := "bit " + strconv.Itoa(at)
		if at < len(names) && names[at] != "" {
			name = names[at]
		}
		out = append(out, name)
	}
	return out
}

func (d *decoder) add(o model.Observation) *model.Observation {
	d.m.Observations = append(d.m.Observations, o)
	return &d.m.Observations[len(d.m.Observations)-1]
}

// user is whom a device with several users measured; 255 is nobody known.
func (d *decoder) user(index uint8) {
	if index == 255 || d.r.err != nil || len(d.m.Devices[0].Identifiers) == 0 {
		return
	}
	d.m.Patient = &model.Patient{Identifiers: []model.Identifier{{Value: strconv.Itoa(int(index)), System: "person of device " + d.m.Devices[0].Identifiers[0].Value}}}
}

// battery is the battery level in percent.
func (d *decoder) battery() {
	if v := d.r.u8("the level"); d.r.err == nil && v <= 100 {
		d.m.Devices[0].Battery = strconv.Itoa(int(v)) + " %"
	}
}

// clock is the device's own time: day of week, 1/256 seconds and the reason of
// the last change follow the date.
func (d *decoder) clock() {
	d.m.DeviceTime = d.r.time("the time")
	d.r.take(3, "the end of the time")
}
