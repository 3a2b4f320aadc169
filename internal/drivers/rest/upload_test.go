package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
)

// lines is a batch of n rows.
func lines(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "{\"n\":%d,\"pad\":%q}\n", i, strings.Repeat("x", i%50))
	}
	return b.Bytes()
}

func (r *rig) begin(header ...string) (path string, a answer) {
	r.t.Helper()
	a = r.do("POST", "", nil, append([]string{"Upload-Complete", "?0"}, header...)...)
	if a.status != http.StatusCreated || a.header.Get("Upload-Complete") != "?0" || a.header.Get("Upload-Offset") != "0" {
		r.t.Fatalf("creation: %d %v %s", a.status, a.header, a.body)
	}
	return a.header.Get("Location"), a
}

func (r *rig) patch(path string, at int, last string, part []byte) answer {
	r.t.Helper()
	return r.do("PATCH", path, part, "Content-Type", partialUpload, "Upload-Offset", strconv.Itoa(at), "Upload-Complete", last)
}

func (r *rig) checkRows(n int) {
	r.t.Helper()
	all := r.intake.Taken()
	if len(all) != n {
		r.t.Fatalf("%d entries, want %d", len(all), n)
	}
	for i, f := range all {
		if !strings.HasPrefix(string(f.Bytes), fmt.Sprintf(`{"n":%d,`, i)) {
			r.t.Fatalf("entry %d is %s", i, f.Bytes)
		}
	}
}

// R3: a batch in parts, over a restart, compressed or not, is journaled once.
func TestUpload(t *testing.T) {
	content := lines(5000)
	for encoding, whole := range map[string][]byte{"": content, "gzip": gzipped(t, content), "zstd": zstded(t, content)} {
		t.Run("encoding "+encoding, func(t *testing.T) {
			r := newRig(t, nil)
			path, first := r.begin("Content-Type", "application/x-ndjson", "Content-Encoding", encoding, "Upload-Length", strconv.Itoa(len(whole)), "Idempotency-Key", "up-1")
			if first.header.Get("Upload-Limit") == "" {
				t.Errorf("headers %v", first.header)
			}
			if again, _ := r.begin("Content-Type", "application/x-ndjson", "Content-Encoding", encoding, "Upload-Length", strconv.Itoa(len(whole)), "Idempotency-Key", "up-1"); again != path {
				t.Errorf("the same key made %s and %s", path, again)
			}
			third := len(whole) / 3
			if a := r.patch(path, 0, "?0", whole[:third]); a.status != http.StatusNoContent || a.header.Get("Upload-Offset") != strconv.Itoa(third) {
				t.Fatalf("%d %v %s", a.status, a.header, a.body)
			}
			if a := r.patch(path, 1, "?0", whole[:third]); a.status != http.StatusConflict || a.header.Get("Upload-Offset") != strconv.Itoa(third) || !strings.Contains(string(a.body), "mismatching-upload-offset") {
				t.Errorf("wrong offset: %d %s", a.status, a.body)
			}
			r.stop()
			r.start(nil)
			a := r.do("HEAD", path, nil)
			if a.status != http.StatusNoContent || a.header.Get("Upload-Offset") != strconv.Itoa(third) || a.header.Get("Upload-Complete") != "?0" {
				t.Fatalf("after a restart: %d %v", a.status, a.header)
			}
			a = r.patch(path, third, "?1", whole[third:])
			var s standing
			if err := json.Unmarshal(a.body, &s); err != nil || a.status != http.StatusAccepted || a.header.Get("Upload-Complete") != "?1" {
				t.Fatalf("%d %s", a.status, a.body)
			}
			drivertest.Until(t, "it is journaled", func() bool { n, _ := r.intake.Count(); return n == 5000 })
			r.checkRows(5000)
			drivertest.Until(t, "its status says so", func() bool {
				s := r.do("GET", path, nil)
				return strings.Contains(string(s.body), `"state":"recorded"`) && strings.Contains(string(s.body), `"entries":5000`)
			})
			if a := r.patch(path, len(whole), "?1", nil); a.status != http.StatusAccepted {
				t.Errorf("the last part again: %d %s", a.status, a.body)
			}
			r.stop()
			r.start(nil)
			r.checkRows(5000)
			if used := r.d.uploads.used.Load(); used != 0 {
				t.Errorf("%d bytes in use when all is journaled", used)
			}
		})
	}
}

