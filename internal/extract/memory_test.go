package extract_test

import (
	"runtime"
	"testing"
	"time"

	"thalamus/internal/extract"
	"thalamus/internal/store/sqlite/recorddb"
)

// What an extract holds does not grow with its span, in any form (R22): twice
// the days need the memory of half of them.
func TestMemoryDoesNotGrowWithTheSpan(t *testing.T) {
	if testing.Short() {
		t.Skip("counts bytes, which -race changes")
	}
	const days = 3
	dir := t.TempDir()
	month(t, dir, 5, 2*days, 10*time.Minute)
	db, err := recorddb.Open(t.Context(), dir, recorddb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, form := range []extract.Form{extract.Parquet, extract.CSV, extract.FHIR} {
		// The first one pays for what stays: connections, dictionaries, code.
		held(t, db, form, start, start.AddDate(0, 0, days))
		half := held(t, db, form, start, start.AddDate(0, 0, days))
		whole := held(t, db, form, start, start.AddDate(0, 0, 2*days))
		t.Logf("%s: %d days hold %.1f MiB, %d days %.1f MiB", form, days, half, 2*days, whole)
		if whole > half*1.1+2 {
			t.Errorf("%s: %d days hold %.1f MiB, %d days %.1f MiB", form, days, half, 2*days, whole)
		}
	}
}

// held is the most that was in use at once while an extract was made, in MiB,
// looked at after each 512 messages and each part, garbage aside.
func held(t *testing.T, db *recorddb.DB, form extract.Form, from, until time.Time) float64 {
	t.Helper()
	s, err := extract.Open(t.TempDir(), db, extract.Options{Made: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var most uint64
	look := func(time.Time, int64, int64) {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	end := make(chan error, 1)
	st, err := s.Begin(t.Context(), extract.Ask{Form: form, From: from, Until: until}, "", "", extract.Watch{Progress: look}, func(err error) { end <- err })
	if err != nil {
		t.Fatal(err)
	}
	if err := <-end; err != nil {
		t.Fatal(err)
	}
	if st, _ = s.Get(st.ID); st.Rows == 0 {
		t.Fatal("nothing was extracted")
	}
	return float64(most) / (1 << 20)
}
