package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// rig is a channel with a folder, a journal in memory and who may come in.
type rig struct {
	t      *testing.T
	folder string
	intake *drivertest.Intake
	notes  *drivertest.Notes
	admit  func(driver.Credentials) (driver.Admission, error)
	d      *Driver
	url    string

	mu   sync.Mutex
	late int // entries at the end that are not recorded yet
}

func newRig(t *testing.T, settings map[string]any) *rig {
	t.Helper()
	r := &rig{t: t, folder: t.TempDir(), intake: &drivertest.Intake{}, notes: &drivertest.Notes{}}
	r.start(settings)
	return r
}

func (r *rig) start(settings map[string]any) {
	r.t.Helper()
	all := map[string]any{"listen": "127.0.0.1:0"}
	for k, v := range settings {
		all[k] = v
	}
	d, err := New(model.Channel{ID: "ward", Driver: "rest", Codec: "json", Settings: all})
	if err != nil {
		r.t.Fatal(err)
	}
	host := driver.Host{
		Intake: r.intake, Log: slog.New(slog.DiscardHandler), Note: r.notes.Note,
		Folder: func(model.ChannelID) (string, error) { return r.folder, nil },
		Head:   func() model.Seq { n, _ := r.intake.Count(); return model.Seq(n) },
		Since: func(_ model.ChannelID, after model.Seq, each func(e model.Entry)) {
			for i, f := range r.intake.Taken() {
				if model.Seq(i+1) > after {
					each(model.Entry{Seq: model.Seq(i + 1), Frame: f})
				}
			}
		},
		Progress: func(_ context.Context, _ model.ChannelID, first model.Seq, each func(driver.Progress) bool) error {
			all := r.intake.Taken()
			r.mu.Lock()
			late := r.late
			r.mu.Unlock()
			if int(first) > len(all) {
				return fault.New(fault.Absent, "drivertest.absent", "there is none")
			}
			for i := int(first) - 1; i < len(all); i++ {
				p := driver.Progress{Seq: model.Seq(i + 1), Identity: all[i].Identity, Properties: all[i].Properties, Recorded: i < len(all)-late, Messages: 1, Observations: 2, Owed: 1, Delivered: 1}
				for n := range bytes.Count(all[i].Bytes, []byte("odd")) {
					p.Issues = append(p.Issues, model.Issue{Code: "decode.no-profile", Severity: model.Error, Text: "nobody knows", Field: "[" + strconv.Itoa(n) + "]"})
				}
				if !each(p) {
					return nil
				}
			}
			return nil
		},
	}
	if r.admit != nil {
		host.Admit = func(_ context.Context, _ model.ChannelID, c driver.Credentials) (driver.Admission, error) {
			return r.admit(c)
		}
	}
	if err := d.Start(r.t.Context(), host); err != nil {
		r.t.Fatal(err)
	}
	r.d, r.url = d, "http://"+d.Addr().String()+"/ingest/ward"
	r.t.Cleanup(r.stop)
}

func (r *rig) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
	defer cancel()
	r.d.Stop(ctx)
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) taken(t *testing.T) taken {
	t.Helper()
	var out taken
	if a.status != http.StatusAccepted {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (a answer) problem(t *testing.T) problem {
	t.Helper()
	var out problem
	if err := json.Unmarshal(a.body, &out); err != nil || a.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("no problem: %d %s", a.status, a.body)
	}
	return out
}

// do sends a request; header are names and values by turns.
func (r *rig) do(method, path string, body []byte, header ...string) answer {
	r.t.Helper()
	target := r.url + path
	if strings.HasPrefix(path, "/ingest/") {
		target = "http://" + r.d.Addr().String() + path
	}
	q, err := http.NewRequest(method, target, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{a.StatusCode, a.Header, b}
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstded(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(b, nil)
}
