package api_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"thalamus/internal/api"
	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/service"
)

// Whatever is wrong with a request is told by status, code, place and what to
// do; what was submitted is not repeated.
func TestBadRequests(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	token, _ := h.Token("administrator")
	const private = "Quillfeather-4711"
	json := "application/json"
	for _, c := range []struct {
		what, method, path, kind, body string
		status                         int
		code, place                    string
	}{
		{"no JSON", "POST", "channel/get", json, `{"id": ` + private + `}`, 400, "api.body", ""},
		{"half JSON", "POST", "channel/get", json, `{"id": "` + private, 400, "api.body", ""},
		{"two objects", "POST", "channel/get", json, `{"id":"ward"} {"id":"` + private + `"}`, 400, "api.body", ""},
		{"a list", "POST", "channel/get", json, `["` + private + `"]`, 400, "api.body", ""},
		{"a text for a number", "POST", "message/get", json, `{"seq":"` + private + `"}`, 400, "api.body", "seq"},
		{"a number for a text", "POST", "channel/get", json, `{"id":4711}`, 400, "api.body", "id"},
		{"a fraction", "POST", "message/get", json, `{"seq":47.11}`, 400, "api.body", "seq"},
		{"a negative number", "POST", "message/get", json, `{"seq":-4711}`, 400, "api.body", "seq"},
		{"a bad time", "POST", "message/search", json, `{"text":"x","from":"` + private + `"}`, 400, "api.body", "from"},
		{"a bad duration", "POST", "token/create", json, `{"name":"x","life":"` + private + `"}`, 400, "api.body", "life"},
		{"a number for a duration", "POST", "token/create", json, `{"name":"x","life":4711}`, 400, "api.body", "life"},
		{"a bad duration in an address", "GET", "observation/series?step=" + private, "", "", 400, "service.argument", "step"},
		{"a bad reference", "POST", "message/search", json, `{"after":"` + private + `"}`, 400, "api.body", "after"},
		{"wrong within a value", "POST", "channel/put", json, `{"value":{"id":["` + private + `"]}}`, 400, "api.body", "value.id"},
		{"an unknown field", "POST", "channel/get", json, `{"id":"ward","di":"` + private + `"}`, 400, "api.unknown-field", "di"},
		{"an unknown field within", "POST", "channel/put", json, `{"value":{"id":"x","colour":"` + private + `"}}`, 400, "api.unknown-field", "colour"},
		{"an unknown parameter", "GET", "channel/get?id=ward&di=" + private, "", "", 400, "api.unknown-field", "di"},
		{"a bad parameter", "GET", "message/get?seq=" + private, "", "", 400, "service.argument", "seq"},
		{"a name in an address", "GET", "message/search?text=" + private, "", "", 400, "api.private", "text"},
		{"a patient's number in an address", "GET", "patient/search?text=" + private, "", "", 400, "api.private", "text"},
		{"a form", "POST", "channel/get", "application/x-www-form-urlencoded", "id=" + private, 415, "api.media", ""},
		{"plain text", "POST", "channel/get", "text/plain", `{"id":"` + private + `"}`, 415, "api.media", ""},
		{"a body that is too large", "POST", "config/diff", json, `{"text":"` + strings.Repeat("x", 16<<20) + private + `"}`, 413, "api.oversize", ""},
		{"a method that is none", "DELETE", "channel/get", json, `{}`, 405, "api.method", ""},
		{"an act by GET", "GET", "channel/remove?id=ward", "", "", 405, "api.method", ""},
		{"no operation", "POST", "channel/fly", json, `{}`, 404, "api.no-operation", ""},
		{"no path", "POST", "channel", json, `{}`, 404, "api.no-path", ""},
		{"no thing", "POST", "channel/get", json, `{"id":"nothing"}`, 404, "register.absent", ""},
		{"a conflict", "POST", "channel/disable", json, `{"id":"ward","version":99}`, 409, "register.version", ""},
		{"a thing that is wrong", "POST", "channel/put", json, `{"value":{"id":"x","driver":"telepathy","codec":"hl7v2"}}`, 400, "app.unknown-driver", "value.driver"},
		{"a setting that is wrong", "POST", "channel/put", json, `{"value":{"id":"x","driver":"mllp","codec":"hl7v2","settings":{"lisen":1}}}`, 400, "conf.unknown-key", "*"},
		{"no reason", "POST", "entry/redact", json, `{"seq":1}`, 400, "service.no-reason", "reason"},
	} {
		status, head, text := ask(t, h, token, c.method, "/api/v1/"+c.path, c.kind, c.body)
		if status != c.status || head.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", c.what, status, text)
			continue
		}
		p := problem(t, text)
		if p.Code != c.code || c.place != "*" && c.place != "" && p.Place != c.place || p.Status != status || p.Title != http.StatusText(status) || p.Type != "urn:thalamus:fault:"+c.code || len(p.Detail) < 10 {
			t.Errorf("%s: %+v", c.what, p)
		}
		if strings.Contains(text, private) {
			t.Errorf("%s repeats what was sent: %s", c.what, text)
		}
	}
	for _, s := range []string{private} {
		if strings.Contains(h.Log.String(), s) {
			t.Error("the log repeats what was sent")
		}
	}
}

