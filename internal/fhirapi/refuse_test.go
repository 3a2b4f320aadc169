package fhirapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"thalamus/internal/api"
	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/fhirapi"
	"thalamus/internal/service"
)

// Whatever is wrong is told as an OperationOutcome with status, code and place;
// what was submitted is not repeated.
func TestRefusals(t *testing.T) {
	h, id := furnished(t)
	token, _ := h.Token("viewer")
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		method, path, body string
		headers            []string
		status             int
		code, issue        string
	}{
		{"GET", "Device/nobody", "", nil, 404, "fhirapi.absent", "not-found"},
		{"GET", "Device/acc-99", "", nil, 404, "fhirapi.absent", "not-found"},
		{"GET", "DeviceMetric/nobody.1", "", nil, 404, "fhirapi.absent", "not-found"},
		{"GET", "Location/nobody", "", nil, 404, "fhirapi.absent", "not-found"},
		{"GET", "DeviceDefinition/nobody", "", nil, 404, "fhirapi.absent", "not-found"},
		{"GET", "Device/nobody/_history", "", nil, 404, "register.no-device", "not-found"},
		{"GET", "Location/nobody/_history", "", nil, 404, "fhirapi.type", "not-supported"},
		{"GET", "Patient", "", nil, 404, "fhirapi.type", "not-supported"},
		{"GET", "", "", nil, 404, "fhirapi.type", "not-supported"},
		{"PUT", "Device/" + id, "{}", nil, 405, "fhirapi.method", "not-supported"},
		{"POST", "Device", "{}", nil, 405, "fhirapi.method", "not-supported"},
		{"DELETE", "Device/" + id, "", nil, 405, "fhirapi.method", "not-supported"},
		{"GET", "Device", "", []string{"Accept", "application/fhir+xml"}, 406, "fhirapi.format", "not-supported"},
		{"GET", "Device", "", []string{"Accept", "application/fhir+json; fhirVersion=5.0"}, 406, "fhirapi.format", "not-supported"},
		{"GET", "Device", "", []string{"Accept", "application/json;q=0"}, 406, "fhirapi.format", "not-supported"},
		{"GET", "Device?_format=xml", "", nil, 406, "fhirapi.format", "not-supported"},
		{"GET", "metadata?_format=ttl", "", nil, 406, "fhirapi.format", "not-supported"},
		{"GET", "Device?colour=Quillfeather", "", nil, 400, "fhirapi.parameter", "not-supported"},
		{"GET", "Device?manufacturer:below=Quillfeather", "", nil, 400, "fhirapi.parameter", "not-supported"},
		{"GET", "Device?_count=Quillfeather", "", nil, 400, "fhirapi.value", "value"},
		{"GET", "Device?_count=-1", "", nil, 400, "fhirapi.value", "value"},
		{"GET", "Device?_lastUpdated=Quillfeather", "", nil, 400, "fhirapi.value", "value"},
		{"GET", "Device?_lastUpdated=ne2026", "", nil, 400, "fhirapi.value", "value"},
		{"GET", "Device?_sort=owner", "", nil, 400, "fhirapi.value", "value"},
		{"GET", "Device?_include=Device:patient", "", nil, 400, "fhirapi.value", "value"},
		{"GET", "Device?_summary=some", "", nil, 400, "fhirapi.value", "value"},
		{"GET", "Device?identifier=urn:x|", "", nil, 400, "fhirapi.value", "value"},
		{"GET", "Device?location=Ward/1/2", "", nil, 400, "fhirapi.value", "value"},
		{"GET", "Device?_sort=-_lastUpdated&_cursor=x", "", nil, 400, "register.cursor", "invalid"},
		{"GET", "Device?patient:identifier=MRN-774411", "", nil, 400, "fhirapi.private", "invalid"},
		{"GET", "Device?%zz", "", nil, 400, "fhirapi.value", "value"},
		{"GET", "Device?identifier=" + strings.Repeat("x,", 200), "", nil, 400, "fhirapi.value", "value"},
		{"GET", "Device?owner=" + strings.Repeat("x", 20000), "", nil, 413, "fhirapi.large", "too-long"},
		{"POST", "Device/_search", "owner=" + strings.Repeat("x", 80000), []string{"Content-Type", form}, 413, "fhirapi.large", "too-long"},
		{"POST", "Device/_search", "{}", []string{"Content-Type", "application/json"}, 415, "fhirapi.media", "invalid"},
	} {
		a := ask(t, h, token, c.method, "/fhir/"+c.path, c.body, c.headers...)
		name := c.method + " " + c.path[:min(len(c.path), 60)]
		if a.status != c.status || text(a.tree, "resourceType") != "OperationOutcome" || text(a.tree, "issue", 0, "code") != c.issue || text(a.tree, "issue", 0, "details", "coding", 0, "code") != c.code {
			t.Errorf("%s %v: %d %s", name, c.headers, a.status, a.body)
		}
		for _, private := range append(apptest.Private, "colour=") {
			if strings.Contains(string(a.body), private) {
				t.Errorf("%s repeats what was sent: %s", name, a.body)
			}
		}
	}
	if a := ask(t, h, token, "PUT", "/fhir/Device/"+id, "{}"); a.head.Get("Allow") != "GET, HEAD" {
		t.Error(a.head)
	}
	if a := get(t, h, token, "/fhir/Device?colour=red", "Prefer", "handling=lenient"); len(entries(a, "match")) != 2 || len(entries(a, "outcome")) != 1 {
		t.Errorf("lenient: %s", a.body)
	}
	for _, accept := range []string{"*/*", "application/json", "text/html, application/fhir+json;q=0.1", "application/fhir+json; fhirVersion=4.0"} {
		get(t, h, token, "/fhir/Device", "Accept", accept)
	}
	get(t, h, token, "/fhir/Device?_format=application/fhir%2Bjson", "Accept", "text/html")
	if a := ask(t, h, "", "GET", "/fhir/Device", ""); a.status != 401 || a.head.Get("WWW-Authenticate") == "" || text(a.tree, "issue", 0, "code") != "login" {
		t.Errorf("nobody: %d %s", a.status, a.body)
	}
	if a := ask(t, h, "wrong", "GET", "/fhir/Device", ""); a.status != 401 {
		t.Errorf("a wrong token: %d %s", a.status, a.body)
	}
	get(t, h, "", "/fhir/metadata")
}

