package fhirapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/service"
)

// answer is what the server said.
type answer struct {
	status int
	head   http.Header
	body   []byte
	tree   map[string]any
}

// ask sends a request; headers are name, value, name, value.
func ask(t testing.TB, h *apptest.House, token, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, h.App.ConsoleURL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got, err := h.HTTP().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	a := answer{status: got.StatusCode, head: got.Header}
	if a.body, err = io.ReadAll(got.Body); err != nil {
		t.Fatal(err)
	}
	if len(a.body) > 0 {
		if err := json.Unmarshal(a.body, &a.tree); err != nil {
			t.Fatalf("%s %s: no JSON: %v\n%.500s", method, path, err, a.body)
		}
	}
	return a
}

// get reads and expects 200.
func get(t testing.TB, h *apptest.House, token, path string, headers ...string) answer {
	t.Helper()
	a := ask(t, h, token, "GET", path, "", headers...)
	if a.status != 200 || !strings.HasPrefix(a.head.Get("Content-Type"), "application/fhir+json") {
		t.Fatalf("%s: %d %s\n%.800s", path, a.status, a.head.Get("Content-Type"), a.body)
	}
	return a
}

// at follows a path of names and numbers into a tree.
func at(tree any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := tree.(map[string]any)
			tree = m[p]
		case int:
			l, _ := tree.([]any)
			if p >= len(l) {
				return nil
			}
			tree = l[p]
		}
	}
	return tree
}

// text is at as a text.
func text(tree any, path ...any) string { s, _ := at(tree, path...).(string); return s }

// entries are the resources of a bundle by the mode of their finding.
func entries(a answer, mode string) (out []map[string]any) {
	list, _ := a.tree["entry"].([]any)
	for _, e := range list {
		if text(e, "search", "mode") == mode || a.tree["type"] == "history" {
			out = append(out, at(e, "resource").(map[string]any))
		}
	}
	return out
}

// ids of the resources found.
func ids(a answer, mode string) (out []string) {
	for _, r := range entries(a, mode) {
		out = append(out, text(r, "resourceType")+"/"+text(r, "id"))
	}
	return out
}

// next is the path of the next page.
func next(t testing.TB, a answer) string {
	links, _ := a.tree["link"].([]any)
	for _, l := range links {
		if text(l, "relation") == "next" {
			u, err := url.Parse(text(l, "url"))
			if err != nil {
				t.Fatal(err)
			}
			return u.RequestURI()
		}
	}
	return ""
}

const (
	gtin = "09506000134352"
	tag  = "(01)09506000134352(11)250131(10)LOT7(21)SN-4711"
)

// furnished is a house with a ward whose first monitor people described.
func furnished(t testing.TB) (h *apptest.House, device string) {
	t.Helper()
	h = apptest.Start(t)
	h.Furnish()
	var found service.List[service.DeviceRow]
	h.Call("device.list", service.DeviceAsk{Text: "MON-1"}, &found)
	if len(found.Rows) != 1 {
		t.Fatalf("%d devices", len(found.Rows))
	}
	id := found.Rows[0].ID
	about := fact.Of(fact.OfDevice, string(id))
	h.Call("device.adopt", service.DeviceAct{ID: id}, nil)
	h.Call("device.assert", service.DeviceAssert{DeviceAct: service.DeviceAct{ID: id}, Name: "Monitor 7", Place: "ICU^2^23^HOSP", Note: "at the window"}, nil)
	for name, value := range map[string]string{
		"manufacturer": "Acme Medical", "model": "VM-200", "serial": "SN-4711", "udi": tag, "asset": "A-100", "release": "2.4.1", "hardware": "C", "system": "Linux 6.1", "owner": "Intensive care", "risk": "high", "mac": "00:11:22:33:44:55",
	} {
		h.Call("fact.set", service.FactSay{Subject: about, Name: name, Value: value}, nil)
	}
	model := register.ModelID("Acme Medical", "VM-200")
	for name, value := range map[string]string{"udi-di": gtin, "emdn": "Z1203020401", "gmdn": "33586", "class": "IIb", "support-until": "2031-12-31"} {
		h.Call("fact.set", service.FactSay{Subject: fact.Of(fact.OfModel, model), Name: name, Value: value}, nil)
	}
	h.Call("accessory.add", service.AccessoryNew{Device: id, Name: "ECG cable", Number: "EC-5", Lot: "L1"}, nil)
	return h, string(id)
}
