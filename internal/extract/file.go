package extract

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"thalamus/internal/fault"
)

// temporary begins the names of files that are being written.
const temporary = ".making-"

// diskFault says what a file system's refusal means.
func diskFault(err error, path string) error {
	if _, known := errors.AsType[*fault.Fault](err); known {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.Wrap(err, fault.Transient, "extract.full", "the disk is full; free some room and let the extract go on, what is done of it stays").At(path)
	}
	return fault.Wrap(err, fault.Broken, "extract.io", "the extract's files cannot be read or written; see that the folder is there and belongs to this user, then let the extract go on").At(path)
}

// making is a file under its temporary name.
type making struct {
	dir, name string // name below dir, with /
	f         *os.File
	w         *bufio.Writer
	hash      hash.Hash
	size      int64
}

func begin(dir, name string) (*making, error) {
	m := &making{dir: dir, name: name, hash: sha256.New()}
	folder := filepath.Dir(m.path())
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, diskFault(err, folder)
	}
	f, err := os.OpenFile(m.temporary(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, diskFault(err, m.path())
	}
	m.f = f
	m.w = bufio.NewWriterSize(f, 64<<10)
	return m, nil
}

func (m *making) path() string { return filepath.Join(m.dir, filepath.FromSlash(m.name)) }

func (m *making) temporary() string {
	folder, name := filepath.Split(m.path())
	return folder + temporary + name
}

// Write implements io.Writer.
func (m *making) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.hash.Write(p[:n])
	m.size += int64(n)
	return n, err
}

// finish syncs the file and gives it its name.
func (m *making) finish() (File, error) {
	err := m.w.Flush()
	if err == nil {
		err = m.f.Sync()
	}
	if end := m.f.Close(); err == nil {
		err = end
	}
	m.f = nil
	if err == nil {
		err = os.Rename(m.temporary(), m.path())
	}
	if err == nil {
		err = syncFolder(filepath.Dir(m.path()))
	}
	if err != nil {
		os.Remove(m.temporary())
		return File{}, diskFault(err, m.path())
	}
	return File{Name: m.name, Bytes: m.size, SHA256: hex.EncodeToString(m.hash.Sum(nil))}, nil
}

// drop removes what was written so far.
func (m *making) drop() {
	if m.f != nil {
		m.f.Close()
		m.f = nil
		os.Remove(m.temporary())
	}
}

func writeWhole(dir, name string, text []byte) (File, error) {
	m, err := begin(dir, name)
	if err != nil {
		return File{}, err
	}
	if _, err := m.Write(text); err != nil {
		m.drop()
		return File{}, diskFault(err, m.path())
	}
	return m.finish()
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		err = nil // not every file system syncs folders
	}
	return errors.Join(err, f.Close())
}

// sweep removes what an interrupted part left behind.
func sweep(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasPrefix(d.Name(), temporary) {
			err = os.Remove(path)
		}
		return err
	})
	if err != nil {
		return diskFault(err, dir)
	}
	return nil
}