// stockkeeper may not see who is on a device.
type stockkeeper struct{ *service.Door }

func (stockkeeper) May(name string) bool { return name != "association.get" }

func (s stockkeeper) Call(ctx context.Context, name string, request, response any) error {
	if !s.May(name) {
		return fault.New(fault.Denied, "access.denied", "the stockkeeper may not %s", name)
	}
	return s.Door.Call(ctx, name, request, response)
}

// Who is on a device is seen by those who may, each look is audited, and a
// patient's number stands in no address (R44).
func TestPatients(t *testing.T) {
	h, id := furnished(t)
	viewer, _ := h.Token("viewer")
	looks := func() (n int) {
		for _, r := range h.Audited("association.get") {
			if r.Patient != "" {
				n++
			}
		}
		return n
	}
	before := looks()
	stock := fhirapi.New(fhirapi.Options{Status: api.StatusOf, Authenticate: func(*http.Request) (service.Caller, error) { return stockkeeper{h.Door()}, nil }})
	for path, want := range map[string]string{"/fhir/Device/" + id: `"id":"` + id, "/fhir/Device?patient=pat-x": `"code":"forbidden"`} {
		w := httptest.NewRecorder()
		stock.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if body := w.Body.String(); !strings.Contains(body, want) || strings.Contains(body, `"patient"`) || looks() != before {
			t.Errorf("seen without the permission: %s", body)
		}
	}
	if get(t, h, viewer, "/fhir/Device/"+id+"?_elements=owner"); looks() != before {
		t.Error("audited although nobody was seen")
	}
	if a := get(t, h, viewer, "/fhir/Device/"+id); text(a.tree, "patient", "identifier", "value") != "MRN-774411" || looks() != before+1 {
		t.Errorf("%d looks: %s", looks()-before, a.body)
	}
	const form = "application/x-www-form-urlencoded"
	for body, want := range map[string]int{
		"patient:identifier=" + url.QueryEscape("urn:id:HOSP|MRN-774411"): 1, "patient:identifier=MRN-774411": 1, "patient:identifier=MRN-0": 0, "patient:identifier=MRN-774411&owner=nobody": 0,
	} {
		a := ask(t, h, viewer, "POST", "/fhir/Device/_search", body+"&_elements=owner", "Content-Type", form)
		if got := ids(a, "match"); a.status != 200 || len(got) != want || want == 1 && got[0] != "Device/"+id {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
		if strings.Contains(string(a.body), "MRN-") {
			t.Errorf("a number stands in the links: %s", a.body)
		}
	}
	var who []service.Bearer
	h.Call("association.get", service.BearerAsk{Number: "MRN-774411^^^HOSP"}, &who)
	if len(who) != 1 || len(ids(get(t, h, viewer, "/fhir/Device?patient=Patient/"+string(who[0].Patient)), "match")) != 1 {
		t.Errorf("%v", who)
	}
	h.Stop()
	for _, private := range apptest.Private {
		if strings.Contains(h.Log.String(), private) {
			t.Errorf("the log holds %q", private)
		}
	}
}
