package openmhealth

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestEverySchemaCanBeRead(t *testing.T) {
	if len(wrong) > 0 || len(schemas) < 150 {
		t.Fatalf("%d schemas, wrong: %v", len(schemas), wrong)
	}
	for name, s := range schemas {
		if d := deep(s, 0); d > 24 {
			t.Errorf("%s nests %d deep", name, d)
		}
	}
}

// deep would not end where a schema held itself.
func deep(s *shape, at int) int {
	out := at
	if at > 40 {
		return at
	}
	for _, part := range s.parts {
		out = max(out, deep(part, at+1))
	}
	return out
}

// A validator of JSON Schema, given the schemas themselves, agrees on every
// document of the corpus and on what becomes of them when parts are taken
// away, exchanged or spoilt.
func TestAgreesWithJSONSchema(t *testing.T) {
	root := corpus(t)
	compiled := map[string]*jsonschema.Schema{}
	r := rand.New(rand.NewPCG(1, 2))
	checked, skipped := 0, 0
	all := documents(t)
	for _, d := range all {
		name := d.namespace + "/" + d.name + "-" + d.version
		s, known := compiled[name]
		if !known {
			c := jsonschema.NewCompiler()
			c.AssertFormat()
			c.UseLoader(folder(filepath.Join(root, "schema")))
			s, _ = c.Compile("https://w3id.org/openmhealth/schemas/" + name + ".json")
			compiled[name] = s
		}
		if s == nil {
			skipped++ // it refers to schemas of IEEE 1752.1 that are not in the corpus
			continue
		}
		var v any
		if err := json.Unmarshal(d.text, &v); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			if i > 0 {
				v = spoil(r, v, all)
			}
			text, _ := json.Marshal(v)
			theirs, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			want := s.Validate(theirs)
			got := Check(d.namespace, d.name, d.version, text)
			if checked++; (want == nil) != (len(got) == 0) {
				t.Errorf("%s: %s\nours: %v\ntheirs: %v", d.file, text, got, want)
			}
		}
	}
	t.Logf("agrees on %d documents; the schemas of %d files refer to what is not here", checked, skipped)
}

// spoil changes one place of a document.
func spoil(r *rand.Rand, v any, all []document) any {
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for k := range v {
			names = append(names, k)
		}
		if len(names) == 0 || r.IntN(8) == 0 {
			return any(nil)
		}
		out := map[string]any{}
		at := names[r.IntN(len(names))]
		for k, x := range v {
			if k != at {
				out[k] = x
				continue
			}
			switch r.IntN(6) {
			case 0: // taken away
			case 1:
				var other any
				_ = json.Unmarshal(all[r.IntN(len(all))].text, &other)
				if o, ok := other.(map[string]any); ok {
					for k, x := range o {
						out[k] = x
					}
				}
			default:
				out[k] = spoil(r, x, all)
			}
		}
		return out
	case []any:
		if len(v) == 0 || r.IntN(3) == 0 {
			return []any{}
		}
		return append([]any{spoil(r, v[0], all)}, v[1:]...)
	}
	return []any{"x", 1.5, 3, true, nil, "2013-02-05T07:25:00Z", "2013-02-05T07:25Z", map[string]any{}, map[string]any{"value": 3, "unit": "h"}, []any{}}[r.IntN(10)]
}

// folder loads the schemas of the corpus; -1.x is the highest version.
type folder string

func (f folder) Load(url string) (any, error) {
	name := strings.TrimPrefix(url, "https://w3id.org/openmhealth/schemas/")
	if prefix, ok := strings.CutSuffix(name, "x.json"); ok {
		files, _ := filepath.Glob(filepath.Join(string(f), prefix+"[0-9].json"))
		if len(files) == 0 {
			return nil, errShape
		}
		return load1(files[len(files)-1])
	}
	return load1(filepath.Join(string(f), name))
}

func load1(file string) (any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if m, ok := v.(map[string]any); ok {
		delete(m, "$id") // it may name another place
	}
	return v, err
}
