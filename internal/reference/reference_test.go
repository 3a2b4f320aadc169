package reference

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"thalamus/internal/builtin"
	"thalamus/internal/codec"
	"thalamus/internal/conf"
	"thalamus/internal/fault"
	"thalamus/internal/flow/decode"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
	"thalamus/internal/sim"
)

// compile makes a schema that takes nothing it does not name.
func compile(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	closeObjects(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"]; ok && v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for _, x := range v {
			closeObjects(x)
		}
	case []any:
		for _, x := range v {
			closeObjects(x)
		}
	}
}

// messages of every kind: a simulated ward, and every golden input of the
// codecs.
func everyMessage(t *testing.T) [][]byte {
	t.Helper()
	var all [][]byte
	w := sim.NewWard("", nil, "ICU", 3, sim.NewTerms(), "t")
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for range 60 {
		for _, s := range w.Sources {
			for _, m := range s.Next(at) {
				all = append(all, m.Bytes)
			}
		}
		at = at.Add(time.Second)
	}
	root := filepath.Join("..", "codec", "hl7v2")
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".hl7") {
			return err
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		all = append(all, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryPrintedMessageIsAsTheSchemaSays(t *testing.T) {
	s := compile(t, MessageSchema())
	d := decode.New(builtin.Codecs()...)
	seen := 0
	for i, raw := range everyMessage(t) {
		entry := model.Entry{Seq: model.Seq(i + 1), Frame: model.Frame{Channel: "file", Codec: "hl7v2", Bytes: raw}}
		messages := d.Decode(entry, codec.Context{})
		for j := range messages {
			normalise.Normalise(&messages[j], normalise.Context{})
			line, err := json.Marshal(&messages[j])
			if err != nil {
				t.Fatal(err)
			}
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(v); err != nil {
				t.Fatalf("%v\n%s", err, line)
			}
			seen++
		}
	}
	if seen < 200 {
		t.Errorf("only %d messages were seen", seen)
	}
}

func TestBootSchemaTakesTheSampleAndNoMistake(t *testing.T) {
	s := compile(t, bootSchema())
	check := func(text string) error {
		j, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(j))
		if err != nil {
			t.Fatal(err)
		}
		return s.Validate(v)
	}
	if err := check(conf.Sample(&conf.Boot{})); err != nil {
		t.Errorf("the sample is refused: %v", err)
	}
	for _, bad := range []string{"console: {lisen: x}", "journal: {keep: often}", "journal: {segment: big}", "site: 3"} {
		if check(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestPagesNameEverything(t *testing.T) {
	page := string(faultsPage())
	for _, d := range fault.Catalogue() {
		if !strings.Contains(page, "`"+d.Code+"`") {
			t.Errorf("%s does not stand in the fault list", d.Code)
		}
	}
	for name, text := range map[string]string{"configuration": string(configuration()), "operations": string(operations()), "messages": string(messages())} {
		if strings.Contains(text, "%!") || strings.Contains(text, "<nil>") {
			t.Errorf("%s is not well written", name)
		}
	}
	for _, k := range builtin.Drivers() {
		for _, key := range conf.Describe(k.Settings) {
			if key.Doc == "" || !strings.Contains(string(configuration()), "`"+key.Path+"`") {
				t.Errorf("driver %s: %s is not described", k.Name, key.Path)
			}
		}
	}
	for _, k := range builtin.Destinations() {
		for _, key := range conf.Describe(k.Settings) {
			if key.Doc == "" || !strings.Contains(string(configuration()), "`"+key.Path+"`") {
				t.Errorf("kind %s: %s is not described", k.Name, key.Path)
			}
		}
	}
}

func TestWhatIsStaleIsNamed(t *testing.T) {
	dir := t.TempDir()
	files := map[string][]byte{"a.md": []byte("a"), "b.md": []byte("b")}
	if err := Write(dir, files); err != nil {
		t.Fatal(err)
	}
	if stale := Stale(os.DirFS(dir), files); len(stale) != 0 {
		t.Error(stale)
	}
	files["b.md"] = []byte("c")
	if stale := Stale(os.DirFS(dir), files); len(stale) != 1 || stale[0] != "b.md" {
		t.Error(stale)
	}
}
