package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
)

var (
	addresses = regexp.MustCompile(`(?:href|action|src|hx-get|hx-post)="([^"]*)"`)
	titles    = regexp.MustCompile(`<title>([^<]*)</title>`)
	inline    = regexp.MustCompile(`\s(?:style|on[a-z]+|hx-on[^=]*)="|<style|<script(?: defer)?>|="js:|javascript:`)
	idents    = regexp.MustCompile(`\sid="([^"]*)"`)
)

// mostBytes of a page before anything is cached.
const mostBytes = 150_000

// Every page that can be reached by links from the first one: no page is
// missing, none has a patient in its address or title, runs or styles anything
// inline, or is heavy; all have the headers that hold a page together.
func TestEveryPage(t *testing.T) {
	if testing.Short() {
		t.Skip("asks for hundreds of pages, one after the other")
	}
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "otto", "administrator")
	weight := map[string]int{}
	seen := map[string]bool{"/": true}
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		path := queue[0]
		p := r.get(path)
		if p.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, p.StatusCode)
			continue
		}
		if strings.HasPrefix(path, "/assets/") {
			continue
		}
		if !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			continue
		}
		checkPage(t, path, p)
		if n := r.weigh(path, p, weight); n > mostBytes {
			t.Errorf("%s takes %d bytes with all it loads, compressed", path, n)
		}
		for _, a := range addresses.FindAllStringSubmatch(p.body, -1) {
			to, _, _ := strings.Cut(html.UnescapeString(a[1]), "#")
			if strings.HasPrefix(to, "/") && !seen[to] && !strings.Contains(a[0], "action=") && to != "/events" && !strings.Contains(to, "as=csv") && len(seen) < 300 {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d pages were found", len(seen))
	}
	t.Logf("%d addresses", len(seen))
}

// weigh gives what a page and all it loads take on their way, compressed, when
// nothing is cached. known keeps what was weighed.
func (r *reader) weigh(path string, p page, known map[string]int) int {
	r.t.Helper()
	size := func(path string) int {
		if _, ok := known[path]; !ok {
			known[path] = len(r.get(path, "Accept-Encoding", "gzip").body)
		}
		return known[path]
	}
	sum, seen := size(path), map[string]bool{}
	for _, a := range addresses.FindAllStringSubmatch(p.body, -1) {
		if strings.HasPrefix(a[1], "/assets/") && !seen[a[1]] {
			seen[a[1]] = true
			sum += size(a[1])
		}
	}
	return sum
}

func checkPage(t *testing.T, path string, p page) {
	t.Helper()
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
	} {
		if got := p.Header.Get(name); got != want {
			t.Errorf("%s: %s is %q", path, name, got)
		}
	}
	csp := p.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "script-src 'self'") || strings.Contains(csp, "unsafe") {
		t.Errorf("%s: policy %q", path, csp)
	}
	if found := inline.FindString(p.body); found != "" {
		t.Errorf("%s has something inline: %q", path, found)
	}
	if n := strings.Count(p.body, "<h1"); n != 1 {
		t.Errorf("%s has %d main headings", path, n)
	}
	if !strings.Contains(p.body, `<html lang="en"`) || !strings.Contains(p.body, `href="#main"`) {
		t.Errorf("%s has no language or no way past the menu", path)
	}
	if len(p.body) > mostBytes { // also for who cannot have it compressed
		t.Errorf("%s takes %d bytes", path, len(p.body))
	}
	ids := map[string]bool{}
	for _, id := range idents.FindAllStringSubmatch(p.body, -1) {
		if ids[id[1]] {
			t.Errorf("%s has the id %q twice", path, id[1])
		}
		ids[id[1]] = true
	}
	title := titles.FindStringSubmatch(p.body)
	if title == nil || title[1] == "" {
		t.Errorf("%s has no title", path)
	}
	for _, secret := range apptest.Private {
		if title != nil && strings.Contains(title[1], secret) {
			t.Errorf("%s: a patient in the title", path)
		}
		for _, a := range addresses.FindAllStringSubmatch(p.body, -1) {
			if strings.Contains(strings.ToLower(a[1]), strings.ToLower(secret)) {
				t.Errorf("%s: a patient in the address %s", path, a[1])
			}
		}
	}
}

// What a page loads once stays below its share.
func TestWeight(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	body := r.get("/").body
	sum := len(body)
	for _, a := range addresses.FindAllStringSubmatch(body, -1) {
		if !strings.HasPrefix(a[1], "/assets/") {
			continue
		}
		p := r.get(a[1], "Accept-Encoding", "gzip")
		p.want(t, 200)
		if p.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(p.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %v", a[1], p.Header)
		}
		sum += len(p.body)
	}
	t.Logf("the first page and all it loads: %d bytes", sum)
	if sum > mostBytes {
		t.Errorf("too heavy")
	}
	r.get("/assets/style.000000000000.css").want(t, 404)
}

