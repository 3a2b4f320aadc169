package client

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const patience = 60 * time.Second

// channel is a REST channel in memory, with moods.
type channel struct {
	mu       sync.Mutex
	rows     []string          // accepted, in order
	keys     map[string]string // key → body
	requests int
	mood     func(n int, w http.ResponseWriter, body []byte) bool // true: it answered
	server   *httptest.Server
}

func newChannel(t *testing.T) *channel {
	c := &channel{keys: map[string]string{}}
	c.server = httptest.NewServer(http.HandlerFunc(c.answer))
	t.Cleanup(c.server.Close)
	return c
}

func (c *channel) answer(w http.ResponseWriter, r *http.Request) {
	var from io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, "gzip", 400)
			return
		}
		from = z
	}
	body, err := io.ReadAll(from)
	if err != nil {
		http.Error(w, "body", 400)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	if c.mood != nil && c.mood(c.requests, w, body) {
		return
	}
	if r.Header.Get("Content-Type") == "application/json" {
		var one bytes.Buffer
		if json.Compact(&one, body) == nil {
			body = one.Bytes()
		}
	}
	c.take(w, r.Header.Get("Idempotency-Key"), body)
}

func (c *channel) take(w http.ResponseWriter, key string, body []byte) {
	type result struct {
		Row   int    `json:"row"`
		State string `json:"state"`
		Code  string `json:"code"`
	}
	var results []result
	first, known := c.keys[key]
	if known && first != string(body) {
		w.WriteHeader(422)
		io.WriteString(w, `{"code":"rest.key-reused","detail":"another body"}`)
		return
	}
	c.keys[key] = string(body)
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 1<<24)
	for n := 1; lines.Scan(); n++ {
		switch {
		case !json.Valid(lines.Bytes()):
			results = append(results, result{n, "refused", "rest.not-json"})
		case !known:
			c.rows = append(c.rows, lines.Text())
		}
	}
	w.WriteHeader(202)
	json.NewEncoder(w).Encode(map[string]any{"receipt": "1-1", "results": results})
}

func (c *channel) taken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.rows...)
}

