package registerdb_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thalamus/internal/store/sqlite/registerdb"
	"thalamus/internal/store/storetest"
)

func TestSuite(t *testing.T) {
	root := t.TempDir()
	storetest.Registers(t, func(t *testing.T, name string) storetest.RegisterStore {
		folder := filepath.Join(root, strings.ReplaceAll(name, " ", "-"))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		d, err := registerdb.Open(t.Context(), folder, registerdb.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}
