package openmhealth

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpus is the folder of Open mHealth's schemas and documents.
func corpus(t *testing.T) string {
	t.Helper()
	root := os.Getenv("THALAMUS_CORPUS")
	if root == "" {
		dir, err := os.Getwd()
		for ; err == nil && dir != "/"; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				root = filepath.Join(dir, "../shared/corpus")
				break
			}
		}
	}
	root = filepath.Join(root, "iomt/openmhealth")
	if _, err := os.Stat(root); err != nil {
		t.Skip("corpus not present")
	}
	return root
}

// document is a file of the corpus, whose folders say what it is.
type document struct {
	namespace, name, version string
	pass                     bool
	file                     string
	text                     []byte
}

func documents(t *testing.T) []document {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpus(t), "test-data/*/*/*/should*/*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out []document
	for _, file := range files {
		parts := strings.Split(filepath.ToSlash(file), "/")
		parts = parts[len(parts)-5:]
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, document{parts[0], parts[1], parts[2], parts[3] == "shouldPass", filepath.Join(parts...), text})
	}
	return out
}

// All that should pass passes, all that should fail fails (R3).
func TestCorpus(t *testing.T) {
	var passed, failed, pass, fail int
	for _, d := range documents(t) {
		if !Known(d.namespace, d.name, d.version) {
			t.Errorf("%s: no such schema", d.file)
		}
		found := Check(d.namespace, d.name, d.version, d.text)
		switch {
		case d.pass:
			if pass++; len(found) == 0 {
				passed++
			} else {
				t.Errorf("%s should pass: %v", d.file, found)
			}
		default:
			if fail++; len(found) > 0 {
				failed++
			} else {
				t.Errorf("%s should fail", d.file)
			}
			for _, v := range found {
				if v.Text == "" {
					t.Errorf("%s: nothing is said of %q", d.file, v.Place)
				}
			}
		}
	}
	t.Logf("Open mHealth: %d/%d should pass and pass, %d/%d should fail and fail", passed, pass, failed, fail)
}
