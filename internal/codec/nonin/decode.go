package nonin

import (
	"fmt"
	"strconv"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/hl7time"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "nonin"

// Codec reads packets of Nonin oximeters. It is stateless.
type Codec struct{}

// New gives the codec.
func New() Codec { return Codec{} }

var _ codec.Codec = Codec{}

// Name is "nonin".
func (Codec) Name() string { return Name }

// State of an oximeter: what of it is an alert.
type State uint8

const (
	Disconnected State = 1 << iota // no sensor
	SensorAlarm                    // the sensor gives nothing usable
	OutOfTrack                     // no consecutive good pulses
	LowBattery
)

var states = [...]struct{ text, event string }{
	{"Sensor disconnected", "MDC_EVT_INOP"},
	{"Sensor alarm", "MDC_EVT_INOP"},
	{"Out of track: no good pulse signals", "MDC_EVT_ALARM"},
	{"Low battery", "MDC_EVT_ALARM"},
}

// reading is what a packet says, whatever its format.
type reading struct {
	state     State
	hr, spo2  int // 511 and 127: none
	artefact  bool
	perfusion string // green yellow red; empty: no pulse, or not told
	spot      bool
	none      bool // format 13: no measurement
	memory    bool
	revision  int
	pleth     []int32
	extra     []extra
	at        model.Timestamp
	badTime   bool
}

type extra struct {
	label, name string
	value       int
	rate        bool
}

const (
	noRate, noSpO2 = 511, 127
	period         = time.Second / 75
)

// StateOf gives the state that a packet tells.
func StateOf(format string, b []byte) (State, bool) {
	if !whole(format, b) {
		return 0, false
	}
	return read(format, b).state, true
}

func read(format string, b []byte) reading {
	switch format {
	case Format1, Format8:
		return readShort(b)
	case Format13:
		return readRecord(b)
	}
	return readPacket(format, b)
}

// readShort reads formats 1 and 8: status, rate, saturation, and in format 8 a
// second status.
func readShort(b []byte) reading {
	r := reading{hr: int(b[0]&3)<<7 | int(b[1]&0x7F), spo2: int(b[2] & 0x7F), artefact: b[0]&0x04 != 0}
	if b[0]&0x40 != 0 {
		r.state |= Disconnected
	}
	if b[0]&0x20 != 0 {
		r.state |= OutOfTrack
	}
	switch {
	case b[0]&0x10 != 0:
		r.perfusion = "red"
	case b[0]&0x08 != 0:
		r.perfusion = "yellow"
	}
	if len(b) == 4 {
		if b[3]&0x08 != 0 {
			r.state |= SensorAlarm
		}
		if b[3]&0x01 != 0 {
			r.state |= LowBattery
		}
	}
	return r
}

// readPacket reads 25 frames of format 2 or 7.
func readPacket(format string, b []byte) reading {
	r := reading{pleth: make([]int32, 0, frames)}
	var v [frames]int
	for i := range frames {
		f := b[i*frameLen : (i+1)*frameLen]
		s := status(format, f)
		if s&0x40 != 0 {
			r.state |= Disconnected
		}
		if s&0x08 != 0 {
			r.state |= SensorAlarm
		}
		if s&0x10 != 0 {
			r.state |= OutOfTrack
		}
		r.artefact = r.artefact || s&0x20 != 0
		switch s & 0x06 {
		case 0x02:
			r.perfusion = "green"
		case 0x04:
			r.perfusion = "red"
		case 0x06:
			r.perfusion = "yellow"
		}
		if format == Format2 {
			r.pleth = append(r.pleth, int32(f[2]))
		} else {
			r.pleth = append(r.pleth, int32(f[1])<<8|int32(f[2]))
		}
		v[i] = int(f[3])
	}
	rate := func(high int) int { return (v[high]&3)<<7 | v[high+1]&0x7F }
	r.hr, r.spo2, r.revision = rate(0), v[2]&0x7F, v[3]
	if v[7]&1 != 0 {
		r.state |= LowBattery
	}
	r.extra = []extra{
		{"SpO2 Fast", "Oxygen saturation, fast", v[9] & 0x7F, false}, {"SpO2 B-B", "Oxygen saturation, beat to beat", v[10] & 0x7F, false},
		{"E-HR", "Pulse rate, average of eight beats", rate(13), true}, {"E-SpO2", "Oxygen saturation, average of eight beats", v[15] & 0x7F, false},
	}
	return r
}

// readRecord reads a spot check of format 13.
func readRecord(b []byte) reading {
	c := b[6:]
	s := int(c[8])<<8 | int(c[9])
	r := reading{hr: int(c[10])<<8 | int(c[11]), spo2: int(c[13]), spot: true, none: s&0x0100 != 0, memory: s&0x0010 != 0}
	if s&1 != 0 {
		r.state |= LowBattery
	}
	if c[0] < 19 || c[0] > 21 || c[1] > 99 || c[2] < 1 || c[2] > 12 || c[3] < 1 || c[3] > 31 || c[4] > 23 || c[5] > 59 || c[6] > 59 {
		r.badTime = true
		return r
	}
	r.at = model.Timestamp{Original: fmt.Sprintf("%02d%02d%02d%02d%02d%02d%02d", c[0], c[1], c[2], c[3], c[4], c[5], c[6]), Format: hl7time.FormatHL7}
	return r
}

// decoder writes what a reading means.
type decoder struct {
	e  model.Entry
	m  model.Message
	r  reading
	at model.Timestamp
}

// Decode reads one packet.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	d := &decoder{e: e, m: model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived}}
	if e.Redacted {
		d.m.Issues = []model.Issue{{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"}}
		return []model.Message{d.m}
	}
	dev := model.Device{Field: "packet", Level: "mds", Parent: -1, Manufacturer: "Nonin"}
	if port := codec.Said(e.Properties, "port"); port != "" {
		dev.Identifiers = []model.Identifier{{Value: port, Type: "port"}}
	}
	format := codec.Said(e.Properties, "format")
	if format == "" { // offline: those that cannot be taken for another
		for _, f := range []string{Format2, Format7, Format13} {
			if whole(f, e.Bytes) {
				format = f
			}
		}
	}
	d.m.Type = "format " + format
	if !whole(format, e.Bytes) {
		d.m.Type = "unknown"
		d.m.Devices = []model.Device{dev}
		d.issue("nonin.packet", model.Error, "the bytes are no whole packet of the format", "set the format that the oximeter sends")
		return []model.Message{d.m}
	}
	d.r = read(format, e.Bytes)
	if !e.Arrived.IsZero() {
		d.at = model.Timestamp{UTC: e.Arrived.UTC(), Precision: "fraction"}
	}
	if d.r.spot {
		d.at = d.r.at
		if d.r.badTime {
			d.issue("nonin.time", model.Warning, "the time of the spot check is none; when it arrived counts", "set the clock of the device")
		} else if !d.r.memory {
			d.m.DeviceTime = d.r.at
		}
	}
	if d.r.revision > 0 {
		dev.Release = strconv.Itoa(d.r.revision)
	}
	if d.r.state&LowBattery != 0 {
		dev.Battery = "low"
	}
	d.m.Devices = []model.Device{dev}
	d.values()
	d.wave()
	d.alerts()
	return []model.Message{d.m}
}

func (d *decoder) issue(code string, s model.Severity, text, hint string) {
	d.m.Issues = append(d.m.Issues, model.Issue{Code: code, Severity: s, Text: text, Hint: hint})
}

func coding(refid string) model.Coding {
	t, ok := mdc.ByRefID(refid)
	if !ok {
		return model.Coding{}
	}
	return model.Coding{Code: strconv.FormatUint(uint64(t.Code), 10), Text: t.RefID, System: "MDC"}
}

func (d *decoder) values() {
	d.number(extra{"SpO2", "", d.r.spo2, false}, coding("MDC_PULS_OXIM_SAT_O2"))
	d.number(extra{"HR", "", d.r.hr, true}, coding("MDC_PULS_OXIM_PULS_RATE"))
	for _, x := range d.r.extra {
		if x.rate && x.value != noRate || !x.rate && x.value != noSpO2 {
			d.number(x, model.Coding{})
		}
	}
	if d.r.perfusion != "" {
		o := d.blank("perfusion", "Pulse quality")
		o.ValueType, o.Value = "coded", model.Value{Kind: model.ValueCoded, Coding: model.Coding{Code: d.r.perfusion, Text: d.r.perfusion, System: "NONIN"}}
		d.m.Observations = append(d.m.Observations, o)
	}
}

func (d *decoder) blank(label, name string) model.Observation {
	o := model.Observation{Field: label, Received: model.Coding{Code: label, Text: name, System: "NONIN"}, Status: model.StatusFinal, DeviceTime: d.at}
	if name != "" {
		o.Mapped = &model.Mapping{Code: model.Code{Name: name}, By: Name}
	}
	return o
}

func (d *decoder) number(x extra, code model.Coding) {
	o := d.blank(x.label, x.name)
	o.ValueType, o.UnitSent = "number", model.Coding{Code: "%", System: "UCUM"}
	if code.Code != "" {
		o.Received, o.Alternate = code, model.Coding{Code: x.label, System: "NONIN"}
	}
	missing := noSpO2
	if x.rate {
		o.UnitSent.Code, missing = "/min", noRate
	}
	switch v := (model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: int64(x.value)}}); {
	case x.value == missing:
		o.Absent, o.Flags = "unknown", []string{"NAV"}
	case d.r.none || d.r.state&(Disconnected|SensorAlarm) != 0:
		o.Absent, o.Flags, o.ValueSent = "error", []string{"INV"}, &v
	default:
		o.Value = v
		if d.r.artefact || d.r.state&OutOfTrack != 0 {
			o.Flags = []string{"questionable"}
		}
	}
	d.m.Observations = append(d.m.Observations, o)
}

