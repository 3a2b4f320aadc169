package dri

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/hl7time"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "dri"

// Codec reads records. It is stateless.
type Codec struct{}

// New gives the codec.
func New() Codec { return Codec{} }

var _ codec.Codec = Codec{}

// Name is "dri".
func (Codec) Name() string { return Name }

// decoder reads one record.
type decoder struct {
	e  model.Entry
	r  Record
	m  model.Message
	at model.Timestamp // of values
}

// Decode reads a record from flag to flag.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	d := &decoder{e: e, m: model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived}}
	if e.Redacted {
		d.m.Issues = []model.Issue{{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"}}
		return []model.Message{d.m}
	}
	dev := model.Device{Field: "header", Level: "mds", Parent: -1, Manufacturer: "GE"}
	b, ok := Unwrap(e.Bytes)
	if ok {
		d.r, ok = Parse(b)
	}
	if port := codec.Said(e.Properties, "port"); port != "" {
		dev.Identifiers = []model.Identifier{{Value: port, Type: "port"}}
	} else if d.r.Plug != 0 {
		dev.Identifiers = []model.Identifier{{Value: strconv.Itoa(int(d.r.Plug)), Type: "plug"}}
	}
	d.m.Devices = []model.Device{dev}
	if !ok {
		d.m.Type = "unknown"
		d.issue("dri.record", model.Error, "", "the bytes are no record, or its checksum or lengths are wrong", "look at the line's speed and parity (19200, even)")
		return []model.Message{d.m}
	}
	d.m.Version = "level " + strconv.Itoa(int(d.r.Level))
	d.m.DeviceTime = clock(d.r.Time)
	switch d.r.Main {
	case Physiological:
		d.m.Type = "values"
		for _, p := range d.r.Parts {
			d.values(p)
		}
	case Wave:
		d.m.Type = "waveforms"
		for _, p := range d.r.Parts {
			d.wave(p)
		}
	case Alarm:
		d.m.Type = "alarms"
		d.alarms()
	default:
		d.m.Type = "main type " + strconv.Itoa(int(d.r.Main))
		d.issue("dri.kind", model.Warning, d.m.Type, "records of this kind are not read", "what the monitor sent is kept")
	}
	return []model.Message{d.m}
}

func (d *decoder) issue(code string, s model.Severity, field, text, hint string) {
	d.m.Issues = append(d.m.Issues, model.Issue{Code: code, Severity: s, Field: field, Text: text, Hint: hint})
}

// clock is a time of the monitor: its own date and time as if they were UTC, so
// that the channel's zone says when that was.
func clock(seconds uint32) model.Timestamp {
	if seconds == 0 {
		return model.Timestamp{}
	}
	return model.Timestamp{Original: time.Unix(int64(seconds), 0).UTC().Format("20060102150405"), Format: hl7time.FormatHL7}
}

const partLen = 278 // time, 270 bytes of groups, marker, reserved, class

// kinds of physiological subrecords.
var kinds = map[byte]string{1: "displayed", 2: "trend of 10 s", 3: "trend of 60 s"}

func (d *decoder) values(p Part) {
	kind := kinds[p.Type]
	if kind == "" || len(p.Bytes) < partLen {
		d.issue("dri.part", model.Warning, "subrecord "+strconv.Itoa(int(p.Type)), "a subrecord is of a kind or length that is not read", "what the monitor sent is kept")
		return
	}
	d.m.Profile = kind
	d.at = clock(binary.LittleEndian.Uint32(p.Bytes))
	if d.at.Original == "" && !d.e.Arrived.IsZero() {
		d.at = model.Timestamp{UTC: d.e.Arrived.UTC(), Precision: "fraction"}
	}
	class, body := int(p.Bytes[277]&0x0F), p.Bytes[4:274]
	if class > 3 {
		d.issue("dri.class", model.Warning, "class "+strconv.Itoa(class), "values of this class are not read", "what the monitor sent is kept")
		return
	}
	for i := range groups {
		if groups[i].class == class {
			d.group(&groups[i], body)
		}
	}
}

func short(b []byte, at int) int16 { return int16(binary.LittleEndian.Uint16(b[at:])) }

func (d *decoder) group(g *group, body []byte) {
	status, label := binary.LittleEndian.Uint32(body[g.header:]), binary.LittleEndian.Uint16(body[g.header+4:])
	valid := 0
	for _, f := range g.fields {
		if v := short(body, g.at+f.at); v >= lowestValid && v != 0 {
			valid++
		}
	}
	if valid == 0 && status&3 != 3 {
		return // the module is not there, or does not measure
	}
	for i := range g.fields {
		f := &g.fields[i]
		d.number(g, f, short(body, g.at+f.at), status, label)
	}
}

// absent by the special values (DATA_INVALID …).
var absent = map[int16]struct{ why, flag string }{
	-32767: {"unknown", ""}, -32766: {"temp-unknown", "not-updated"}, -32765: {"temp-unknown", "discontinuity"},
	-32764: {"error", "below-range"}, -32763: {"error", "above-range"}, -32762: {"error", "not-calibrated"},
}

func (d *decoder) number(g *group, f *field, v int16, status uint32, label uint16) {
	o := model.Observation{Field: f.label, SubID: g.name, Received: model.Coding{Code: f.label, Text: f.name, System: "DRI"}, ValueType: "number", Status: model.StatusFinal, DeviceTime: d.at}
	if strings.HasPrefix(f.refid, "@P_") && int(label) < len(pressureLabels) && pressureLabels[label] != "" {
		o.Received.Text = pressureLabels[label] + " " + f.name
	}
	if t, ok := mdc.ByRefID(f.term(status, label)); ok {
		o.Alternate = coding(t)
	} else {
		o.Mapped = &model.Mapping{Code: model.Code{Name: f.name}, By: Name}
	}
	if f.ucum != "" {
		o.UnitSent = model.Coding{Code: f.ucum, System: "UCUM"}
	}
	if v < lowestValid {
		a, ok := absent[v]
		if !ok {
			a.why = "unknown"
		}
		o.Absent, o.Flags = a.why, []string{"NAV"}
		if a.flag != "" {
			o.Flags = append(o.Flags, a.flag)
		}
		if a.why == "unknown" && status&3 != 3 {
			return // of a module that does not measure nothing is said
		}
	} else {
		o.Value = model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: int64(v), Exp: f.shift}}
	}
	d.m.Observations = append(d.m.Observations, o)
}