// A part that breaks off leaves what came of it.
func TestUploadBreaksOff(t *testing.T) {
	r := newRig(t, nil)
	content := lines(1000)
	path, _ := r.begin("Content-Type", "application/x-ndjson")
	conn, err := net.Dial("tcp", r.d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nUpload-Offset: 0\r\nUpload-Complete: ?1\r\nContent-Length: %d\r\n\r\n", path, partialUpload, len(content))
	conn.Write(content[:5000])
	conn.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, conn)
	conn.Close()
	var at int
	drivertest.Until(t, "what came is safe", func() bool {
		at, _ = strconv.Atoi(r.do("HEAD", path, nil).header.Get("Upload-Offset"))
		return at == 5000
	})
	if a := r.patch(path, at, "?1", content[at:]); a.status != http.StatusAccepted {
		t.Fatalf("%d %s", a.status, a.body)
	}
	drivertest.Until(t, "it is journaled", func() bool { n, _ := r.intake.Count(); return n == 1000 })
	r.checkRows(1000)
}

// R23: whatever of the upload's own memory a power cut takes, no row is lost
// and none comes twice: the journal knows.
func TestUploadGoesOnFromTheJournal(t *testing.T) {
	r := newRig(t, nil)
	content := lines(9000)
	release := make(chan struct{})
	offers := 0
	r.intake.Fail(func([]model.Frame) error {
		if offers++; offers > 2 {
			<-release
			return drivertest.Full(nil)
		}
		return nil
	})
	path, _ := r.begin("Content-Type", "application/x-ndjson")
	done := make(chan answer, 1)
	go func() { done <- r.patch(path, 0, "?1", content) }()
	drivertest.Until(t, "two offers were taken", func() bool { n, _ := r.intake.Count(); return n == 4000 })
	meta, err := os.ReadFile(filepath.Join(r.folder, "uploads", filepath.Base(path), metaName))
	if err != nil {
		t.Fatal(err)
	}
	close(release)
	r.stop()
	<-done
	// As if the last state had never reached the disk.
	var m map[string]any
	if err := json.Unmarshal(meta, &m); err != nil {
		t.Fatal(err)
	}
	m["rows"], m["spans"] = 2000, []map[string]any{{"first": 1, "count": 2000}}
	meta, _ = json.Marshal(m)
	if err := os.WriteFile(filepath.Join(r.folder, "uploads", filepath.Base(path), metaName), meta, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(r.folder, "keys.log")); err != nil {
		t.Fatal(err)
	}
	r.intake.Fail(nil)
	r.start(nil)
	drivertest.Until(t, "it is journaled", func() bool { n, _ := r.intake.Count(); return n >= 9000 })
	r.checkRows(9000)
}

func TestUploadKinds(t *testing.T) {
	for _, c := range []struct {
		name, media, body string
		frames            []string
		failed            string
		refused           int
	}{
		{"lines with refusals", "application/x-ndjson", "{\"a\":1}\n{bad\n\n{\"a\":2}", []string{`{"a":1}`, `{"a":2}`}, "", 1},
		{"table", "text/csv", "a,b\n1,\"x\ny\"\n3,4\n", []string{"a,b\n1,\"x\ny\"\n3,4\n"}, "", 0},
		{"table without an end", "text/csv", "a,b\n1,\"x\ny\n3,4\n", nil, "rest.not-csv", 0},
		{"batch", "application/hl7-v2", strings.ReplaceAll(hl7Batch, "\r", "\r\n"), []string{strings.TrimSpace(hl7One), "MSH|^~\\&|A|B|C|D|20261121||ORU^R01|2|P|2.5"}, "", 0},
		{"document", "application/fhir+json", `{"resourceType":"Bundle"}`, []string{`{"resourceType":"Bundle"}`}, "", 0},
		{"no document", "application/json", `{"a":`, nil, "rest.not-json", 0},
		{"nothing", "application/x-ndjson", "\n\n", nil, "rest.nothing", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			a := r.do("POST", "", []byte(c.body), "Upload-Complete", "?1", "Content-Type", c.media)
			if c.failed != "" {
				if a.problem(t).Code != c.failed {
					t.Errorf("%d %s", a.status, a.body)
				}
				return
			}
			var s standing
			if err := json.Unmarshal(a.body, &s); err != nil || a.status != 202 || s.Entries != len(c.frames) || len(s.Results) != c.refused {
				t.Fatalf("%d %s", a.status, a.body)
			}
			for i, f := range r.intake.Taken() {
				got := strings.TrimSpace(strings.ReplaceAll(string(f.Bytes), "\r\r", "\r"))
				if got != strings.TrimSpace(c.frames[i]) {
					t.Errorf("entry %d: %q, want %q", i, f.Bytes, c.frames[i])
				}
			}
		})
	}
}

