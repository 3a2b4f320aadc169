package pull

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// server answers as the test says and keeps what it was asked.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string
	answer http.HandlerFunc
}

func newServer(t *testing.T, answer http.HandlerFunc) *server {
	s := &server{answer: answer}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.RequestURI())
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) set(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

type rig struct {
	t        *testing.T
	state    string
	settings map[string]any
	intake   *drivertest.Intake
	notes    *drivertest.Notes
	driver   *Driver
}

func newRig(t *testing.T, s *server, path string, settings map[string]any) *rig {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, state: t.TempDir(), intake: &drivertest.Intake{}, notes: &drivertest.Notes{}}
	r.settings = map[string]any{"url": s.URL + path, "every": "100ms", "ca": ca}
	for k, v := range settings {
		r.settings[k] = v
	}
	return r
}

func (r *rig) start() *rig {
	r.t.Helper()
	d, err := New(model.Channel{ID: "cloud", Driver: "pull", Settings: r.settings})
	if err != nil {
		r.t.Fatal(err)
	}
	r.driver = d
	host := driver.Host{Intake: r.intake, Log: slog.New(slog.DiscardHandler), Note: r.notes.Note,
		Folder: func(model.ChannelID) (string, error) { return r.state, nil },
		Recent: func(_ model.ChannelID, each func(model.Entry)) {
			for i, f := range r.intake.Taken() {
				each(model.Entry{Seq: model.Seq(i + 1), Frame: f})
			}
		}}
	if err := d.Start(r.t.Context(), host); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { d.Stop(context.Background()) })
	return r
}

func (r *rig) taken(n int) []model.Frame {
	r.t.Helper()
	drivertest.Until(r.t, fmt.Sprintf("%d entries are taken", n), func() bool { return len(r.intake.Taken()) >= n })
	return r.intake.Taken()
}

// R3: pages are followed, the cursor moves on, nothing comes twice.
func TestPagesAndCursor(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		q := r.URL.Query()
		switch {
		case q.Get("page") == "2":
			fmt.Fprint(w, `{"hr":2,"meta":{"next":"after-2"}}`)
		case q.Get("since") == "after-2":
			fmt.Fprint(w, `{"hr":3,"meta":{"next":"after-3"}}`)
		case q.Get("since") == "after-3":
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Link", `</x?page=2>; rel="next"`)
			fmt.Fprint(w, `{"hr":1,"meta":{"next":"after-1"}}`)
		}
	})
	r := newRig(t, s, "/x?unit=icu", map[string]any{"cursor": map[string]any{"parameter": "since", "from": "json", "name": "meta.next"}}).start()
	frames := r.taken(3)
	for i, f := range frames {
		if !strings.HasPrefix(string(f.Bytes), fmt.Sprintf(`{"hr":%d`, i+1)) || f.Topic != "/x" || f.Properties != "content-type: application/json\n" || f.Codec != "json" {
			t.Errorf("%+v", f)
		}
	}
	drivertest.Until(t, "the last cursor is used", func() bool {
		all := s.requests()
		return all[len(all)-1] == "/x?since=after-3&unit=icu"
	})
	r.driver.Stop(t.Context())
	before := len(s.requests())
	r.start()
	drivertest.Until(t, "it asks again", func() bool { return len(s.requests()) > before })
	if got := s.requests()[before]; got != "/x?since=after-3&unit=icu" {
		t.Errorf("after a restart it asked %s", got)
	}
	if n := len(r.intake.Taken()); n != 3 {
		t.Errorf("%d entries", n)
	}
}

// Without a cursor the same content counts once; an ETag spares the transfer.
func TestNothingNew(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"1"`)
		fmt.Fprint(w, "{\"a\":1}\n\n{\"a\":2}\n{\"a\":1}\n")
	})
	r := newRig(t, s, "/", map[string]any{"each": "line"}).start()
	drivertest.Until(t, "it asked thrice", func() bool { return len(s.requests()) >= 3 })
	if n := len(r.taken(2)); n != 2 {
		t.Errorf("%d entries", n)
	}
	s.set(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{\"a\":1}\n{\"a\":3}\n") })
	if got := r.taken(3); string(got[2].Bytes) != `{"a":3}` {
		t.Errorf("%q", got)
	}
}

// The process dies before it could remember: what is durable is known again.
func TestDiesBeforeItRemembers(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"a":1}`) })
	r := newRig(t, s, "/", nil)
	r.intake.Offer(t.Context(), []model.Frame{{Bytes: []byte(`{"a":1}`)}})
	r.start()
	drivertest.Until(t, "it is recognised", func() bool { return r.driver.again.Load() > 0 })
	if n := len(r.intake.Taken()); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// A full disk: the cursor stays, and the page is asked for again.