func coding(t *mdc.Term) model.Coding {
	c := model.Coding{Text: t.RefID, System: "MDC"}
	if t.Code != 0 {
		c.Code = strconv.FormatUint(uint64(t.Code), 10)
	}
	return c
}

// wave reads a run of samples: how many, status, label, samples.
func (d *decoder) wave(p Part) {
	w, ok := waves[p.Type]
	if !ok || len(p.Bytes) < 6 {
		d.issue("dri.wave", model.Warning, "waveform "+strconv.Itoa(int(p.Type)), "the rate or unit of this waveform is not known; it was not read", "what the monitor sent is kept")
		return
	}
	n := int(short(p.Bytes, 0))
	if n < 0 || 6+2*n > len(p.Bytes) {
		d.issue("dri.part", model.Warning, w.label, "a waveform says more samples than there are", "what the monitor sent is kept")
		return
	}
	if n == 0 {
		return
	}
	out := model.Waveform{Field: w.label, SubID: w.label, UnitSent: model.Coding{Code: w.ucum, System: "UCUM"}, PeriodNS: int64(time.Second) / int64(w.rate), Scale: model.Decimal{Coef: 1, Exp: w.shift}, Samples: make([]int32, n), Status: model.StatusFinal}
	if t, ok := mdc.ByRefID(w.refid); ok {
		out.Received = coding(t)
	} else {
		out.Received = model.Coding{Code: w.label, System: "DRI"}
	}
	for i := range n {
		v := short(p.Bytes, 6+2*i)
		if out.Samples[i] = int32(v); v < lowestValid {
			out.Samples[i] = model.Gap
		}
	}
	if !d.e.Arrived.IsZero() { // the record's own time has whole seconds
		out.DeviceTime = model.Timestamp{UTC: d.e.Arrived.UTC().Add(-time.Duration(out.PeriodNS) * time.Duration(n)), Precision: "fraction"}
	}
	d.m.Waveforms = append(d.m.Waveforms, out)
}

const (
	alarmHead = 10
	alarmLen  = 98
)

// alarms tells what changed since the record before.
func (d *decoder) alarms() {
	now := d.list(d.r)
	var was []model.Alert
	known := false
	if frame, err := hex.DecodeString(codec.Said(d.e.Properties, "before")); err == nil && len(frame) > 0 {
		if b, ok := Unwrap(frame); ok {
			if r, ok := Parse(b); ok {
				was, known = d.list(r), true
			}
		}
	}
	d.m.Alerts = codec.Changes(now, was, known)
}

// list reads the alarms that are shown: five of text, change, colour.
func (d *decoder) list(r Record) (out []model.Alert) {
	for _, p := range r.Parts {
		if p.Type != 1 || len(p.Bytes) < alarmHead+5*alarmLen {
			d.issue("dri.part", model.Warning, "alarm "+strconv.Itoa(int(p.Type)), "an alarm subrecord is of a kind or length that is not read", "what the monitor sent is kept")
			continue
		}
		muted := "enabled"
		switch silence := short(p.Bytes, 8); {
		case silence >= 5:
			muted = "audio-paused"
		case silence != 0 || short(p.Bytes, 2) == 0:
			muted = "audio-off"
		}
		for i := range 5 {
			a := p.Bytes[alarmHead+i*alarmLen:]
			raw, _, _ := bytes.Cut(a[:80], []byte{0})
			text := latin(raw)
			if text == "" {
				continue
			}
			one := model.Alert{Field: "alarm " + strconv.Itoa(i+1), ID: "dri " + text, Text: text, Muted: muted, Kind: "physiological", DeviceTime: clock(d.r.Time)}
			if t, ok := mdc.ByRefID("MDC_EVT_ALARM"); ok {
				one.Received = coding(t)
			}
			switch short(a, 82) {
			case 3:
				one.Priority = "high"
			case 2:
				one.Priority = "medium"
			case 1:
				one.Priority = "low"
			default:
				one.Priority, one.Kind = "none", "advisory"
			}
			if one.DeviceTime.Original == "" && !d.e.Arrived.IsZero() {
				one.DeviceTime = model.Timestamp{UTC: d.e.Arrived.UTC(), Precision: "fraction"}
			}
			out = append(out, one)
		}
	}
	return out
}

func latin(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		if c < 0x20 {
			c = ' '
		}
		s.WriteRune(rune(c))
	}
	return strings.Join(strings.Fields(s.String()), " ")
}

// IsAlarm says whether a frame is an alarm record, for the property "before" of
// the next.
func IsAlarm(frame []byte) bool {
	b, ok := Unwrap(frame)
	if !ok {
		return false
	}
	r, ok := Parse(b)
	return ok && r.Main == Alarm
}
