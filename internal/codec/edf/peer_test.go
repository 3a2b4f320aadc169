package edf

import (
	"bufio"
	"bytes"
	"fmt"
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

// EDFlib, which takes a file only when every field obeys the format, reads our
// EDF+C files: the same samples, times and annotations.
func TestEDFlibReadsUs(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		peertest.Missing(t, "cc")
	}
	dir := t.TempDir()
	dump := filepath.Join(dir, "edfdump")
	if out, err := exec.Command(cc, "-o", dump, "../../../test/peers/edfdump.c", "-ledf").CombinedOutput(); err != nil {
		peertest.Missing(t, "libedf-dev: "+string(out))
	}
	read := 0
	for seed := range uint64(8) {
		feeds := waveformtest.Ward(seed, waveformtest.Signals(), 20*time.Second)
		all, files := written(t, feeds, waveform.About{})
		for _, r := range all {
			if len(r.Spans) > 1 {
				continue // EDFlib has no EDF+D
			}
			read++
			path := filepath.Join(dir, r.Name+".edf")
			if err := os.WriteFile(path, files[r.Name+".edf"].Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(dump, path).Output()
			if err != nil {
				t.Fatalf("%s: %v\n%.200s", r.Name, err, out)
			}
			lines := bufio.NewScanner(bytes.NewReader(out))
			next := func() string { lines.Scan(); return lines.Text() }
			zero := r.Start().Truncate(time.Second)
			if want := fmt.Sprintf("file 1 %s.%07d %d ", zero.Format("2006-01-02T15:04:05"), r.Start().Nanosecond()/100, r.FrameNS/100); next() != want {
				t.Errorf("%q, want %q", lines.Text(), want)
			}
			missing := 0
			for i := range r.Signals {
				c, _ := scaleOf(&r.Signals[i])
				if want := fmt.Sprintf("signal %d %d %d %-16s", c.digMin, r.Per[i], int64(r.Per[i])*r.Spans[0].Frames, label(r.Signals, i)); strings.TrimSpace(next()) != strings.TrimSpace(want) {
					t.Errorf("%q, want %q", lines.Text(), want)
				}
				for b, err := range r.Blocks(waveformtest.Feeds(feeds)) {
					if err != nil {
						t.Fatal(err)
					}
					for _, v := range b.Samples[i] {
						want := c.digMin
						if v != model.Gap {
							want = int64(v) + c.shift
						}
						if next() != strconv.FormatInt(want, 10) {
							t.Fatalf("%s %s: %q, want %d", r.Name, label(r.Signals, i), lines.Text(), want)
						}
					}
				}
				missing += len(r.Signals[i].Parts) - 1 // and where a part does not begin or end with the span
			}
			notes := 0
			for lines.Scan() {
				if !strings.HasPrefix(lines.Text(), "note ") {
					t.Fatalf("%q", lines.Text())
				}
				notes++
			}
			if notes < missing+1 {
				t.Errorf("%s: %d annotations, at least %d runs of samples are missing", r.Name, notes, missing)
			}
		}
	}
	if read == 0 {
		t.Error("no ward gave an EDF+C file")
	}
}
