package wfdb

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/peertest"
	"thalamus/internal/waveform"
	"thalamus/internal/waveform/waveformtest"
)

// laid writes files into a folder that goes with the test.
func laid(t *testing.T, files waveformtest.Files) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The tools of the WFDB library itself read our records: rdsamp gives every
// sample, missing ones and gaps as such. Debian has no package of them; the
// test runs where rdsamp is found.
func TestReferenceToolsReadUs(t *testing.T) {
	rdsamp, err := exec.LookPath("rdsamp")
	if err != nil {
		t.Skip("peer missing: rdsamp (WFDB Software Package, not in Debian)")
	}
	for seed := range uint64(6) {
		feeds := waveformtest.Ward(seed, waveformtest.Signals(), time.Duration(2+seed*60)*time.Second)
		all, files := written(t, feeds, waveform.About{})
		dir := laid(t, files)
		for _, r := range all {
			cmd := exec.Command(rdsamp, "-r", r.Name)
			cmd.Dir = filepath.Join(dir, r.Name)
			cmd.Env = append(os.Environ(), "WFDB=.")
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("rdsamp %s: %v", r.Name, err)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			at, spanEnd := 0, time.Time{}
			for b, err := range r.Blocks(waveformtest.Feeds(feeds)) {
				if err != nil {
					t.Fatal(err)
				}
				if b.First == 0 && b.Span > 0 {
					gap := int((r.Spans[b.Span].Start.Sub(spanEnd) + time.Duration(r.FrameNS/2)) / time.Duration(r.FrameNS))
					for ; gap > 0 && at < len(lines); gap-- { // a null segment
						for _, v := range strings.Fields(lines[at])[1:] {
							if v != "-32768" {
								t.Fatalf("%s: line %d: %q in a gap", r.Name, at, lines[at])
							}
						}
						at++
					}
				}
				for f := range b.Frames {
					fields := strings.Fields(lines[at])
					for i := range r.Signals {
						c, _ := scaleOf(&r.Signals[i])
						want := int64(invalid)
						if v := b.Samples[i][f]; v != model.Gap {
							want = int64(v)*c.times + c.shift
						}
						if fields[1+i] != strconv.FormatInt(want, 10) {
							t.Fatalf("%s: line %d: %q, want %d for signal %d", r.Name, at, lines[at], want, i)
						}
					}
					at++
				}
				spanEnd = r.Spans[b.Span].Start.Add(time.Duration((b.First + int64(b.Frames)) * r.FrameNS))
			}
			if at > len(lines) || at < len(lines)-1 {
				t.Errorf("%s: rdsamp gives %d lines, we wrote %d frames", r.Name, len(lines), at)
			}
			if out, err := tool(dir, r.Name, "wfdbdesc"); err != nil || !strings.Contains(out, "Sampling frequency: "+rate(r.FrameNS)+" Hz") {
				t.Errorf("wfdbdesc %s: %v\n%s", r.Name, err, out)
			}
		}
	}
}

func tool(dir, record, name string) (string, error) {
	cmd := exec.Command(name, record)
	cmd.Dir = filepath.Join(dir, record)
	cmd.Env = append(os.Environ(), "WFDB=.")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// BioSig reads an ordinary record of ours: the samples in their unit.
func TestBioSigReadsUs(t *testing.T) {
	save2gdf, err := exec.LookPath("save2gdf")
	if err != nil {
		peertest.Missing(t, "save2gdf (biosig-tools)")
	}
	feeds := waveformtest.Ward(3, waveformtest.Signals()[2:3], 30*time.Second)
	all, files := written(t, feeds, waveform.About{})
	dir, r := laid(t, files), all[0]
	if len(all) != 1 || len(r.Spans) != 1 {
		t.Fatalf("%d recordings, %d spans", len(all), len(r.Spans))
	}
	to := filepath.Join(dir, "out.asc")
	if out, err := exec.Command(save2gdf, "-f=ASCII", filepath.Join(dir, r.Name, r.Name+".hea"), to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "out.a01"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	at := 0
	for b, err := range r.Blocks(waveformtest.Feeds(feeds)) {
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range b.Samples[0] {
			if at == len(lines) {
				t.Fatalf("%d samples, want more", at)
			}
			want, _ := waveform.Value(r.Signals[0].Origin, r.Signals[0].Scale, v)
			if got, err := strconv.ParseFloat(lines[at], 64); v != model.Gap && (err != nil || math.Abs(got-want.Float64()) > 1e-3) {
				t.Fatalf("sample %d is %s, want %s", at, lines[at], want)
			}
			at++
		}
	}
}
