package openmhealth_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thalamus/internal/codec"
	"thalamus/internal/codec/openmhealth"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/ucum"
)

var update = flag.Bool("update", false, "write the golden files anew")

// means reads an entry and normalises it, as the way of a message does.
func means(raw []byte) []model.Message {
	out := openmhealth.New().Decode(model.Entry{Seq: 7, Frame: model.Frame{Channel: "file", Codec: openmhealth.Name, Bytes: raw}}, codec.Context{})
	for i := range out {
		normalise.Normalise(&out[i], normalise.Context{Nearest: func(string, *ucum.Unit) []mdc.Candidate { return nil }})
	}
	return out
}

// lines are values as JSON lines.
func lines[T any](t *testing.T, all []T) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	for _, v := range all {
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// Every case is a folder: what came, what it means, and what is written again.
func TestCases(t *testing.T) {
	cases, _ := filepath.Glob("testdata/*/in.json")
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, in := range cases {
		t.Run(filepath.Base(filepath.Dir(in)), func(t *testing.T) {
			raw, err := os.ReadFile(in)
			if err != nil {
				t.Fatal(err)
			}
			messages := means(raw)
			var out []json.RawMessage
			var left []openmhealth.Left
			for i := range messages {
				d, l := openmhealth.Encode(&messages[i])
				for _, one := range d {
					out = append(out, one)
				}
				left = append(left, l...)
			}
			golden(t, filepath.Join(filepath.Dir(in), "meaning.json"), lines(t, messages))
			golden(t, filepath.Join(filepath.Dir(in), "out.json"), append(lines(t, out), lines(t, left)...))
		})
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not as it was:\n%s", file, got)
	}
}

// point is a data point around a body.
func point(schema, version string, body []byte) []byte {
	namespace, name, _ := strings.Cut(schema, "/")
	return []byte(`{"header":{"id":"123e4567-e89b-12d3-a456-426655440000","creation_date_time":"2026-02-05T07:25:00Z","schema_id":{"namespace":"` + namespace +
		`","name":"` + name + `","version":"` + version + `"},"acquisition_provenance":{"source_name":"Lab"},"user_id":"u1"},"body":` + string(body) + `}`)
}

// What is written is valid by its schema, and says the same when it is read
// again: code, value, unit and time of every observation (R13).
func same(t *testing.T, m *model.Message) (written int) {
	t.Helper()
	documents, _ := openmhealth.Encode(m)
	for _, d := range documents {
		again := means(d)
		if len(again) != 1 || again[0].Type == "" {
			t.Fatalf("what was written cannot be read: %s\n%+v", d, again[0].Issues)
		}
		for i := range again[0].Observations {
			o := &again[0].Observations[i]
			if o.Parent == "" {
				written++
				if !stands(m, o) {
					t.Errorf("read again it says something else: %s\n%+v", d, o)
				}
			}
		}
		twice, left := openmhealth.Encode(&again[0])
		if len(twice) != 1 || len(left) > 0 {
			t.Errorf("read again it cannot be written: %s %v", d, left)
		}
	}
	return written
}

// stands looks for an observation among those of the message it came from.
func stands(m *model.Message, o *model.Observation) bool {
	for i := range m.Observations {
		was := &m.Observations[i]
		at := was.DeviceTime.UTC
		if at.IsZero() {
			at = m.DeviceTime.UTC
		}
		end := was.DeviceTimeEnd
		if end.IsZero() && was.DeviceTime.Precision == "day" && o.DeviceTime.Precision != "day" {
			end = at.AddDate(0, 0, 1)
		}
		if was.Value == o.Value && was.UnitUCUM == o.UnitUCUM && was.Code.LOINC == o.Code.LOINC && at.Equal(o.DeviceTime.UTC) && end.Equal(o.DeviceTimeEnd) {
			return true
		}
	}
	return false
}

// Values of documents of the corpus stay the same on their way in and out.
func TestOutAndInAgain(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpus(t), "test-data/*/*/*/shouldPass/*.json"))
	read, written, nothing, spreads := 0, 0, 0, 0
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.TrimSpace(body)[0] != '{' {
			continue // no body of a data point
		}
		parts := strings.Split(filepath.ToSlash(file), "/")
		parts = parts[len(parts)-5:]
		messages := means(point(parts[0]+"/"+parts[1], parts[2], body))
		if len(messages) != 1 || messages[0].Type == "" {
			t.Errorf("%s: %+v", file, messages[0].Issues)
			continue
		}
		m := &messages[0]
		if len(m.Observations) == 0 {
			nothing++
			continue
		}
		if m.Observations[0].Code.Key() == "" {
			spreads++ // of a quantity, not a value of it
			continue
		}
		read++
		written += same(t, m)
		for _, i := range m.Issues {
			if i.Severity == model.Error {
				t.Errorf("%s: %+v", file, i)
			}
		}
	}
	t.Logf("%d documents are observations, %d values are the same again; %d are spreads, %d have no metric", read, written, spreads, nothing)
	if written < read {
		t.Errorf("%d documents gave %d values", read, written)
	}
}

func corpus(t *testing.T) string {
	t.Helper()
	root := os.Getenv("THALAMUS_CORPUS")
	if root == "" {
		root = "../../../../shared/corpus"
	}
	root = filepath.Join(root, "iomt/openmhealth")
	if _, err := os.Stat(root); err != nil {
		t.Skip("corpus not present")
	}
	return root
}

// Hostile bytes: no panic, always a message, the same twice, and what is read
// can be written and read again.
func FuzzDecode(f *testing.F) {
	cases, _ := filepath.Glob("testdata/*/in.json")
	for _, in := range cases {
		if raw, err := os.ReadFile(in); err == nil {
			f.Add(raw)
		}
	}
	for _, s := range []string{"", "[", "[]", "{}", `{"header":{},"body":{}}`, "[[[[[[", `{"a":1,"a":2}`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		once, again := means(raw), means(raw)
		if len(once) == 0 {
			t.Fatal("no message")
		}
		if a, b := lines(t, once), lines(t, again); !bytes.Equal(a, b) {
			t.Fatalf("read twice:\n%s\n%s", a, b)
		}
		for i := range once {
			documents, _ := openmhealth.Encode(&once[i])
			for _, d := range documents {
				if back := means(d); len(back) != 1 || back[0].Type == "" {
					t.Fatalf("written, it cannot be read: %s %+v", d, back[0].Issues)
				}
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	raw, err := os.ReadFile("testdata/blood-pressure/in.json")
	if err != nil {
		b.Fatal(err)
	}
	e := model.Entry{Seq: 7, Frame: model.Frame{Codec: openmhealth.Name, Bytes: raw}}
	c := openmhealth.New()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		c.Decode(e, codec.Context{})
	}
}
