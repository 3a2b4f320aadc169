package extract_test

import (
	"context"
	"encoding/csv"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"thalamus/internal/extract"
	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/store/sqlite/recorddb"
	"thalamus/internal/store/storetest"
)

// ward is a record of some days of a small hospital.
func ward(t testing.TB, messages int) (*recorddb.DB, []*model.Message) {
	t.Helper()
	db, err := recorddb.Open(t.Context(), t.TempDir(), recorddb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := storetest.NewWard(7)
	var all []*model.Message
	for len(all) < messages {
		b := w.Batch(100)
		if err := db.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Messages...)
		if len(all)%500 < 100 {
			w.Rest(9)
		}
	}
	return db, all
}

var now = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

func options(rows int) extract.Options {
	return extract.Options{Made: "test", Rows: rows, Now: func() time.Time { return now }}
}

// begin begins an extract and gives it with a wait for its end.
func begin(t *testing.T, s *extract.Shelf, ask extract.Ask, w extract.Watch) (extract.Standing, func() error) {
	t.Helper()
	end := make(chan error, 1)
	st, err := s.Begin(t.Context(), ask, "usr-1", "a test", w, func(err error) { end <- err })
	if err != nil {
		t.Fatal(err)
	}
	return st, func() error { return <-end }
}

// files gives what lies below a folder, by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// cutting is a source that ends with an error after some messages.
type cutting struct {
	extract.Source
	left *int
}

var errCut = errors.New("cut")

