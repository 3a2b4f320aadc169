package webhook

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"thalamus/internal/conf"
	"thalamus/internal/destination"
	"thalamus/internal/destination/destinationtest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"

// receiver checks signatures as a receiver would and keeps what came.
type receiver struct {
	t      *testing.T
	server *httptest.Server
	answer func(w http.ResponseWriter, r *http.Request, count int)

	mu       sync.Mutex
	ids      []string // of lines
	requests []*http.Request
}

func listen(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, count int)) *receiver {
	t.Helper()
	r := &receiver{t: t, answer: answer}
	r.server = httptest.NewServer(r)
	t.Cleanup(func() {
		r.server.CloseClientConnections()
		r.server.Close()
	})
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	id, at := q.Header.Get("webhook-id"), q.Header.Get("webhook-timestamp")
	if want := Sign(key, id, at, body); q.Header.Get("webhook-signature") != want || id == "" || at == "" {
		r.t.Errorf("signature %q over id %q at %q", q.Header.Get("webhook-signature"), id, at)
	}
	r.mu.Lock()
	r.requests = append(r.requests, q)
	for line := range strings.Lines(string(body)) {
		var one struct {
			model.Message
			DeliveryID string
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil || len(one.Observations) != 1 {
			r.t.Errorf("line %.100q: %v", line, err)
		}
		r.ids = append(r.ids, one.DeliveryID)
	}
	count := len(r.requests)
	r.mu.Unlock()
	r.answer(w, q, count)
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.ids...)
}

func status(code int) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.WriteHeader(code)
		io.WriteString(w, destinationtest.Patient)
	}
}

func (r *receiver) settings() map[string]any {
	return map[string]any{"url": r.server.URL + "/hook/token-in-path", "secret": secret, "timeout": "400ms"}
}

func reset(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
}

func TestConformance(t *testing.T) {
	destinationtest.Run(t, destinationtest.Suite{Kind: Kind(), Receive: func(t *testing.T, b destinationtest.Behaviour) *destinationtest.Receiver {
		var answer func(http.ResponseWriter, *http.Request, int)
		switch b {
		case destinationtest.Accept, destinationtest.Down:
			answer = status(http.StatusOK)
		case destinationtest.Stall:
			answer = func(_ http.ResponseWriter, q *http.Request, _ int) { <-q.Context().Done() }
		case destinationtest.Reset:
			answer = func(w http.ResponseWriter, _ *http.Request, count int) {
				if count == 1 {
					reset(w)
				}
			}
		case destinationtest.Garbage:
			answer = func(w http.ResponseWriter, _ *http.Request, _ int) {
				conn, buf, _ := w.(http.Hijacker).Hijack()
				buf.WriteString("\vMSH|^~\\&|hello\x1c\r\n\r\n")
				buf.Flush()
				conn.Close()
			}
		case destinationtest.Late:
			answer = func(w http.ResponseWriter, _ *http.Request, count int) {
				if count == 1 {
					time.Sleep(600 * time.Millisecond)
				}
			}
		case destinationtest.Refuse:
			answer = status(http.StatusUnprocessableEntity)
		case destinationtest.Busy:
			answer = status(http.StatusServiceUnavailable)
		default:
			return nil
		}
		r := listen(t, answer)
		if b == destinationtest.Down {
			r.server.Close()
		}
		return &destinationtest.Receiver{Settings: r.settings(), Got: r.got}
	}})
}

