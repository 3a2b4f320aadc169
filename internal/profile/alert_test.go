package profile

import (
	"reflect"
	"strings"
	"testing"

	"thalamus/internal/model"
)

const alarms = `profile: acme/vent
version: 1
title: Acme ventilator
codec: json
applies_to: {channel: vent}
evidence: [{document: interface description, shows: all fields}]
table: labels.csv
alert_table: alarms.csv
time: {from: $.ts}
device: {serial: $.sn}
patient: {id: $.mrn}
each: $.values[*]
enumerations:
  colours: {red: high, yellow: medium}
  shown: {"true": active, "false": inactive}
  silence: {"1": audio-paused, "0": enabled}
  happens: {on: start, off: end}
observe:
  - {label: name, value: value}
alerts:
  - {each: '$.alarms[*]', match: '@.id', id: id, label: what, text: says, source: of, priority: colour, state: shown, muted: silent, phase: event, time: at, onset: since, update: n,
     simulated: demo == true, meaning: {priority: colours, state: shown, muted: silence, phase: happens}}
  - {each: $.alive, heartbeat: row == true}
`

const alarmTable = `label;code;source;priority;kind;text
# evidence: interface description, table 9
SPO2_LO;MDC_EVT_LO;MDC_PULS_OXIM_SAT_O2;medium;physiological;SpO2 low
FAN;;;low;technical;Fan fault
`

