package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

const (
	hl7One   = "MSH|^~\\&|A|B|C|D|20261121||ORU^R01|1|P|2.5\rPID|||1\r"
	hl7Batch = "BHS|^~\\&\r" + hl7One + "MSH|^~\\&|A|B|C|D|20261121||ORU^R01|2|P|2.5\rBTS|2\r"
)

// R3: each format becomes frames of the right codec, byte for byte.
func TestFormats(t *testing.T) {
	for _, c := range []struct {
		name, media, body string
		codec             string
		frames            []string
		rows              int
	}{
		{"json", "application/json; charset=utf-8", `{"a":1}`, "json", []string{`{"a":1}`}, 1},
		{"ndjson", "application/x-ndjson", "{\"a\":1}\n\n{\"a\":2}\r\n", "json", []string{`{"a":1}`, `{"a":2}`}, 2},
		{"csv", "text/csv", "id,v\n1,2\n3,4\n", "csv", []string{"id,v\n1,2\n3,4\n"}, 2},
		{"fhir", "application/fhir+json", `{"resourceType":"Observation"}`, "fhir", []string{`{"resourceType":"Observation"}`}, 1},
		{"fhir lines", "application/fhir+ndjson", "{\"resourceType\":\"Observation\"}", "fhir", []string{`{"resourceType":"Observation"}`}, 1},
		{"hl7 v2", "application/hl7-v2", hl7One, "hl7v2", []string{hl7One}, 1},
		{"hl7 v2 batch", "x-application/hl7-v2+er7", hl7Batch, "hl7v2", []string{hl7Batch}, 2},
		{"open mhealth", "application/vnd.openmhealth+json", `{"header":{},"body":{}}`, "openmhealth", []string{`{"header":{},"body":{}}`}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			got := r.do("POST", "?topic=ward/3", []byte(c.body), "Content-Type", c.media).taken(t)
			if got.Rows != c.rows || got.Accepted != c.rows || got.Refused != 0 || got.First != 1 || int(got.Last) != len(c.frames) {
				t.Errorf("%+v", got)
			}
			for i, f := range r.intake.Taken() {
				if string(f.Bytes) != c.frames[i] || f.Codec != c.codec || f.Topic != "ward/3" || f.Channel != "ward" {
					t.Errorf("frame %d: %+v", i, f)
				}
			}
			if p := r.intake.Taken()[0].Properties; p != "content-type: "+c.media {
				t.Errorf("properties %q", p)
			}
		})
	}
}

