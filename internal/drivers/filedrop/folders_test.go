package filedrop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thalamus/internal/codec"
	"thalamus/internal/codec/wfdb"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
)

// R10, R18: files of subfolders are taken as deep as the channel says, once for
// their path and content, and lie in done and refused as they lay before.
func TestSubfolders(t *testing.T) {
	r := newRig(t, map[string]any{"depth": 2, "complete": "renamed"}).start()
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "stolen.csv"), []byte("HR;1"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.drop("top.csv", "HR;72")
	r.drop("icu/day.csv", "HR;72")
	r.drop("er/day.csv", "HR;72") // another path: another file
	r.drop("icu/bed 1/day.csv", "HR;72")
	r.drop("icu/bed 1/too/deep.csv", "HR;72")
	r.drop(".trash/old.csv", "HR;72")
	r.drop("er/empty.csv", "")
	if err := os.Symlink(outside, filepath.Join(r.in, "icu", "link")); err != nil {
		t.Fatal(err)
	}
	r.taken(4)
	r.holds("done", "top.csv")
	r.holds("done/icu", "day.csv")
	r.holds("done/icu/bed 1", "day.csv")
	r.holds("done/er", "day.csv")
	r.holds("refused/er", "empty.csv", "empty.csv.report.txt")
	r.drop("icu/day.csv", "HR;72")
	drivertest.Until(t, "it is recognised", func() bool { return r.driver.again.Load() == 1 })
	r.drop("icu/day.csv", "HR;73")
	r.taken(5)
	r.holds("icu/bed 1/too", "deep.csv")
	r.holds(".trash", "old.csv")
	var topics []string
	for _, f := range r.intake.Taken() {
		topics = append(topics, f.Topic)
	}
	for _, topic := range topics {
		if strings.Contains(topic, "stolen") || strings.Contains(topic, "deep") || strings.Contains(topic, "done") {
			t.Errorf("taken: %q", topics)
		}
	}
	if len(topics) != 5 {
		t.Errorf("taken: %q", topics)
	}
}

// Without depth subfolders are left alone.
func TestNoSubfolders(t *testing.T) {
	r := newRig(t, map[string]any{"complete": "renamed"}).start()
	r.drop("icu/day.csv", "HR;72")
	r.drop("top.csv", "HR;72")
	r.taken(1)
	r.holds("done", "top.csv")
	r.holds("icu", "day.csv")
}

// A subfolder that becomes a link to elsewhere between two looks at it leads
// nowhere.
func TestLinkOutside(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "stolen.csv"), []byte("HR;1"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &local{path: t.TempDir()}
	if err := l.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if err := os.Symlink(outside, filepath.Join(l.path, "icu")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.list("icu"); err == nil {
		t.Error("it lists what lies outside")
	}
	if b, err := l.read("icu/stolen.csv", 100); err == nil {
		t.Errorf("it reads %q", b)
	}
	if err := l.move("icu/stolen.csv", "mine.csv"); err == nil {
		t.Error("it moves what lies outside")
	}
}

// A name with a slash tells of the subfolder; a record's files lie beside its
// header.
func TestFoldersTell(t *testing.T) {
	r := newRig(t, map[string]any{"depth": 1, "complete": "renamed", "name": "{patient}/{any}"}).start()
	r.drop("p8/r.dat", "\x01\x00\x02\x00\x03\x00\x04\x00")
	r.drop("p8/r.hea", "r 1 250 4 10:00:00 21/11/2026\nr.dat 16 200 16 0 1 10 0 II\n")
	frames := r.taken(1)
	r.holds("done/p8", "r.dat", "r.hea")
	m := wfdb.Codec{}.Decode(model.Entry{Frame: frames[0]}, codec.Context{})[0]
	if len(m.Issues) > 0 || m.Patient == nil || m.Patient.Identifiers[0].Value != "p8" || len(m.Waveforms) != 1 || fmt.Sprint(m.Waveforms[0].Samples) != "[1 2 3 4]" {
		t.Errorf("%+v", m)
	}
	r.drop("nobody.csv", "HR;72")
	r.holds("refused", "nobody.csv", "nobody.csv.report.txt")
}
