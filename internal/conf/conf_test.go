package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
)

func TestDefaultsAndSampleAreRight(t *testing.T) {
	var b Boot
	if err := Decode(nil, &b); err != nil {
		t.Fatal(err)
	}
	if b.Journal.Segment != 64<<20 || b.Console.Idle != 30*time.Minute || len(b.Console.Names) != 3 {
		t.Errorf("defaults: %+v", b)
	}
	var again Boot
	if err := DecodeYAML("sample", []byte(Sample(&b)), &again); err != nil {
		t.Fatalf("the sample does not load: %v\n%s", err, Sample(&b))
	}
	if again.Console.Listen != b.Console.Listen || again.Journal != b.Journal || len(again.Console.Names) != 3 {
		t.Errorf("sample differs: %+v", again)
	}
}

func TestWrongTextNamesFileLineAndWhatWasExpected(t *testing.T) {
	for name, c := range map[string]struct{ text, code, want string }{
		"unknown key":      {"data: x\nconsol:\n  listen: y\n", "conf.unknown-key", "t.yaml:2: consol: unknown key \"consol\"; did you mean \"console\"? known here: console, data"},
		"unknown sub key":  {"console:\n  lisen: y\n", "conf.unknown-key", "t.yaml:2: console.lisen: unknown key"},
		"wrong type":       {"journal:\n  segment: big\n", "conf.wrong-type", "t.yaml:2: journal.segment: expected a whole number"},
		"group expected":   {"journal: 3\n", "conf.wrong-type", "t.yaml:1: journal: expected a group"},
		"address":          {"console: {listen: here}\n", "conf.address", "t.yaml:1: console.listen: expected host:port"},
		"zone":             {"site:\n  zone: Mars/Crater\n", "conf.zone", "t.yaml:2: site.zone"},
		"certificate only": {"console:\n  certificate: a.pem\n", "conf.certificate", "belong together"},
		"not yaml":         {"a: [1\n", "conf.syntax", "t.yaml:1: not YAML"},
		"a list":           {"- a\n", "conf.wrong-type", "t.yaml:1: expected keys"},
		"key twice":        {"data: x\ndata: y\n", "", "t.yaml:2"},
		"alias":            {"data: &a x\nsite: {name: *a}\n", "conf.syntax", "aliases are not used"},
		"level":            {"log: {level: loud}\n", "conf.range", "debug, info, warn or error"},
	} {
		var b Boot
		err := DecodeYAML("t.yaml", []byte(c.text), &b)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.code != "" && fault.CodeOf(err) != c.code {
			t.Errorf("%s: got %v, want %q [%s]", name, err, c.want, c.code)
		}
	}
}

func TestTextsThatTakeLongToParseAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"brackets":     strings.Repeat("[", 100_000),
		"pairs":        strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000),
		"groups":       strings.Repeat("{a: ", 25_000),
		"dashes":       strings.Repeat("- ", 50_000),
		"questions":    strings.Repeat("? ", 50_000),
		"empty lines":  "a: |\n" + strings.Repeat("\n", 100_000),
		"keys":         strings.Repeat("k: 1\n", 25_000),
		"keys of one":  "a:\n  - k: 1\n" + strings.Repeat("    k: 1\n", 10_000),
		"inline group": "{" + strings.Repeat("a: b, ", 20_000) + "}",
		"large":        "a: " + strings.Repeat("x", 5<<20),
	} {
		var b Boot
		if err := DecodeYAML("f", []byte(text), &b); fault.CodeOf(err) != "conf.shape" && fault.CodeOf(err) != "conf.oversize" {
			t.Errorf("%s: %v", name, err)
		}
	}
	var large strings.Builder
	large.WriteString("devices:\n")
	for i := range 10_000 {
		fmt.Fprintf(&large, "  - id: dev-%d\n    name: \"Monitor [%d\"\n    place: {a: b}\n", i, i)
	}
	if err := checkShape("f", []byte(large.String())); err != nil {
		t.Errorf("a large configuration is refused: %v", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.yaml")); fault.CodeOf(err) != "conf.no-file" {
		t.Error(err)
	}
	path := filepath.Join(dir, "thalamus.yaml")
	os.WriteFile(path, nil, 0o600)
	if b, err := Load(path); err != nil || b.Data != "./thalamus-data" {
		t.Errorf("empty file: %+v %v", b, err)
	}
}

func TestRedactAndDescribe(t *testing.T) {
	type inner struct {
		Secret string `yaml:"secret" secret:"true" doc:"signing key"`
	}
	type settings struct {
		URL  string `yaml:"url"`
		Auth inner  `yaml:"auth"`
	}
	got := Redact(map[string]any{"url": "u", "auth": map[string]any{"secret": "s"}}, Describe(&settings{}))
	if got["url"] != "u" || got["auth"].(map[string]any)["secret"] != "(secret)" {
		t.Error(got)
	}
}

func FuzzDecodeYAML(f *testing.F) {
	var d Boot
	f.Add([]byte(Sample(&d)))
	f.Add([]byte("a: &x [*x]\n"))
	f.Add([]byte("? a\n: b\n- c"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var b Boot
		if err := DecodeYAML("f", text, &b); err != nil && fault.CodeOf(err) == "internal" {
			t.Fatalf("uncatalogued error %v", err)
		}
	})
}
