package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// A channel is made, changed, closed, opened and removed through forms that
// need no script; what is wrong stands at its field and what was typed stays.
func TestChannelForms(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "erna", "engineer")
	r.get("/new/channel?driver=mllp").want(t, 200, `name="value.settings.listen"`, "address and TCP port to listen on")
	fields := []string{"value.driver", "mllp", "value.codec", "hl7v2", "value.id", "second", "value.unknown", "accept", "reason", "new ward"}
	r.post("/new/channel", append(fields, "value.settings.listen", "nonsense")...).want(t, 422, `value="nonsense"`, `aria-invalid="true"`, `id="f-value.settings.listen-wrong"`, `value="new ward"`)
	r.post("/new/channel", append(fields, "value.id", "bad id", "value.settings.listen", "127.0.0.1:0")...).want(t, 422, `id="f-value.id-wrong"`)
	r.post("/new/channel", append(fields, "value.id", "ward", "value.settings.listen", "127.0.0.1:0")...).want(t, 422, "this id is taken")
	p := r.follow(r.post("/new/channel", append(fields, "value.settings.listen", "127.0.0.1:0", "value.settings.max_frame", "1048576", "value.settings.tls.enabled", "false")...))
	p.want(t, 200, "The channel second is in force.", "max_frame", "1048576", "Listening")

	form := r.get("/channels/second/edit")
	form.want(t, 200, `value="1048576"`, `name="version" value="1"`)
	edit := []string{"value.driver", "mllp", "value.codec", "hl7v2", "version", "1", "reason", "named", "value.name", "Beds", "value.settings.listen", "127.0.0.1:0"}
	r.follow(r.post("/channels/second/edit", edit...)).want(t, 200, "Beds")
	r.get("/channels/second?tab=history").want(t, 200, "name: – → Beds", "settings.max_frame: 1048576 → –", "version 2", `href="/channels/second/edit?from=1"`)
	r.post("/channels/second/edit", edit...).want(t, 422, "somebody changed it meanwhile", `value="Beds"`)
	r.get("/channels/second/edit?from=1").want(t, 200, `value="1048576"`, `name="version" value="2"`)

	p = r.follow(r.post("/channels/second/disable", "reason", "painting"))
	p.want(t, 200, "Disabled", `action="/channels/second/enable"`, "Undo")
	r.follow(r.post("/channels/second/enable", "reason", "painted")).want(t, 200, "Listening")
	r.post("/channels/second/remove", "reason", "").want(t, 303)
	r.get("/channels/second").want(t, 404)
	if a := h.Audited("channel.disable")[0]; a.Reason != "painting" || a.Object != "channel second" || a.ActorName != "erna" {
		t.Errorf("%+v", a)
	}
}

// A destination's secret leaves the server on no page and stays when its field
// is left empty.
func TestDestinationSecretStays(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "erna", "engineer")
	const secret = "s3cr3t-of-the-ehr"
	r.get("/new/destination").want(t, 200, "/new/destination?kind=fhir")
	fields := []string{"value.kind", "fhir", "reason", "r", "value.settings.base_url", "http://127.0.0.1:1/fhir", "value.settings.auth", "bearer", "value.settings.check", "false", "value.settings.systems", "HOSP = urn:oid:1.2.3"}
	p := r.post("/new/destination", append(fields, "value.id", "ehr", "value.settings.token", secret, "value.delivery.max_attempts", "many")...)
	p.want(t, 422, "expected a whole number", `id="f-value.delivery.max_attempts-wrong"`)
	p = r.follow(r.post("/new/destination", append(fields, "value.id", "ehr", "value.settings.token", secret, "value.delivery.max_attempts", "3")...))
	p.want(t, 200, "(secret)", "HOSP = urn:oid:1.2.3", "3 failures")
	r.follow(r.post("/destinations/ehr/edit", append(fields, "version", "1", "value.name", "The EHR", "value.settings.token", "")...)).want(t, 200, "The EHR")
	rows := h.App.Service().Store
	text, err := rows.Governed(t.Context(), "destination", "ehr")
	if err != nil || !strings.Contains(string(text.Body), secret) {
		t.Errorf("the secret is gone: %s %v", text.Body, err)
	}
	for _, path := range []string{"/destinations/ehr", "/destinations/ehr/edit", "/configuration", "/destinations"} {
		if strings.Contains(r.get(path).body, secret) {
			t.Errorf("%s shows the secret", path)
		}
	}
	r.post("/destinations/archive/remove", "reason", "x").want(t, 422, "the route all names this destination")
	r.follow(r.post("/destinations/ehr/pause", "reason", "upgrade")).want(t, 200, "Paused", `action="/destinations/ehr/resume"`)
	r.follow(r.post("/routes/all/edit", "value.destinations", "archive", "value.types", "ORU, ADT^A01", "value.simulated", "1", "reason", "less")).want(t, 200, "ORU, ADT^A01", "pass too")
	r.post("/routes/all/edit", "value.types", "ORU", "reason", "less").want(t, 422, "at least one destination", `value="ORU"`)
}