func ventilator(t *testing.T) *Profile {
	t.Helper()
	p, err := Parse(Files{FileName: alarms, "labels.csv": labels, "alarms.csv": alarmTable}, ".")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// R21: which rows of a document are alerts, and what of them tells the parts
// of an alert's life.
func TestAlertsOfADocument(t *testing.T) {
	p := ventilator(t)
	got, err := p.Read(document(t, `{"ts":"2026-11-01T10:00:00Z","sn":"V1","mrn":"4711","values":[{"name":"HR","value":72}],"alive":true,"alarms":[
		{"id":"A7","what":"spo2 lo","colour":"red","event":"on","shown":true,"silent":1,"at":"2026-11-01T09:59:58Z","since":"2026-11-01T09:59:00Z","n":3},
		{"id":"A8","what":"FAN","colour":"violet","event":"off","demo":true,"of":"HR"},
		{"what":"no id"}]}`), model.Message{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || len(got[0].Observations) != 1 || len(got[0].Alerts) != 3 {
		t.Fatalf("%+v", got)
	}
	m := got[0]
	a := m.Alerts[0]
	if a.ID != "A7" || !a.Follows || a.Mapped.Code.RefID != "MDC_EVT_LO" || a.Source.RefID != "MDC_PULS_OXIM_SAT_O2" || a.Priority != "high" || a.Kind != "physiological" ||
		a.Phase != "start" || a.State != "active" || a.Muted != "audio-paused" || a.Text != "SpO2 low" || a.DeviceTime.Original != "2026-11-01T09:59:58Z" ||
		a.Onset.Original != "2026-11-01T09:59:00Z" || a.Update != 3 || a.Device != 0 || a.Field != "alarms[0]" {
		t.Errorf("%+v", a)
	}
	a = m.Alerts[1]
	if a.ID != "A8" || a.Mapped.By != "acme/vent@1" || a.Mapped.Code != (model.Code{}) || a.Phase != "end" || a.Priority != "violet" || a.Source.RefID != "MDC_ECG_HEART_RATE" || !a.Simulated || a.DeviceTime.Original != "2026-11-01T10:00:00Z" {
		t.Errorf("%+v", a)
	}
	if !m.Alerts[2].Heartbeat {
		t.Errorf("%+v", m.Alerts[2])
	}
	if len(m.Issues) != 1 || m.Issues[0].Code != "profile.alert-word" || m.Issues[0].Field != "alarms[1]" {
		t.Errorf("%+v", m.Issues)
	}
	before := m
	p.Refine(&m)
	if !reflect.DeepEqual(before.Alerts, m.Alerts) {
		t.Error("refining changed alerts that were read")
	}
}

const pump = `profile: acme/pump
version: 1
title: Acme pump
codec: hl7v2
applies_to: {sender: PUMP}
evidence: [{document: interface description, shows: all fields}]
alert_table: alarms.csv
enumerations:
  colours: {"1": high, "2": low}
alerts:
  - {when: label == "ALARM", label: value, text: value_text, priority: 'beside[?(@.label == "PRIO")].value', phase: 'beside[?(@.label == "EVENT")].value',
     source: '$.observations[?(@.label == "ABOUT")].value', onset: time, kind: 'flags[1]', meaning: {priority: colours}}
  - {of: alerts, when: 'priority == "20"', priority: '"high"', muted: '"audio-off"'}
`

func observation(at int, label, sub string, v model.Value) model.Observation {
	return model.Observation{Field: "OBX[" + string(rune('1'+at)) + "]", SubID: sub, Received: model.Coding{Code: label}, Value: v, Status: model.StatusFinal, Device: 0}
}

// R21: observations that are alerts by a profile leave the observations, with
// those beside them that were read for it, and come back for another version.
func TestAlertsOfObservations(t *testing.T) {
	p, err := Parse(Files{FileName: pump, "alarms.csv": alarmTable}, ".")
	if err != nil {
		t.Fatal(err)
	}
	coded := func(code, text string) model.Value {
		return model.Value{Kind: model.ValueCoded, Coding: model.Coding{Code: code, Text: text}}
	}
	said := func(s string) model.Value { return model.Value{Kind: model.ValueText, Text: s} }
	message := func() model.Message {
		alarm := observation(1, "ALARM", "1.2", coded("FAN", "Fan stands still"))
		alarm.Flags = []string{"A", "technical"}
		alarm.DeviceTime = model.Timestamp{Original: "20261101100000"}
		return model.Message{Codec: "hl7v2", Sender: model.Party{Application: "PUMP"}, Observations: []model.Observation{
			observation(0, "RATE", "1.1", model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: 5}}), alarm,
			observation(2, "PRIO", "1.3", said("1")), observation(3, "PRIO", "2.3", said("2")), observation(4, "EVENT", "1.4", said("start")), observation(5, "ABOUT", "", said("MDC_ECG_HEART_RATE")),
		}, Alerts: []model.Alert{{Field: "OBX[9]", ID: "known", Received: model.Coding{Code: "x"}, Priority: "20"}}}
	}
	m := message()
	p.Refine(&m)
	var labels []string
	for _, o := range m.Observations {
		labels = append(labels, o.Received.Code+o.SubID)
	}
	if got := strings.Join(labels, " "); got != "RATE1.1 PRIO2.3 ABOUT" {
		t.Errorf("left: %s", got)
	}
	if len(m.Alerts) != 2 {
		t.Fatalf("%+v", m.Alerts)
	}
	if a := m.Alerts[0]; a.Priority != "high" || a.Muted != "audio-off" || a.ID != "known" {
		t.Errorf("%+v", a)
	}
	if a := m.Alerts[1]; a.ID != "FAN@MDC_ECG_HEART_RATE" || a.Text != "Fan stands still" || a.Priority != "high" || a.Phase != "start" || a.Kind != "technical" ||
		a.Source.RefID != "MDC_ECG_HEART_RATE" || a.Onset.Original != "20261101100000" || a.Field != "OBX[2]" {
		t.Errorf("%+v", a)
	}
	once := len(m.Observations)
	p.Refine(&m)
	if len(m.Alerts) != 2 || len(m.Observations) != once {
		t.Errorf("refined again: %d alerts, %d observations", len(m.Alerts), len(m.Observations))
	}
	none, err := Parse(Files{FileName: strings.Split(pump, "alerts:")[0]}.with("alarms.csv", alarmTable), ".")
	if err != nil {
		t.Fatal(err)
	}
	none.Refine(&m)
	want := message()
	none.Refine(&want)
	if !reflect.DeepEqual(m, want) {
		t.Errorf("a version without alerts:\n got %+v\nwant %+v", m, want)
	}
}

func (f Files) with(name, text string) Files {
	f[name] = text
	return f
}

func TestWrongAlerts(t *testing.T) {
	for name, c := range map[string]struct{ old, new, code, place string }{
		"no such list":    {"priority: colours,", "priority: colors,", "profile.wrong", "meaning.priority"},
		"no such field":   {"{priority: colours, state", "{limits: colours, state", "profile.wrong", "meaning.limits"},
		"wrong word":      {"yellow: medium", "yellow: amber", "profile.wrong", "meaning.priority"},
		"wrong literal":   {"phase: event,", `phase: '"gone"',`, "profile.wrong", "alerts[0].phase"},
		"nothing alarms":  {"label: what, text: says,", "", "profile.wrong", "alerts[0]"},
		"of":              {"{each: '$.alarms[*]',", "{of: alerts, each: '$.alarms[*]',", "profile.wrong", "alerts[0].of"},
		"match":           {"'@.id'", "'@.id &&'", "profile.path", "alerts[0].match"},
		"unknown key":     {"update: n", "count: n", "conf.unknown-key", "alerts[0].count"},
		"no table":        {"alert_table: alarms.csv", "alert_table: other.csv", "profile.no-table", "alert_table"},
		"one table":       {"alert_table: alarms.csv", "alert_table: labels.csv", "profile.wrong", "alert_table"},
		"expression":      {"demo == true", "demo ==", "profile.expression", "alerts[0].simulated"},
		"table: no event": {"SPO2_LO;MDC_EVT_LO", "SPO2_LO;MDC_TEMP", "profile.table", "alarms.csv:3:9"},
		"table: priority": {"MDC_PULS_OXIM_SAT_O2;medium", "MDC_PULS_OXIM_SAT_O2;amber", "profile.table", "alarms.csv:3:"},
		"table: source":   {"MDC_PULS_OXIM_SAT_O2;medium", "MDC_NONSENSE;medium", "profile.unknown-code profile.table", "alarms.csv:3:"},
		"table: column":   {"label;code;source", "label;code;about", "profile.table", "alarms.csv:1:12"},
	} {
		_, err := Parse(Files{FileName: strings.Replace(alarms, c.old, c.new, 1), "labels.csv": labels, "alarms.csv": strings.Replace(alarmTable, c.old, c.new, 1)}, ".")
		if err == nil || !strings.Contains(err.Error(), c.place) {
			t.Errorf("%s: %v, want it at %s", name, err, c.place)
		}
	}
	if _, err := Parse(Files{FileName: strings.Replace(pump, `when: label == "ALARM", `, "", 1), "alarms.csv": alarmTable}, "."); err == nil || !strings.Contains(err.Error(), "alerts[0].when") {
		t.Errorf("every observation an alert: %v", err)
	}
}

// FuzzAlerts reads documents and messages with rules of alerts: no panic, the
// same twice, and no row lost that is not in an alert.
func FuzzAlerts(f *testing.F) {
	f.Add(`{"alarms":[{"id":"A7","what":"FAN","colour":"red","event":"on","shown":true,"silent":1,"n":3}],"alive":true}`, "ALARM", "1.2", "FAN")
	f.Add(`{"alarms":[{"id":[1],"what":{},"n":-1},7,null]}`, "PRIO", "", "")
	whole := strings.Replace(alarms, "{each: '$.alarms[*]',", "{each: '$.alarms[*]', complete: $.alarms,", 1)
	document, err := Parse(Files{FileName: whole, "labels.csv": labels, "alarms.csv": alarmTable}, ".")
	if err != nil {
		f.Fatal(err)
	}
	rows, err := Parse(Files{FileName: strings.Replace(pump, `{when: label == "ALARM",`, `{when: label == "ALARM", complete: '$.observations[?(@.label == "PRIO")]',`, 1), "alarms.csv": alarmTable}, ".")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, label, sub, value string) {
		if d, err := Document("json", []byte(text)); err == nil {
			if out, err := document.Read(d, model.Message{}); err == nil {
				document.Refine(&out[0])
			}
		}
		m := model.Message{Observations: []model.Observation{observation(0, label, sub, model.Value{Kind: model.ValueText, Text: value}),
			observation(1, "ALARM", sub, model.Value{Kind: model.ValueText, Text: label}), observation(2, "PRIO", sub, model.Value{Kind: model.ValueText, Text: value})}}
		rows.Refine(&m)
		n := len(m.Observations)
		for _, a := range m.Alerts {
			n += len(a.Told.Observations)
		}
		if n != 3 {
			t.Fatalf("%d of 3 rows: %+v", n, m)
		}
		alerts, lists := len(m.Alerts), len(m.AlertLists)
		if rows.Refine(&m); len(m.Alerts) != alerts || len(m.AlertLists) != lists || lists > 1 {
			t.Fatal("another outcome when it is refined again")
		}
	})
}
