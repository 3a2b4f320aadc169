package web_test

import (
	"net/http"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/service"
	"thalamus/internal/web"
)

// R43: with a password, with a link that works once, and not otherwise.
func TestSignIn(t *testing.T) {
	h := apptest.Start(t)
	const password = "a long enough password"
	h.Call("user.add", service.UserAdd{Name: "mona", Roles: []string{"viewer"}, Password: password}, nil)
	r := visitor(t, h)

	r.get("/sign-in").want(t, 200, "Sign in", `name="password"`, `autocomplete="current-password"`)
	if p := r.get("/messages?channel=ward"); p.StatusCode != 303 || p.Header.Get("Location") != "/sign-in?to=%2Fmessages%3Fchannel%3Dward" {
		t.Errorf("without a session: %d to %s", p.StatusCode, p.Header.Get("Location"))
	}
	p := r.post("/sign-in", "name", "mona", "password", "something else")
	p.want(t, 403, "wrong name or password", `value="mona"`, "access.not-signed-in")
	if strings.Contains(p.body, "something else") {
		t.Error("a password was given back")
	}
	p = r.post("/sign-in", "name", "mona", "password", password, "to", "/messages?channel=ward")
	if p.StatusCode != 303 || p.Header.Get("Location") != "/messages?channel=ward" {
		t.Errorf("with a password: %d to %s", p.StatusCode, p.Header.Get("Location"))
	}
	var session *http.Cookie
	for _, c := range p.Cookies() {
		if c.Name == web.SessionCookie {
			session = c
		}
	}
	if session == nil || !session.HttpOnly || !session.Secure || session.SameSite != http.SameSiteStrictMode || session.Path != "/" || session.Domain != "" {
		t.Errorf("cookie %v", session)
	}
	r.get("/").want(t, 200, "Overview", "mona")

	r.follow(r.post("/sign-out")).want(t, 200, "Sign in")
	if p := r.get("/"); p.StatusCode != 303 {
		t.Errorf("after signing out: %d", p.StatusCode)
	}

	for _, elsewhere := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/\tx"} {
		if p := visitor(t, h).post("/sign-in", "name", "mona", "password", password, "to", elsewhere); p.Header.Get("Location") != "/" {
			t.Errorf("led to %q", p.Header.Get("Location"))
		}
	}

	var link service.SignInLink
	h.Call("user.link", service.UserName{Name: "mona"}, &link)
	if p := visitor(t, h).post("/sign-in", "link", link.Secret); p.StatusCode != 303 {
		t.Errorf("with a link: %d", p.StatusCode)
	}
	visitor(t, h).post("/sign-in", "link", link.Secret).want(t, 403, "used already")
}

// A strict cookie stays at home when a link in another site's page is
// followed: the console then starts the way itself, once.
func TestLinkFromElsewhere(t *testing.T) {
	h := apptest.Start(t)
	r := visitor(t, h)
	p := r.get("/messages?channel=ward", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")
	p.want(t, 200, "Go on to the page")
	if p.Header.Get("Refresh") != "0; url=/messages?channel=ward" {
		t.Errorf("Refresh: %q", p.Header.Get("Refresh"))
	}
	if p := r.get("/messages", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate"); p.StatusCode != 303 {
		t.Errorf("then: %d", p.StatusCode)
	}
}

// What another site's page sends does nothing, with or without a session.
func TestCrossOrigin(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "otto", "administrator")
	for name, headers := range map[string][2]string{
		"site":   {"Sec-Fetch-Site", "cross-site"},
		"sister": {"Sec-Fetch-Site", "same-site"},
		"origin": {"Origin", "https://evil.example"},
	} {
		req := r.request(http.MethodPost, "/messages/2/replay", strings.NewReader("reason=because"))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set(headers[0], headers[1])
		if p := r.do(req); p.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, p.StatusCode)
		}
	}
	var replays []service.Replay
	h.Call("replay.list", nil, &replays)
	if len(replays) != 0 {
		t.Errorf("%d replays", len(replays))
	}
}