// Only tokens and sessions let in; what is revoked or shut stops at once.
func TestWhoGetsIn(t *testing.T) {
	h := apptest.Start(t)
	token, id := h.Token("viewer")
	for what, wrong := range map[string]string{"nobody": "", "garbage": "x", "a made-up token": "tha_" + strings.Repeat("A", 43)} {
		status, head, text := ask(t, h, wrong, "POST", "/api/v1/channel/list", "application/json", "{}")
		if status != 401 || problem(t, text).Code == "" || head.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", what, status, text)
		}
		if wrong != "" && strings.Contains(text, wrong) && wrong != "x" {
			t.Errorf("the token is repeated: %s", text)
		}
	}
	if status, _, text := ask(t, h, token, "POST", "/api/v1/channel/list", "application/json", "{}"); status != 200 {
		t.Error(status, text)
	}
	status, _, text := ask(t, h, token, "POST", "/api/v1/user/list", "application/json", "{}")
	if status != 403 || problem(t, text).Code != "access.denied" {
		t.Error(status, text)
	}
	h.Call("token.revoke", service.TokenRevoke{ID: id}, nil)
	if status, _, text := ask(t, h, token, "POST", "/api/v1/channel/list", "application/json", "{}"); status != 401 {
		t.Error("a revoked token goes on:", status, text)
	}
	err := h.Client(token).Call(t.Context(), "channel.list", nil, nil)
	if fault.KindOf(err) != fault.Denied {
		t.Error(err)
	}

	h.Call("user.add", service.UserAdd{Name: "nele", Roles: []string{"viewer"}, Password: apptest.Password}, nil)
	session, err := h.App.Service().SignIn(t.Context(), "nele", apptest.Password, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	cookie := "__Host-thalamus=" + session
	if status, _, text := ask(t, h, "", "POST", "/api/v1/channel/list", "application/json", "{}", "Cookie", cookie); status != 200 {
		t.Error(status, text)
	}
	// Another site's page cannot act with the session.
	if status, _, text := ask(t, h, "", "POST", "/api/v1/channel/list", "application/json", "{}", "Cookie", cookie, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Error("a foreign page acts:", status, text)
	}
	h.Call("user.change", service.UserChange{Name: "nele", Disabled: true}, nil)
	if status, _, text := ask(t, h, "", "POST", "/api/v1/channel/list", "application/json", "{}", "Cookie", cookie); status != 401 {
		t.Error("a shut account goes on:", status, text)
	}
}

// Guessing passwords becomes slow, whoever guesses, and is audited without
// what was typed.
func TestGuessingIsSlowed(t *testing.T) {
	h := apptest.Start(t)
	h.Call("user.add", service.UserAdd{Name: "nele", Roles: []string{"viewer"}, Password: apptest.Password}, nil)
	slowed := false
	for range 8 {
		_, err := h.App.Service().SignIn(t.Context(), "nele", "guess-W3", "192.0.2.9")
		if fault.KindOf(err) != fault.Denied {
			t.Fatal(err)
		}
		if fault.CodeOf(err) == "access.slow-down" {
			slowed = true
			if api.StatusOf(fault.KindOf(err), fault.CodeOf(err)) != http.StatusTooManyRequests {
				t.Error("the status does not say so")
			}
		}
	}
	if !slowed {
		t.Error("eight wrong passwords were taken at once")
	}
	if r := h.Audited("session.begin"); len(r) != 8 || strings.Contains(r[0].Object+r[0].Reason+r[0].ActorName, "guess") {
		t.Errorf("%+v", r)
	}
}

// ETag and If-Match keep two people from overwriting each other (RFC 9110
// §13.1.1), and whole numbers stay whole on the way.
func TestIfMatch(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	token, _ := h.Token("engineer")
	json := "application/json"
	_, head, _ := ask(t, h, token, "GET", "/api/v1/channel/get?id=ward", "", "")
	tag := head.Get("ETag")
	if tag != `"1"` {
		t.Fatal(tag)
	}
	body := `{"value":{"id":"ward","driver":"mllp","codec":"hl7v2","settings":{"listen":"127.0.0.1:0","max_frame":10485760}}}`
	for _, c := range []struct {
		tag, body string
		status    int
	}{
		{`"9"`, body, 409}, {tag, body, 200}, {tag, body, 409}, {`"x"`, body, 412}, {`"2", "3"`, body, 412}, {`W/"2"`, body, 412}, {`"2"`, `{"version":1,` + body[1:], 412}, {`"2"`, `{"version":2,` + body[1:], 200}, {"*", body, 200},
	} {
		if status, _, text := ask(t, h, token, "POST", "/api/v1/channel/put", json, c.body, "If-Match", c.tag); status != c.status {
			t.Errorf("%s: %d %s", c.tag, status, text)
		}
	}
	if status, _, text := ask(t, h, token, "POST", "/api/v1/channel/list", json, "{}", "If-Match", tag); status != 412 {
		t.Error(status, text)
	}
	var v register.Versioned[model.Channel]
	client := h.Client(token)
	if err := client.Call(t.Context(), "channel.get", service.ID{ID: "ward"}, &v); err != nil {
		t.Fatal(err)
	}
	if err := client.Call(t.Context(), "channel.put", service.Put[model.Channel]{Value: v.Value, Version: v.Version}, &v); err != nil {
		t.Error("what was read cannot be written back:", err)
	}
}

