package filedrop

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// place is where the folder is. Names are within the folder; a name of a
// subfolder has one slash. Errors that say nothing of the file itself mean that
// the place cannot be reached now.
type place interface {
	// open makes ready what is needed for one round.
	open(ctx context.Context) error
	list() ([]found, error)
	stat(name string) (found, error)
	// read gives at most one byte more than most.
	read(name string, most int64) ([]byte, error)
	// move gives a file another name; one that is there already stays, and the
	// error is fs.ErrExist.
	move(name, to string) error
	remove(name string) error
	write(name string, text []byte) error
	folder(name string) error
	close()
}

// found is a file in the folder.
type found struct {
	name    string
	size    int64
	changed time.Time
}

// mostFiles bounds how many files one look takes in.
const mostFiles = 100_000

// local is a folder of this machine.
type local struct{ path string }

func (l local) at(name string) string { return filepath.Join(l.path, filepath.FromSlash(name)) }

func (l local) open(context.Context) error {
	info, err := os.Stat(l.path)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: l.path, Err: errors.New("it is a file, not a folder")}
	}
	return err
}

func (l local) list() ([]found, error) {
	d, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var out []found
	for len(out) < mostFiles {
		entries, err := d.ReadDir(1024)
		for _, e := range entries {
			if !e.Type().IsRegular() {
				continue
			}
			if info, err := e.Info(); err == nil { // else it went meanwhile
				out = append(out, found{e.Name(), info.Size(), info.ModTime()})
			}
		}
		if errors.Is(err, io.EOF) || err == nil && len(entries) == 0 {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (l local) stat(name string) (found, error) {
	info, err := os.Lstat(l.at(name))
	if err != nil {
		return found{}, err
	}
	if !info.Mode().IsRegular() {
		return found{}, fs.ErrInvalid
	}
	return found{name, info.Size(), info.ModTime()}, nil
}

func (l local) read(name string, most int64) ([]byte, error) {
	f, err := os.Open(l.at(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}

// move links and removes, because a rename would overwrite. A crash in between
// leaves both names, and the file is known as taken. File systems without links
// rename what they look at first.
func (l local) move(name, to string) error {
	err := os.Link(l.at(name), l.at(to))
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = os.Remove(l.at(name))
		}
		return err
	}
	if _, err := os.Lstat(l.at(to)); err == nil {
		return fs.ErrExist
	}
	return os.Rename(l.at(name), l.at(to))
}

func (l local) remove(name string) error             { return os.Remove(l.at(name)) }
func (l local) write(name string, text []byte) error { return os.WriteFile(l.at(name), text, 0o640) }
func (l local) folder(name string) error             { return os.MkdirAll(l.at(name), 0o750) }
func (l local) close()                               {}