// A text is compared before anything changes, and what is wrong is shown with
// its line.
func TestConfigurationText(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "erna", "engineer")
	r.get("/configuration").want(t, 200, "Bedside devices", "Compare")
	p := r.get("/configuration/thalamus.yaml")
	p.want(t, 200, "channels:")
	if !strings.HasPrefix(p.Header.Get("Content-Disposition"), "attachment") {
		t.Error(p.Header)
	}
	r.post("/configuration/compare", "text", "").want(t, 422, "paste a text or choose a file")
	wrong := strings.Replace(h.Ward(), "    driver: mllp", "    driver: mllp\n    colour: blue", 1)
	r.post("/configuration/compare", "text", wrong).want(t, 422, "text:5", "colour: blue", `class="lit"`)
	good := strings.Replace(h.Ward(), "Bedside devices", "Beds", 1)
	r.post("/configuration/compare", "text", good).want(t, 200, "1 change", "Bedside devices", "Beds", `action="/configuration/apply"`)
	if h.App.Service() == nil || len(h.Audited("config.apply")) != 1 {
		t.Error("comparing changed something")
	}
	r.post("/configuration/apply", "text", good, "base", "another", "reason", "shorter").want(t, 422, "was changed since this text was made")
	r.follow(r.post("/configuration/apply", "text", good, "reason", "shorter")).want(t, 200, "The text is in force: 1 change.", "name: Beds")
	r.post("/configuration/compare", "text", good).want(t, 200, "No difference")
}

// Dead letters are settled together with a reason; a replay counts first.
func TestLettersAndReplays(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	h.Errands() // a destination that refuses, and three dead letters
	r := signedIn(t, h, "otto", "operator")
	p := r.get("/dead-letters?destination=his")
	p.want(t, 200, "3 deliveries were given up", "Try again", `name="back" value="/dead-letters?destination=his"`)
	ids := regexp.MustCompile(`name="id" value="(\d+)"`).FindAllStringSubmatch(p.body, -1)
	if len(ids) != 3 {
		t.Fatal(ids)
	}
	r.get("/dead-letters?destination=archive").want(t, 200, "No dead letter is like that")
	r.post("/dead-letters/discard", "reason", "x", "back", "/dead-letters").want(t, 422, "tick the letters")
	r.post("/dead-letters/discard", "id", ids[0][1], "reason", "", "back", "/dead-letters").want(t, 422, "say why", fmt.Sprintf(`value="%s" checked`, ids[0][1]))
	p = r.post("/dead-letters/discard", "id", ids[0][1], "reason", "entered by hand", "back", "/dead-letters?destination=his")
	if p.Header.Get("Location") != "/dead-letters?destination=his" {
		t.Error(p.Header)
	}
	r.follow(p).want(t, 200, "1 letter is set aside.", "2 deliveries were given up")
	r.follow(r.post("/dead-letters/retry", "all", "1", "listed", ids[1][1], "reason", "receiver repaired")).want(t, 200, "1 letter is tried again.")
	if a := h.Audited("deadletter.discard")[0]; a.Reason != "entered by hand" || a.Object != "deadletter "+ids[0][1] {
		t.Errorf("%+v", a)
	}

	r.post("/replays/count", "from", "").want(t, 422, "say from when")
	r.post("/replays/count", "from", "soonish").want(t, 422, "expected a time", `value="soonish"`)
	r.post("/replays/count", "from", "-1h", "until", "-2h").want(t, 422, "not after the beginning")
	p = r.post("/replays/count", "from", "-1h", "destination", "archive")
	p.want(t, 200, "4 messages would be sent again.", `formaction="/replays/start"`, `value="archive" checked`)
	r.post("/replays/start", "from", "-1h", "destination", "archive", "reason", "").want(t, 422, "say why")
	r.follow(r.post("/replays/start", "from", "-1h", "destination", "archive", "reason", "restored")).want(t, 200, "has begun", "restored", "archive")
}