// wave gives the plethysmogram: 75 samples a second without a unit.
func (d *decoder) wave() {
	if d.r.pleth == nil {
		return
	}
	w := model.Waveform{Field: "pleth", Received: coding("MDC_PULS_OXIM_PLETH"), PeriodNS: int64(period), Scale: model.Decimal{Coef: 1}, Samples: d.r.pleth, Status: model.StatusFinal}
	if !d.e.Arrived.IsZero() { // the last sample is that of now
		w.DeviceTime = model.Timestamp{UTC: d.e.Arrived.UTC().Add(-period * (frames - 1)), Precision: "fraction"}
	}
	d.m.Waveforms = []model.Waveform{w}
}

func (d *decoder) alerts() {
	before, err := strconv.ParseUint(codec.Said(d.e.Properties, "before"), 16, 8)
	d.m.Alerts = codec.Changes(d.list(d.r.state), d.list(State(before)), err == nil)
}

func (d *decoder) list(s State) (out []model.Alert) {
	for i, one := range states {
		if s>>i&1 != 0 {
			t, _ := mdc.ByRefID("MDC_PULS_OXIM_SAT_O2")
			out = append(out, model.Alert{Field: "status", ID: "nonin " + one.text, Received: coding(one.event), Text: one.text, Kind: "technical", Source: t.Meaning(), DeviceTime: d.at})
		}
	}
	return out
}