// stream opens the events and gives its lines.
func stream(ctx context.Context, t *testing.T, h *apptest.House, token, cookie, last string) <-chan string {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", h.App.ConsoleURL()+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	client := h.HTTP()
	client.Timeout = 0
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(answer.Status)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		defer answer.Body.Close()
		for s := bufio.NewScanner(answer.Body); s.Scan(); {
			lines <- s.Text()
		}
	}()
	if line := next(t, lines, ": connected"); line == "" {
		t.Fatal("no greeting")
	}
	return lines
}

// next gives the next line that begins so.
func next(t *testing.T, lines <-chan string, prefix string) string {
	t.Helper()
	limit := time.After(60 * time.Second)
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("the stream ended before %q", prefix)
			}
			if strings.HasPrefix(line, prefix) {
				return line
			}
		case <-limit:
			t.Fatalf("waited in vain for %q", prefix)
		}
	}
}

func ended(t *testing.T, what string, lines <-chan string) {
	t.Helper()
	limit := time.After(60 * time.Second)
	for {
		select {
		case _, ok := <-lines:
			if !ok {
				return
			}
		case <-limit:
			t.Fatal("the stream goes on after", what)
		}
	}
}

// Changes come as server-sent events without a patient's data; who comes back
// gets what was missed; a stream ends with its token, session or account.
func TestEvents(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	token, id := h.Token("viewer")
	lines := stream(t.Context(), t, h, token, "", "")
	h.Call("channel.disable", service.Remove{ID: "ward", Reason: "because of Quillfeather"}, nil)
	last := strings.TrimPrefix(next(t, lines, "id: "), "id: ")
	if line := next(t, lines, "data: "); !strings.Contains(line, `"name":"channel.disable"`) || !strings.Contains(line, `"object":"channel ward"`) || strings.Contains(line, "Quillfeather") {
		t.Error(line)
	}
	h.Call("channel.enable", service.Remove{ID: "ward"}, nil)
	again := stream(t.Context(), t, h, token, "", last)
	if line := next(t, again, "data: "); !strings.Contains(line, "channel.enable") {
		t.Error("who comes back gets", line)
	}
	for _, old := range []string{"1", "not a number", "99999999999999999999"} {
		ctx, cancel := context.WithCancel(t.Context())
		if line := next(t, stream(ctx, t, h, token, "", old), "event: "); line != "event: missed" {
			t.Error(old, line)
		}
		cancel()
	}
	h.Send("ORU^R01", "PID|1||MRN-774411^^^HOSP^MR||Quillfeather^Zyxanda")
	next(t, lines, "event: recorded")
	told := next(t, lines, "data: ")
	for _, s := range apptest.Private {
		if strings.Contains(told, s) {
			t.Error(told)
		}
	}
	h.Call("token.revoke", service.TokenRevoke{ID: id}, nil)
	ended(t, "its token was revoked", lines)
	ended(t, "its token was revoked", again)

	h.Call("user.add", service.UserAdd{Name: "nele", Roles: []string{"viewer"}, Password: apptest.Password}, nil)
	sign := func() (string, <-chan string) {
		session, err := h.App.Service().SignIn(t.Context(), "nele", apptest.Password, "127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		return session, stream(t.Context(), t, h, "", "__Host-thalamus="+session, "")
	}
	session, lines := sign()
	if err := h.App.Service().SignOut(t.Context(), session, "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	ended(t, "its session ended", lines)
	_, lines = sign()
	h.Call("user.change", service.UserChange{Name: "nele", Disabled: true}, nil)
	ended(t, "its account was shut", lines)
}

// Health and metrics tell of the program; no patient and no device is in them.
func TestHealthAndMetrics(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if status, _, text := ask(t, h, "", "GET", path, "", ""); status != 200 || text != want {
			t.Error(path, status, text)
		}
	}
	status, _, text := ask(t, h, "", "GET", "/metrics", "", "")
	if status != 200 || !strings.Contains(text, `thalamus_frames_total{channel="ward"} 4`) {
		t.Error(status, text)
	}
	var list service.List[service.DeviceRow]
	h.Call("device.list", nil, &list)
	words := append([]string{"pat-"}, apptest.Private...)
	for _, d := range list.Rows {
		words = append(words, string(d.ID))
	}
	for _, w := range words {
		if strings.Contains(text, w) {
			t.Errorf("the metrics hold %q", w)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if _, labels, ok := strings.Cut(line, "{"); ok && strings.HasPrefix(line, "thalamus_") && !strings.HasPrefix(labels, `channel="`) && !strings.HasPrefix(labels, `destination="`) {
			t.Error("another label:", line)
		}
	}
	h.Stop()
}