// The audit is filtered in its address and verified; the journal is checked;
// accounts and tokens are made, and their secrets shown once.
func TestOversight(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "ada", "administrator")
	r.get("/audit?action=config.").want(t, 200, "config.apply", "config ward.yaml")
	if strings.Contains(r.get("/audit?action=channel.").body, "config.apply") {
		t.Error("the filter lets others through")
	}
	r.get("/audit?from=soonish").want(t, 200, "expected a time")
	r.get("/audit?outcome=failed&action=nothing.").want(t, 200, "No record is like that")
	r.post("/audit/verify").want(t, 200, "The audit is whole")

	r.get("/journal").want(t, 200, "Segments", "Being written")
	r.follow(r.post("/journal/check")).want(t, 200, "The check has begun.")
	h.Until("the journal is checked", func() bool { return strings.Contains(r.get("/journal").body, "Checked and whole: 4 entries.") })
	r.follow(r.post("/journal/segments/1/hold", "reason", "incident 2026-17")).want(t, 200, "Held", "incident 2026-17")
	r.post("/journal/redact", "seq", "1", "sure", "1", "reason", "x").want(t, 422, "held")
	r.follow(r.post("/journal/segments/1/release", "reason", "closed")).want(t, 200, "no longer held")
	r.post("/journal/redact", "seq", "1", "sure", "2", "reason", "x").want(t, 422, "type it twice")
	r.follow(r.post("/journal/redact", "seq", "1", "sure", "1", "reason", "request 12")).want(t, 200, "The bytes of entry 1 are gone")

	r.post("/people/add", "name", "nele", "reason", "new").want(t, 422, "choose at least one role", `value="nele"`)
	r.post("/people/add", "name", "nele", "roles", "viewer", "password", "short", "again", "short", "reason", "new").want(t, 422, `id="f-password-wrong"`)
	p := r.post("/people/add", "name", "nele", "roles", "viewer", "password", apptest.Password, "again", apptest.Password, "reason", "new")
	path := p.Header.Get("Location")
	if p = r.follow(p); strings.Contains(p.body, apptest.Password) {
		t.Error("the page shows the password")
	}
	p = r.post(path+"/link", "reason", "forgot it")
	p.want(t, 200, "signs in once", "https://", "/sign-in#")
	link := regexp.MustCompile(`/sign-in#([A-Za-z0-9_-]+)`).FindStringSubmatch(p.body)[1]
	if strings.Contains(r.get(path).body, link) || strings.Contains(p.Request.URL.String(), link) {
		t.Error("the link is shown again")
	}
	r.follow(r.post(path+"/shut", "reason", "left")).want(t, 200, "Shut", `action="`+path+`/open"`)
	r.follow(r.post(path+"/remove", "reason", "left")).want(t, 200, "The account is removed.")

	p = r.post("/tokens/create", "name", "board", "roles", "viewer", "life", "7", "reason", "dashboard")
	p.want(t, 200, "tha_", "not shown again")
	secret := regexp.MustCompile(`tha_[A-Za-z0-9_-]+`).FindString(p.body)
	p = r.get("/tokens")
	p.want(t, 200, "board", "Valid")
	if strings.Contains(p.body, secret) || strings.Contains(h.Log.String(), secret) || strings.Contains(h.Log.String(), link) {
		t.Error("the secret is shown again")
	}
	id := regexp.MustCompile(`/tokens/([^/"]+)/revoke`).FindStringSubmatch(p.body)[1]
	r.follow(r.post("/tokens/"+id+"/revoke", "reason", "gone")).want(t, 200, "Revoked")
}

// Who may only look is shown no button that would be refused, and is refused.
func TestViewerChangesNothing(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	for _, path := range []string{"/channels", "/channels/ward", "/destinations", "/destinations/archive", "/routes", "/routes/all", "/dead-letters", "/replays", "/configuration", "/journal"} {
		p := r.get(path)
		if path == "/configuration" {
			continue // whether a viewer may export is the roles' business
		}
		p.want(t, 200)
		main := p.body[strings.Index(p.body, "<main"):]
		for _, form := range regexp.MustCompile(`<form method="post" action="([^"]*)"`).FindAllStringSubmatch(main, -1) {
			if !strings.HasPrefix(form[1], "/views/") { // saved views and columns are one's own
				t.Errorf("%s offers to change something: %s", path, form[1])
			}
		}
	}
	for _, path := range []string{"/new/channel", "/channels/ward/edit", "/audit", "/people", "/tokens"} {
		r.get(path).want(t, 403)
	}
	before := len(h.Audited("channel.disable"))
	r.post("/channels/ward/disable", "reason", "curious").want(t, 403)
	if a := h.Audited("channel.disable"); len(a) != before+1 || string(a[0].Outcome) != "denied" {
		t.Errorf("%+v", a)
	}
	var c service.Versioned[model.Channel]
	h.Call("channel.get", service.ID{ID: "ward"}, &c)
	if c.Value.Disabled {
		t.Error("the channel is closed")
	}
}
