// Package sparkplug reads the payloads of Sparkplug B (Eclipse Sparkplug
// 3.0.0), which gateways send over MQTT (R1). It is pure. A metric becomes an
// observation under its name; what the name means is for labels and profiles.
// Metrics that carry a number in place of a name are named by the entry's
// properties, which the link wrote from the birth it heard (Births).
package sparkplug

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "sparkplug"

// Codec reads payloads. The zero value is ready.
type Codec struct{}

// New gives the codec.
func New() Codec { return Codec{} }

var _ codec.Codec = Codec{}

// Name is "sparkplug".
func (Codec) Name() string { return Name }

// good is the property Quality of a value that may be used (§6.4.14).
const good = 192

// Decode reads a payload; the topic says what kind of message it is and whose.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	m := model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived}
	group, kind, node, device, ok := topicOf(e.Topic)
	if e.Redacted {
		m.Issues = []model.Issue{{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"}}
		return []model.Message{m}
	}
	if host, is := hostOf(e.Topic); is { // §4.1: of a host application, not of a device
		m.Type, m.Sender = "STATE", model.Party{Application: host}
		return []model.Message{m}
	}
	if !ok {
		m.Issues = []model.Issue{{Code: "sparkplug.topic", Severity: model.Error, Text: "the topic is not one of Sparkplug B, so nobody can say whose message it is", Hint: "expected spBv1.0/GROUP/TYPE/NODE or spBv1.0/GROUP/TYPE/NODE/DEVICE"}}
		return []model.Message{m}
	}
	m.Type, m.Sender = kind, model.Party{Application: node, Facility: group}
	who := group + "/" + node
	if device != "" {
		who += "/" + device
	}
	d := decoder{m: &m}
	switch kind {
	case "NBIRTH", "DBIRTH", "NDATA", "DDATA":
		m.Devices = []model.Device{{Parent: -1, Level: "mds", Identifiers: []model.Identifier{{Value: who, System: "sparkplug", Type: "sparkplug"}}}}
		d.read(e)
	case "NDEATH", "DDEATH":
		if strings.Contains("\n"+e.Properties, "\n"+stale) {
			m.Issues = []model.Issue{{Code: "sparkplug.old-death", Severity: model.Warning, Text: "the death certificate belongs to a connection before the gateway's last birth; it changes nothing", Hint: "nothing is to be done; if it comes often, look at the gateway's network"}}
			break
		}
		// tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-offline
		m.Ended = &model.Ending{How: model.EndDeath, Topic: e.Topic}
		if kind == "NDEATH" {
			m.Ended.Below = who + "/"
		}
		m.Devices = []model.Device{{Parent: -1, Level: "mds", Identifiers: []model.Identifier{{Value: who, System: "sparkplug", Type: "sparkplug"}}}}
		m.Issues = []model.Issue{{Code: "sparkplug.death", Severity: model.Warning, Text: "the device, or the gateway it speaks through, is no more connected", Hint: "look at the device and its network"}}
	}
	return []model.Message{m}
}

type decoder struct{ m *model.Message }

func (d *decoder) read(e model.Entry) {
	p, err := parse(e.Bytes)
	if err != nil {
		d.issue(model.Error, fault.CodeOf(err), "", err.Error(), "the sender should correct it")
		return
	}
	if p.timestamp > 0 {
		d.m.DeviceTime = stamp(p.timestamp)
	}
	if p.seq >= 0 {
		d.m.ControlID = strconv.FormatInt(p.seq, 10)
	}
	names := aliases(e.Properties)
	for i := range p.metrics {
		q := &p.metrics[i]
		if is, known := names[q.alias]; q.name == "" && q.aliased && known {
			q.name = is.name
			if q.kind == 0 {
				q.kind = is.kind
			}
			if q.unit == "" {
				q.unit = is.unit
			}
		}
		d.metric(i, q, p.timestamp)
	}
}

// aliases reads what the link wrote beside the message.
func aliases(properties string) map[uint64]meaning {
	var out map[uint64]meaning
	for line := range strings.Lines(properties) {
		rest, ok := strings.CutPrefix(line, "sparkplug.alias.")
		if !ok {
			continue
		}
		number, text, _ := strings.Cut(strings.TrimSuffix(rest, "\n"), ": ")
		alias, err := strconv.ParseUint(number, 10, 64)
		if is, good := meaningOf(text); err == nil && good {
			if out == nil {
				out = map[uint64]meaning{}
			}
			out[alias] = is
		}
	}
	return out
}

func (d *decoder) issue(severity model.Severity, code, field, text, hint string) {
	d.m.Issues = append(d.m.Issues, model.Issue{Code: code, Severity: severity, Field: field, Text: text, Hint: hint})
}

func (d *decoder) metric(i int, q *metric, sentAt uint64) {
	field := "metrics[" + strconv.Itoa(i) + "]"
	name := strings.TrimSpace(plain(q.name))
	switch {
	case name == "":
		d.issue(model.Error, "sparkplug.alias", field, "the metric has a number in place of a name, and no birth told what it stands for", "the gateway is asked for a rebirth; values after that are read")
		return
	case name == "bdSeq", strings.HasPrefix(name, "Node Control/"), strings.HasPrefix(name, "Device Control/"):
		return // of the protocol, not of a patient (§6.4.9)
	}
	if utf8.RuneCountInString(name) > maxName {
		name = string([]rune(name)[:maxName])
	}
	o := model.Observation{Field: field, Received: model.Coding{Code: name, Text: name}, ValueType: typeName(q.kind), Status: model.StatusFinal}
	if q.unit != "" {
		o.UnitSent = model.Coding{Code: plain(q.unit)}
	}
	at := q.timestamp
	if at == 0 {
		at = sentAt
	}
	if at > 0 {
		o.DeviceTime = stamp(at)
	}
	if q.historical {
		o.Notes = append(o.Notes, "historical: measured earlier and sent now")
	}
	v, ok := q.value()
	switch {
	case q.null:
		o.Absent = "unknown"
	case !ok:
		d.issue(model.Error, "sparkplug.value", field, "the value is of a type that is not read ("+typeName(q.kind)+"), or does not fit it", "have the gateway send numbers, texts, truths or times")
		return
	case v.Kind == model.ValueNone:
		o.Absent = "not-a-number"
	default:
		o.Value = v
	}
	if q.quality >= 0 && q.quality != good && o.Absent == "" {
		o.PutAside("error")
		d.issue(model.Warning, "sparkplug.quality", field, "the gateway says that the value is bad or stale; it was put aside", "look at the device behind the gateway")
	}
	d.m.Observations = append(d.m.Observations, o)
}

// stamp makes a time of milliseconds since 1970 (§6.4.5).
func stamp(ms uint64) model.Timestamp {
	t := model.Timestamp{Original: strconv.FormatUint(ms, 10), Precision: "fraction", Zone: model.ZoneMessage, Format: "epoch_ms"}
	if ms <= 253_402_300_799_999 { // the year 9999
		t.UTC = time.UnixMilli(int64(ms)).UTC()
	}
	return t
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// value of a metric, by its type (§6.4.17); ValueNone for a number that is none.
func (q *metric) value() (model.Value, bool) {
	number := func(text string) (model.Value, bool) {
		n, err := model.ParseDecimal(text)
		return model.Value{Kind: model.ValueNumber, Number: n}, err == nil
	}
	signed := func(n int64) (model.Value, bool) { return number(strconv.FormatInt(n, 10)) }
	real := func(f float64, size int) (model.Value, bool) {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return model.Value{}, true
		}
		return number(strconv.FormatFloat(f, 'g', -1, size))
	}
	switch q.kind {
	case typeInt8:
		return signed(int64(int8(q.bits)))
	case typeInt16:
		return signed(int64(int16(q.bits)))
	case typeInt32:
		return signed(int64(int32(q.bits)))
	case typeInt64:
		return signed(int64(q.bits))
	case typeUInt8, typeUInt16, typeUInt32, typeUInt64:
		return number(strconv.FormatUint(q.bits, 10))
	case typeFloat:
		return real(float64(math.Float32frombits(uint32(q.bits))), 32)
	case typeDouble:
		return real(math.Float64frombits(q.bits), 64)
	case typeBoolean:
		return model.Value{Kind: model.ValueText, Text: strconv.FormatBool(q.bits != 0)}, true
	case typeString, typeText, typeUUID:
		return model.Value{Kind: model.ValueText, Text: strings.ToValidUTF8(q.text, "�")}, q.which == 15
	case typeDateTime:
		at := stamp(q.bits)
		return model.Value{Kind: model.ValueTime, Time: &at}, true
	}
	return model.Value{}, false
}

func typeName(kind uint64) string {
	names := [...]string{"", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double", "Boolean", "String", "DateTime", "Text", "UUID", "DataSet", "Bytes", "File", "Template"}
	if kind < uint64(len(names)) {
		return names[kind]
	}
	return "type " + strconv.FormatUint(kind, 10)
}
