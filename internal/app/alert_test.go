package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/sim/fhirserver"
)

// alarm is one report of an alert of a pump, seconds after start by its clock.
type alarm struct {
	id, parent            string
	after                 int
	phase, state          string
	muted, priority, text string
}

func (a alarm) segments(start time.Time) string {
	at := start.Add(time.Duration(a.after)*time.Second).UTC().Format("20060102150405") + "+0000"
	parent := ""
	if a.parent != "" {
		parent = "^" + a.parent
	}
	const eq = "0009FB0000000AAA^^0009FB0000000AAA^EUI-64"
	out := "PID|1||MRN-774411^^^HOSP^MR||Quillfeather^Zyxanda||19470603|F\rPV1|1|I|ICU^2^23\r" +
		"OBR|1||" + a.id + "|196616^MDC_EVT_ALARM^MDC|||" + at + strings.Repeat("|", 22) + parent + "\r" +
		"OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.0.0.0.1|196670^MDC_EVT_LO^MDC||||||R|||" + at + "||||" + eq + "\r"
	n := 2
	for _, f := range [...]struct{ code, value string }{
		{"68481^MDC_ATTR_EVENT_PHASE^MDC", a.phase}, {"68482^MDC_ATTR_ALARM_STATE^MDC", a.state},
		{"68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC", a.muted}, {"68484^MDC_ATTR_ALARM_PRIORITY^MDC", a.priority}, {"68546^MDC_ATTR_ALERT_TEXT^MDC", a.text},
	} {
		if f.value != "" {
			out += fmt.Sprintf("OBX|%d|ST|%s|1.0.0.0.%d|%s||||||R|||%s||||%s\r", n, f.code, n, f.value, at, eq)
		}
		n++
	}
	return strings.TrimSuffix(out, "\r")
}