func TestCompression(t *testing.T) {
	r := newRig(t, nil)
	plain := []byte(`{"a":"` + strings.Repeat("x", 100_000) + `"}`)
	for encoding, body := range map[string][]byte{"gzip": gzipped(t, plain), "zstd": zstded(t, plain), "identity": plain} {
		sum := sha256.Sum256(body)
		got := r.do("POST", "", body, "Content-Type", "application/json", "Content-Encoding", encoding, "Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":").taken(t)
		if got.Rows != 1 || !bytes.Equal(r.intake.Taken()[got.First-1].Bytes, plain) {
			t.Errorf("%s: %+v", encoding, got)
		}
	}
	if left := r.d.budget.Load(); left != bodies {
		t.Errorf("budget %d of %d after all requests", left, bodies)
	}
}

// What cannot be taken is answered with its code, place and what to do.
func TestRefusals(t *testing.T) {
	r := newRig(t, map[string]any{"formats": "json,ndjson,csv,hl7v2", "max_body": "4KiB", "max_rows": 3})
	huge := []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
	for _, c := range []struct {
		name, method, path, media, body string
		header                          []string
		status                          int
		code, place                     string
	}{
		{"no type", "POST", "", "", "{}", nil, 415, "rest.media", "Content-Type"},
		{"type not allowed", "POST", "", "application/fhir+json", "{}", nil, 415, "rest.media", "Content-Type"},
		{"unknown type", "POST", "", "image/png", "x", nil, 415, "rest.media", "Content-Type"},
		{"charset", "POST", "", "application/json; charset=utf-16", "{}", nil, 415, "rest.media", "Content-Type"},
		{"encoding", "POST", "", "application/json", "{}", []string{"Content-Encoding", "br"}, 415, "rest.encoding", "Content-Encoding"},
		{"not gzip", "POST", "", "application/json", "{}", []string{"Content-Encoding", "gzip"}, 400, "rest.not-compressed", "Content-Encoding"},
		{"not zstd", "POST", "", "application/json", "{}xxxxxx", []string{"Content-Encoding", "zstd"}, 400, "rest.not-compressed", "Content-Encoding"},
		{"gzip bomb", "POST", "", "application/json", string(gzipped(t, huge)), []string{"Content-Encoding", "gzip"}, 413, "rest.oversize", ""},
		{"zstd bomb", "POST", "", "application/json", string(zstded(t, huge)), []string{"Content-Encoding", "zstd"}, 413, "rest.oversize", ""},
		{"digest", "POST", "", "application/json", "{}", []string{"Content-Digest", "sha-256=:" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + ":"}, 400, "rest.digest", "Content-Digest"},
		{"oversize", "POST", "", "application/json", string(huge[:5000]), nil, 413, "rest.oversize", ""},
		{"empty", "POST", "", "application/json", "  ", nil, 422, "rest.nothing", ""},
		{"not json", "POST", "", "application/json", `{"a":1,}`, nil, 422, "rest.not-json", "byte 8"},
		{"not UTF-8", "POST", "", "application/json", "\"\xff\"", nil, 422, "rest.not-json", ""},
		{"no row", "POST", "", "application/x-ndjson", "a\nb", nil, 422, "rest.nothing", ""},
		{"many rows", "POST", "", "application/x-ndjson", "1\n2\n3\n4", nil, 413, "rest.rows", ""},
		{"csv without rows", "POST", "", "text/csv", "a,b\n", nil, 422, "rest.nothing", ""},
		{"csv many rows", "POST", "", "text/csv", "a\n1\n2\n3\n4\n", nil, 413, "rest.rows", ""},
		{"not hl7", "POST", "", "application/hl7-v2", "PID|1", nil, 422, "rest.not-hl7", ""},
		{"topic", "POST", "?topic=a/%2B", "application/json", "{}", nil, 400, "rest.topic", "topic"},
		{"key", "POST", "", "application/json", "{}", []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, "rest.key", "Idempotency-Key"},
		{"method", "PUT", "", "application/json", "{}", nil, 405, "rest.method", ""},
		{"path", "POST", "/x/y", "application/json", "{}", nil, 404, "rest.absent", ""},
		{"receipt", "GET", "/1-1", "", "", nil, 404, "rest.absent", ""},
		{"no receipt", "GET", "/01-1", "", "", nil, 404, "rest.absent", ""},
		{"upload", "PATCH", "/u-00", "", "", nil, 404, "rest.absent", ""},
		{"channel", "POST", "/ingest/warden", "application/json", "{}", nil, 404, "rest.absent", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := c.header
			if c.media != "" {
				header = append([]string{"Content-Type", c.media}, header...)
			}
			a := r.do(c.method, c.path, []byte(c.body), header...)
			p := a.problem(t)
			if a.status != c.status || p.Status != c.status || p.Code != c.code || p.Detail == "" || p.Hint == "" || c.place != "" && p.Place != c.place {
				t.Errorf("%d %+v, want %d %s %s", a.status, p, c.status, c.code, c.place)
			}
			if a.status == 415 && (a.header.Get("Accept-Post") == "" || a.header.Get("Accept-Encoding") == "") {
				t.Errorf("headers %v", a.header)
			}
		})
	}
	if n, _ := r.intake.Count(); n != 0 {
		t.Errorf("%d frames were taken", n)
	}
	if left := r.d.budget.Load(); left != bodies {
		t.Errorf("budget %d of %d after all requests", left, bodies)
	}
}

func TestRows(t *testing.T) {
	r := newRig(t, nil)
	a := r.do("POST", "", []byte("{\"a\":1}\n{broken\n{\"a\":3}\n"), "Content-Type", "application/x-ndjson")
	got := a.taken(t)
	if got.Rows != 3 || got.Accepted != 2 || got.Refused != 1 || len(got.Results) != 1 {
		t.Fatalf("%s", a.body)
	}
	if w := got.Results[0]; w.Row != 2 || w.State != rowRefused || w.Code != "rest.not-json" || w.Place != "byte 2" {
		t.Errorf("row %+v", w)
	}
	got = r.do("POST", "", []byte("{\"a\":1}\nx\n{\"a\":3}"), "Content-Type", "application/x-ndjson", "Prefer", "return=representation").taken(t)
	if len(got.Results) != 3 || got.Results[0].Entry != 3 || got.Results[2].Entry != 4 {
		t.Errorf("all rows: %+v", got.Results)
	}
	got = r.do("POST", "", []byte("a,b\n1,2\n3\n"), "Content-Type", "text/csv").taken(t)
	if len(got.Results) != 1 || got.Results[0].Row != 2 || got.Results[0].Place != "line 3" || got.Results[0].Code != "rest.cells" {
		t.Errorf("csv: %+v", got.Results)
	}
}

