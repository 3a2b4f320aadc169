package fhir

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thalamus/internal/codec"
	"thalamus/internal/model"
)

func entryOf(raw []byte) model.Entry {
	return model.Entry{Seq: 7, Frame: model.Frame{Channel: "rest", Codec: Name, Bytes: raw}}
}

func indented(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// R3: what an Observation or a Bundle says, case by case.
func TestRead(t *testing.T) {
	found, err := filepath.Glob("testdata/read-*/input.json")
	if err != nil || len(found) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range found {
		t.Run(filepath.Base(filepath.Dir(name)), func(t *testing.T) {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := indented(t, New().Decode(entryOf(raw), codec.Context{}))
			golden := filepath.Join(filepath.Dir(name), "expected.json")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s; -update writes it anew\n%s", golden, firstDifference(string(got), string(want)))
			}
		})
	}
}

// What cannot be read is a message with an issue, never nothing.
func TestReadRefuses(t *testing.T) {
	for text, code := range map[string]string{
		"":                                       "fhir.json",
		"{":                                      "fhir.json",
		"[]":                                     "fhir.no-resource",
		`{"a":1}`:                                "fhir.no-resource",
		`{"resourceType":"Encounter","id":"x"}`:  "fhir.not-read",
		`{"resourceType":"Bundle","entry":[{}]}`: "fhir.not-read",
		`{"resourceType":"Observation","status":"final","valueString":"x"}`:                              "fhir.no-code",
		`{"resourceType":"Observation","status":"new","code":{"text":"x"},"valueInteger":1}`:             "fhir.status",
		`{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{}}`:         "fhir.value",
		`{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueSampledData":{}}`:      "fhir.samples",
		`{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueThing":"a person"}`:    "fhir.value",
		`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"<script>"}}]}`:                   "fhir.not-read",
		`{"resourceType":"Observation","status":"<b>Jane Doe</b>","code":{"text":"x"},"valueInteger":1}`: "fhir.status",
	} {
		out := New().Decode(entryOf([]byte(text)), codec.Context{})
		if len(out) != 1 || len(out[0].Issues) != 1 || out[0].Issues[0].Code != code {
			t.Errorf("%s: %+v, want %s", text, out, code)
			continue
		}
		if i := out[0].Issues[0]; strings.Contains(i.Text+i.Received, "Doe") || strings.Contains(i.Received, "<") {
			t.Errorf("%s: the issue repeats what was sent: %+v", text, i)
		}
	}
	e := entryOf([]byte("{}"))
	e.Redacted = true
	if out := New().Decode(e, codec.Context{}); out[0].Issues[0].Code != "decode.redacted" {
		t.Errorf("redacted: %+v", out)
	}
}

// decode(encode(m)) = m, as far as FHIR R4 has a place for it: patient, values
// with their digits, units and codes, samples.
func TestReadWhatIsWritten(t *testing.T) {
	numbers, samples := 0, 0
	for _, folder := range cases(t) {
		list := messagesOf(t, folder)
		wrote := map[string]int{}
		for _, m := range list {
			for _, o := range m.Observations {
				if o.Value.Kind == model.ValueNumber && o.Absent == "" {
					wrote[o.Value.Number.String()]++
				}
			}
		}
		bundle := Bundle(list, Options{})
		for _, m := range New().Decode(entryOf(bundle), codec.Context{}) {
			for _, i := range m.Issues {
				if i.Severity == model.Error {
					t.Errorf("%s: %+v", folder, i)
				}
			}
			for _, o := range m.Observations {
				if o.Value.Kind == model.ValueNumber {
					numbers++
					wrote[o.Value.Number.String()]--
				}
			}
			for _, w := range m.Waveforms {
				samples += len(w.Samples)
			}
		}
		if strings.HasSuffix(folder, "vital-signs") {
			for n, left := range wrote {
				if left > 0 {
					t.Errorf("%s: %s was written and not read", folder, n)
				}
			}
		}
	}
	if numbers < 20 || samples < 5 {
		t.Errorf("%d numbers and %d samples were read", numbers, samples)
	}
}

// A part of a Bundle of several patients holds nothing of the others.
func TestPart(t *testing.T) {
	raw, err := os.ReadFile("testdata/read-panel-of-two-patients/input.json")
	if err != nil {
		t.Fatal(err)
	}
	e := entryOf(raw)
	for i, want := range []string{"a", "b", "c"} {
		cut := e
		cut.Bytes = New().Part(e, i)
		out := New().Decode(cut, codec.Context{})
		if len(out) != 1 || len(out[0].Observations) != 1 || out[0].Observations[0].Instance != want {
			t.Errorf("part %d: %s", i, cut.Bytes)
		}
	}
	if !bytes.Equal(New().Part(e, 9), raw) {
		t.Error("a part that there is not changes the bytes")
	}
	raw, err = os.ReadFile("testdata/read-pressure/input.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(New().Part(entryOf(raw), 0), raw) {
		t.Error("the bytes of one message were changed")
	}
}

// Every Observation, Device and Bundle of the Personal Health Device guide.
func TestReadCorpus(t *testing.T) {
	folder := os.Getenv("THALAMUS_CORPUS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "..", "shared", "corpus")
	}
	files, _ := filepath.Glob(filepath.Join(folder, "ieee11073", "HL7+*", "input", "examples", "*.json"))
	if len(files) == 0 {
		t.Skip("corpus not present")
	}
	passed := 0
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		good := true
		for _, m := range New().Decode(entryOf(raw), codec.Context{}) {
			for _, i := range m.Issues {
				if i.Severity == model.Error {
					good = false
					t.Errorf("%s: %+v", filepath.Base(name), i)
				}
			}
			if n := len(m.Observations) + len(m.Waveforms) + len(m.Devices); n == 0 && m.Patient == nil && len(m.Issues) == 0 {
				good = false
				t.Errorf("%s: nothing was read", filepath.Base(name))
			}
		}
		if good {
			passed++
		}
	}
	t.Logf("corpus ieee11073 PHD guides: %d/%d", passed, len(files))
}

func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"testdata/read-*/input.json", "testdata/*/bundle.json"} {
		found, _ := filepath.Glob(pattern)
		for _, name := range found {
			if raw, err := os.ReadFile(name); err == nil {
				f.Add(raw)
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		out := New().Decode(entryOf(raw), codec.Context{})
		if len(out) == 0 {
			t.Fatal("no message")
		}
		for i, m := range out {
			if m.Ref.Part != i {
				t.Fatalf("part %d is numbered %d", i, m.Ref.Part)
			}
			for _, o := range m.Observations {
				if o.Device >= len(m.Devices) || o.Order >= len(m.Orders) {
					t.Fatalf("observation points outside: %+v", o)
				}
			}
			for _, d := range m.Devices {
				if d.Parent >= len(m.Devices) {
					t.Fatalf("device points outside: %+v", d)
				}
			}
		}
		if a, b := indented(t, out), indented(t, New().Decode(entryOf(raw), codec.Context{})); !bytes.Equal(a, b) {
			t.Fatal("read twice, it says two things")
		}
	})
}

func BenchmarkRead(b *testing.B) {
	raw, err := os.ReadFile("testdata/vital-signs/bundle.json")
	if err != nil {
		b.Fatal(err)
	}
	e := entryOf(raw)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		New().Decode(e, codec.Context{})
	}
}
