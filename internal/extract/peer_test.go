package extract_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thalamus/internal/extract"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/peertest"
)

// A reader of Parquet that nobody here wrote finds every observation and every
// sample with the values, times and types that the schema promises.
func TestForeignReaderOfParquet(t *testing.T) {
	db, all := ward(t, 1200)
	dir := t.TempDir()
	s, err := extract.Open(dir, db, options(1500))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	st, wait := begin(t, s, extract.Ask{Form: extract.Parquet}, extract.Watch{})
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	st, _ = s.Get(st.ID)
	read := func(table string, columns ...string) (rows map[string][]map[string]any, types map[string]bool) {
		rows, types = map[string][]map[string]any{}, map[string]bool{}
		var files []string
		want := int64(0)
		for _, f := range st.All() {
			if f.Table == table {
				files = append(files, filepath.Join(dir, st.ID, f.Name))
				want += f.Rows
			}
		}
		got := int64(0)
		for _, one := range peertest.Run(t, "parquet.mjs", "hyparquet", map[string]any{"files": files, "columns": columns}) {
			if list, ok := one["columns"].([]any); ok {
				for _, c := range list {
					types[fmt.Sprint(c)] = true
				}
				continue
			}
			row, _ := one["row"].(map[string]any)
			ref := fmt.Sprint(row["entry"], ".", row["part"])
			rows[ref] = append(rows[ref], row)
			got++
		}
		if got != want || want == 0 {
			t.Errorf("%s: %d rows read, %d written", table, got, want)
		}
		return rows, types
	}
	same := func(what string, got any, want string) {
		t.Helper()
		if got == nil {
			got = ""
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", what, got, want)
		}
	}
	rows, types := read("observations", "entry", "part", "field", "arrived", "time", "refid", "loinc", "mdc", "value", "value_number", "unit", "device", "patient", "status", "simulated")
	for _, c := range []string{"entry INTEGER", "arrived TIMESTAMP", "time TIMESTAMP", "refid STRING", "value STRING", "value_number DOUBLE", "simulated BOOLEAN"} {
		if !types[c] {
			t.Errorf("no column %q in %v", c, types)
		}
	}
	waves, _ := read("waveforms", "entry", "part", "field", "period_ns", "origin", "scale", "samples")
	values, samples := 0, 0
	for _, m := range all {
		ref := fmt.Sprint(m.Ref.Seq, ".", m.Ref.Part)
		if m.Duplicate != (model.MessageRef{}) {
			continue
		}
		m := m.OnlyNew()
		if len(rows[ref]) != len(m.Observations) || len(waves[ref]) != len(m.Waveforms) {
			t.Fatalf("%s: %d and %d rows for %d and %d", ref, len(rows[ref]), len(waves[ref]), len(m.Observations), len(m.Waveforms))
		}
		for i, o := range m.Observations {
			r := rows[ref][i]
			same("field", r["field"], o.Field)
			same("refid", r["refid"], o.Code.RefID)
			same("unit", r["unit"], o.UnitUCUM)
			same("status", r["status"], string(o.Status))
			same("device", r["device"], string(record.DeviceOf(m, o.Device)))
			same("patient", r["patient"], string(record.PatientOf(m)))
			same("arrived", r["arrived"], m.Arrived.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z"))
			if at := o.DeviceTime.UTC; !at.IsZero() && at.Year() > 1000 {
				same("time", r["time"], at.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z"))
			}
			if o.Value.Kind == model.ValueNumber {
				same("value", r["value"], o.Value.Number.String())
				if r["value_number"] != o.Value.Number.Float64() {
					t.Errorf("value_number: %v for %s", r["value_number"], o.Value.Number)
				}
				values++
			}
		}
		for i, w := range m.Waveforms {
			r := waves[ref][i]
			got, _ := json.Marshal(r["samples"])
			want, _ := json.Marshal(w.Samples)
			same("samples", string(got), string(want))
			same("scale", r["scale"], w.Scale.String())
			samples += len(w.Samples)
		}
	}
	t.Logf("%d numbers and %d samples read by a foreign reader", values, samples)
	if values < 500 || samples == 0 {
		t.Error("too few")
	}
}

// Every line of every file is valid R4 by two foreign validators, of the type
// its file says; every reference leads to a resource of the extract, and none
// is there twice.
func TestBulkIsValid(t *testing.T) {
	db, _ := ward(t, 700)
	dir := t.TempDir()
	s, err := extract.Open(dir, firstParts{db}, options(400))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	st, wait := begin(t, s, extract.Ask{Form: extract.FHIR}, extract.Watch{})
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, st.ID)
	// FHIR Bulk Data Access IG, "Response - Complete Status".
	var manifest struct {
		TransactionTime     time.Time
		Request             string
		RequiresAccessToken *bool
		Output              []struct {
			Type, URL string
			Count     int
		}
		Error []any
	}
	text, err := os.ReadFile(filepath.Join(folder, extract.BulkManifestName))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &manifest); err != nil || manifest.TransactionTime.IsZero() || manifest.Request == "" || manifest.RequiresAccessToken == nil || manifest.Error == nil {
		t.Fatalf("%v %s", err, text)
	}
	have, refers := map[string]bool{}, map[string]bool{}
	var resources strings.Builder
	lines := 0
	for _, out := range manifest.Output {
		text, err := os.ReadFile(filepath.Join(folder, out.URL))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			var r map[string]any
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprint(r["resourceType"], "/", r["id"])
			if have[name] {
				t.Errorf("%s is there twice", name)
			}
			have[name] = true
			if r["resourceType"] != out.Type {
				t.Errorf("%s lies in a file of %s", name, out.Type)
			}
			gatherReferences(r, refers)
			fmt.Fprintf(&resources, "{\"name\":%q,\"resource\":%s}\n", name, strings.TrimSpace(line))
		}
		if n != out.Count {
			t.Errorf("%s has %d lines, the manifest says %d", out.URL, n, out.Count)
		}
		lines += n
	}
	for to := range refers {
		if !have[to] {
			t.Errorf("%s is named and not there", to)
		}
	}
	bad := 0
	for _, v := range validateFHIR(t, resources.String()) {
		if len(v.FHIR)+len(v.Medplum) > 0 {
			if bad++; bad < 5 {
				t.Errorf("%s is not valid R4\n  fhir: %.600q\n  medplum: %.600q", v.Name, v.FHIR, v.Medplum)
			}
		}
	}
	t.Logf("%d of %d resources valid, %d references lead to them", lines-bad, lines, len(refers))
	if lines < 500 || len(refers) < 50 {
		t.Error("too few")
	}
}

