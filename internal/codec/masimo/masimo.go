// Package masimo reads the lines that Masimo pulse oximeters (Rad-8, Radical-7 and
// their kin) write over their serial port once a second (R6):
//
//	03/17/16 19:19:36 SN=---------- SPO2=098% BPM=123 PI=00.55% SPCO=--% … ALARM=000000 EXC=0000C00 EXC1=00000000
//
// A frame is one line without its end; its properties may have "before: " with the
// line before it, as far as that tells of alarms (decision 0173).
//
// The fields and the bits of EXC are those of the makers' manuals, as public
// sources quote them. What the bits of ALARM mean the maker does not tell; those
// known are of one person's trials with a Rad-8 (nmenon/masimo-datacapture).
package masimo

import (
	"strconv"
	"strings"

	"thalamus/internal/codec"
	"thalamus/internal/hl7time"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "masimo"

// Codec reads lines of Masimo oximeters. It is stateless.
type Codec struct{}

// New gives the codec.
func New() Codec { return Codec{} }

var _ codec.Codec = Codec{}

// Name is "masimo".
func (Codec) Name() string { return Name }

// Known says whether a line is one of an oximeter: it has a saturation.
func Known(line []byte) bool {
	return strings.Contains(strings.ToUpper(string(line)), " SPO2=")
}

// fields of a line that are measured: name, term, unit.
var fields = map[string]struct{ refid, ucum, name string }{
	"SPO2":    {"MDC_PULS_OXIM_SAT_O2", "%", "Oxygen saturation"},
	"BPM":     {"MDC_PULS_OXIM_PULS_RATE", "/min", "Pulse rate"},
	"PR":      {"MDC_PULS_OXIM_PULS_RATE", "/min", "Pulse rate"},
	"PI":      {"MDC_BLD_PERF_INDEX", "%", "Perfusion index"},
	"SPCO":    {"", "%", "Carboxyhaemoglobin (SpCO)"},
	"SPMET":   {"", "%", "Methaemoglobin (SpMet)"},
	"SPHB":    {"", "", "Haemoglobin (SpHb)"},
	"SPOC":    {"", "", "Oxygen content (SpOC)"},
	"PVI":     {"", "%", "Pleth variability index"},
	"DESAT":   {"", "", "Desaturation index"},
	"PIDELTA": {"", "", "Perfusion index, change"},
}

// exception is a bit of EXC.
type exception struct {
	text   string
	event  string // the alert it is; empty: none
	absent bool   // nothing measured may be used
	doubt  bool   // what is measured is questionable
}

// exceptions by bit, the least significant first (operator's manual of the Rad-8,
// trend data format).
var exceptions = [...]exception{
	{"No sensor", "MDC_EVT_INOP", true, false},
	{"Defective sensor", "MDC_EVT_INOP", true, false},
	{"Low perfusion", "MDC_EVT_ALARM", false, true},
	{"Pulse search", "MDC_EVT_ALARM", false, true},
	{"Interference", "MDC_EVT_ALARM", false, true},
	{"Sensor off", "MDC_EVT_INOP", true, false},
	{"Ambient light", "MDC_EVT_ALARM", false, true},
	{"Unrecognised sensor", "MDC_EVT_INOP", true, false},
	{"reserved 100", "", false, false},
	{"reserved 200", "", false, false},
	{"Low signal IQ", "MDC_EVT_ALARM", false, true},
	{"Masimo SET", "", false, false}, // the algorithm runs in full: no trouble
}

// alarms by bit of ALARM.
var alarms = [...]struct{ text, event, source string }{
	{"SpO2 high", "MDC_EVT_HI", "MDC_PULS_OXIM_SAT_O2"},
	{"SpO2 low", "MDC_EVT_LO", "MDC_PULS_OXIM_SAT_O2"},
	{"Pulse rate high", "MDC_EVT_HI", "MDC_PULS_OXIM_PULS_RATE"},
	{"Pulse rate low", "MDC_EVT_LO", "MDC_PULS_OXIM_PULS_RATE"},
}

const bitMuted = 1 << 5 // the button that mutes was pressed

// decoder reads one line.
type decoder struct {
	m model.Message
}

// Decode reads a line.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	d := &decoder{m: model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived, Type: "oximetry"}}
	if e.Redacted {
		d.m.Issues = []model.Issue{{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"}}
		return []model.Message{d.m}
	}
	line := strings.TrimSpace(string(e.Bytes))
	dev := model.Device{Field: "SN", Level: "mds", Parent: -1, Manufacturer: "Masimo"}
	if !Known([]byte(line)) {
		d.m.Type = "unknown"
		d.issue("masimo.line", model.Error, "", "", "the line is none of a Masimo oximeter", "look at what is connected, and whether its serial output is set to ASCII")
	} else {
		d.line(line, &dev, codec.Said(e.Properties, "before"))
	}
	if port := codec.Said(e.Properties, "port"); port != "" && dev.Serial == "" {
		dev.Identifiers = []model.Identifier{{Value: port, Type: "port"}}
	}
	d.m.Devices = []model.Device{dev}
	return []model.Message{d.m}
}

func (d *decoder) issue(code string, s model.Severity, field, received, text, hint string) {
	d.m.Issues = append(d.m.Issues, model.Issue{Code: code, Severity: s, Field: field, Received: received, Text: text, Hint: hint})
}

// split gives the fields of a line, upper case names, without their unit.
func split(line string) (names []string, values map[string]string) {
	values = map[string]string{}
	for _, word := range strings.Fields(line) {
		name, value, ok := strings.Cut(word, "=")
		name = strings.ToUpper(name)
		if _, twice := values[name]; !ok || twice || name == "" {
			continue
		}
		names, values[name] = append(names, name), value
	}
	return names, values
}

// Alarms gives what a line tells of alarms, for the property "before" of the next.
func Alarms(line []byte) string {
	_, values := split(string(line))
	return "ALARM=" + values["ALARM"] + " EXC=" + values["EXC"]
}

func (d *decoder) line(line string, dev *model.Device, before string) {
	names, values := split(line)
	if sn := values["SN"]; strings.Trim(sn, "-0") != "" {
		dev.Serial = sn
	}
	at := d.time(line)
	d.m.DeviceTime = at
	bits, broken := d.bits(values, "EXC")
	var absent bool
	var flags []string
	for i, x := range exceptions {
		if bits>>i&1 != 0 {
			absent = absent || x.absent
			if x.doubt && flags == nil {
				flags = []string{"questionable"}
			}
		}
	}
	for _, name := range names {
		f, ok := fields[name]
		if !ok {
			continue
		}
		o := model.Observation{Field: name, Received: model.Coding{Code: name, Text: f.name, System: "MASIMO"}, Status: model.StatusFinal, DeviceTime: at, ValueType: "number"}
		if t, ok := mdc.ByRefID(f.refid); ok {
			o.Alternate = model.Coding{Code: strconv.FormatUint(uint64(t.Code), 10), Text: t.RefID, System: "MDC"}
		} else {
			o.Mapped = &model.Mapping{Code: model.Code{Name: f.name}, By: Name}
		}
		if f.ucum != "" {
			o.UnitSent = model.Coding{Code: f.ucum, System: "UCUM"}
		}
		if d.value(&o, values[name], absent) && flags != nil {
			o.Flags = append(o.Flags, flags...)
		}
		d.m.Observations = append(d.m.Observations, o)
	}
	if s := values["EXC"]; s != "" && !broken {
		d.m.Observations = append(d.m.Observations, model.Observation{Field: "EXC", Received: model.Coding{Code: "EXC", Text: "Exceptions", System: "MASIMO"}, Status: model.StatusFinal, DeviceTime: at, ValueType: "bits",
			Mapped: &model.Mapping{Code: model.Code{Name: "Exceptions"}, By: Name},
			Value:  model.Value{Kind: model.ValueCoded, Coding: model.Coding{Code: strings.SplitN(s, ":", 2)[0], Text: words(bits), System: "MASIMO EXC"}}})
	}
	now := d.alerts(values, bits, at)
	var was []model.Alert
	if before != "" {
		_, earlier := split(before)
		then, _ := parseBits(earlier["EXC"])
		was = d.alerts(earlier, then, at)
	}
	d.m.Alerts = codec.Changes(now, was, before != "")
}

// words names the bits that are set.
func words(bits uint32) string {
	var out []string
	for i := range 32 {
		if bits>>i&1 == 0 {
			continue
		}
		if i < len(exceptions) {
			out = append(out, exceptions[i].text)
		} else {
			out = append(out, "bit "+strconv.Itoa(i))
		}
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, ", ")
}

// value reads a number; a dash in it means that there is none. A saturation or
// rate of nothing is none either. It says whether there is one.
func (d *decoder) value(o *model.Observation, s string, absent bool) bool {
	s = strings.TrimSuffix(s, "%")
	n, err := model.ParseDecimal(s)
	zero := err == nil && n.Coef == 0 && (o.Field == "SPO2" || o.Field == "BPM" || o.Field == "PR")
	switch {
	case err != nil && (s == "" || strings.Contains(s, "-")), zero:
		o.Absent, o.Flags = "unknown", []string{"NAV"}
	case err != nil:
		o.Absent, o.Flags = "error", []string{"INV"}
		d.issue("masimo.value", model.Warning, o.Field, o.Field, "a value is no number and was not taken", "what the device sent is kept")
	case absent:
		o.Absent, o.Flags = "error", []string{"INV"}
		o.ValueSent = &model.Value{Kind: model.ValueNumber, Number: n}
	default:
		o.Value = model.Value{Kind: model.ValueNumber, Number: n}
		return true
	}
	return false
}

func parseBits(s string) (uint32, bool) {
	s, _, _ = strings.Cut(s, ":") // names may follow the number
	v, err := strconv.ParseUint(s, 16, 32)
	return uint32(v), err == nil
}

// bits reads a field of bits; broken says that it has one that is none.
func (d *decoder) bits(values map[string]string, name string) (v uint32, broken bool) {
	s := values[name]
	v, ok := parseBits(s)
	if broken = !ok && s != ""; broken {
		d.issue("masimo.bits", model.Warning, name, "", "the "+name+" of the line is no hexadecimal number; what it says is not known", "look at the line's speed and parity")
	}
	return v, broken
}

// alerts gives the alerts that are on.
func (d *decoder) alerts(values map[string]string, exc uint32, at model.Timestamp) (out []model.Alert) {
	on, _ := parseBits(values["ALARM"])
	add := func(id, text, event, source, kind string) {
		a := model.Alert{Field: id, ID: "masimo " + id + " " + text, Text: text, Kind: kind, DeviceTime: at, Muted: "enabled"}
		if on&bitMuted != 0 {
			a.Muted = "audio-paused"
		}
		if t, ok := mdc.ByRefID(event); ok {
			a.Received = model.Coding{Code: strconv.FormatUint(uint64(t.Code), 10), Text: t.RefID, System: "MDC"}
		}
		if t, ok := mdc.ByRefID(source); ok {
			a.Source = t.Meaning()
		}
		out = append(out, a)
	}
	for i, one := range alarms {
		if on>>i&1 != 0 {
			add("ALARM", one.text, one.event, one.source, "physiological")
		}
	}
	for i, x := range exceptions {
		if exc>>i&1 != 0 && x.event != "" {
			add("EXC", x.text, x.event, "MDC_PULS_OXIM_SAT_O2", "technical")
		}
	}
	return out
}

// time reads "MM/DD/YY HH:MM:SS" at the beginning of the line.
func (d *decoder) time(line string) model.Timestamp {
	words := strings.Fields(line)
	if len(words) < 2 || strings.Contains(words[0], "=") {
		return model.Timestamp{}
	}
	date, clock := strings.Split(words[0], "/"), strings.Split(words[1], ":")
	ok := len(date) == 3 && len(clock) == 3
	for _, part := range append(date, clock...) {
		ok = ok && len(part) == 2 && strings.Trim(part, "0123456789") == ""
	}
	if !ok {
		d.issue("masimo.time", model.Warning, "time", "", "the date and time of the line cannot be read; when it arrived counts", "set the clock of the device")
		return model.Timestamp{}
	}
	return model.Timestamp{Original: "20" + date[2] + date[0] + date[1] + strings.Join(clock, ""), Format: hl7time.FormatHL7}
}
