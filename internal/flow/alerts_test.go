package flow_test

import (
	"strings"
	"testing"

	"thalamus/internal/alert"
	"thalamus/internal/builtin"
	"thalamus/internal/flow"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/profile"
)

// R21: in every codec that profiles apply to, a profile tells which part of a
// message is an alert.
func TestAlertsByProfile(t *testing.T) {
	const head = "profile: acme/all\nversion: 1\ntitle: made for a test\napplies_to: {channel: '*'}\nevidence: [{document: this test}]\nalert_table: alarms.csv\nenumerations:\n  colours: {R: high, Y: low}\n"
	const observed = "alerts:\n  - {when: label == \"ALARM\", label: value, phase: '\"start\"', priority: 'flags[0]', meaning: {priority: colours}}\n"
	for codec, c := range map[string]struct{ rules, input string }{
		"hl7v2": {observed, "MSH|^~\\&|X||||20261101115959+0000||ORU^R01^ORU_R01|1|P|2.6\rPID|||4711\rOBR|1|||X\rOBX|1|ST|ALARM||E7|||R|||F|||20261101115958+0000\r"},
		"astm":  {observed, "H|\\^&|||X^1|||||||P|1|20261101115959\rP|1|4711\rO|1|S1||^^^ALARM\rR|1|^^^ALARM|E7|||R||F||||20261101115958\rL|1|N\r"},
		// What happened on a device, with its severity (POCT1-A2, EVS.R01).
		"poct1a": {"alerts:\n  - {when: code == \"EVT\", label: value, phase: '\"start\"', priority: 'flags[0]', meaning: {priority: colours}}\n",
			`<EVS.R01><HDR><HDR.control_id V="7"/><HDR.version_id V="POCT1"/><HDR.creation_dttm V="2026-11-01T11:59:59Z"/></HDR><EVT><EVT.description V="E7"/><EVT.event_dttm V="2026-11-01T11:59:58Z"/><EVT.severity_cd V="R"/></EVT></EVS.R01>`},
		"json": {"time: {from: at}\neach: alarms[*]\nalerts:\n  - {label: what, priority: colour, phase: event, time: at, meaning: {priority: colours}}\n",
			`{"alarms": [{"what": "E7", "colour": "R", "event": "start", "at": "2026-11-01T11:59:58Z"}]}`},
		"csv": {"time: {from: at}\nalerts:\n  - {label: what, priority: colour, phase: event, meaning: {priority: colours}}\n",
			"what,colour,event,at\nE7,R,start,2026-11-01T11:59:58Z\n"},
	} {
		p, err := profile.Parse(profile.Files{"profile.yaml": head + "codec: " + codec + "\n" + c.rules, "alarms.csv": "label;code;kind\nE7;MDC_EVT_LEAD_OFF;technical\n"}, ".")
		if err != nil {
			t.Errorf("%s: %v", codec, err)
			continue
		}
		got := string(flow.Lines(flow.Say(flow.NewReader(builtin.Codecs(), profile.Only(p)).Read(model.Entry{Seq: 1, Frame: model.Frame{Channel: "x", Codec: codec, Bytes: []byte(c.input)}}))))
		for _, part := range []string{`"code":"MDC_EVT_LEAD_OFF"`, `"alert":"start"`, `"priority":"high"`, `"kind":"technical"`, `"time":"2026-11-01T11:59:58Z"`} {
			if !strings.Contains(got, part) {
				t.Errorf("%s: no %s in\n%s", codec, part, got)
			}
		}
		if strings.Contains(got, `"E7","time"`) || strings.Contains(got, "unknown-code") {
			t.Errorf("%s: the alert is an observation too, or nobody knows it:\n%s", codec, got)
		}
	}
}

// The life of an alert that a profile found is made as of any other: start,
// escalation, muting, latching, end.
func TestLifeOfAProfilesAlert(t *testing.T) {
	p, err := profile.Parse(profile.Files{"profile.yaml": `profile: acme/vent
version: 1
title: made for a test
codec: json
applies_to: {channel: '*'}
evidence: [{document: this test}]
time: {from: at}
device: {serial: sn}
alerts:
  - {id: id, text: says, priority: level, phase: event, state: state, muted: sound}
`}, ".")
	if err != nil {
		t.Fatal(err)
	}
	r := flow.NewReader(builtin.Codecs(), profile.Only(p))
	lives := alert.NewLives()
	var last *alert.Life
	for i, more := range []string{`"event":"start","level":"low","state":"active"`, `"event":"escalate","level":"high"`, `"event":"update","sound":"audio-paused"`, `"event":"update","state":"latched","sound":"enabled"`, `"event":"end","state":"inactive"`} {
		input := `{"sn":"V1","id":"A7","says":"Apnoea","at":"2026-11-01T11:59:5` + string(rune('0'+i)) + `Z",` + more + `}`
		for _, m := range r.Read(model.Entry{Seq: model.Seq(i + 1), Frame: model.Frame{Channel: "x", Codec: "json", Bytes: []byte(input)}}) {
			record.HearAlerts(&m, lives, func(_ *model.Alert, l *alert.Life, _ bool) { last = l })
		}
	}
	if last == nil || last.Stage != model.AlertEnded || last.Peak != "high" || last.Alert.Text != "Apnoea" {
		t.Fatalf("%+v", last)
	}
	var steps []string
	for _, s := range last.Steps {
		steps = append(steps, s.What)
	}
	if got := strings.Join(steps, " "); got != "start escalate mute unmute latch end" {
		t.Error(got)
	}
}
