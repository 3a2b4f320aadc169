package web_test

import (
	"encoding/json"
	"html"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/service"
)

// Every page about one thing tells who changed it and shows it as the API
// gives it; what is raw is what the API answers (R53).
func TestTabs(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	h.Call("channel.disable", service.Remove{ID: "ward", Reason: "the cable is changed"}, nil)
	h.Call("channel.enable", service.Remove{ID: "ward", Reason: "it is"}, nil)
	var devices service.List[service.DeviceRow]
	h.Call("device.list", nil, &devices)
	var found []patients.Patient
	h.Call("patient.search", service.PatientAsk{Text: "quillfeather"}, &found)
	var profiles []service.ProfileRow
	h.Call("profile.list", nil, &profiles)
	profile := string(profiles[0].ID)

	p := r.get("/channels/ward?tab=history")
	p.want(t, 200, "the cable is changed", "Closed", "disabled: – → true", "version 1", `href="/channels/ward?tab=raw"`)
	checkPage(t, "/channels/ward?tab=history", p)
	if strings.Contains(p.body, "Bring back") {
		t.Error("a viewer is offered to bring a version back")
	}
	signedIn(t, h, "emil", "engineer").get("/channels/ward?tab=history").want(t, 200, `href="/channels/ward/edit?from=1"`)
	r.get("/channels/ward?tab=history&after=x").want(t, 400, "web.place")
	if p := r.get("/plans/new?tab=raw"); strings.Contains(p.body, `class="tabs`) {
		t.Error("what is only being made has tabs")
	}

	for path, says := range map[string]string{
		"/channels/ward":                                       "POST /api/v1/channel/get {\"id\":\"ward\"}",
		"/devices/" + string(devices.Rows[0].ID):               "thalamus device get " + string(devices.Rows[0].ID),
		"/patients/" + string(found[0].ID):                     "thalamus patient get " + string(found[0].ID),
		"/messages/2":                                          "thalamus message get 2",
		"/profiles/" + strings.ReplaceAll(profile, "/", "%2F"): "thalamus profile get " + profile,
	} {
		raw := r.get(path + "?tab=raw")
		raw.want(t, 200, html.EscapeString(says), "Download as JSON")
		checkPage(t, path+"?tab=raw", raw)
		file := r.get(path + "?tab=raw&as=json")
		if !json.Valid([]byte(file.body)) || file.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(file.Header.Get("Content-Disposition"), "attachment; filename=") {
			t.Errorf("%s: %v %.200s", path, file.Header, file.body)
		}
		history := r.get(path + "?tab=history")
		history.want(t, 200, "Who changed what")
		checkPage(t, path+"?tab=history", history)
	}

	var got, want service.Versioned[model.Channel]
	if err := json.Unmarshal([]byte(r.get("/channels/ward?tab=raw&as=json").body), &got); err != nil {
		t.Fatal(err)
	}
	h.Call("channel.get", service.ID{ID: "ward"}, &want)
	if got.Version != want.Version || got.Value.Driver != want.Value.Driver {
		t.Errorf("%+v, want %+v", got, want)
	}
	if n := len(h.Audited("patient.history")); n != 1 {
		t.Errorf("%d looks at the changes of a patient are in the audit", n)
	}
}

// What other programs are made with is found where people look for it: beside
// their name, with their tokens, and beside each thing's raw form.
func TestForPrograms(t *testing.T) {
	h := apptest.Start(t)
	r := signedIn(t, h, "otto", "administrator")
	for path, says := range map[string]string{"/api/openapi.json": `"openapi"`, "/fhir/metadata": `"CapabilityStatement"`} {
		r.get("/tokens").want(t, 200, `href="`+path+`"`)
		r.get("/").want(t, 200, `href="`+path+`"`)
		r.get(path).want(t, 200, says)
	}
}
