package web_test

import (
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/service"
)

// R12: a text that breaks the cases that the house keeps shows them, and comes
// into force only with a word more, which the audit keeps.
func TestProfileDespiteCases(t *testing.T) {
	h := apptest.Start(t)
	text := func(version, more string) string {
		return "profile: acme/kept\nversion: " + version + "\ntitle: made for a test\ncodec: json\napplies_to: {channel: kept}\nevidence: [{document: this test}]\nobserve: [{code: MDC_ECG_HEART_RATE, value: hr, unit: '\"/min\"'" + more + "}]\n"
	}
	h.Call("profile.put", service.PutProfile{Reason: "test", Files: map[string]string{"profile.yaml": text("1", ""),
		"cases/one/input.json": `{"hr": 72}`, "cases/one/expected.jsonl": `{"field":"hr","code":"MDC_ECG_HEART_RATE","value":"72","unit":"/min"}` + "\n"}}, nil)
	r := signedIn(t, h, "ines", "administrator")
	form := func(more string, pairs ...string) []string {
		return append([]string{"id", "acme-kept", "name", "acme/kept", "file", "profile.yaml", "profile", text("2", more)}, pairs...)
	}
	const breaks = ", simulated: 'true'"
	p := r.post("/profiles/try", form(breaks)...)
	p.want(t, 200, "0 of 1", "1 line differs", `name="despite"`)
	checkPage(t, "/profiles/try", p)
	if p := r.post("/profiles/try", form("")...); strings.Contains(p.body, `name="despite"`) {
		t.Error("a text that breaks no case can be brought in force despite them")
	}
	p = r.post("/profiles/put", form(breaks, "reason", "demo ward")...)
	p.want(t, 422, "not as expected", "1 line differs", `name="despite"`, "demo ward", "simulated")
	checkPage(t, "/profiles/put", p)
	r.get("/profiles/acme-kept").want(t, 200, "@1", "1 of 1")
	r.post("/profiles/put", form(breaks, "despite", "1")...).want(t, 422, "say why")
	r.follow(r.post("/profiles/put", form(breaks, "despite", "1", "reason", "demo ward")...)).want(t, 200, "Version 2 is in force.", "0 of 1")
	r.get("/audit?action=profile.put").want(t, 200, "profile acme/kept@2, although its cases differ", "demo ward")
}
