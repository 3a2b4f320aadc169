package profile

import (
	"strings"
	"testing"

	"thalamus/internal/model"
)

// R21: whether a list of alarms is complete, the message tells; a list with an
// alarm that could not be read is not.
func TestCompleteList(t *testing.T) {
	text := strings.NewReplacer("- {each: '$.alarms[*]',", "- {each: '$.alarms[*]', complete: $.alarms,").Replace(alarms)
	p, err := Parse(Files{FileName: text, "labels.csv": labels, "alarms.csv": alarmTable}, ".")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		alarms string
		alerts int
		whole  bool
	}{
		"two":             {`,"alarms":[{"id":"A7","what":"FAN"},{"id":"A8","what":"FAN"}]`, 2, true},
		"none":            {`,"alarms":[]`, 0, true},
		"no list":         {``, 0, false},
		"null":            {`,"alarms":null`, 0, false},
		"one left out":    {`,"alarms":[{"id":"A7","what":"FAN"},{"what":"FAN"}]`, 1, true},
		"one not to read": {`,"alarms":[{"id":"A7","what":"FAN"},{"id":" "}]`, 1, false},
	} {
		got, err := p.Read(document(t, `{"ts":"2026-11-01T10:00:00Z","sn":"V1","mrn":"4711","values":[{"name":"HR","value":72}]`+c.alarms+`}`), model.Message{})
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		m := got[0]
		if len(m.Alerts) != c.alerts || (len(m.AlertLists) == 1) != c.whole {
			t.Errorf("%s: %d alerts, lists %+v", name, len(m.Alerts), m.AlertLists)
		}
		for _, l := range m.AlertLists {
			if l.Name != "acme/vent $.alarms" || l.Device != 0 {
				t.Errorf("%s: %+v", name, l)
			}
		}
		for _, a := range m.Alerts {
			if a.List != "acme/vent $.alarms" {
				t.Errorf("%s: %+v", name, a)
			}
		}
		if p.Refine(&m); (len(m.AlertLists) == 1) != c.whole {
			t.Errorf("%s: refining lost the list", name)
		}
	}
	// A document that holds an empty list and nothing else says something.
	if got, err := p.Read(document(t, `{"ts":"2026-11-01T10:00:00Z","sn":"V1","alarms":[]}`), model.Message{}); err != nil || len(got) != 1 || len(got[0].AlertLists) != 1 || len(got[0].Devices) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	for name, c := range map[string]struct{ old, new, place string }{
		"of a row":          {"complete: $.alarms", "complete: alarms", "alerts[0].complete"},
		"several devices":   {"device: {serial: $.sn}", "device: {serial: sn}", "alerts[0].complete"},
		"several patients":  {"patient: {id: $.mrn}", "patient: {id: mrn}", "alerts[0].complete"},
		"a device of a row": {"complete: $.alarms,", "complete: $.alarms, device: sn,", "alerts[0].complete"},
	} {
		if _, err := Parse(Files{FileName: strings.Replace(text, c.old, c.new, 1), "labels.csv": labels, "alarms.csv": alarmTable}, "."); err == nil || !strings.Contains(err.Error(), c.place) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// In HL7, ASTM and POCT1-A a row of the message says that its list is complete.
func TestCompleteListOfObservations(t *testing.T) {
	text := strings.Replace(pump, `{when: label == "ALARM",`, `{when: label == "ALARM", complete: '$.observations[?(@.label == "ALARMS")].value',`, 1)
	p, err := Parse(Files{FileName: text, "alarms.csv": alarmTable}, ".")
	if err != nil {
		t.Fatal(err)
	}
	said := func(s string) model.Value { return model.Value{Kind: model.ValueText, Text: s} }
	message := func(count bool, devices int) *model.Message {
		m := &model.Message{Codec: "hl7v2", Sender: model.Party{Application: "PUMP"}, Observations: []model.Observation{observation(0, "ALARM", "1.2", said("FAN"))}}
		if count {
			m.Observations = append(m.Observations, observation(1, "ALARMS", "1.1", said("1")))
		}
		for range devices {
			m.Devices = append(m.Devices, model.Device{Parent: -1}, model.Device{Parent: len(m.Devices)})
		}
		return m
	}
	for _, c := range []struct {
		count   bool
		devices int
		device  int // of the list; -2: there is none
	}{{true, 1, 0}, {true, 0, -1}, {false, 1, -2}, {true, 2, -2}} {
		m := message(c.count, c.devices)
		for range 2 { // refined again it is the same
			p.Refine(m)
			switch {
			case len(m.Alerts) != 1 || m.Alerts[0].List == "":
				t.Errorf("%+v: %+v", c, m.Alerts)
			case c.device == -2 && len(m.AlertLists) != 0, c.device != -2 && (len(m.AlertLists) != 1 || m.AlertLists[0].Device != c.device):
				t.Errorf("%+v: %+v", c, m.AlertLists)
			}
		}
	}
	if _, err := Parse(Files{FileName: strings.Replace(pump, "{of: alerts,", "{of: alerts, complete: $.sender,", 1), "alarms.csv": alarmTable}, "."); err == nil || !strings.Contains(err.Error(), "alerts[1].complete") {
		t.Error(err)
	}
}
