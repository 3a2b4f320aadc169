package extract_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thalamus/internal/extract"
	"thalamus/internal/fault"
	"thalamus/internal/loopdisk"
)

// A disk that runs full in the middle ends an extract with a fault that says
// so; with room again it goes on, and the result is the same.
func TestFullDisk(t *testing.T) {
	db, _ := ward(t, 1500)
	v := loopdisk.New(t, 16)
	forms := []extract.Form{extract.Parquet, extract.FHIR, extract.CSV}
	if testing.Short() {
		forms = forms[:1]
	}
	for _, form := range forms {
		whole := t.TempDir()
		calm, err := extract.Open(whole, db, options(2000))
		if err != nil {
			t.Fatal(err)
		}
		want, wait := begin(t, calm, extract.Ask{Form: form}, extract.Watch{})
		if err := wait(); err != nil {
			t.Fatal(err)
		}
		calm.Close()

		filler := filepath.Join(v.Dir, "filler")
		s, err := extract.Open(filepath.Join(v.Dir, "extracts"), db, options(2000))
		if err != nil {
			t.Fatal(err)
		}
		fill(t, filler, 96<<10)
		st, wait := begin(t, s, extract.Ask{Form: form}, extract.Watch{})
		err = wait()
		if fault.CodeOf(err) != "extract.full" || fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), "the disk is full; free some room") {
			t.Fatalf("%s: %v", form, err)
		}
		if st, _ = s.Get(st.ID); st.State != extract.Failed || st.Fault != "extract.full" {
			t.Errorf("%s: %s %s", form, st.State, st.Failed)
		}
		for _, f := range st.All() { // what is noted is whole
			if at, err := os.Stat(filepath.Join(v.Dir, "extracts", st.ID, f.Name)); err != nil || at.Size() != f.Bytes {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		end := make(chan error, 1)
		if _, err := s.GoOn(st.ID, extract.Watch{}, func(err error) { end <- err }); err != nil {
			t.Fatal(err)
		}
		if err := <-end; err != nil {
			t.Fatal(err)
		}
		a, b := files(t, filepath.Join(whole, want.ID)), files(t, filepath.Join(v.Dir, "extracts", st.ID))
		if len(a) != len(b) {
			t.Errorf("%s: %d files, want %d", form, len(b), len(a))
		}
		for name, text := range a {
			// The manifests differ in the id.
			if !strings.HasSuffix(name, ".json") && b[name] != text {
				t.Errorf("%s: %s differs", form, name)
			}
		}
		s.Close()
		if err := os.RemoveAll(filepath.Join(v.Dir, "extracts")); err != nil {
			t.Fatal(err)
		}
	}
}

// The room that is kept for the journal is not an extract's.
func TestRoomForTheJournal(t *testing.T) {
	db, _ := ward(t, 200)
	free := int64(99 << 20)
	o := options(0)
	o.Floor, o.Free = 100<<20, func(string) (int64, error) { return free, nil }
	s, err := extract.Open(filepath.Join(t.TempDir(), "extracts"), db, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Begin(t.Context(), extract.Ask{Form: extract.CSV}, "", "", extract.Watch{}, nil); fault.CodeOf(err) != "extract.full" || !strings.Contains(err.Error(), "99 MiB left") {
		t.Error(err)
	}
	if len(s.List()) != 0 {
		t.Error("it is there")
	}
	free = 100 << 20
	_, wait := begin(t, s, extract.Ask{Form: extract.CSV}, extract.Watch{})
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// fill makes a file that leaves so many bytes.
func fill(t *testing.T, path string, leave int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	size := int64(0)
	for {
		n, err := f.Write(block)
		size += int64(n)
		if err != nil {
			break
		}
	}
	if err := f.Truncate(size - leave); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}
