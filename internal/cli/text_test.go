package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
)

func TestTitle(t *testing.T) {
	for name, want := range map[string]string{
		"id": "ID", "faultCode": "FAULT CODE", "unitUCUM": "UNIT UCUM", "deviceName": "DEVICE NAME", "UDI": "UDI",
	} {
		if got := title(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// A list of what is one text each has no columns: a line each.
func TestListsOfOneText(t *testing.T) {
	var out bytes.Buffer
	asked := struct {
		Name string             `json:"name"`
		Refs []model.MessageRef `json:"refs"`
	}{"again", []model.MessageRef{{Seq: 4711, Part: 2}, {Seq: 4712}}}
	if err := printText(&out, asked, 0); err != nil || !strings.Contains(out.String(), "refs\n4711.2\n4712.0\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// What happened on a link and is no frame is told on the command line too:
// nothing else there says why a device is refused.
func TestNotesOfChannels(t *testing.T) {
	rows := []service.ChannelRow{
		{ID: "icu", Driver: "mllp", State: "listening"},
		{ID: "iot", Driver: "mqtt", State: "listening", Notes: []service.LinkNote{
			{Issue: model.Issue{Code: "mqtt.not-allowed", Severity: model.Warning, Text: "pump-7 published to a topic it may not use", Hint: "give it the topic"}, Peer: "192.0.2.7:50000", Count: 5, Last: time.Now()},
		}},
	}
	var out bytes.Buffer
	if err := printText(&out, rows, 0); err != nil {
		t.Fatal(err)
	}
	_, below, found := strings.Cut(out.String(), "\nnotes\n")
	if !found || !strings.Contains(below, "iot") || !strings.Contains(below, "mqtt.not-allowed") || !strings.Contains(below, "give it the topic") || strings.Contains(below, "icu") {
		t.Errorf("%s", out.String())
	}
	out.Reset()
	if err := printText(&out, rows[:1], 0); err != nil || strings.Contains(out.String(), "notes") {
		t.Errorf("%v %s", err, out.String())
	}
}

// The day work is due next is no page to ask for, and numbers that JSON leaves
// out say nothing here either.
func TestWhatSaysNothing(t *testing.T) {
	var b strings.Builder
	if err := printText(&b, service.OrderEnded{Next: "2027-05-03"}, 0); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if !strings.Contains(text, "next  2027-05-03") || strings.Contains(text, "--after") || strings.Contains(text, "opens") {
		t.Errorf("%s", text)
	}
	b.Reset()
	if err := printText(&b, []service.CareRow{{DeviceName: "a"}, {DeviceName: "b", Order: 7}}, 0); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Split(b.String(), "\n"); strings.HasSuffix(rows[1], "0") || !strings.HasSuffix(rows[2], "7") {
		t.Errorf("%s", b.String())
	}
}

// Who talks to whom says who, to whom.
func TestEndsOfConnections(t *testing.T) {
	var b strings.Builder
	row := service.FlowRow{From: service.FlowEnd{Address: "10.1.0.7", Devices: []service.FlowDevice{{ID: "dev-a"}, {ID: "dev-b"}}, More: 3}, To: service.FlowEnd{Own: "channel/icu"}}
	if err := printText(&b, []service.FlowRow{row}, 0); err != nil || !strings.Contains(b.String(), "10.1.0.7 dev-a, dev-b and 3 more  channel/icu") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
