package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/sim/fhirserver"
)

// R21 on the running program: what is no longer on the list of a device, which
// its profile calls complete, has ended, in the list of alerts, in its history,
// after a restart, and at the destinations; a device that falls silent has
// ended nothing.
func TestAlertsOfACompleteList(t *testing.T) {
	ehr, err := fhirserver.Listen(fhirserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ehr.Close()
	h := apptest.Start(t)
	h.Furnish()
	// The route of alarms asks for their codes: the end has the alarm's.
	h.Call("config.apply", service.ConfigText{Name: "ehr.yaml", Reason: "test", Text: strings.Replace(h.Ward(), "routes:", fmt.Sprintf("  - id: ehr\n    kind: fhir\n    settings: {base_url: %q}\nroutes:\n  - id: alarms\n    codes: [MDC_EVT_LEAD_OFF]\n    destinations: [ehr]", ehr.URL()), 1)}, nil)
	h.Call("profile.put", service.PutProfile{Reason: "test", Files: map[string]string{
		"profile.yaml": "profile: acme/listing\nversion: 1\ntitle: made for a test\ncodec: hl7v2\napplies_to: {sender: LISTS}\nevidence: [{document: this test}]\nalert_table: alarms.csv\n" +
			"alerts:\n  - {when: label == \"ALARM\", label: value, complete: '$.observations[?(@.label == \"ALARMS\")]'}\n",
		"alarms.csv": "label;code;priority\nE7;MDC_EVT_LEAD_OFF;medium\nE8;;low\n"}}, nil)
	h.Sender = "LISTS"
	start := time.Now().Add(-10 * time.Minute)
	send := func(minute int, alarms ...string) {
		t.Helper()
		at := start.Add(time.Duration(minute)*time.Minute).UTC().Format("20060102150405") + "+0000"
		h.Header = at
		const unit = "||||V1^^V1^EUI-64"
		text := "PID|1||MRN-774411^^^HOSP^MR||Quillfeather^Zyxanda||19470603|F\rPV1|1|I|ICU^2^23\rOBR|1|||STATE|||" + at + "\r" +
			fmt.Sprintf("OBX|1|NM|ALARMS||%d||||||F|||%s%s", len(alarms), at, unit)
		for i, a := range alarms {
			text += fmt.Sprintf("\rOBX|%d|ST|ALARM||%s||||||F|||%s%s", i+2, a, at, unit)
		}
		h.Send("ORU^R01^ORU_R01", text)
	}
	active := func() string {
		t.Helper()
		var rows []service.AlertRow
		h.Call("alert.list", service.AlertAsk{Active: true}, &rows)
		var out []string
		for _, r := range rows {
			out = append(out, r.Alert.Received.Code)
		}
		return strings.Join(out, " ")
	}
	send(1, "E7")
	if got := active(); got != "E7" {
		t.Fatalf("active: %q", got)
	}
	send(2, "E7", "E8")
	send(3, "E8")
	if got := active(); got != "E8" {
		t.Errorf("active: %q", got)
	}
	var rows []service.AlertRow
	h.Call("alert.list", service.AlertAsk{}, &rows)
	var over *service.AlertRow
	for i := range rows {
		if rows[i].Alert.Received.Code == "E7" {
			over = &rows[i]
		}
	}
	if over == nil || over.Stage != model.AlertEnded || !over.Ended.Equal(start.Add(3*time.Minute).Truncate(time.Second)) {
		t.Fatalf("%+v", over)
	}
	h.Until("the EHR knows that it ended", func() bool { return ended(observations(t, ehr.URL())) == 1 })
	h.Again()
	h.Recorded()
	var one service.AlertRow
	h.Call("alert.show", service.ID{ID: over.Key}, &one)
	if n := len(one.Steps); one.Active || n == 0 || !one.Steps[n-1].Vanished {
		t.Errorf("after a restart: %+v", one)
	}
	// Silence ends nothing.
	h.App.Service().Now = func() time.Time { return time.Now().Add(time.Hour) }
	var lost []service.AlertRow
	h.Call("alert.list", service.AlertAsk{Lost: true}, &lost)
	if len(lost) != 1 || lost[0].Alert.Received.Code != "E8" || !lost[0].Active || !lost[0].Ended.IsZero() {
		t.Errorf("lost: %+v", lost)
	}
	h.App.Service().Now = nil
	send(5)
	if got := active(); got != "" {
		t.Errorf("an empty list left %q active", got)
	}
}
