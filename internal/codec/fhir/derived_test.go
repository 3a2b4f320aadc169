package fhir

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"thalamus/internal/model"
)

// gridsOf makes a grid of every numeric observation of a case's messages.
func gridsOf(messages []*model.Message) []Grid {
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var all []Grid
	for _, m := range messages {
		for i := range m.Observations {
			o := &m.Observations[i]
			if o.Value.Kind != model.ValueNumber {
				continue
			}
			all = append(all, Grid{
				Message: m, Of: i, Method: "derived for a test", Issued: noon.Add(90 * time.Second),
				Steps: []GridStep{
					{From: noon, Until: noon.Add(time.Minute), Count: 2, Values: []Statistic{
						{Code: "average", Text: "mean", Value: o.Value.Number}, {Code: "minimum", Text: "min", Value: o.Value.Number}, {Code: "maximum", Text: "max", Value: o.Value.Number},
						{Text: "last", Value: o.Value.Number, Comparator: "<"},
					}},
					{From: noon.Add(time.Minute), Until: noon.Add(2 * time.Minute), Open: true, Values: []Statistic{{Text: "last, carried forward", Value: o.Value.Number}}},
				},
			})
		}
	}
	return all
}

// FHIR R4, Observation/$stats: derived numbers are valid, name their
// statistic, and are no values.
func TestDerived(t *testing.T) {
	all := map[string][]byte{}
	for _, folder := range cases(t) {
		grids := gridsOf(messagesOf(t, folder))
		bundle := DerivedBundle(grids, Options{})
		if (bundle == nil) != (len(grids) == 0) {
			t.Errorf("%s: %d grids, %d bytes", folder, len(grids), len(bundle))
		}
		if bundle == nil {
			continue
		}
		if !bytes.Equal(bundle, DerivedBundle(grids, Options{})) {
			t.Errorf("%s: another bundle the second time", folder)
		}
		all[filepath.Base(folder)] = bundle
		var out struct {
			Entry []struct {
				Resource struct {
					ResourceType, Status string
					Component            []struct{ ValueQuantity struct{ Value json.Number } }
					ValueQuantity        json.RawMessage
					Method               struct{ Text string }
				}
				Request struct{ Method string }
			}
		}
		if err := json.Unmarshal(bundle, &out); err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
		for _, e := range out.Entry {
			r := e.Resource
			if r.ResourceType != "Observation" {
				continue
			}
			wanted := map[string]int{"final": 5, "preliminary": 2}[r.Status]
			if len(r.Component) != wanted || r.ValueQuantity != nil || r.Method.Text == "" {
				t.Errorf("%s: %+v", folder, r)
			}
			if e.Request.Method != "PUT" {
				t.Errorf("%s: %s would keep what was derived before a correction", folder, e.Request.Method)
			}
		}
	}
	golden := filepath.Join("testdata", "vital-signs", "derived.json")
	if _, err := os.Stat(filepath.Dir(golden)); err != nil {
		t.Fatal(err)
	}
	var now bytes.Buffer
	if err := json.Indent(&now, all["vital-signs"], "", " "); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, now.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(want, now.Bytes()) {
		t.Errorf("%s differs (%v); -update writes it", golden, err)
	}
	for _, v := range validate(t, all) {
		if len(v.FHIR)+len(v.Medplum) > 0 {
			t.Errorf("%s is not valid R4\n  fhir: %q\n  medplum: %q", v.Name, v.FHIR, v.Medplum)
		}
	}
}
