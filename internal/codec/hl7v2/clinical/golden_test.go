package clinical_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/hl7v2/clinical"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

var update = flag.Bool("update", false, "write the expected results anew")

func entry(b []byte) model.Entry {
	return model.Entry{Seq: 1, Frame: model.Frame{Channel: "ward", Codec: "hl7v2", Arrived: time.Date(2026, 1, 31, 11, 0, 1, 0, time.UTC), Bytes: b}}
}

// Each folder of testdata is a case: input.hl7 and what is read of it.
// `go test -update` writes expected.json anew; look at the difference.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*/input.hl7")
	if err != nil || len(inputs) == 0 {
		t.Fatal("no cases", err)
	}
	for _, input := range inputs {
		t.Run(filepath.Base(filepath.Dir(input)), func(t *testing.T) {
			b, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(clinical.New().Decode(entry(b), codec.Context{}), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			expected := filepath.Join(filepath.Dir(input), "expected.json")
			if *update {
				if err := os.WriteFile(expected, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(expected)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s at %s", expected, difference(got, want))
			}
		})
	}
}

// difference shows the first line that differs.
func difference(got, want []byte) string {
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range g {
		if i >= len(w) {
			return "line beyond the end: " + string(g[i])
		}
		if !bytes.Equal(g[i], w[i]) {
			return "got " + string(bytes.TrimSpace(g[i])) + ", want " + string(bytes.TrimSpace(w[i]))
		}
	}
	return "the end: something is missing"
}

// invariants hold for whatever comes in.
func invariants(t *testing.T, b []byte) []model.Message {
	t.Helper()
	before := bytes.Clone(b)
	c := clinical.New()
	out := c.Decode(entry(b), codec.Context{})
	if !bytes.Equal(b, before) {
		t.Fatal("the entry's bytes were changed")
	}
	if len(out) == 0 {
		t.Fatal("no message")
	}
	first, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := json.Marshal(c.Decode(entry(b), codec.Context{}))
	if !bytes.Equal(first, second) {
		t.Fatal("not deterministic")
	}
	catalogued := catalogue()
	for i, m := range out {
		if m.Ref.Part != i || m.Ref.Seq != 1 {
			t.Fatalf("message %d has the place %v", i, m.Ref)
		}
		if m.Type == "" && len(m.Issues) == 0 {
			t.Fatal("a message without type and without issue")
		}
		for _, is := range m.Issues {
			if !catalogued[is.Code] {
				t.Fatalf("%s is not in the catalogue", is.Code)
			}
		}
		for _, o := range m.Observations {
			if o.Device >= len(m.Devices) || o.Order != 0 && o.Order >= len(m.Orders) {
				t.Fatalf("%s points at device %d of %d, order %d of %d", o.Field, o.Device, len(m.Devices), o.Order, len(m.Orders))
			}
			if o.Absent != "" && o.Value.Kind != model.ValueNone {
				t.Fatalf("%s is absent and has a value", o.Field)
			}
		}
		for _, a := range m.Alerts {
			if a.Device >= len(m.Devices) {
				t.Fatalf("%s points at device %d", a.Field, a.Device)
			}
		}
		for n, d := range m.Devices {
			if d.Parent >= len(m.Devices) || d.Parent == n {
				t.Fatalf("device %d is part of %d", n, d.Parent)
			}
		}
	}
	return out
}

var known map[string]bool

func catalogue() map[string]bool {
	if known == nil {
		known = map[string]bool{}
		for _, d := range fault.Catalogue() {
			known[d.Code] = true
		}
	}
	return known
}

func FuzzDecode(f *testing.F) {
	inputs, _ := filepath.Glob("testdata/*/input.hl7")
	for _, input := range inputs {
		b, err := os.ReadFile(input)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { invariants(t, b) })
}
