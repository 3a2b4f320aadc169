//go:build !linux

package journal

import (
	"io"
	"math"
	"os"
)

func (f *systemFile) Allocate(size int64) error { return allocateByWriting(f.File, size) }

func (f *systemFile) WriteAhead(p []byte, at int64) error {
	_, err := f.WriteAt(p, at)
	return err
}

func (f *systemFile) WriteSync(p []byte, at int64) error { return f.writeThenSync(p, at) }

// Free is unknown here: the floor is then kept by failing writes alone.
func (System) Free(string) (int64, error) { return math.MaxInt64, nil }

// Lock keeps a second process out by creating a file that must not exist.
func (System) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, err
	}
	return removing{f}, nil
}

type removing struct{ f *os.File }

func (r removing) Close() error {
	r.f.Close()
	return os.Remove(r.f.Name())
}
