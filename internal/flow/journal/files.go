package journal

import (
	"io"
	"os"
)

// Files is the file layer under a journal. System is the real one; tests give
// one that loses power, runs full or errs (package powercut).
type Files interface {
	// Open opens an existing file for reading, and for writing when write.
	Open(path string, write bool) (File, error)
	// Create makes a new file; an existing one is an error.
	Create(path string) (File, error)
	MkdirAll(path string) error
	Rename(from, to string) error
	Remove(path string) error
	// List gives the names in a folder, in any order.
	List(dir string) ([]string, error)
	// SyncDir makes creations, renames and removals in the folder durable.
	SyncDir(dir string) error
	// Free gives the bytes that this user may still write to the file system.
	Free(dir string) (int64, error)
	// Lock takes the folder's exclusive lock, held until the Closer is closed.
	// ErrLocked means that another process has it.
	Lock(path string) (io.Closer, error)
}

// File is one open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes what was written durable, with the metadata needed to read it.
	Sync() error
	// WriteSync writes p and makes it durable. p begins at a page in memory,
	// its length and at are multiples of 4096, so that it can go to the disk
	// without a copy. For one goroutine at a time.
	WriteSync(p []byte, at int64) error
	// Allocate reserves blocks for the first size bytes and makes the file at
	// least that long; what was not written reads as zeros.
	Allocate(size int64) error
	// WriteAhead writes p, pages as for WriteSync, where nothing counts yet. It
	// need not be durable and should leave no trace in the page cache.
	WriteAhead(p []byte, at int64) error
	Truncate(size int64) error
	Size() (int64, error)
}

// System is the operating system's file layer.
type System struct{}

func (System) Open(path string, write bool) (File, error) {
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	return &systemFile{File: f}, nil
}

func (System) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &systemFile{File: f}, nil
}

func (System) MkdirAll(path string) error   { return os.MkdirAll(path, 0o700) }
func (System) Rename(from, to string) error { return os.Rename(from, to) }
func (System) Remove(path string) error     { return os.Remove(path) }

func (System) List(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

func (System) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

type systemFile struct {
	*os.File
	direct   *os.File // the same file around the page cache; nil: not opened
	indirect bool     // that does not work here
}

func (f *systemFile) Close() error {
	if f.direct != nil {
		f.direct.Close()
	}
	return f.File.Close()
}

// writeThenSync is WriteSync the plain way.
func (f *systemFile) writeThenSync(p []byte, at int64) error {
	if _, err := f.WriteAt(p, at); err != nil {
		return err
	}
	return f.Sync()
}

func (f *systemFile) Size() (int64, error) {
	s, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return s.Size(), nil
}

// allocateByWriting reserves blocks where the system has no call for it.
func allocateByWriting(f *os.File, size int64) error {
	s, err := f.Stat()
	if err != nil {
		return err
	}
	if s.Size() >= size {
		return nil
	}
	zeros := make([]byte, 1<<20)
	for at := s.Size(); at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return err
		}
	}
	return nil
}
