package profile

import (
	"io"
	"io/fs"
	"strings"
	"time"
)

// Files are the files of one profile as texts; they are a file system.
type Files map[string]string

// Open implements fs.FS.
func (f Files) Open(name string) (fs.File, error) {
	text, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &textFile{Reader: strings.NewReader(text), name: name, size: int64(len(text))}, nil
}

type textFile struct {
	io.Reader
	name string
	size int64
}

func (t *textFile) Stat() (fs.FileInfo, error) { return t, nil }
func (t *textFile) Close() error               { return nil }
func (t *textFile) Name() string               { return t.name }
func (t *textFile) Size() int64                { return t.size }
func (t *textFile) Mode() fs.FileMode          { return 0o444 }
func (t *textFile) ModTime() time.Time         { return time.Time{} }
func (t *textFile) IsDir() bool                { return false }
func (t *textFile) Sys() any                   { return nil }
