package web_test

import (
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/register/fact"
	"thalamus/internal/service"
)

// The search of the top bar finds everything that has a name, as far as the
// visitor may; a look at patients is audited, and nothing of it gets into an
// address (R44, R53).
func TestSearch(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	var devices service.List[service.DeviceRow]
	h.Call("device.list", nil, &devices)
	id := string(devices.Rows[0].ID)
	h.Call("fact.set", service.FactSay{Subject: fact.Of(fact.OfDevice, id), Name: "asset", Value: "INV-55812", Reason: "label"}, nil)
	h.Call("label.map", service.MapLabel{Label: "Zorglub puls", Code: "MDC_PULS_RATE", Reason: "manual"}, nil)
	r := signedIn(t, h, "otto", "administrator")
	for text, want := range map[string][]string{
		"vrombaut":          {"Patients", "Vrombaut, Ottokar", `href="/patients/pat-`},
		"inv-55812":         {"Devices", `href="/devices/` + id + `"`},
		"MON-2":             {"Devices", `href="/devices/dev-`},
		"2":                 {"Messages", `href="/messages/2"`},
		"T0002":             {"Messages", `href="/messages/2"`},
		"zorglub":           {"Labels", `href="/mappings/lab-`},
		"ward":              {"Channels, routes and destinations", `href="/channels/ward"`},
		"handshake":         {"Nothing found"},
		"client certific":   {"Settings", `href="/new/`},
		"journ":             {"Pages", `href="/journal"`},
		"<script>alert(1)<": {"Nothing found"},
	} {
		p := r.post("/search", "text", text)
		p.want(t, 200, want...)
		checkPage(t, "search for "+text, p)
		if strings.Contains(p.Request.URL.RawQuery, text) {
			t.Errorf("%s stands in the address", text)
		}
	}
	audited := 0
	for _, one := range h.Audited("patient.search") {
		if one.Actor != "" && strings.Contains(one.ActorName+string(one.Actor), "usr-") {
			audited++
		}
	}
	if audited == 0 {
		t.Error("a search for patients is not audited")
	}
	nobody := signedIn(t, h, "vera", "viewer")
	if p := nobody.post("/search", "text", "journal"); strings.Contains(p.body, "Settings") && strings.Contains(p.body, "/new/channel") {
		t.Error("a viewer is led to a form she may not use")
	}
}
