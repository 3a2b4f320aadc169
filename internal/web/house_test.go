package web_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/service"
)

// reader is somebody with a browser that runs no scripts.
type reader struct {
	t    testing.TB
	h    *apptest.House
	http *http.Client
}

// page is what a reader got.
type page struct {
	*http.Response
	body string
}

// visitor opens a browser; nobody is signed in.
func visitor(t testing.TB, h *apptest.House) *reader {
	c := h.HTTP()
	c.Jar, _ = cookiejar.New(nil)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &reader{t, h, c}
}

// signedIn opens a browser and signs in with a one-time link.
func signedIn(t testing.TB, h *apptest.House, name string, roles ...string) *reader {
	t.Helper()
	h.Call("user.add", service.UserAdd{Name: name, Roles: roles}, nil)
	var link service.SignInLink
	h.Call("user.link", service.UserName{Name: name}, &link)
	r := visitor(t, h)
	if p := r.post("/sign-in", "link", link.Secret); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != "/" {
		t.Fatalf("sign-in with a link: %d to %s", p.StatusCode, p.Header.Get("Location"))
	}
	return r
}

func (r *reader) do(req *http.Request) page {
	r.t.Helper()
	answer, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return page{answer, string(body)}
}

func (r *reader) request(method, path string, body io.Reader) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.h.App.ConsoleURL()+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	return req
}

// get looks at a page.
func (r *reader) get(path string, headers ...string) page {
	r.t.Helper()
	req := r.request(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return r.do(req)
}

// post sends a form: pairs of name and value.
func (r *reader) post(path string, pairs ...string) page {
	r.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	req := r.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return r.do(req)
}

// follow goes where an act leads to.
func (r *reader) follow(p page) page {
	r.t.Helper()
	if p.StatusCode != http.StatusSeeOther {
		r.t.Fatalf("%s answered %d, not with another page:\n%s", p.Request.URL.Path, p.StatusCode, p.body)
	}
	return r.get(p.Header.Get("Location"))
}

func (p page) want(t testing.TB, status int, texts ...string) {
	t.Helper()
	if p.StatusCode != status {
		t.Errorf("%s: status %d, want %d", p.Request.URL, p.StatusCode, status)
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Errorf("%s does not say %q:\n%s", p.Request.URL, text, p.body)
		}
	}
}
