package web_test

import (
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/service"
)

// Plans and contracts are made and changed by forms; who was overtaken sees
// what the other changed, and keeps what was typed (R31, R53).
func TestPlanForms(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	var devices service.List[service.DeviceRow]
	h.Call("device.list", nil, &devices)
	device := string(devices.Rows[0].ID)
	r := signedIn(t, h, "egon", "engineer")

	r.get("/plans").want(t, 200, "There is no plan", `href="/plans/new"`)
	r.post("/plans/new/keep", "name", "Yearly", "kind", "preventive", "months", "twelve", "reason", "new").want(t, 422, "whole number", `value="Yearly"`)
	p := r.post("/plans/new/keep", "name", "Yearly check", "kind", "preventive", "every", "months", "months", "12", "devices", device, "measure-0", "Leakage", "unit-0", "uA", "max-0", "500", "measure-1", "", "steps", "Look\nClean", "reason", "new")
	if to := p.Header.Get("Location"); p.StatusCode != 303 || to != "/plans/yearly-check" {
		t.Fatalf("%d to %s: %s", p.StatusCode, to, p.body)
	}
	page := r.get("/plans/yearly-check")
	page.want(t, 200, `value="Yearly check"`, `value="12"`, `value="Leakage"`, "Look\nClean", `name="version" value="1"`)
	r.post("/plans/yearly-check/keep", "version", "1", "name", "Yearly check", "kind", "preventive", "every", "months", "months", "6", "devices", device, "reason", "twice a year")
	late := r.post("/plans/yearly-check/keep", "version", "1", "name", "My own name", "kind", "preventive", "every", "months", "months", "12", "devices", device, "reason", "other")
	late.want(t, 422, "Meanwhile", "egon", "months", `value="My own name"`, "Keep mine", `name="version" value="2"`)

	r.post("/contracts/new/keep", "name", "Full service", "supplier", "Acme", "until", "2099-12-31", "covers", "preventive", "devices", device, "reason", "new")
	r.get("/contracts/full-service").want(t, 200, `value="Acme"`, `value="2099-12-31"`)
	r.post("/contracts/full-service/remove", "version", "1", "reason", "ended")
	r.get("/plans").want(t, 200, "There is no contract", "Yearly check")
}

// Accessories come and go with a way back; a device that keeps records leaves
// only with the proof that they are gone.
func TestAccessoriesAndDisposal(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	var devices service.List[service.DeviceRow]
	h.Call("device.list", nil, &devices)
	device := string(devices.Rows[0].ID)
	r := signedIn(t, h, "egon", "engineer")
	r.get("/accessories?device="+device).want(t, 200, "Nothing belongs to it yet")
	r.follow(r.post("/accessories/add", "device", device, "name", "NIBP cuff", "lot", "2291", "count", "2", "consumable", "1")).want(t, 200, "NIBP cuff", "2291", "It is added.", "/changes/undo")
	r.follow(r.post("/accessories/remove", "device", device, "id", "1")).want(t, 200, "Nothing belongs to it yet", "It is taken away.", "/changes/undo")

	h.Call("fact.set", service.FactSay{Subject: service.FactSubject("device/" + device), Name: "holds", Value: "personal", Reason: "test"}, nil)
	r.get("/dispose?device="+device).want(t, 200, "without the proof it cannot be disposed of")
	r.post("/dispose/do", "device", device, "reason", "old").want(t, 422, "give the proof", `name="wipedBy"`)
	proven := []string{"device", device, "reason", "old", "wipedBy", "J. Ott", "wipedHow", "shredded", "wipedOn", "2026-11-20", "document", "DOC-771"}
	r.post("/dispose/do", proven...).want(t, 422, "is in use", `name="force"`)
	p := r.post("/dispose/do", append(proven, "force", "1")...)
	if !strings.HasPrefix(p.Header.Get("Location"), "/orders/") {
		t.Fatalf("%d to %s", p.StatusCode, p.Header.Get("Location"))
	}
	r.follow(p).want(t, 200, "J. Ott", "DOC-771")
}
