package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"syscall"

	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// extractAsk is the request whose fields are the flags of extract save.
var extractAsk = reflect.TypeFor[service.ExtractAsk]()

// fetch brings one file here, unless it is. It goes on with one that was cut,
// and gives it its name once its SHA-256 is right.
func (s *saving) fetch(ctx context.Context, f service.ExtractedFile) error {
	if !filepath.IsLocal(filepath.FromSlash(f.Name)) {
		return fault.New(fault.Broken, "cli.extract", "the server names a file outside the folder; it is not one to trust")
	}
	path := filepath.Join(s.dir, filepath.FromSlash(f.Name))
	if f.SHA256 != "" {
		if have, err := hashOf(path); err == nil && have == f.SHA256 {
			return nil
		}
	}
	folder, name := filepath.Split(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return saveFault(err, folder)
	}
	part := folder + ".fetching-" + name
	out, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return saveFault(err, part)
	}
	defer out.Close()
	at, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return saveFault(err, part)
	}
	if f.SHA256 == "" {
		at = 0
	}
	w := &fileWriter{out, part}
	err = s.client.Download(ctx, s.id, f.Name, at, func(from int64) (io.Writer, error) {
		err := out.Truncate(from)
		if err == nil {
			_, err = out.Seek(from, io.SeekStart)
		}
		if err != nil {
			return nil, saveFault(err, part)
		}
		return w, nil
	})
	if err != nil {
		return err
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return saveFault(err, part)
	}
	if f.SHA256 != "" {
		if have, err := hashOf(part); err != nil {
			return saveFault(err, part)
		} else if have != f.SHA256 {
			os.Remove(part)
			return fault.New(fault.Transient, "cli.extract", "the file came otherwise than the server wrote it; call again, it is fetched anew").At(path)
		}
	}
	if err := os.Rename(part, path); err != nil {
		return saveFault(err, path)
	}
	return nil
}

// saveFault says why a file or folder here cannot be written.
func saveFault(err error, path string) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err // the place says the path
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.Wrap(err, fault.Transient, "cli.extract", "the disk here is full; free some room and call again, what is here stays").At(path)
	}
	return fault.Wrap(err, fault.Invalid, "cli.extract", "cannot write here").At(path)
}

// fileWriter says of which file a failed write was.
type fileWriter struct {
	f    *os.File
	path string
}

func (w *fileWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		err = saveFault(err, w.path)
	}
	return n, err
}

func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