func open(t *testing.T, o Options) *Client {
	t.Helper()
	if o.Folder == "" {
		o.Folder = t.TempDir()
	}
	o.MinBackoff, o.MaxBackoff = 5*time.Millisecond, 20*time.Millisecond
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func put(t *testing.T, c *Client, device, body string) {
	t.Helper()
	if _, err := c.Put(context.Background(), Message{Device: device, Type: "application/json", Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
}

func flushed(t *testing.T, c *Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func (c *channel) url() string { return c.server.URL + "/ingest/home" }

// ordered checks that each device's numbers came once and in order.
func ordered(t *testing.T, rows []string, want int) {
	t.Helper()
	last := map[string]int{}
	for _, r := range rows {
		var m struct {
			Device string
			N      int
		}
		if err := json.Unmarshal([]byte(r), &m); err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		if m.N != last[m.Device]+1 {
			t.Fatalf("device %s: %d after %d", m.Device, m.N, last[m.Device])
		}
		last[m.Device] = m.N
	}
	if len(rows) != want {
		t.Fatalf("%d rows, want %d", len(rows), want)
	}
}

func reading(device string, n int) string {
	return fmt.Sprintf(`{"device":%q,"n":%d,"pad":%q}`, device, n, strings.Repeat("x", n%100))
}

func TestBatches(t *testing.T) {
	ch := newChannel(t)
	c := open(t, Options{URL: ch.url(), BatchRows: 50, Linger: 20 * time.Millisecond, SegmentBytes: 4096})
	for n := range 200 {
		for _, device := range []string{"a", "b"} {
			put(t, c, device, reading(device, n+1))
		}
	}
	flushed(t, c)
	ordered(t, ch.taken(), 400)
	s := c.Stats()
	if s.Sent != 400 || s.Pending != 0 || s.Refused != 0 || s.LastFailure != "" || s.Requests > 200 || s.Bytes > 3*4096 {
		t.Errorf("%+v", s)
	}
	if err := c.Flush(context.Background()); err != nil {
		t.Error(err)
	}
}

// A server that fails in every way loses nothing and gets nothing twice.
func TestMoods(t *testing.T) {
	ch := newChannel(t)
	ch.mood = func(n int, w http.ResponseWriter, body []byte) bool {
		switch n % 6 {
		case 1:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(503)
			io.WriteString(w, `{"code":"journal.full","detail":"the disk is full"}`)
		case 2: // taken, and the answer lost
			ch.take(httptest.NewRecorder(), "", nil)
			panic(http.ErrAbortHandler)
		case 3:
			w.WriteHeader(200)
			io.WriteString(w, "<html>sign in to the guest network</html>")
		case 4:
			w.WriteHeader(401)
			io.WriteString(w, `{"code":"rest.denied","detail":"who?"}`)
		case 5:
			w.WriteHeader(429)
			io.WriteString(w, `{"code":"rest.too-many","detail":"slowly"}`)
		default:
			return false
		}
		return true
	}
	c := open(t, Options{URL: ch.url(), BatchRows: 20})
	for n := range 100 {
		put(t, c, "a", reading("a", n+1))
	}
	flushed(t, c)
	ordered(t, ch.taken(), 100)
	if s := c.Stats(); s.Failures == 0 || s.Pending != 0 {
		t.Errorf("%+v", s)
	}
}

// An answer that is lost after the server took the batch: the same key and
// body come again.
func TestLostAnswers(t *testing.T) {
	ch := newChannel(t)
	var asked atomic.Int32 // every lost answer ends its connection: the next request is another goroutine's
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := httptest.NewRecorder()
		ch.answer(got, r)
		if asked.Add(1)%2 == 1 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(got.Code)
		w.Write(got.Body.Bytes())
	}))
	defer front.Close()
	c := open(t, Options{URL: front.URL + "/ingest/home", BatchRows: 10})
	for n := range 60 {
		put(t, c, "a", reading("a", n+1))
	}
	flushed(t, c)
	ordered(t, ch.taken(), 60)
}

func TestRefusals(t *testing.T) {
	ch := newChannel(t)
	ch.mood = func(_ int, w http.ResponseWriter, body []byte) bool {
		if !strings.Contains(string(body), "poison") {
			return false
		}
		w.WriteHeader(422)
		io.WriteString(w, `{"code":"rest.nothing","detail":"no"}`)
		return true
	}
	var mu sync.Mutex
	var told []Refusal
	folder := t.TempDir()
	c := open(t, Options{URL: ch.url(), Folder: folder, Linger: 100 * time.Millisecond, Refused: func(r Refusal) { mu.Lock(); told = append(told, r); mu.Unlock() }})
	put(t, c, "a", reading("a", 1))
	put(t, c, "a", "{broken")
	put(t, c, "a", `{"poison":1}`)
	put(t, c, "a", "{\n\"device\": \"a\",\n\"n\": 2}")
	flushed(t, c)
	ordered(t, ch.taken(), 2)
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 2 || told[0].Code != "rest.not-json" && told[0].Code != "rest.nothing" || c.Stats().Refused != 2 {
		t.Errorf("%+v", told)
	}
	if b, err := os.ReadFile(filepath.Join(folder, "refused.ndjson")); err != nil || bytes.Count(b, []byte("\n")) != 2 {
		t.Errorf("refused.ndjson: %s, %v", b, err)
	}
}

// Days without a server, and starts in between: everything arrives, in order.
func TestOffline(t *testing.T) {
	ch := newChannel(t)
	folder := t.TempDir()
	for day := range 3 {
		c := open(t, Options{URL: "http://127.0.0.1:1/ingest/home", Folder: folder, SegmentBytes: 2048})
		for n := range 50 {
			put(t, c, "a", reading("a", day*50+n+1))
		}
		if s := c.Stats(); s.Pending != uint64(day+1)*50 {
			t.Errorf("day %d: %+v", day, s)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		if err := c.Flush(ctx); err == nil {
			t.Error("flushed without a server")
		}
		cancel()
		if _, err := Open(Options{URL: "http://127.0.0.1:1/ingest/home", Folder: folder}); err == nil {
			t.Error("two clients have one folder")
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c := open(t, Options{URL: ch.url(), Folder: folder, SegmentBytes: 2048})
	flushed(t, c)
	ordered(t, ch.taken(), 150)
}

// What a power cut leaves of the last file is cut off; what was told to be
// kept is there.
func TestTornTail(t *testing.T) {
	ch := newChannel(t)
	folder := t.TempDir()
	c := open(t, Options{URL: "http://127.0.0.1:1/ingest/home", Folder: folder})
	for n := range 10 {
		put(t, c, "a", reading("a", n+1))
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(folder, "*.seg"))
	f, err := os.OpenFile(files[len(files)-1], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte{200, 0, 0, 0, 1, 2, 3})
	f.Close()
	c = open(t, Options{URL: ch.url(), Folder: folder})
	put(t, c, "a", reading("a", 11))
	flushed(t, c)
	ordered(t, ch.taken(), 11)
}

func TestFull(t *testing.T) {
	c := open(t, Options{URL: "http://127.0.0.1:1/ingest/home", MaxBytes: 1000})
	var err error
	for n := 0; err == nil && n < 100; n++ {
		_, err = c.Put(context.Background(), Message{Type: "application/json", Body: []byte(`{"pad":"0123456789012345678901234567890123456789"}`)})
	}
	if !errors.Is(err, ErrFull) || c.Stats().Bytes > 1000 {
		t.Errorf("%v, %+v", err, c.Stats())
	}
	for _, m := range []Message{{}, {Type: "application/json"}, {Type: "application/json", Body: []byte(" ")}, {Type: "a\nb", Body: []byte("x")}} {
		if _, err := c.Put(context.Background(), m); err == nil || errors.Is(err, ErrFull) {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

// Kinds that know no rows go alone, and no message overtakes one of its device.
func TestKindsInOrder(t *testing.T) {
	var mu sync.Mutex
	var bodies, types []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		bodies, types = append(bodies, strings.TrimSpace(string(b))), append(types, r.Header.Get("Content-Type")+r.URL.RawQuery)
		mu.Unlock()
		w.WriteHeader(202)
		io.WriteString(w, "{}")
	}))
	defer s.Close()
	folder := t.TempDir()
	c := open(t, Options{URL: "http://127.0.0.1:1/ingest/x", Folder: folder, Plain: true})
	if _, err := c.PutAll(context.Background(), []Message{
		{Device: "a", Type: "application/json", Body: []byte("1")},
		{Device: "b", Type: "text/csv", Body: []byte("h\n2")},
		{Device: "a", Type: "application/json", Body: []byte("3")},
		{Device: "b", Type: "application/json", Body: []byte("4")},
		{Device: "c", Type: "application/fhir+json", Topic: "t/1", Body: []byte("5")},
		{Device: "a", Type: "text/csv", Body: []byte("h\n6")},
		{Device: "a", Type: "application/json", Body: []byte("7")},
	}); err != nil {
		t.Fatal(err)
	}
	c.Close()
	c = open(t, Options{URL: s.URL + "/ingest/x", Folder: folder, Plain: true})
	flushed(t, c)
	mu.Lock()
	defer mu.Unlock()
	want := "1\n3|h\n2|4|5|h\n6|7"
	if got := strings.Join(bodies, "|"); got != want {
		t.Errorf("%q, want %q (%q)", got, want, types)
	}
	if types[0] != "application/x-ndjson" || types[3] != "application/fhir+jsontopic=t%2F1" {
		t.Errorf("%q", types)
	}
}

func TestPins(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(202)
		io.WriteString(w, "{}")
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // who does not believe the server hangs up
	s.StartTLS()
	defer s.Close()
	sum := sha256.Sum256(s.Certificate().RawSubjectPublicKeyInfo)
	c := open(t, Options{URL: s.URL + "/ingest/x", Pins: []string{"sha256/" + base64.StdEncoding.EncodeToString(sum[:])}})
	put(t, c, "a", "{}")
	flushed(t, c)
	sum[0] ^= 1
	for _, o := range []Options{{Pins: []string{"sha256/" + base64.StdEncoding.EncodeToString(sum[:])}}, {}} {
		o.URL = s.URL + "/ingest/x"
		c := open(t, o)
		put(t, c, "a", "{}")
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		if err := c.Flush(ctx); err == nil {
			t.Errorf("pins %v: it was sent", o.Pins)
		}
		cancel()
	}
	for _, o := range []Options{{URL: "x", Folder: "y"}, {URL: s.URL + "/ingest/x"}, {URL: s.URL + "/ingest/x", Folder: "y", Pins: []string{"z"}}} {
		if _, err := Open(o); !errors.Is(err, errOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(appendRecord(nil, 7, &Message{Device: "a", Type: "b", Topic: "c", Body: []byte("d")})[recordHead:])
	f.Fuzz(func(t *testing.T, b []byte) {
		seq, m, ok := parseRecord(b)
		if !ok {
			return
		}
		again := appendRecord(nil, seq, &m)[recordHead:]
		if s, n, ok := parseRecord(again); !ok || s != seq || n.Device != m.Device || n.Type != m.Type || n.Topic != m.Topic || !bytes.Equal(n.Body, m.Body) {
			t.Fatalf("%+v became %+v", m, n)
		}
	})
}