func open(t *testing.T, settings map[string]any) *Destination {
	t.Helper()
	d, err := New(model.Destination{ID: "x", Settings: settings}, destinationtest.Host())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// TestStatus: what each answer means (decision 0017), and that neither the
// path of the address nor the answer's body is shown.
func TestStatus(t *testing.T) {
	for code, want := range map[int]string{
		200: "", 202: "", 204: "",
		400: "invalid", 409: "conflict", 413: "invalid", 422: "invalid",
		401: "transient down", 403: "transient down", 404: "transient down", 405: "transient down", 410: "transient down", 301: "transient down", 307: "transient down",
		408: "transient", 425: "transient", 500: "transient", 501: "transient",
		429: "transient down", 502: "transient down", 503: "transient down", 504: "transient down",
	} {
		r := listen(t, func(w http.ResponseWriter, q *http.Request, n int) {
			w.Header().Set("Location", "/elsewhere")
			status(code)(w, q, n)
		})
		_, err := open(t, r.settings()).Deliver(t.Context(), []destination.Parcel{destinationtest.Parcel(1)})
		got := ""
		if err != nil {
			got = string(fault.KindOf(err))
			if destination.IsDown(err) {
				got += " down"
			}
			if strings.Contains(err.Error(), "token-in-path") || strings.Contains(err.Error(), destinationtest.Patient) {
				t.Errorf("%d: error shows too much: %v", code, err)
			}
		}
		if got != want {
			t.Errorf("%d: %q (%v), want %q", code, got, err, want)
		}
		if n := len(r.got()); n != 1 {
			t.Errorf("%d: sent %d times", code, n)
		}
	}
}

func TestErrorsHideTheAddress(t *testing.T) {
	r := listen(t, func(w http.ResponseWriter, _ *http.Request, _ int) { reset(w) })
	s := r.settings()
	for range 2 {
		_, err := open(t, s).Deliver(t.Context(), []destination.Parcel{destinationtest.Parcel(1)})
		if err == nil || strings.Contains(err.Error(), "token-in-path") {
			t.Errorf("error %v", err)
		}
		r.server.Close()
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"": 0, "17": 17 * time.Second, "-3": 0, "999999999": 24 * time.Hour, "soon": 0,
		"Sat, 21 Nov 2026 09:01:00 GMT": time.Minute, "Sat, 21 Nov 2026 08:01:00 GMT": 0,
	} {
		if got := retryAfter(in, now); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	r := listen(t, func(w http.ResponseWriter, q *http.Request, n int) {
		w.Header().Set("Retry-After", "120")
		status(http.StatusTooManyRequests)(w, q, n)
	})
	_, err := open(t, r.settings()).Deliver(t.Context(), []destination.Parcel{destinationtest.Parcel(1)})
	if destination.NotBefore(err) != 2*time.Minute {
		t.Errorf("error %v asks for %s", err, destination.NotBefore(err))
	}
}

// TestBatch: several messages in one request; the same request again has the
// same webhook-id, other messages have another.
func TestBatch(t *testing.T) {
	r := listen(t, status(http.StatusOK))
	d := open(t, r.settings())
	for _, numbers := range [][]int{{1, 2, 3}, {1, 2, 3}, {1, 2}, {1}} {
		var parcels []destination.Parcel
		for _, n := range numbers {
			parcels = append(parcels, destinationtest.Parcel(n))
		}
		if _, err := d.Deliver(t.Context(), parcels); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, q := range r.requests {
		ids = append(ids, q.Header.Get("Webhook-Id"))
		if q.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("content type %q", q.Header.Get("Content-Type"))
		}
	}
	if ids[0] != ids[1] || ids[1] == ids[2] || ids[3] != destinationtest.Parcel(1).ID() {
		t.Errorf("webhook-ids %q", ids)
	}
	if n := len(r.got()); n != 9 {
		t.Errorf("%d lines", n)
	}
}

// TestSign: the example of the Standard Webhooks specification.
func TestSign(t *testing.T) {
	key, err := (&Settings{Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}).key()
	if err != nil {
		t.Fatal(err)
	}
	got := Sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

// TestTLS: 1.3, with the receiver's certificate checked.
func TestTLS(t *testing.T) {
	got := make(chan uint16, 4)
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { got <- q.TLS.Version }))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := map[string]any{"url": server.URL, "secret": secret, "tls": map[string]any{"roots": file}}
	if _, err := open(t, settings).Deliver(t.Context(), []destination.Parcel{destinationtest.Parcel(1)}); err != nil {
		t.Fatal(err)
	}
	if v := <-got; v != 0x0304 {
		t.Errorf("TLS version %x", v)
	}
	delete(settings, "tls")
	_, err := open(t, settings).Deliver(t.Context(), []destination.Parcel{destinationtest.Parcel(1)})
	if fault.CodeOf(err) != "webhook.connect" || !destination.IsDown(err) {
		t.Errorf("unknown authority: %v", err)
	}
}

// TestDeadConnection: one that the receiver closed meanwhile is replaced
// without an error.
func TestDeadConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if q, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				io.Copy(io.Discard, q.Body)
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
			conn.Close() // without saying so in the answer
		}
	}()
	d := open(t, map[string]any{"url": "http://" + ln.Addr().String(), "secret": secret})
	for n := range 20 {
		if _, err := d.Deliver(t.Context(), []destination.Parcel{destinationtest.Parcel(n)}); err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
	}
}

func TestSettings(t *testing.T) {
	ok := map[string]any{"url": "https://a.example/x", "secret": secret}
	for _, c := range []struct {
		place string
		more  map[string]any
	}{
		{"url", map[string]any{"url": "ftp://a"}},
		{"url", map[string]any{"url": "http://a.example/x"}},
		{"url", map[string]any{"url": "https://u:p@a.example/x"}},
		{"secret", map[string]any{"secret": "hello"}},
		{"secret", map[string]any{"secret": "whsec_aGVsbG8="}},
		{"timeout", map[string]any{"timeout": "0s"}},
		{"tls.min_version", map[string]any{"tls": map[string]any{"min_version": "1.1"}}},
		{"tls.key", map[string]any{"tls": map[string]any{"certificate": "a"}}},
		{"tls.roots", map[string]any{"tls": map[string]any{"roots": "/no/such"}}},
	} {
		settings := map[string]any{}
		for k, v := range ok {
			settings[k] = v
		}
		for k, v := range c.more {
			settings[k] = v
		}
		_, err := New(model.Destination{ID: "x", Settings: settings}, destinationtest.Host())
		if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), c.place+":") {
			t.Errorf("%s %v: error %v", c.place, c.more, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hello") || strings.Contains(err.Error(), "u:p")) {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
	if !slices.ContainsFunc(conf.Describe(Settings{}), func(k conf.Key) bool { return k.Path == "secret" && k.Secret }) {
		t.Error("the secret is not marked as one")
	}
}
