package filedrop

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"
)

// place is where the folder is. Names are within the folder, with slashes
// between those of subfolders. Errors that say nothing of the file itself mean
// that the place cannot be reached now.
type place interface {
	// open makes ready what is needed for one round.
	open(ctx context.Context) error
	// list gives what stands in a subfolder; "" is the folder itself.
	list(folder string) ([]found, error)
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
	// cut ends what waits for the other side; it is called from elsewhere.
	cut()
}

// found is what stands in a folder.
type found struct {
	name    string
	size    int64
	changed time.Time
	mode    fs.FileMode // its type; 0: a file
}

// mostFiles bounds how many files one look takes in, mostFolders into how many
// subfolders it looks.
const (
	mostFiles   = 100_000
	mostFolders = 10_000
)

// local is a folder of this machine. Whoever may write into it cannot lead out
// of it by links: all goes through an os.Root.
type local struct {
	path string
	root *os.Root
}

func (l *local) open(context.Context) (err error) {
	l.close() // the folder may be another one now: a drive that was mounted
	l.root, err = os.OpenRoot(l.path)
	return err
}

func (l *local) list(folder string) ([]found, error) {
	d, err := l.root.Open(path.Join(".", folder))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var out []found
	for len(out) < mostFiles {
		entries, err := d.ReadDir(1024)
		for _, e := range entries {
			if info, err := e.Info(); err == nil { // else it went meanwhile
				out = append(out, found{path.Join(folder, e.Name()), info.Size(), info.ModTime(), e.Type()})
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

func (l *local) stat(name string) (found, error) {
	info, err := l.root.Lstat(name)
	if err != nil {
		return found{}, err
	}
	if !info.Mode().IsRegular() {
		return found{}, fs.ErrInvalid
	}
	return found{name: name, size: info.Size(), changed: info.ModTime()}, nil
}

func (l *local) read(name string, most int64) ([]byte, error) {
	f, err := l.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe that took its place has no writer
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fs.ErrInvalid)
	}
	return io.ReadAll(io.LimitReader(f, most+1))
}

// move links and removes, because a rename would overwrite. A crash in between
// leaves both names, and the file is known as taken. File systems without links
// rename what they look at first.
func (l *local) move(name, to string) error {
	err := l.root.Link(name, to)
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			if err = l.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				_ = l.root.Remove(to) // else each round makes another
			}
		}
		return err
	}
	if _, err := l.root.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return l.root.Rename(name, to)
}

func (l *local) remove(name string) error             { return l.root.Remove(name) }
func (l *local) write(name string, text []byte) error { return l.root.WriteFile(name, text, 0o640) }
func (l *local) folder(name string) error             { return l.root.MkdirAll(name, 0o750) }

func (l *local) cut() {}

func (l *local) close() {
	if l.root != nil {
		l.root.Close()
		l.root = nil
	}
}