func TestIntakeFails(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Next", "9")
		fmt.Fprintf(w, `{"since":"%s"}`, r.URL.Query().Get("since"))
	})
	r := newRig(t, s, "/", map[string]any{"cursor": map[string]any{"parameter": "since", "from": "header", "name": "X-Next"}})
	r.intake.Fail(drivertest.Full)
	r.start()
	drivertest.Until(t, "it says why", func() bool { return strings.Contains(r.driver.Status().Text, "the disk is full") })
	for _, asked := range s.requests() {
		if asked != "/" {
			t.Errorf("it asked %s before the first page was durable", asked)
		}
	}
	r.intake.Fail(nil)
	if got := r.taken(2); string(got[1].Bytes) != `{"since":"9"}` {
		t.Errorf("%q", got)
	}
}

// What servers answer when they do not answer.
func TestTroubles(t *testing.T) {
	for want, answer := range map[string]http.HandlerFunc{
		"does not let us in": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"answers 503":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"answers 404":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"longer than":        func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 2000)) },
		"cannot be reached":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"in time":            func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"another host": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", `<https://198.51.100.7/>; rel="next"`)
			fmt.Fprint(w, "{}")
		},
		"the server cannot be reached": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://198.51.100.7/", http.StatusFound)
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, answer)
			secret := filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			r := newRig(t, s, "/?key=hidden", map[string]any{"max_body": "1000", "timeout": "1s", "token": secret}).start()
			drivertest.Until(t, "it says "+want, func() bool { return strings.Contains(r.driver.Status().Text, want) })
			if text := r.driver.Status().Text; strings.Contains(text, "hidden") || strings.Contains(text, "s3cret") {
				t.Errorf("a secret is told: %s", text)
			}
		})
	}
}

// A server that asks to wait is left alone for so long.
func TestRetryAfter(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	r := newRig(t, s, "/", nil).start()
	drivertest.Until(t, "it waits", func() bool { return r.driver.Status().State == "trying" && len(s.requests()) == 1 })
	time.Sleep(500 * time.Millisecond)
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// FHIR: the pages of a Bundle are followed.
func TestBundlePages(t *testing.T) {
	var s *server
	s = newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("p") == "2" {
			fmt.Fprint(w, `{"resourceType":"Bundle","id":"two","entry":[{}]}`)
			return
		}
		fmt.Fprintf(w, `{"resourceType":"Bundle","entry":[{}],"link":[{"relation":"self","url":"/"},{"relation":"next","url":"%s/?p=2"}]}`, s.URL)
	})
	r := newRig(t, s, "/", map[string]any{"cursor": map[string]any{"parameter": "_lastUpdated", "from": "time", "prefix": "ge", "overlap": "1m"}}).start()
	if got := r.taken(2); !strings.Contains(string(got[1].Bytes), "two") {
		t.Errorf("%q", got)
	}
	drivertest.Until(t, "the cursor is used", func() bool {
		all := s.requests()
		return strings.HasPrefix(all[len(all)-1], "/?_lastUpdated=ge20")
	})
}

func TestSettings(t *testing.T) {
	for place, settings := range map[string]map[string]any{
		"url":              {"url": "ftp://x/"},
		"every":            {"every": "1ms"},
		"each":             {"each": "page"},
		"token":            {"token": "/t", "user": "x", "password": "/p"},
		"password":         {"user": "x"},
		"cursor.from":      {"cursor": map[string]any{"from": "somewhere", "parameter": "x"}},
		"cursor.parameter": {"cursor": map[string]any{"from": "time"}},
		"cursor.name":      {"cursor": map[string]any{"from": "json", "parameter": "x"}},
		"hours":            {"hours": "never"},
	} {
		whole := map[string]any{"url": "https://gateway.example/"}
		for k, v := range settings {
			whole[k] = v
		}
		var f *fault.Fault
		if _, err := New(model.Channel{ID: "x", Settings: whole}); !errors.As(err, &f) || f.Place != place {
			t.Errorf("%s: %v", place, err)
		}
	}
	if _, err := New(model.Channel{ID: "x", Settings: map[string]any{"url": "https://me:secret@gateway.example/"}}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"meta":{"next":7}}`), `<https://gateway.example/x>; rel="next"`)
	f.Add([]byte(`{"resourceType":"Bundle","link":[{"relation":"next","url":"?p=2"}]}`), "")
	f.Fuzz(func(t *testing.T, body []byte, link string) {
		d, err := New(model.Channel{ID: "x", Settings: map[string]any{"url": "https://gateway.example/", "cursor": map[string]any{"from": "json", "parameter": "x", "name": "meta.next"}}})
		if err != nil {
			t.Fatal(err)
		}
		a := answer{body: body, head: http.Header{"Link": {link}}}
		a.readBundle()
		a.cut(true, "json")
		d.cursorOf(a)
		if to, err := d.next(a, "https://gateway.example/"); err == nil && to != "" && !strings.HasPrefix(to, "https://gateway.example") {
			t.Errorf("it would ask %s", to)
		}
	})
}