// R18, R23: a key gives the same answer, over a clean stop and over a loss of
// the log too; another body is a conflict.
func TestIdempotency(t *testing.T) {
	r := newRig(t, nil)
	send := func(key, body string) answer {
		return r.do("POST", "", []byte(body), "Content-Type", "application/x-ndjson", "Idempotency-Key", key)
	}
	body := "{\"a\":1}\nno\n{\"a\":2}"
	first := send("k1", body)
	first.taken(t)
	same := func(when string) {
		t.Helper()
		if again := send(`"k1"`, body); again.status != first.status || !bytes.Equal(again.body, first.body) || again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%s: %d %s, first %s", when, again.status, again.body, first.body)
		}
		if n, _ := r.intake.Count(); n != 2 {
			t.Errorf("%s: %d frames were taken", when, n)
		}
	}
	same("at once")
	if p := send("k1", "{}"); p.status != 422 || p.problem(t).Code != "rest.key-reused" {
		t.Errorf("another body: %d %s", p.status, p.body)
	}
	r.stop()
	r.start(nil)
	same("after a stop")
	r.stop()
	if err := os.Remove(filepath.Join(r.folder, "keys.log")); err != nil {
		t.Fatal(err)
	}
	r.start(nil)
	same("without the log")
	r.stop()
	log, err := os.ReadFile(filepath.Join(r.folder, "keys.log"))
	if err != nil || len(log)%recordSize != 0 {
		t.Fatal(len(log), err)
	}
	log[20] ^= 1
	if err := os.WriteFile(filepath.Join(r.folder, "keys.log"), log, 0o600); err != nil {
		t.Fatal(err)
	}
	r.start(nil)
	same("with a damaged log")
}

// A refused request leaves its key free; one under way is a conflict.
func TestKeysUnderWay(t *testing.T) {
	r := newRig(t, nil)
	send := func(body string) answer {
		return r.do("POST", "", []byte(body), "Content-Type", "application/json", "Idempotency-Key", "k")
	}
	if a := send("no"); a.status != 422 {
		t.Fatalf("%d", a.status)
	}
	r.intake.Fail(drivertest.Full)
	if a := send("{}"); a.status != 503 || a.header.Get("Retry-After") == "" || a.problem(t).Code != "journal.full" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	r.intake.Fail(nil)
	release := r.intake.Hold()
	done := make(chan answer, 1)
	go func() { done <- send("{}") }()
	drivertest.Until(t, "intake was asked", func() bool { _, offers := r.intake.Count(); return offers == 2 })
	if a := send("{}"); a.status != 409 || a.problem(t).Code != "rest.key-in-use" {
		t.Errorf("%d %s", a.status, a.body)
	}
	release()
	if a := <-done; a.status != 202 {
		t.Errorf("%d %s", a.status, a.body)
	}
	r.intake.Fail(func([]model.Frame) error { return fault.New(fault.Invalid, "intake.oversize", "too long") })
	if a := r.do("POST", "", []byte("{}"), "Content-Type", "application/json"); a.status != 413 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestProgress(t *testing.T) {
	r := newRig(t, nil)
	a := r.do("POST", "", []byte("{\"a\":1}\n{\"odd\":2}"), "Content-Type", "application/x-ndjson")
	s := r.do("GET", a.header.Get("Location"), nil)
	for _, want := range []string{`"state":"delivered"`, `"entries":2`, `"recorded":2`, `"observations":4`, `"delivered":2`, `"row":2`, "decode.no-profile"} {
		if !strings.Contains(string(s.body), want) {
			t.Errorf("%s is not in %s", want, s.body)
		}
	}
	if d := r.do("GET", "", nil); d.status != 200 || !strings.Contains(string(d.body), "application/fhir+json") {
		t.Errorf("description: %s", d.body)
	}
}

// Who shows nothing is refused; who is revoked sees nothing of others.
func TestAdmission(t *testing.T) {
	r := &rig{t: t, folder: t.TempDir(), intake: &drivertest.Intake{}, notes: &drivertest.Notes{}}
	r.admit = func(c driver.Credentials) (driver.Admission, error) {
		if string(c.Secret) != "s-"+c.User || c.User == "" {
			return driver.Admission{}, fault.New(fault.Denied, "access.credential", "no")
		}
		return driver.Admission{Identity: c.User, Publish: []string{"devices/" + c.User + "/#"}}, nil
	}
	r.start(nil)
	basic := func(name string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":s-"+name))
	}
	post := func(path string, header ...string) answer {
		return r.do("POST", path, []byte("{}"), append([]string{"Content-Type", "application/json"}, header...)...)
	}
	for _, h := range [][]string{nil, {"Authorization", "Bearer x:y"}, {"Authorization", "Basic !"}} {
		if a := post("", h...); a.status != 401 || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%v: %d %s", h, a.status, a.body)
		}
	}
	mine := post("?topic=devices/a/x", "Authorization", "Bearer a:s-a")
	if mine.taken(t); r.intake.Taken()[0].Identity != "a" {
		t.Errorf("%+v", r.intake.Taken()[0])
	}
	if a := post("?topic=devices/b/x", "Authorization", basic("a")); a.status != 403 {
		t.Errorf("another's topic: %d %s", a.status, a.body)
	}
	if a := r.do("GET", mine.header.Get("Location"), nil, "Authorization", basic("b")); a.status != 404 {
		t.Errorf("another's receipt: %d %s", a.status, a.body)
	}
	if a := r.do("GET", mine.header.Get("Location"), nil, "Authorization", basic("a")); a.status != 200 {
		t.Errorf("own receipt: %d %s", a.status, a.body)
	}
	if !slices.Contains(r.notes.Codes(), "rest.denied") {
		t.Errorf("notes %v", r.notes.Codes())
	}
}

