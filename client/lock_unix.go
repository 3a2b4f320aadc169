//go:build unix

package client

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lock keeps a second client out of the folder; it ends with the process.
func lock(folder string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(folder, "LOCK"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("client: another client uses the folder %s: %w", folder, err)
	}
	return f, nil
}
