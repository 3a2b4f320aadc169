package poct1a

import (
	"bytes"
	"strconv"
	"strings"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/hl7time"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "poct1a"

// Codec reads documents. It is stateless; the zero value is ready.
type Codec struct{}

// New gives the codec.
func New() Codec { return Codec{} }

var (
	_ codec.Codec = Codec{}
	_ codec.Parts = Codec{}
)

// Name is "poct1a".
func (Codec) Name() string { return Name }

// ControlSuffix ends the type of a message about control material (decision
// 0156).
const ControlSuffix = "^QC"

// Decode reads a document. Each service of an OBS message is a message of its
// own: another patient, or a control sample.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	d := decoder{entry: &e}
	if e.Redacted {
		return []model.Message{d.blank(model.Issue{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"})}
	}
	root, err := Parse(document(e.Bytes))
	if err != nil {
		text := err.Error()
		if f, ok := err.(*fault.Fault); ok {
			text = f.Text
		}
		return []model.Message{d.blank(model.Issue{Code: fault.CodeOf(err), Severity: model.Error, Text: text, Hint: "see whether the device speaks POCT1-A, and whether the channel has the codec that it needs"})}
	}
	d.head(root)
	switch kind, _, _ := strings.Cut(root.Name, "."); kind {
	case "OBS":
		d.services(root)
	case "HEL":
		d.hello(root)
	case "DST":
		d.status(root)
	case "EVS":
		d.events(root)
	case "ACK", "REQ", "EOT", "END", "ESC", "KPA", "DTV", "OPL", "PTL":
		d.out = []model.Message{d.base}
	default:
		d.base.Issues = append(d.base.Issues, model.Issue{Code: "poct1a.unknown", Severity: model.Warning, Received: clip(root.Name),
			Text: "a message of a type that POCT1-A2 does not have, or a maker's own; it was kept and not read", Hint: "see the device's interface description"})
		d.out = []model.Message{d.base}
	}
	if len(d.out) == 0 {
		d.out = []model.Message{d.base}
	}
	for i := range d.out {
		d.out[i].Ref.Part = i
	}
	return d.out
}

// Part cuts one service, with the header, out of a document that holds several:
// another may be about somebody else.
func (Codec) Part(e model.Entry, number int) []byte {
	b := document(e.Bytes)
	name, _, _, ok := rootOf(b[max(0, bytes.Index(b, []byte("<OBS."))):])
	if !ok || !bytes.HasPrefix(name, []byte("OBS.")) {
		return e.Bytes
	}
	first := bytes.Index(b, []byte("<SVC>"))
	if first < 0 || bytes.Count(b, []byte("<SVC>")) < 2 {
		return e.Bytes
	}
	rest := b[first:]
	for range number {
		next := bytes.Index(rest[1:], []byte("<SVC>"))
		if next < 0 {
			return e.Bytes
		}
		rest = rest[1+next:]
	}
	end := bytes.Index(rest, []byte("</SVC>"))
	if end < 0 {
		return e.Bytes
	}
	out := append(bytes.Clone(b[:first]), rest[:end+len("</SVC>")]...)
	return append(append(append(out, "</"...), name...), '>')
}

// document takes off what may stand around a document in a capture.
func document(b []byte) []byte {
	s := Scanner{}
	for rest := b; ; {
		n, t := s.Next(rest)
		switch t.Kind {
		case Document:
			return t.Bytes
		case More:
			return b
		}
		rest = rest[n:]
	}
}

type decoder struct {
	entry *model.Entry
	base  model.Message
	out   []model.Message
}

func (d *decoder) blank(issues ...model.Issue) model.Message {
	e := d.entry
	return model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived, Issues: issues}
}

func timeOf(text string) model.Timestamp {
	if text == "" {
		return model.Timestamp{}
	}
	return model.Timestamp{Original: text, Format: hl7time.FormatISO}
}

// head reads HDR and who sent it: the message's DEV, else what the link says.
func (d *decoder) head(root *Node) {
	d.base = d.blank()
	hdr := root.Kid("HDR")
	d.base.Type, d.base.ControlID, d.base.Version = root.Name, hdr.Value("HDR.control_id"), hdr.Value("HDR.version_id")
	d.base.DeviceTime = timeOf(hdr.Value("HDR.creation_dttm"))
	id := identityIn(d.entry.Properties)
	if dev := root.Kid("DEV"); dev != nil {
		said := identityOf(dev)
		for i, f := range said.said() {
			if *f.to != "" {
				*id.said()[i].to = *f.to
			}
		}
	}
	if id == (Identity{}) {
		return
	}
	d.base.Sender.Application = first(id.Model, id.Name, id.Vendor)
	d.base.Devices = []model.Device{deviceOf(id)}
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func deviceOf(id Identity) model.Device {
	dev := model.Device{Field: "DEV", Parent: -1, Level: "mds", Manufacturer: first(id.Manufacturer, id.Vendor), Model: first(id.Model, id.Name),
		Serial: id.Serial, Release: id.Software, Hardware: id.Hardware}
	hex := strings.Map(func(r rune) rune {
		if r == ':' || r == '-' || r == ' ' {
			return -1
		}
		return r
	}, id.ID)
	switch allHex := strings.Trim(hex, "0123456789abcdefABCDEF") == ""; {
	case hex == "":
	case allHex && len(hex) == 16: // POCT1-A2 wants an EUI-64
		dev.Identifiers = append(dev.Identifiers, model.Identifier{Value: strings.ToUpper(hex), Type: "EUI-64"})
	case allHex && len(hex) == 12:
		dev.Identifiers = append(dev.Identifiers, model.Identifier{Value: strings.ToUpper(hex), Type: "MAC"})
	case strings.Contains(id.ID, "^"): // Nova: facility ^ location
		facility, ward, _ := strings.Cut(id.ID, "^")
		dev.Place = model.Place{Facility: facility, PointOfCare: strings.ReplaceAll(ward, "^", " ")}
	default:
		dev.Identifiers = append(dev.Identifiers, model.Identifier{Value: id.ID, System: first(id.Vendor, id.Manufacturer)})
	}
	return dev
}

// hello reads HEL.R01: what the device is, and what it can.
func (d *decoder) hello(root *Node) {
	dsc := root.Kid("DEV").Kid("DSC")
	for _, n := range dsc.All("DSC.topics_supported_cd") {
		d.base.Notes = append(d.base.Notes, "supports topic "+clip(n.V))
	}
	for _, n := range dsc.All("DSC.directives_supported_cd") {
		d.base.Notes = append(d.base.Notes, "supports directive "+clip(n.V))
	}
	if len(d.base.Devices) == 0 {
		d.base.Issues = append(d.base.Issues, model.Issue{Code: "poct1a.no-device", Severity: model.Warning, Field: "DEV", Text: "the device does not say what it is", Hint: "it should fill DEV"})
	}
}

// status reads DST.R01.
func (d *decoder) status(root *Node) {
	for _, n := range root.Kid("DST").kids() {
		if n.V != "" {
			d.base.Notes = append(d.base.Notes, strings.TrimPrefix(n.Name, "DST.")+" "+clip(n.V))
		}
	}
}

func (n *Node) kids() []*Node {
	if n == nil {
		return nil
	}
	return n.Kids
}

// events reads EVS.R01: what happened on the device.
func (d *decoder) events(root *Node) {
	m := d.base
	for i, evt := range root.All("EVT") {
		what := evt.Value("EVT.description")
		o := model.Observation{Field: "EVT[" + strconv.Itoa(i+1) + "]", Received: model.Coding{Code: "EVT", Text: "device event", System: "POCT1A"}, Device: len(m.Devices) - 1,
			Value: model.Value{Kind: model.ValueText, Text: what}, DeviceTime: timeOf(evt.Value("EVT.event_dttm")), Status: model.StatusFinal}
		if number := evt.Value("EVT.number"); number != "" {
			o.SubID = number
		}
		if what == "" {
			o.Value, o.Absent = model.Value{}, "unknown"
		}
		if severity := evt.Value("EVT.severity_cd"); severity != "" {
			o.Flags = []string{severity}
		}
		m.Observations = append(m.Observations, o)
	}
	d.out = []model.Message{m}
}
