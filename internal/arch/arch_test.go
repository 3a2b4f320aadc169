// Package arch holds the import table of docs/ARCHITECTURE.md as a test.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rule: packages matching path (a trailing /* matches one folder or more) may
// import, inside the module, only what is listed. The first match counts.
type rule struct {
	path string
	may  []string
	pure bool
}

var table = []rule{
	{"internal/model", nil, true},
	{"internal/fault", nil, true},
	{"internal/ucum", []string{"model", "fault"}, true},
	{"internal/mdc", []string{"model", "fault", "ucum"}, true},
	{"internal/udi", []string{"fault"}, true},
	{"internal/sfloat", []string{"model"}, true},
	{"internal/hl7time", []string{"model", "fault"}, true},
	{"internal/clock", []string{"model"}, true},
	{"internal/alert", []string{"model"}, true},
	{"internal/grid", []string{"model", "fault"}, true},
	{"internal/waveform", []string{"model", "fault"}, true},
	{"internal/conf", []string{"fault"}, false},
	{"internal/codec", []string{"model", "fault"}, true},
	{"internal/codec/hl7v2", []string{"codec", "model", "fault", "ucum", "mdc", "hl7time"}, true},
	{"internal/codec/hl7v2/*", []string{"codec", "codec/hl7v2", "model", "fault", "ucum", "mdc", "hl7time"}, true},
	{"internal/codec/wfdb", []string{"codec", "waveform", "model", "fault"}, true},
	{"internal/codec/edf", []string{"codec", "waveform", "model", "fault"}, true},
	{"internal/codec/wavecsv", []string{"waveform", "model", "fault"}, true},
	{"internal/codec/fhir", []string{"codec", "waveform", "model", "fault", "ucum", "mdc", "hl7time"}, true},
	{"internal/codec/mder", []string{"fault"}, true},
	{"internal/codec/phd", []string{"codec", "codec/mder", "sfloat", "model", "fault", "mdc"}, true},
	{"internal/codec/intellivue", []string{"codec", "codec/mder", "sfloat", "model", "fault", "mdc"}, true},
	{"internal/codec/gatt", []string{"codec", "sfloat", "model", "fault", "mdc"}, true},
	{"internal/codec/*", []string{"codec", "model", "fault", "ucum", "mdc", "hl7time"}, true},
	{"internal/driver", []string{"model", "fault", "conf"}, false},
	{"internal/driver/*", []string{"driver", "model", "fault", "conf"}, false},
	{"internal/destination", []string{"model", "fault", "conf"}, false},
	{"internal/destination/*", []string{"destination", "model", "fault", "conf"}, false},
	{"internal/drivers/*", []string{"driver", "driver/drivertest", "driver/bytelink", "codec", "codec/*", "model", "fault", "conf"}, false},
	{"internal/destinations/*", []string{"destination", "destination/destinationtest", "codec", "codec/*", "model", "fault", "conf"}, false},
	{"internal/profile", []string{"model", "fault", "conf", "ucum", "mdc", "hl7time"}, true},
	{"internal/profile/*", []string{"profile", "model", "fault"}, true},
	{"internal/flow", []string{"flow/*", "model", "fault", "codec", "profile"}, false},
	{"internal/flow/decode", []string{"model", "fault", "codec", "profile"}, true},
	{"internal/flow/normalise", []string{"model", "fault", "codec", "profile", "ucum", "mdc", "hl7time"}, true},
	{"internal/flow/route", []string{"model", "fault"}, true},
	{"internal/flow/journal", []string{"model", "fault"}, false},
	{"internal/flow/journal/*", []string{"flow/journal", "model", "fault"}, false},
	{"internal/flow/*", []string{"model", "fault", "codec", "profile", "destination", "ucum", "mdc", "hl7time", "clock", "alert", "grid"}, false},
	{"internal/register", []string{"register/*", "udi", "model", "fault"}, false},
	{"internal/register/care", []string{"model", "fault", "ucum"}, true},
	{"internal/register/roster", []string{"register/fact", "udi", "model", "fault"}, true},
	{"internal/register/*", []string{"alert", "model", "fault"}, true},
	{"internal/imports/*", []string{"imports/*", "model", "fault", "udi"}, true},
	{"internal/patients", []string{"model", "fault"}, false},
	{"internal/access", []string{"model", "fault"}, false},
	{"internal/audit", []string{"model", "fault"}, false},
	{"internal/extract", []string{"model", "fault", "flow/record", "codec/fhir"}, false},
	{"internal/store/*", []string{"store/*", "loopdisk", "clock", "alert", "grid", "model", "fault", "register", "register/*", "patients", "access", "audit", "service", "flow/record", "flow/deliver"}, false},
	{"internal/service", []string{"extract", "imports/*", "clock", "alert", "grid", "udi", "register", "register/*", "patients", "access", "audit", "flow", "flow/*", "profile", "waveform", "model", "fault", "conf"}, false},
	{"internal/api", []string{"service", "model", "fault", "conf"}, false},
	{"internal/fhirapi", []string{"service", "codec/fhir", "model", "fault", "conf"}, false},
	{"internal/web/texts", []string{"mdc"}, false},
	{"internal/web", []string{"web/*", "service", "model", "fault", "conf"}, false},
	{"internal/web/*", []string{"web/*", "service", "model", "fault", "conf"}, false},
	{"internal/cli", []string{"service", "api", "model", "fault", "conf", "builtin", "codec", "codec/*", "profile", "profile/*", "ucum", "mdc", "sim", "sim/*", "bench", "app", "flow", "flow/*", "reference"}, false},
	{"internal/reference", []string{"service", "access", "model", "fault", "conf", "builtin", "sim/faults", "sim/drill"}, false},
}

const module = "thalamus/"

// impure are the standard packages that pure rooms must not know.
var impure = []string{"os", "net", "database/sql", "sync", "log", "math/rand", "crypto/rand"}

func TestImports(t *testing.T) {
	root := "../.."
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		r := find(rel)
		if r == nil {
			return nil // free: app, sim, bench, builtin, arch
		}
		test := strings.HasSuffix(path, "_test.go")
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			if inside, ok := strings.CutPrefix(name, module+"internal/"); ok {
				if !test && "internal/"+inside != rel && !allowed(r.may, inside) {
					t.Errorf("%s imports %s, which the import table does not list", path, inside)
				}
				continue
			}
			if !r.pure || test {
				continue
			}
			for _, bad := range impure {
				if name == bad || strings.HasPrefix(name, bad+"/") && name != "net/url" && name != "net/netip" {
					t.Errorf("%s is pure and imports %s", path, name)
				}
			}
		}
		if r.pure && !test {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if strings.Contains(string(text), "time.Now(") {
				t.Errorf("%s is pure and calls time.Now", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func find(rel string) *rule {
	for i := range table {
		if match(table[i].path, rel) {
			return &table[i]
		}
	}
	return nil
}

func match(pattern, path string) bool {
	if p, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(path, p+"/")
	}
	return pattern == path
}

func allowed(may []string, inside string) bool {
	for _, m := range may {
		if match(m, inside) {
			return true
		}
	}
	return false
}

func TestTableRefuses(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{"internal/drivers/mllp", "service"},
		{"internal/flow/decode", "flow/record"},
		{"internal/api", "store/sqlite"},
		{"internal/model", "fault"},
	} {
		if r := find(c.from); r == nil || allowed(r.may, c.to) {
			t.Errorf("%s may import %s", c.from, c.to)
		}
	}
}