func TestUploadTable(t *testing.T) {
	r := newRig(t, nil)
	var b strings.Builder
	b.WriteString("id,note\n")
	for i := range 60000 {
		fmt.Fprintf(&b, "%d,\"a quoted note of row\nwith a line end %d\"\n", i, i)
	}
	if a := r.do("POST", "", []byte(b.String()), "Upload-Complete", "?1", "Content-Type", "text/csv"); a.status != 202 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var got strings.Builder
	got.WriteString("id,note\n")
	drivertest.Until(t, "it is journaled", func() bool { n, _ := r.intake.Count(); return n >= 3 })
	for _, f := range r.intake.Taken() {
		rest, ok := strings.CutPrefix(string(f.Bytes), "id,note\n")
		if !ok || f.Codec != "csv" {
			t.Fatal("a frame without the heading")
		}
		got.WriteString(rest)
	}
	if got.String() != b.String() {
		t.Error("the frames are not the table")
	}
}

func TestUploadRefusals(t *testing.T) {
	r := newRig(t, map[string]any{"max_upload": "100KiB", "upload_space": "150KiB"})
	path, _ := r.begin("Content-Type", "application/json", "Upload-Length", "10")
	for _, c := range []struct {
		name   string
		a      answer
		status int
		code   string
	}{
		{"header", r.do("POST", "", nil, "Upload-Complete", "yes", "Content-Type", "application/json"), 400, "rest.upload-header"},
		{"length", r.do("POST", "", nil, "Upload-Complete", "?0", "Content-Type", "application/json", "Upload-Length", "-1"), 400, "rest.upload-header"},
		{"too long", r.do("POST", "", nil, "Upload-Complete", "?0", "Content-Type", "application/json", "Upload-Length", "200000"), 413, "rest.oversize"},
		{"encoding", r.do("POST", "", nil, "Upload-Complete", "?0", "Content-Type", "application/json", "Content-Encoding", "br"), 415, "rest.encoding"},
		{"type of a part", r.do("PATCH", path, nil, "Content-Type", "text/plain", "Upload-Offset", "0", "Upload-Complete", "?0"), 415, "rest.media"},
		{"no offset", r.do("PATCH", path, nil, "Content-Type", partialUpload, "Upload-Complete", "?0"), 400, "rest.upload-header"},
		{"longer than told", r.patch(path, 0, "?0", []byte("{\"a\":12345}")), 413, "rest.oversize"},
		{"shorter than told", r.patch(path, 0, "?1", []byte("{}")), 400, "rest.upload-length"},
		{"method", r.do("PUT", path, nil), 405, "rest.method"},
	} {
		if p := c.a.problem(t); c.a.status != c.status || p.Code != c.code {
			t.Errorf("%s: %d %+v", c.name, c.a.status, p)
		}
	}
	if a := r.do("DELETE", path, nil); a.status != 204 {
		t.Errorf("delete: %d %s", a.status, a.body)
	}
	if a := r.do("HEAD", path, nil); a.status != 404 {
		t.Errorf("after delete: %d", a.status)
	}
	// Space is bounded over all uploads.
	one, _ := r.begin("Content-Type", "application/json")
	two, _ := r.begin("Content-Type", "application/json")
	part := bytes.Repeat([]byte(" "), 90_000)
	if a := r.patch(one, 0, "?0", part); a.status != 204 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := r.patch(two, 0, "?0", part); a.status != http.StatusInsufficientStorage {
		t.Errorf("%d %s", a.status, a.body)
	}
	r.d.uploads.expire(time.Now().Add(48 * time.Hour))
	if used := r.d.uploads.used.Load(); used != 0 || r.d.uploads.get(filepath.Base(one)) != nil {
		t.Errorf("after expiry %d bytes are in use", used)
	}
}