// R21 on the running program: one life of an alert from its reports in any
// order, in the list, in its history, and in one FHIR Observation; a restart
// changes nothing; a silent source is said, and its alert never said to have
// ended.
func TestAlerts(t *testing.T) {
	ehr, err := fhirserver.Listen(fhirserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ehr.Close()
	h := apptest.Start(t)
	h.Furnish()
	h.Call("config.apply", service.ConfigText{Name: "ehr.yaml", Reason: "test", Text: strings.Replace(strings.Replace(h.Ward(), "routes:", fmt.Sprintf("  - id: ehr\n    kind: fhir\n    settings: {base_url: %q}\nroutes:", ehr.URL()), 1), "[archive]", "[archive, ehr]", 1)}, nil)
	start := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	send := func(a alarm) { t.Helper(); h.Send("ORU^R40^ORU_R40", a.segments(start)) }
	send(alarm{id: "al-1", phase: "start", state: "active", muted: "enabled", priority: "PM", text: "SpO2 low"})
	send(alarm{id: "al-2", parent: "al-1", after: 60, phase: "escalate", state: "active", muted: "audio-paused", priority: "PH"})
	// Whatever else the device reports is another alert.
	send(alarm{id: "al-9", after: 61, phase: "start", state: "active", priority: "PL", text: "Battery low"})

	var rows []service.AlertRow
	list := func(r service.AlertAsk) []service.AlertRow {
		t.Helper()
		rows = nil
		h.Call("alert.list", r, &rows)
		return rows
	}
	if got := list(service.AlertAsk{Active: true}); len(got) != 2 {
		t.Fatalf("%d active alerts: %+v", len(got), got)
	}
	first := list(service.AlertAsk{Priority: "high"})
	if len(first) != 1 || first[0].Alert.Text != "SpO2 low" || first[0].Alert.Muted != "audio-paused" || first[0].Place == "" || first[0].Lost {
		t.Fatalf("high: %+v", first)
	}
	if got := list(service.AlertAsk{Muted: true, Place: "ICU"}); len(got) != 1 || len(list(service.AlertAsk{Place: "OR"})) != 0 {
		t.Errorf("filters: %+v", got)
	}
	key := first[0].Key

	// The end comes before a report that is older than it.
	send(alarm{id: "al-4", parent: "al-1", after: 180, phase: "end", state: "inactive", priority: "PH"})
	send(alarm{id: "al-3", parent: "al-1", after: 120, phase: "update", state: "latched", priority: "PH"})
	var one service.AlertRow
	show := func() string {
		t.Helper()
		one = service.AlertRow{}
		h.Call("alert.show", service.ID{ID: key}, &one)
		var steps []string
		for _, s := range one.Steps {
			steps = append(steps, s.What)
		}
		return one.Stage + ": " + strings.Join(steps, " ")
	}
	const life = "ended: start escalate mute end late"
	if got := show(); got != life || one.Events != 4 || !one.Ended.Equal(start.Add(3*time.Minute)) || !one.Started.Equal(start) {
		t.Errorf("%s, %d reports, %v to %v; want %s", got, one.Events, one.Started, one.Ended, life)
	}
	if n := len(list(service.AlertAsk{Active: true})); n != 1 {
		t.Errorf("%d alerts without an end", n)
	}

	// One Observation, whatever came.
	h.Until("the EHR has all of it", func() bool { return len(observations(t, ehr.URL())) == 2 && ended(observations(t, ehr.URL())) == 1 })

	h.Again()
	h.Recorded()
	if got := show(); got != life {
		t.Errorf("after a restart: %s", got)
	}
	if n := len(list(service.AlertAsk{Active: true})); n != 1 {
		t.Errorf("after a restart %d alerts without an end", n)
	}

	// An hour later nothing was heard: lost, not ended.
	h.App.Service().Now = func() time.Time { return time.Now().Add(time.Hour) }
	lost := list(service.AlertAsk{Lost: true})
	if len(lost) != 1 || !lost[0].Active || lost[0].SilentSince.IsZero() || !lost[0].Ended.IsZero() {
		t.Errorf("lost: %+v", lost)
	}
	var sources []service.AlarmSource
	h.Call("alert.sources", service.SourceAsk{Silent: true}, &sources)
	if len(sources) != 1 || sources[0].Active != 1 || !sources[0].IsSilent {
		t.Errorf("silent sources: %+v", sources)
	}
	var issues []service.IssueGroup
	h.Call("issue.list", service.IssueAsk{Code: "alert.source-silent"}, &issues)
	if len(issues) != 1 || issues[0].Severity != model.Error || issues[0].Count != 1 {
		t.Errorf("issues: %+v", issues)
	}
	if h.Door().Call(context.Background(), "alert.show", service.ID{ID: "1.0-ffff"}, nil) == nil {
		t.Error("an alert that there is not was shown")
	}
	// What went out as NDJSON says which life each report is part of.
	if n := lives(t, h.Out); n != 2 {
		t.Errorf("%d lives in the file destination", n)
	}
}

// observations gives the alerts that a FHIR server holds.
func observations(t *testing.T, base string) (status []string) {
	t.Helper()
	res, err := http.Get(base + "/Observation?_count=1000")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Entry []struct {
			Resource struct {
				Status   string                  `json:"status"`
				Category []struct{ Text string } `json:"category"`
			} `json:"resource"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(body, &found); err != nil {
		t.Fatal(err)
	}
	for _, e := range found.Entry {
		if c := e.Resource.Category; len(c) > 0 && c[0].Text == "Device alert" {
			status = append(status, e.Resource.Status)
		}
	}
	return status
}

func ended(status []string) (n int) {
	for _, s := range status {
		if s == "final" {
			n++
		}
	}
	return n
}

// lives counts the lives that the lines of a file destination name.
func lives(t *testing.T, folder string) int {
	t.Helper()
	all := map[model.MessageRef]bool{}
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(text), "\n") {
			var m model.Message
			if json.Unmarshal([]byte(line), &m) == nil {
				for _, a := range m.Alerts {
					all[a.Life.First] = true
				}
			}
		}
	}
	return len(all)
}
