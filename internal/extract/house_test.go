package extract_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"thalamus/internal/extract"
)

// putManifest makes an extract's folder with its manifest, as the shelf does.
func putManifest(t *testing.T, dir string, m *extract.Manifest) {
	t.Helper()
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, extract.ManifestName), append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}
