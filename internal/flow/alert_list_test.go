package flow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/alert"
	"thalamus/internal/builtin"
	"thalamus/internal/flow"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/profile"
)

// R21: an alarm that vanishes from a list which its profile calls complete has
// ended; from any other list it has not, and nothing newer is undone.
func TestVanishedFromAList(t *testing.T) {
	read := func(complete string) func(seq int, alarms string) string {
		p, err := profile.Parse(profile.Files{"profile.yaml": `profile: acme/vent
version: 1
title: made for a test
codec: json
applies_to: {channel: '*'}
evidence: [{document: this test}]
time: {from: $.at}
device: {serial: $.sn}
patient: {id: $.mrn}
alerts:
  - {each: '$.alarms[*]', id: id, text: says, priority: level` + complete + `}
  - {each: '$.advice[*]', id: id, text: says}
`}, ".")
		if err != nil {
			t.Fatal(err)
		}
		r := flow.NewReader(builtin.Codecs(), profile.Only(p))
		lives := alert.NewLives()
		return func(seq int, more string) string {
			t.Helper()
			input := fmt.Sprintf(`{"sn":"V1","at":"2026-11-01T11:59:%02dZ",%s}`, seq, more)
			for _, m := range r.Read(model.Entry{Seq: model.Seq(seq), Frame: model.Frame{Channel: "x", Codec: "json", Bytes: []byte(input)}}) {
				for i := range m.Devices {
					m.Devices[i].ID = model.DeviceID(m.Devices[i].Serial)
				}
				if m.Patient != nil {
					m.Patient.ID = model.PatientID(m.Patient.Identifiers[0].Value)
				}
				record.Conclude(&m, lives, nil)
				record.HearAlerts(&m, lives, func(*model.Alert, *alert.Life, bool) {})
			}
			var all []string
			for l := range lives.Each {
				last := l.Steps[len(l.Steps)-1]
				all = append(all, fmt.Sprintf("%s %s%s", l.Alert.ID, l.Stage, map[bool]string{true: " vanished"}[last.Vanished]))
			}
			slices.Sort(all)
			return strings.Join(all, ", ")
		}
	}
	type told struct {
		at         int
		says, want string
	}
	for name, c := range map[string]struct {
		complete string
		told     []told
	}{
		"complete": {", complete: $.alarms", []told{
			{10, `"alarms":[{"id":"A","says":"Apnoea"},{"id":"B","says":"Leak"}],"advice":[{"id":"C","says":"Filter"}]`, "A active, B active, C active"},
			{20, `"advice":[]`, "A active, B active, C active"},                                 // no list of alarms
			{30, `"alarms":[{"id":"B","says":"Leak"}]`, "A ended vanished, B active, C active"}, // and the advice is no such list
			{25, `"alarms":[]`, "A ended vanished, B active, C active"},                         // older than what is known
			{40, `"alarms":[{"id":"A","says":"Apnoea"}]`, "A active, A ended vanished, B ended vanished, C active"},
			{50, `"alarms":[]`, "A ended vanished, A ended vanished, B ended vanished, C active"},
		}},
		"always": {`, complete: '"always"'`, []told{
			{10, `"alarms":[{"id":"A","says":"Apnoea"}]`, "A active"},
			{20, `"advice":[]`, "A ended vanished"},
		}},
		"not said": {"", []told{
			{10, `"alarms":[{"id":"A","says":"Apnoea"}]`, "A active"},
			{20, `"alarms":[],"advice":[{"id":"C","says":"Filter"}]`, "A active, C active"},
		}},
		"another patient": {", complete: $.alarms", []told{
			{10, `"mrn":"1","alarms":[{"id":"A","says":"Apnoea"}]`, "A active"},
			{20, `"mrn":"2","alarms":[]`, "A active"},
			{30, `"mrn":"1","alarms":[]`, "A ended vanished"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tell := read(c.complete)
			for _, one := range c.told {
				if got := tell(one.at, one.says); got != one.want {
					t.Errorf("at %d, %s:\n got %s\nwant %s", one.at, one.says, got, one.want)
				}
			}
		})
	}
}
