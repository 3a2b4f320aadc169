package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

const (
	patience = 30 * time.Second // for one file to be taken
	look     = 50 * time.Millisecond
	oversize = 17 << 20 // bytes of a file that is too long
)

// file files what a device measured until it was taken. What goes wrong with how
// it comes goes wrong first; then it comes as it is meant.
func (w *Ward) file(ctx context.Context, s *source, turn faults.Turn) {
	name, parts := s.next(time.Now(), turn)
	w.Note(func(c *sim.Told) { c.Sent++ })
	main := parts[len(parts)-1]
	wrong := func(ending string, content []byte) {
		w.Note(func(c *sim.Told) { c.Resent++ })
		if err := w.put(name+ending, content); err == nil {
			_ = w.gone(ctx, name+ending, len(content)) // what becomes of it is the other side's matter
		}
	}
	switch turn {
	case faults.HalfFrame: // its writer died
		wrong(main.ending, main.content[:len(main.content)/2])
	case faults.Garbage:
		wrong("-noise"+main.ending, bytes.Repeat([]byte("\x00\xff\xfenoise"), 100))
	case faults.Oversized:
		wrong("-long"+main.ending, append(bytes.Clone(main.content), bytes.Repeat([]byte("x"), oversize)...))
	}
	for try := 0; ; try++ {
		if try > 0 {
			w.Note(func(c *sim.Told) { c.Resent++ })
		}
		err := w.whole(ctx, name, parts, turn)
		if err == nil && turn.Again() {
			turn = ""
			w.Note(func(c *sim.Told) { c.Resent++ })
			err = w.whole(ctx, name, parts, turn)
		}
		if err == nil {
			w.Note(func(c *sim.Told) { c.Acknowledged++ })
			if w.Acknowledged != nil && s.kind == Batch {
				w.Acknowledged(s.mark)
			}
			return
		}
		w.Note(func(c *sim.Told) { c.Failure = err })
		if errors.Is(err, errRefused) {
			w.Note(func(c *sim.Told) { c.Refused++ })
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(look):
		}
	}
}

var (
	errRefused = errors.New("a file was moved aside with a report")
	errWaits   = errors.New("a file was not taken in time")
)

// whole writes all parts and waits until they were taken.
func (w *Ward) whole(ctx context.Context, name string, parts []part, turn faults.Turn) error {
	for _, p := range parts {
		var err error
		if turn.Is(faults.SlowDrip) {
			err = w.drip(name+p.ending, p.content)
		} else {
			err = w.put(name+p.ending, p.content)
		}
		if err != nil {
			return err
		}
	}
	main := parts[len(parts)-1]
	return w.gone(ctx, name+main.ending, len(main.content))
}

// put writes a file and then gives it its name.
func (w *Ward) put(name string, content []byte) error {
	path := filepath.Join(w.Folder, name)
	if err := os.WriteFile(path+".part", content, 0o640); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// drip writes a file in a hundred parts.
func (w *Ward) drip(name string, content []byte) error {
	path := filepath.Join(w.Folder, name)
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	const steps = 100
	for i := range steps {
		if _, err = f.Write(content[len(content)*i/steps : len(content)*(i+1)/steps]); err != nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// gone waits until a file went, and says where to. In the subfolder of what was
// taken it may have the time behind its name.
func (w *Ward) gone(ctx context.Context, name string, size int) error {
	for end := time.Now().Add(patience); ; {
		if _, err := os.Lstat(filepath.Join(w.Folder, name)); errors.Is(err, os.ErrNotExist) {
			break
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return errWaits
		}
		select {
		case <-ctx.Done():
		case <-time.After(look):
		}
	}
	switch {
	case w.lies(cmp.Or(w.Done, "done"), name, size):
		return nil
	case w.lies(cmp.Or(w.Refused, "refused"), name, size):
		return errRefused
	}
	return errWaits
}

// lies says whether a file of that size is in a subfolder, under its name or,
// where that was taken, with the time behind it.
func (w *Ward) lies(folder, name string, size int) bool {
	is := func(name string) bool {
		info, err := os.Stat(filepath.Join(w.Folder, folder, name))
		return err == nil && info.Size() == int64(size)
	}
	if is(name) {
		return true
	}
	entries, err := os.ReadDir(filepath.Join(w.Folder, folder))
	if err != nil {
		return false
	}
	stem := strings.TrimSuffix(name, filepath.Ext(name)) + "~"
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), stem) && is(e.Name()) })
}
