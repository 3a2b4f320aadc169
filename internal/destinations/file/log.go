package file

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// line is one message to write and the key it is known by.
type line struct {
	key  [16]byte
	text []byte
}

func key(id string) [16]byte {
	sum := sha256.Sum256([]byte(id))
	return [16]byte(sum[:16])
}

// handle is what the log needs of a file.
type handle interface {
	Write(b []byte) (int, error)
	Sync() error
	Truncate(size int64) error
	Close() error
	Stat() (os.FileInfo, error)
}

func openFile(path string) (handle, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
}

// log appends lines to the newest file. Writers that come together share one
// sync.
type log struct {
	settings Settings
	open     func(path string) (handle, error)
	now      func() time.Time
	slog     *slog.Logger

	mu      sync.Mutex
	current *segment
	known   known
}

// segment is the file being written.
type segment struct {
	file handle
	path string
	day  string
	size int64 // written

	syncing sync.Mutex
	synced  int64
	err     error // a sync failed: nothing beyond synced is certain
}

// add writes the lines that are not there yet and gives the name of the file
// once all of them are on disk.
func (l *log) add(lines []line) (string, error) {
	l.mu.Lock()
	s, err := l.ready()
	if err != nil {
		l.mu.Unlock()
		return "", err
	}
	var text []byte
	for i := range lines {
		if !l.known.has(lines[i].key) {
			text = append(text, lines[i].text...)
		}
	}
	if len(text) > 0 {
		if _, err := s.file.Write(text); err != nil {
			// Nothing of a half written line may stay before the next one.
			if cut := s.file.Truncate(s.size); cut != nil {
				l.abandon(s, cut)
			}
			l.mu.Unlock()
			return "", err
		}
		s.size += int64(len(text))
	}
	want := s.size
	l.mu.Unlock()

	if err := l.sync(s, want); err != nil {
		return "", err
	}
	l.mu.Lock()
	for i := range lines {
		l.known.add(lines[i].key)
	}
	l.mu.Unlock()
	return filepath.Base(s.path), nil
}

// sync waits until the first want bytes are on disk. What a failed sync left
// uncertain is cut off, so that a repeat can write it again.
func (l *log) sync(s *segment, want int64) error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	if s.synced >= want {
		return nil
	}
	if s.err != nil {
		return s.err
	}
	l.mu.Lock()
	size := s.size
	l.mu.Unlock()
	err := s.file.Sync()
	if err == nil {
		s.synced = size
		return nil
	}
	s.err = err
	l.mu.Lock()
	defer l.mu.Unlock()
	s.file.Truncate(s.synced)
	l.abandon(s, err)
	return err
}

// abandon closes a file that cannot be trusted; the next message opens it
// anew, which repairs its end. l.mu is held.
func (l *log) abandon(s *segment, err error) {
	if l.current == s {
		l.current = nil
	}
	s.file.Close()
	l.slog.Warn("file destination: a file was closed after an error", "file", filepath.Base(s.path), "error", err)
}

// ready gives the file to write to: the newest of today that is not full. l.mu
// is held; it is let go while an old file is synced.
func (l *log) ready() (*segment, error) {
	day := l.now().UTC().Format("20060102")
	if s := l.current; s != nil {
		if s.day == day && s.size < l.settings.MaxSize && there(s) {
			return s, nil
		}
		l.current = nil
		size := s.size
		l.mu.Unlock()
		err := l.sync(s, size)
		l.mu.Lock()
		if err != nil {
			return nil, err
		}
		s.file.Close()
		if l.current != nil { // another writer was faster
			return l.current, nil
		}
	}
	names, err := l.names()
	if err != nil {
		return nil, err
	}
	number := 1
	if n := len(names); n > 0 {
		if l.known.empty() {
			if err := l.remember(names); err != nil {
				return nil, err
			}
		}
		last := strings.TrimPrefix(names[n-1], l.settings.Prefix+"-")
		if last[:8] == day {
			number, _ = strconv.Atoi(last[9 : len(last)-len(".ndjson")])
			if info, err := os.Stat(filepath.Join(l.settings.Folder, names[n-1])); err == nil && info.Size() >= l.settings.MaxSize {
				number++
			}
		}
	}
	s := &segment{day: day, path: filepath.Join(l.settings.Folder, fmt.Sprintf("%s-%s-%03d.ndjson", l.settings.Prefix, day, number))}
	if s.size, err = repair(s.path, l.slog); err != nil {
		return nil, err
	}
	if s.file, err = l.open(s.path); err != nil {
		return nil, err
	}
	if s.size == 0 {
		if err := syncFolder(l.settings.Folder); err != nil {
			s.file.Close()
			return nil, err
		}
	}
	s.synced = s.size
	l.current = s
	return s, nil
}

// there says whether the file still has its name: somebody may have taken it.
func there(s *segment) bool {
	open, err := s.file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(s.path)
	return err == nil && os.SameFile(open, named)
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (l *log) close() error {
	l.mu.Lock()
	s := l.current
	l.current = nil
	var size int64
	if s != nil {
		size = s.size
	}
	l.mu.Unlock()
	if s == nil {
		return nil
	}
	err := l.sync(s, size)
	if s.err != nil {
		return err // closed already
	}
	return errors.Join(err, s.file.Close())
}