// The menu holds what the visitor may do, and the rest is not reached by
// typing its address either.
func TestMenu(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	viewer := signedIn(t, h, "vera", "viewer").get("/")
	administrator := signedIn(t, h, "otto", "administrator").get("/")
	links := func(p page) (out []string) {
		_, menu, _ := strings.Cut(p.body, `id="menu"`)
		menu, _, _ = strings.Cut(menu, "</nav>")
		for _, a := range addresses.FindAllStringSubmatch(menu, -1) {
			out = append(out, a[1])
		}
		return out
	}
	v, a := links(viewer), links(administrator)
	for _, path := range []string{"/", "/messages"} {
		if !slices.Contains(v, path) {
			t.Errorf("a viewer's menu lacks %s: %v", path, v)
		}
	}
	for _, path := range v {
		if !slices.Contains(a, path) {
			t.Errorf("an administrator's menu lacks %s", path)
		}
	}
	for _, path := range []string{"/audit", "/users", "/tokens"} {
		if slices.Contains(v, path) {
			t.Errorf("a viewer's menu has %s", path)
		}
	}
}

// Errors are pages too: what, where, and what to do next.
func TestErrors(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	for _, c := range []struct {
		path   string
		status int
		says   []string
	}{
		{"/nowhere", 404, []string{"no such page", "web.no-page", "To the first page"}},
		{"/messages/abc", 400, []string{"no number of a message", "web.number"}},
		{"/messages/999999", 404, []string{"Not found"}},
		{"/messages?from=yesterdayish", 400, []string{"expected a time", "web.time"}},
		{"/messages?after=x", 400, []string{"web.place"}},
	} {
		p := r.get(c.path)
		p.want(t, c.status, c.says...)
		checkPage(t, c.path, p)
		part := r.get(c.path, "HX-Request", "true")
		if part.StatusCode != c.status || part.body != "" || part.Header.Get("HX-Reswap") != "none" {
			t.Errorf("%s for a region: %d %q", c.path, part.StatusCode, part.body)
		}
	}
	r.post("/messages/2/replay", "reason", "x").want(t, 403, "Not allowed", "access.denied")
	r.post("/messages/find", "control", strings.Repeat("x", 70<<10)).want(t, 400, "web.too-big")
	for at, to := range map[string]string{
		"":                                       "/sign-in",
		"https://localhost:8443/":                "/sign-in",
		"https://localhost:8443/issues?code=x":   "/sign-in?to=%2Fissues%3Fcode%3Dx",
		"https://localhost:8443//evil.example/x": "/sign-in",
		"mailto:somebody":                        "/sign-in",
		"https://localhost:8443/broken%zz":       "/sign-in",
	} {
		if p := visitor(t, h).get("/", "HX-Request", "true", "HX-Current-URL", at); p.StatusCode != 401 || p.Header.Get("HX-Redirect") != to {
			t.Errorf("a region of %q without a session: %d to %q", at, p.StatusCode, p.Header.Get("HX-Redirect"))
		}
	}
}

// Whatever a browser sends, a page comes back: no panic, no half page, nothing
// of it in the page unescaped.
func TestHostile(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	const bad = `"><script>alert(1)</script>`
	for _, path := range []string{
		"/messages?type=" + url.QueryEscape(bad), "/messages?code=%ff%fe", "/messages?after=-1.0", "/messages?after=99999999999999999999.1",
		"/messages?device=" + strings.Repeat("x", 8000), "/messages?patient=" + url.QueryEscape(bad), "/messages/1.999999", "/messages/%00", "/messages/1.-1",
		"/messages/..%2f..%2fetc", "/?" + strings.Repeat("a=b&", 2000), "/sign-in?to=" + url.QueryEscape(bad),
	} {
		p := r.get(path)
		if p.StatusCode >= 500 || strings.Contains(p.body, "<script>alert") {
			t.Errorf("%.60s: %d", path, p.StatusCode)
		}
	}
	for _, form := range [][]string{
		{"who", bad}, {"who", strings.Repeat("é", 5000)}, {"from", bad}, {"type", bad}, {"who", "\x00"},
	} {
		p := r.post("/messages/find", form...)
		if p.StatusCode >= 500 || strings.Contains(p.body, "<script>alert") {
			t.Errorf("%.40q: %d", form, p.StatusCode)
		}
	}
	for _, kind := range []string{"multipart/form-data; boundary=x", "application/json", "text/plain", ""} {
		req := r.request(http.MethodPost, "/messages/find", strings.NewReader(`{"who":"x"}`))
		req.Header.Set("Content-Type", kind)
		if p := r.do(req); p.StatusCode >= 500 {
			t.Errorf("%s: %d", kind, p.StatusCode)
		}
	}
	for name, value := range map[string]string{
		"__Host-thalamus-toast": "bm90IGpzb24", "__Host-thalamus-look": "dark.de.x.<b>", "__Host-thalamus": strings.Repeat("z", 3000),
	} {
		req := visitor(t, h).request(http.MethodGet, "/sign-in", nil)
		req.AddCookie(&http.Cookie{Name: name, Value: value})
		if p := r.do(req); p.StatusCode != 200 {
			t.Errorf("%s: %d", name, p.StatusCode)
		}
	}
}