// firstParts leaves out the further messages of batches: those of this ward
// bear the number and second of the first one, which real ones do not.
type firstParts struct{ extract.Source }

func (f firstParts) Scan(ctx context.Context, q record.Query) iter.Seq2[*model.Message, error] {
	return func(yield func(*model.Message, error) bool) {
		for m, err := range f.Source.Scan(ctx, q) {
			if (err != nil || m.Ref.Part == 0) && !yield(m, err) {
				return
			}
		}
	}
}

func gatherReferences(v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, one := range v {
			if text, ok := one.(string); ok && k == "reference" {
				into[text] = true
			}
			gatherReferences(one, into)
		}
	case []any:
		for _, one := range v {
			gatherReferences(one, into)
		}
	}
}

type verdict struct {
	Name          string
	FHIR, Medplum []string
}

// validateFHIR hands resources, one a line, to the validators that package
// fhir's own tests use.
func validateFHIR(t *testing.T, lines string) []verdict {
	t.Helper()
	root, _ := filepath.Abs("../..")
	peers := filepath.Join(root, "build", "peers")
	if _, err := os.Stat(filepath.Join(peers, "node_modules", "@medplum", "definitions")); err != nil {
		peertest.Missing(t, "FHIR validators (make peers)")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		peertest.Missing(t, "node")
	}
	cmd := exec.CommandContext(t.Context(), node, "--experimental-websocket", "--no-warnings", filepath.Join(root, "test", "peers", "fhirvalidate.mjs"))
	cmd.Dir, cmd.Stdin = peers, strings.NewReader(lines)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("validator: %v", err)
	}
	var all []verdict
	for line := range strings.Lines(string(out)) {
		var v verdict
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if want := strings.Count(lines, "\n"); len(all) != want {
		t.Fatalf("%d verdicts for %d resources", len(all), want)
	}
	return all
}
