package astm

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/model"
)

// corpus finds what instruments sent, collected by others.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("THALAMUS_CORPUS")
	if dir == "" {
		dir = "../../../../shared/corpus"
	}
	dir = filepath.Join(dir, "serial-lab")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("corpus not present")
	}
	return dir
}

func entryOf(b []byte) model.Entry {
	return model.Entry{Seq: 1, Frame: model.Frame{Channel: "lab", Codec: Name, Arrived: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Bytes: b}}
}

// TestCorpus reads every instrument of the corpus (R6): results with codes,
// written back without loss.
func TestCorpus(t *testing.T) {
	root := corpus(t)
	passed, total := 0, 0
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() || !bytes.Contains([]byte(path), []byte("astm")) || filepath.Ext(path) == ".py" {
			return err
		}
		total++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		out := New().Decode(entryOf(b), codec.Context{})
		observations, ok := 0, true
		for _, m := range out {
			observations += len(m.Observations)
			for _, i := range m.Issues {
				ok = ok && (i.Severity == model.Warning || i.Code == "decode.no-code")
				t.Logf("%s: %s %s %s", filepath.Base(path), i.Code, i.Field, i.Received)
			}
			for _, o := range m.Observations {
				ok = ok && (o.Value.Kind != model.ValueNone || o.Absent != "")
			}
			if m.Type == TypeControl && (m.Patient != nil || !m.Test) {
				t.Errorf("%s: a control sample is somebody's", path)
			}
		}
		// Another way to count: the lines that begin with R.
		records := b
		if b[0] == STX {
			records, _ = Unframe(b)
		}
		want := len(regexp.MustCompile(`(?m)^R\|`).FindAll(bytes.ReplaceAll(records, []byte{CR}, []byte{LF}), -1))
		if all, _, err := Parse(records); err == nil {
			for _, m := range all {
				again, _, err := Parse(m.Append(nil))
				if err != nil || len(again) != 1 || !bytes.Equal(again[0].Append(nil), m.Append(nil)) {
					t.Errorf("%s: not the same when written and read again", path)
				}
			}
		} else if want = 1; strings.HasPrefix(filepath.Base(path), "spotchem") {
			want = 3
		}
		if !ok || observations != want {
			t.Errorf("%s: %d messages, %d observations, want %d", path, len(out), observations, want)
			return nil
		}
		passed++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ASTM corpus: %d/%d", passed, total)
}