func (c cutting) Scan(ctx context.Context, q record.Query) iter.Seq2[*model.Message, error] {
	return func(yield func(*model.Message, error) bool) {
		for m, err := range c.Source.Scan(ctx, q) {
			if *c.left--; *c.left < 0 {
				yield(nil, errCut)
				return
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// An extract that was cut again and again, anywhere, is byte for byte the one
// that was not; what is done is not written again (R22).
func TestCutIsWhole(t *testing.T) {
	db, _ := ward(t, 1500)
	for _, form := range []extract.Form{extract.Parquet, extract.FHIR, extract.CSV} {
		t.Run(string(form), func(t *testing.T) {
			dir := t.TempDir()
			s, err := extract.Open(dir, db, options(2000))
			if err != nil {
				t.Fatal(err)
			}
			st, wait := begin(t, s, extract.Ask{Form: form}, extract.Watch{})
			if err := wait(); err != nil {
				t.Fatal(err)
			}
			s.Close()
			want := files(t, filepath.Join(dir, st.ID))
			if len(want) < 6 {
				t.Fatalf("only %d files", len(want))
			}

			// The same extract again, from its beginning, cut as it goes.
			again := t.TempDir()
			m, err := extract.ReadManifest(filepath.Join(dir, st.ID))
			if err != nil {
				t.Fatal(err)
			}
			start := *m
			start.Next, start.Whole, start.Rows, start.Bytes, start.Parts, start.Files = m.Ask.From, false, 0, 0, []extract.Part{}, nil
			putManifest(t, filepath.Join(again, st.ID), &start)
			cuts := 0
			written := map[string]time.Time{}
			for left := 100; ; left += 37 {
				n := left
				s, err := extract.Open(again, cutting{db, &n}, options(2000))
				if err != nil {
					t.Fatal(err)
				}
				end := make(chan error, 1)
				if _, err := s.GoOn(st.ID, extract.Watch{}, func(err error) { end <- err }); err != nil {
					t.Fatal(err)
				}
				err = <-end
				s.Close()
				for name := range files(t, filepath.Join(again, st.ID)) {
					at, err := os.Stat(filepath.Join(again, st.ID, name))
					if err != nil {
						t.Fatal(err)
					}
					if was, ok := written[name]; ok && strings.Contains(name, "2026") && !was.Equal(at.ModTime()) && noted(t, again, st.ID, name) {
						t.Errorf("%s was written again", name)
					}
					if noted(t, again, st.ID, name) {
						written[name] = at.ModTime()
					}
				}
				if err == nil {
					break
				}
				if !errors.Is(err, errCut) {
					t.Fatal(err)
				}
				cuts++
			}
			if cuts < 3 {
				t.Errorf("cut %d times only", cuts)
			}
			got := files(t, filepath.Join(again, st.ID))
			for name, text := range want {
				if got[name] != text {
					t.Errorf("%s differs", name)
				}
				delete(got, name)
			}
			for name := range got {
				t.Errorf("%s is too many", name)
			}
			t.Logf("cut %d times; %d files, %d rows", cuts, len(want), m.Rows)
		})
	}
}

func noted(t *testing.T, dir, id, name string) bool {
	m, err := extract.ReadManifest(filepath.Join(dir, id))
	if err != nil {
		t.Fatal(err)
	}
	_, ok := m.Find(name)
	return ok
}

// A Parquet file read back by the library holds what the record does.
func TestParquetHoldsTheRecord(t *testing.T) {
	db, all := ward(t, 1500)
	dir := t.TempDir()
	s, err := extract.Open(dir, db, options(1000))
	if err != nil {
		t.Fatal(err)
	}
	st, wait := begin(t, s, extract.Ask{Form: extract.Parquet}, extract.Watch{})
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	type row struct {
		Entry     int64     `parquet:"entry"`
		Part      int32     `parquet:"part"`
		Arrived   time.Time `parquet:"arrived,timestamp(microsecond)"`
		Field     string    `parquet:"field,optional"`
		Patient   string    `parquet:"patient,optional"`
		RefID     string    `parquet:"refid,optional"`
		Value     string    `parquet:"value,optional"`
		Number    *float64  `parquet:"value_number,optional"`
		Unit      string    `parquet:"unit,optional"`
		Simulated bool      `parquet:"simulated"`
	}
	got := map[model.MessageRef][]row{}
	days := map[string]bool{}
	n := 0
	m, _ := s.Get(st.ID)
	for _, f := range m.All() {
		if f.Table != "observations" {
			continue
		}
		rows, err := parquet.ReadFile[row](filepath.Join(dir, st.ID, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(rows)) != f.Rows {
			t.Errorf("%s: %d rows, the manifest says %d", f.Name, len(rows), f.Rows)
		}
		_, day, _ := strings.Cut(filepath.Dir(f.Name), "day=")
		days[day] = true
		for _, r := range rows {
			if r.Arrived.UTC().Format("2006-01-02") != day {
				t.Errorf("%s holds what arrived %s", f.Name, r.Arrived)
			}
			ref := model.MessageRef{Seq: model.Seq(r.Entry), Part: int(r.Part)}
			got[ref] = append(got[ref], r)
			n++
		}
	}
	if len(days) < 2 {
		t.Errorf("days: %v", days)
	}
	for _, m := range all {
		if m.Duplicate != (model.MessageRef{}) {
			if len(got[m.Ref]) > 0 {
				t.Errorf("the repeat %v has rows", m.Ref)
			}
			continue
		}
		rows := got[m.Ref]
		if len(rows) != len(m.Observations) {
			t.Fatalf("%v: %d rows for %d observations", m.Ref, len(rows), len(m.Observations))
		}
		for i, o := range m.Observations {
			r := rows[i]
			if r.Field != o.Field || r.RefID != o.Code.RefID || r.Unit != o.UnitUCUM || r.Patient != string(record.PatientOf(m)) || r.Simulated != (o.Simulated || m.Test) {
				t.Errorf("%v: %+v for %+v", m.Ref, r, o)
			}
			if o.Value.Kind == model.ValueNumber && (r.Number == nil || r.Value != o.Value.Number.String() || *r.Number != o.Value.Number.Float64()) {
				t.Errorf("%v: %q for %s", m.Ref, r.Value, o.Value.Number)
			}
		}
		delete(got, m.Ref)
	}
	if len(got) > 0 || n == 0 {
		t.Errorf("%d messages too many, %d rows", len(got), n)
	}
}

// Filters give what is asked for and nothing else, and the patients of a part
// are told of before anybody can have it.
func TestFilters(t *testing.T) {
	db, all := ward(t, 1200)
	dir := t.TempDir()
	s, err := extract.Open(dir, db, options(0))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	from, until := all[200].Arrived, all[900].Arrived
	for name, ask := range map[string]extract.Ask{
		"patient": {Patients: []model.PatientID{"pat3"}},
		"devices": {Devices: []model.DeviceID{"dev1", "dev2"}},
		"code":    {Codes: []string{"MDC_ECG_HEART_RATE"}},
		"channel": {Channels: []model.ChannelID{"ch1"}, From: from, Until: until},
	} {
		ask.Form, ask.Tables = extract.CSV, []extract.Table{extract.Observations}
		var seen []model.PatientID
		st, wait := begin(t, s, ask, extract.Watch{Seen: func(p []model.PatientID) error { seen = append(seen, p...); return nil }})
		if err := wait(); err != nil {
			t.Fatal(name, err)
		}
		want := 0
		patients := map[model.PatientID]bool{}
		for _, m := range all {
			if m.Duplicate != (model.MessageRef{}) || !ask.From.IsZero() && m.Arrived.Before(from) || !ask.Until.IsZero() && !m.Arrived.Before(until) ||
				len(ask.Patients) > 0 && record.PatientOf(m) != "pat3" || len(ask.Channels) > 0 && m.Channel != "ch1" {
				continue
			}
			for _, o := range m.Observations {
				if (len(ask.Codes) == 0 || o.Code.RefID == "MDC_ECG_HEART_RATE") && (len(ask.Devices) == 0 || slices.Contains(ask.Devices, record.DeviceOf(m, o.Device))) {
					want++
					if p := record.PatientOf(m); p != "" {
						patients[p] = true
					}
				}
			}
		}
		got := 0
		now, _ := s.Get(st.ID)
		for _, f := range now.All() {
			r := csv.NewReader(strings.NewReader(files(t, filepath.Join(dir, st.ID))[f.Name]))
			rows, err := r.ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			got += len(rows) - 1
		}
		if got != want || want == 0 || len(seen) != len(patients) {
			t.Errorf("%s: %d rows of %d patients, want %d of %d", name, got, len(seen), want, len(patients))
		}
	}
	for _, ask := range []extract.Ask{
		{}, {Form: "xls"}, {Form: "csv", From: until, Until: from}, {Form: "csv", Places: []string{"^^"}}, {Form: "csv", Tables: []extract.Table{"x"}}, {Form: "csv", Codes: []string{""}},
		{Form: "csv", From: now.Add(time.Hour)},
	} {
		if _, err := s.Begin(t.Context(), ask, "", "", extract.Watch{}, nil); fault.CodeOf(err) != "extract.ask" {
			t.Errorf("%+v: %v", ask, err)
		}
	}
}

// Who is not told of keeps his values: a part whose patients cannot be noted
// is not made.
func TestNothingUnseen(t *testing.T) {
	db, _ := ward(t, 300)
	dir := t.TempDir()
	s, err := extract.Open(dir, db, options(0))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	refuse := errors.New("the audit is full")
	st, wait := begin(t, s, extract.Ask{Form: extract.Parquet}, extract.Watch{Seen: func([]model.PatientID) error { return refuse }})
	if err := wait(); !errors.Is(err, refuse) {
		t.Fatal(err)
	}
	for name := range files(t, filepath.Join(dir, st.ID)) {
		if name != extract.ManifestName {
			t.Errorf("%s was made", name)
		}
	}
	if st, _ = s.Get(st.ID); st.State != extract.Failed || st.Failed == "" {
		t.Errorf("%+v", st)
	}
}
