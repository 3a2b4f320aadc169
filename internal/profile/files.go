package profile

import (
	"bytes"
	"encoding/base64"
	"io"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"
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

// ReadDir implements fs.ReadDirFS: the folders of cases.
func (f Files) ReadDir(dir string) ([]fs.DirEntry, error) {
	inside := map[string]fs.DirEntry{}
	for name, text := range f {
		rest, ok := strings.CutPrefix(name, dir+"/")
		if !ok {
			continue
		}
		first, _, deeper := strings.Cut(rest, "/")
		if deeper {
			inside[first] = fs.FileInfoToDirEntry(folderOf(first))
		} else {
			inside[first] = fs.FileInfoToDirEntry(&textFile{name: first, size: int64(len(text))})
		}
	}
	if len(inside) == 0 {
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: fs.ErrNotExist}
	}
	out := make([]fs.DirEntry, 0, len(inside))
	for _, name := range sortedKeys(inside) {
		out = append(out, inside[name])
	}
	return out, nil
}

// folderOf is a folder among Files.
type folderOf string

func (d folderOf) Name() string       { return string(d) }
func (d folderOf) Size() int64        { return 0 }
func (d folderOf) Mode() fs.FileMode  { return fs.ModeDir | 0o555 }
func (d folderOf) ModTime() time.Time { return time.Time{} }
func (d folderOf) IsDir() bool        { return true }
func (d folderOf) Sys() any           { return nil }

// encoded ends the name of a case's file whose bytes are no plain text: they
// stand as base64 (RFC 4648 §4), since texts travel as JSON and YAML.
const encoded = ".base64"

// asText gives a file of a case as a text, with the name that says how.
func asText(name string, raw []byte) (string, string) {
	plain := utf8.Valid(raw) && !bytes.ContainsFunc(raw, func(c rune) bool { return c < ' ' && c != '\n' || c == 0x7f || c == '\ufeff' })
	if plain {
		return name, string(raw)
	}
	return name + encoded, base64.StdEncoding.EncodeToString(raw)
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