func TestLimits(t *testing.T) {
	l := newLimits(2, 3600)
	now := time.Unix(1_000_000, 0)
	for range 10 { // five seconds' worth at once
		if err := l.request("a", now); err != nil {
			t.Fatal(err)
		}
	}
	err := l.request("a", now)
	var late *tooMany
	if !errors.As(err, &late) || late.wait != time.Second || fault.CodeOf(err) != "rest.too-many" {
		t.Fatalf("%v, wait %v", err, late)
	}
	if l.request("b", now) != nil || l.request("a", now.Add(time.Second)) != nil {
		t.Error("another device, or the same a second later, has to wait")
	}
	l.spend("b", 3610, now)
	if err := l.request("b", now); fault.CodeOf(err) != "rest.quota" || !errors.As(err, &late) || late.wait != 11*time.Second {
		t.Errorf("%v, wait %v", err, late.wait)
	}
	r := newRig(t, map[string]any{"requests_per_second": 0.2})
	for i, want := range []int{202, 429} {
		a := r.do("POST", "", []byte("{}"), "Content-Type", "application/json")
		if a.status != want || i == 1 && a.header.Get("Retry-After") == "" {
			t.Errorf("request %d: %d, Retry-After %q", i, a.status, a.header.Get("Retry-After"))
		}
	}
}

// Lying lengths: one too long waits for the rest and is given up; one too
// short leaves bytes that are no request.
func TestLyingLengths(t *testing.T) {
	r := newRig(t, map[string]any{"stall_timeout": "300ms"})
	for _, c := range []struct {
		length int
		want   string
	}{{100, " 408 "}, {1, " 422 "}} {
		conn, err := net.Dial("tcp", r.d.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(drivertest.Patience))
		io.WriteString(conn, "POST /ingest/ward HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(c.length)+"\r\n\r\n{}")
		b := make([]byte, 64)
		n, _ := conn.Read(b)
		conn.Close()
		if !strings.Contains(string(b[:n]), c.want) {
			t.Errorf("length %d: %q", c.length, b[:n])
		}
	}
	if n, _ := r.intake.Count(); n != 0 {
		t.Errorf("%d frames were taken", n)
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []map[string]any{
		{"listen": "x"}, {"formats": "xml"}, {"max_body": 1}, {"max_body": "17MiB"}, {"max_rows": 0}, {"upload_keep": "1s"}, {"requests_per_second": -1},
		{"stall_timeout": "0s"}, {"idle_timeout": "0s"}, {"window": 0}, {"remember": 0}, {"remember_for": "1s"}, {"tls": map[string]any{"enabled": true}}, {"max_sockets": -1}, {"max_upload": -1},
	} {
		if _, err := New(model.Channel{ID: "x", Settings: s}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v: %v", s, err)
		}
	}
	d, err := New(model.Channel{ID: "x"})
	if err != nil || d.Handler() == nil || !d.Encrypted() {
		t.Fatal(err)
	}
	w := &recorder{}
	d.Handler().ServeHTTP(w, &http.Request{Method: "POST"})
	if w.status != 503 {
		t.Errorf("before Start: %d", w.status)
	}
}

type recorder struct {
	h      http.Header
	status int
}

func (r *recorder) Header() http.Header {
	if r.h == nil {
		r.h = http.Header{}
	}
	return r.h
}
func (r *recorder) WriteHeader(s int)           { r.status = s }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }
