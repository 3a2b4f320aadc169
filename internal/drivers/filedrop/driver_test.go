package filedrop

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/wfdb"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// rig is a folder, a driver that watches it and an intake.
type rig struct {
	t        *testing.T
	in       string
	state    string
	settings map[string]any
	codec    string
	intake   *drivertest.Intake
	notes    *drivertest.Notes
	driver   *Driver
}

func newRig(t *testing.T, settings map[string]any) *rig {
	r := &rig{t: t, in: t.TempDir(), state: t.TempDir(), intake: &drivertest.Intake{}, notes: &drivertest.Notes{}}
	r.settings = map[string]any{"folder": r.in, "every": "100ms", "settle": "200ms"}
	for k, v := range settings {
		r.settings[k] = v
	}
	return r
}

func (r *rig) start() *rig {
	r.t.Helper()
	d, err := New(model.Channel{ID: "drop", Driver: "filedrop", Codec: r.codec, Settings: r.settings})
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

func (r *rig) stop() { r.driver.Stop(r.t.Context()) }

// drop writes a file as somebody does who renames it when it is whole.
func (r *rig) drop(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.in, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path+".tmp", []byte(text), 0o600), os.Rename(path+".tmp", path)); err != nil {
		r.t.Fatal(err)
	}
}

// taken waits for so many frames.
func (r *rig) taken(n int) []model.Frame {
	r.t.Helper()
	drivertest.Until(r.t, fmt.Sprintf("%d files are taken", n), func() bool { return len(r.intake.Taken()) >= n })
	return r.intake.Taken()
}

// in waits until a folder holds exactly these files.
func (r *rig) holds(folder string, names ...string) {
	r.t.Helper()
	slices.Sort(names)
	var have []string
	drivertest.Until(r.t, fmt.Sprintf("%q holds %q, not %q", folder, names, have), func() bool {
		have = nil
		entries, _ := os.ReadDir(filepath.Join(r.in, folder))
		for _, e := range entries {
			if !e.IsDir() {
				have = append(have, e.Name())
			}
		}
		return slices.Equal(have, names)
	})
}

const oru = "MSH|^~\\&|MON|ICU|||20261121101500||ORU^R01|1|P|2.6\rPID|||4711\rOBX|1|NM|8867-4^Heart rate^LN||72|/min\r"

// R10, R23: a file is taken, whole and byte for byte, then moved; the ending or
// the first bytes say how it is read.
func TestTakes(t *testing.T) {
	r := newRig(t, nil).start()
	r.drop("a.hl7", oru)
	r.drop("b", oru)
	r.drop("c.csv", "label;value\nHR;72\n")
	r.drop("d.json", `{"hr":72}`)
	r.drop("e", "%PDF-1.7\n%%EOF\n")
	r.drop(".hidden", "x")
	frames := r.taken(5)
	r.holds("done", "a.hl7", "b", "c.csv", "d.json", "e")
	r.holds("", ".hidden")
	codecs := map[string]string{}
	for _, f := range frames {
		codecs[f.Topic] = f.Codec
		if kept, _ := os.ReadFile(filepath.Join(r.in, "done", f.Topic)); !bytes.Equal(kept, f.Bytes) {
			t.Errorf("%s: other bytes", f.Topic)
		}
	}
	if got := fmt.Sprint(codecs); got != "map[a.hl7:hl7v2 b:hl7v2 c.csv:csv d.json:json e:pdf]" {
		t.Error(got)
	}
}

// A file that grows is left alone until it has settled.
func TestWaitsUntilWhole(t *testing.T) {
	r := newRig(t, map[string]any{"settle": "400ms"}).start()
	f, err := os.Create(filepath.Join(r.in, "slow.csv"))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 12 {
		fmt.Fprintf(io.MultiWriter(f, &want), "HR;%d\n", i)
		time.Sleep(100 * time.Millisecond)
	}
	f.Close()
	if got := r.taken(1); string(got[0].Bytes) != want.String() {
		t.Errorf("taken as %q", got[0].Bytes)
	}
}

func TestMarker(t *testing.T) {
	r := newRig(t, map[string]any{"complete": "marker", "marker": ".done"}).start()
	r.drop("a.csv", "1")
	r.drop("b.csv", "2")
	r.drop("b.csv.done", "")
	if got := r.taken(1); got[0].Topic != "b.csv" {
		t.Error(got[0].Topic)
	}
	r.holds("done", "b.csv")
	r.holds("", "a.csv")
}

// What cannot be taken lies aside with a report that says why.
func TestRefuses(t *testing.T) {
	r := newRig(t, map[string]any{"complete": "renamed", "max_file": "100", "name": "{patient}_{any}.csv", "files": []any{"*.csv", "*.hl7", "what"}}).start()
	r.drop("7_empty.csv", "")
	r.drop("7_long.csv", strings.Repeat("x", 101))
	r.drop("nobody.csv", "HR;72")
	r.drop("not.hl7", "hello world")
	r.drop("what", "\x00\x01\x02")
	r.drop("7_good.csv", "HR;72")
	r.drop("other.txt", "not asked for")
	if got := r.taken(1); got[0].Topic != "7_good.csv" || codec.Said(got[0].Properties, "patient") != "7" {
		t.Errorf("%+v", got)
	}
	want := map[string]string{"7_empty.csv": "filedrop.empty", "7_long.csv": "filedrop.oversize", "nobody.csv": "filedrop.name", "not.hl7": "hl7v2.", "what": "filedrop.unknown"}
	var names []string
	for name := range want {
		names = append(names, name, name+".report.txt")
	}
	r.holds("refused", names...)
	for name, code := range want {
		report, _ := os.ReadFile(filepath.Join(r.in, "refused", name+".report.txt"))
		if !strings.Contains(string(report), "code:     "+code) || !strings.Contains(string(report), name) {
			t.Errorf("%s: %s", name, report)
		}
	}
	r.holds("", "other.txt")
}

// R18: name and content count once, also over a restart; another content under
// the same name is another file.
func TestOnce(t *testing.T) {
	r := newRig(t, nil).start()
	r.drop("day.csv", "HR;72")
	r.taken(1)
	r.holds("done", "day.csv")
	r.stop()
	r.start()
	r.drop("day.csv", "HR;72")
	drivertest.Until(t, "it is recognised", func() bool { return r.driver.again.Load() == 1 })
	r.drop("day.csv", "HR;73")
	if got := r.taken(2); len(got) != 2 || string(got[1].Bytes) != "HR;73" {
		t.Errorf("%q", got)
	}
}

// The process dies between the journal's word and ours: the entry is found and
// the file moved, not taken again.
func TestDiesAfterItWasDurable(t *testing.T) {
	r := newRig(t, nil)
	if err := os.MkdirAll(filepath.Join(r.in, "done"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.drop("day.csv", "HR;72")
	m := markOf("day.csv", []byte("HR;72"))
	torn := line(m, seen{at: time.Now()}) + "2026-11-21T10:00:00Z offer"
	if err := os.WriteFile(filepath.Join(r.state, "taken"), []byte(torn), 0o600); err != nil {
		t.Fatal(err)
	}
	r.intake.Offer(t.Context(), []model.Frame{{Topic: "day.csv", Bytes: []byte("HR;72")}})
	r.start()
	r.holds("done", "day.csv")
	if n := len(r.intake.Taken()); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// A file that was taken and cannot be moved is one issue that says so, however
// often it is tried; it did not come again. The next ones are taken meanwhile.
func TestCannotBeMoved(t *testing.T) {
	r := newRig(t, map[string]any{"done": ".done", "refused": ".refused"})
	wall := filepath.Join(r.in, ".done") // where a folder should be
	if err := errors.Join(os.WriteFile(wall, nil, 0o600), os.WriteFile(filepath.Join(r.in, ".refused"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.drop("day.csv", "HR;72")
	r.drop("empty.csv", "")
	r.drop("next.csv", "HR;73")
	r.taken(2)
	time.Sleep(time.Second)
	if n := len(r.intake.Taken()); n != 2 || r.driver.again.Load() != 0 || r.driver.refused.Load() != 1 {
		t.Errorf("%d taken, %d again, %d refused", n, r.driver.again.Load(), r.driver.refused.Load())
	}
	got := r.notes.Codes()
	if slices.Sort(got); !slices.Equal(got, []string{"filedrop.refused", "filedrop.unmoved"}) {
		t.Errorf("told %q", got)
	}
	if got := r.driver.Status(); got.State != "connected" || got.Counts[len(got.Counts)-1] != (model.Count{Of: "cannot be moved", N: 3}) {
		t.Errorf("%+v", got)
	}
	if err := errors.Join(os.Remove(wall), os.Remove(filepath.Join(r.in, ".refused"))); err != nil {
		t.Fatal(err)
	}
	r.holds(".done", "day.csv", "next.csv")
	r.holds(".refused", "empty.csv", "empty.csv.report.txt")
	if got := r.notes.Codes(); slices.Contains(got, "filedrop.again") {
		t.Errorf("told %q", got)
	}
}

// A full disk: the file stays, and is taken when there is room.
func TestIntakeFails(t *testing.T) {
	r := newRig(t, nil)
	r.intake.Fail(drivertest.Full)
	r.start()
	r.drop("day.csv", "HR;72")
	drivertest.Until(t, "it says why", func() bool { return strings.Contains(r.driver.Status().Text, "the disk is full") })
	r.holds("", "day.csv")
	r.intake.Fail(nil)
	r.taken(1)
	r.holds("done", "day.csv")
	r.intake.Fail(func([]model.Frame) error {
		return fault.New(fault.Invalid, "intake.oversize", "too large")
	})
	r.drop("next.csv", "HR;73")
	r.holds("refused", "next.csv", "next.csv.report.txt")
}

// A folder that is not there yet delays and does not forbid.
func TestFolderComesLater(t *testing.T) {
	r := newRig(t, nil)
	late := filepath.Join(r.in, "late")
	r.settings["folder"] = late
	r.start()
	drivertest.Until(t, "it says why", func() bool { return strings.Contains(r.driver.Status().Text, "cannot be reached") })
	if err := os.Mkdir(late, 0o700); err != nil {
		t.Fatal(err)
	}
	r.in = late
	r.drop("day.csv", "HR;72")
	r.taken(1)
}

// A record is its header and the files that it names; it waits for them.
func TestRecord(t *testing.T) {
	r := newRig(t, map[string]any{"name": "{patient}-{any}.hea"}).start()
	r.drop("p7-1.hea", "p7-1 1 250 4 10:00:00 21/11/2026\np7-1.dat 16 200 16 0 1 10 0 II\n# by hand\n")
	r.holds("", "p7-1.hea")
	r.drop("p7-1.dat", "\x01\x00\x02\x00\x03\x00\x04\x00")
	frames := r.taken(1)
	r.holds("done", "p7-1.dat", "p7-1.hea")
	r.holds("")
	m := wfdb.Codec{}.Decode(model.Entry{Frame: frames[0]}, codec.Context{})[0]
	if len(m.Issues) > 0 || m.Patient == nil || m.Patient.Identifiers[0].Value != "p7" || len(m.Waveforms) != 1 || fmt.Sprint(m.Waveforms[0].Samples) != "[1 2 3 4]" {
		t.Errorf("%+v", m)
	}
	files := 0
	for archive := tar.NewReader(bytes.NewReader(frames[0].Bytes)); ; files++ {
		if _, err := archive.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if files != 2 {
		t.Errorf("%d files", files)
	}
}

// Names that strangers choose do no harm.
func TestHostileNames(t *testing.T) {
	r := newRig(t, map[string]any{"complete": "renamed"}).start()
	for i, name := range []string{"-rf.csv", "a b;$(x).csv", "\u202egpj.csv", "ümläut.csv", strings.Repeat("n", 200) + ".csv", "bad\xff.csv", "new\nline.csv"} {
		r.drop(name, fmt.Sprint("HR;", i))
	}
	r.taken(7)
	r.holds("")
	os.Symlink("/etc/passwd", filepath.Join(r.in, "link.csv"))
	os.Mkdir(filepath.Join(r.in, "folder.csv"), 0o700)
	r.drop("x.csv", "HR;9")
	r.taken(8)
	if n := len(r.intake.Taken()); n != 8 {
		t.Errorf("%d files taken", n)
	}
}

func TestSettings(t *testing.T) {
	for place, settings := range map[string]map[string]any{
		"folder":        {"folder": "in"},
		"complete":      {"complete": "soon"},
		"marker":        {"complete": "marker", "marker": "x"},
		"every":         {"every": "1ms"},
		"depth":         {"depth": 9},
		"done":          {"done": "../done"},
		"refused":       {"refused": "done"},
		"files":         {"files": []any{"[a"}},
		"name":          {"name": "{patient}_{patient}"},
		"sftp.address":  {"sftp": map[string]any{"address": "host"}},
		"sftp.host_key": {"sftp": map[string]any{"address": "host:22", "user": "x", "key": "/k", "host_key": "?"}},
		"sftp.key":      {"sftp": map[string]any{"address": "host:22", "user": "x", "host_key": "SHA256:0123456789012345678901234567890123456789012"}},
	} {
		whole := map[string]any{"folder": "/in"}
		for k, v := range settings {
			whole[k] = v
		}
		var f *fault.Fault
		if _, err := New(model.Channel{ID: "x", Settings: whole}); !errors.As(err, &f) || f.Place != place {
			t.Errorf("%s: %v", place, err)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("{patient}_{any}.pdf", "7_x.pdf")
	f.Add("{serial}", "")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		n, err := parseNames(pattern)
		if err != nil {
			return
		}
		if said, ok := n.properties(name); ok && n != nil && strings.Count(said, "\n") != len(n.fields) {
			t.Errorf("%q", said)
		}
	})
}

func FuzzTaken(f *testing.F) {
	f.Add([]byte("2026-11-21T10:00:00Z 4711 00\n"))
	f.Add([]byte(line(mark{1}, seen{3, time.Unix(1, 0)})))
	f.Fuzz(func(t *testing.T, text []byte) {
		folder := t.TempDir()
		os.WriteFile(filepath.Join(folder, "taken"), text, 0o600)
		if s, err := openTaken(folder, time.Unix(0, 0), nil); err == nil {
			s.close()
		}
	})
}
