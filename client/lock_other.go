//go:build !unix

package client

import (
	"os"
	"path/filepath"
)

// lock marks the folder as in use; this system has no lock that ends with the
// process, so it is up to the caller to open a folder once.
func lock(folder string) (*os.File, error) {
	return os.OpenFile(filepath.Join(folder, "LOCK"), os.O_CREATE|os.O_RDWR, 0o600)
}
