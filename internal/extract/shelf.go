package extract

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Options of a shelf.
type Options struct {
	Made string // the release, noted in the files
	// Free gives the free bytes of the file system, and Floor how many an
	// extract leaves alone: the journal comes first. Free may be nil.
	Free  func(dir string) (int64, error)
	Floor int64
	// Rows is how many rows a part has at least; 0 means 2,000,000.
	Rows int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Shelf keeps the extracts of a server, each in a folder of its own. One is
// written at a time; the others wait. It may be used by many goroutines.
type Shelf struct {
	dir string
	src Source
	o   Options
	one chan struct{} // held by the extract that is being written

	mu      sync.Mutex
	known   map[string]*kept
	closing context.Context
	close   context.CancelFunc
	work    sync.WaitGroup
}

// kept is one extract of the shelf.
type kept struct {
	manifest Manifest // as it was last noted
	state    State
	failed   error
	done     float64
	rows     int64 // with those of the part under way
	cancel   context.CancelFunc
}

// State of an extract.
type State string

const (
	Waiting State = "waiting" // another one is being written
	Running State = "running"
	Whole   State = "whole"   // all of it is there
	Stopped State = "stopped" // by somebody; it can go on
	Failed  State = "failed"  // for the reason it gives; it can go on
	Cut     State = "cut"     // the server stopped; it goes on with the server
)

// Standing tells how an extract stands.
type Standing struct {
	Manifest
	State  State   `json:"state"`
	Done   float64 `json:"done"` // from 0 to 1
	Failed string  `json:"failed,omitempty"`
	Fault  string  `json:"fault,omitempty"` // its code
}

// Open opens the shelf of a folder, which need not be there yet.
func Open(dir string, src Source, o Options) (*Shelf, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rows <= 0 {
		o.Rows = partRows
	}
	s := &Shelf{dir: dir, src: src, o: o, one: make(chan struct{}, 1), known: map[string]*kept{}}
	s.closing, s.close = context.WithCancel(context.Background())
	folders, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, diskFault(err, dir)
	}
	for _, f := range folders {
		m, err := ReadManifest(filepath.Join(dir, f.Name()))
		if err != nil || m.ID != f.Name() {
			// Not one of ours, or damaged: it is shown to nobody and removed by
			// nobody but the one who put it there.
			continue
		}
		k := &kept{manifest: *m, state: Cut, done: m.Done(m.Next), rows: m.Rows}
		switch {
		case m.Whole:
			k.state = Whole
			if err := os.RemoveAll(filepath.Join(dir, f.Name(), sharedFolder)); err != nil {
				return nil, diskFault(err, dir)
			}
		case m.Stopped:
			k.state = Stopped
		}
		s.known[m.ID] = k
	}
	return s, nil
}

// Close cuts what is being written and waits until it is.
func (s *Shelf) Close() {
	s.close()
	s.work.Wait()
}

// Begin begins an extract and returns; it is written in the background. ended
// is told how that ended, nil when all is there.
func (s *Shelf) Begin(ctx context.Context, ask Ask, by model.ActorID, reason string, w Watch, ended func(error)) (Standing, error) {
	if err := ask.Check(); err != nil {
		return Standing{}, err
	}
	now := s.o.Now().UTC().Truncate(time.Microsecond)
	first, err := firstArrival(ctx, s.src)
	if err != nil {
		return Standing{}, err
	}
	if ask.From.Before(first) {
		ask.From = first
	}
	if ask.Until.IsZero() || ask.Until.After(now) {
		ask.Until = now // what comes later is not in it
	}
	ask.From, ask.Until = ask.From.UTC(), ask.Until.UTC()
	if !ask.From.Before(ask.Until) {
		return Standing{}, fault.New(fault.Invalid, "extract.ask", "the span lies in the time to come, or before the record begins; give one that the record reaches over").At("from")
	}
	m := Manifest{
		ID: newID(now), Version: 1, Made: s.o.Made, By: by, Reason: reason, Began: now, Ask: ask, Through: s.src.Head(), Next: ask.From, Parts: []Part{},
	}
	if err := s.room(); err != nil {
		return Standing{}, err
	}
	if err := os.MkdirAll(s.folder(m.ID), 0o700); err != nil {
		return Standing{}, diskFault(err, s.dir)
	}
	if err := m.write(s.folder(m.ID)); err != nil {
		os.Remove(s.folder(m.ID))
		return Standing{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := &kept{manifest: m, state: Waiting}
	s.known[m.ID] = k
	s.start(k, w, ended)
	return k.standing(), nil
}

// newID gives an id that sorts by time and cannot be guessed.
func newID(now time.Time) string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return "ex-" + now.Format("20060102-150405") + "-" + hex.EncodeToString(b[:])
}

func (s *Shelf) folder(id string) string { return filepath.Join(s.dir, id) }

func (s *Shelf) room() error {
	if s.o.Free == nil {
		return nil
	}
	dir := s.dir
	if _, err := os.Stat(dir); err != nil {
		dir = filepath.Dir(dir)
	}
	free, err := s.o.Free(dir)
	if err != nil {
		return diskFault(err, s.dir)
	}
	if free < s.o.Floor {
		return fault.New(fault.Transient, "extract.full", "the disk has %d MiB left, and %d MiB of them are kept for what devices send; free some room and let the extract go on, what is done of it stays", free>>20, s.o.Floor>>20).At(s.dir)
	}
	return nil
}

// GoOn lets an extract go on; one that is whole or being written stays as it
// is, and ended is told nothing.
func (s *Shelf) GoOn(id string, w Watch, ended func(error)) (Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.find(id)
	if err != nil {
		return Standing{}, err
	}
	if k.state == Waiting || k.state == Running || k.state == Whole {
		return k.standing(), nil
	}
	k.state, k.failed = Waiting, nil
	s.start(k, w, ended)
	return k.standing(), nil
}

// start writes an extract in the background. s.mu is held.
func (s *Shelf) start(k *kept, w Watch, ended func(error)) {
	ctx, cancel := context.WithCancel(s.closing)
	k.cancel = cancel
	s.work.Go(func() {
		defer cancel()
		err := s.write(ctx, k, w)
		if ended != nil {
			ended(err)
		}
	})
}

func (s *Shelf) write(ctx context.Context, k *kept, w Watch) error {
	select {
	case s.one <- struct{}{}:
		defer func() { <-s.one }()
	case <-ctx.Done():
	}
	s.mu.Lock()
	m := k.manifest
	m.Stopped = false
	k.state = Running
	s.mu.Unlock()
	told := w.Progress
	w.Progress = func(arrived time.Time, rows, bytes int64) {
		s.mu.Lock()
		k.done, k.rows = m.Done(arrived), rows
		if m.Rows != k.manifest.Rows || !m.Next.Equal(k.manifest.Next) {
			k.manifest = m // its list of parts is never changed in place
		}
		s.mu.Unlock()
		if told != nil {
			told(arrived, rows, bytes)
		}
	}
	w.Room = s.room
	r := run{dir: s.folder(m.ID), m: &m, src: s.src, w: w, made: s.o.Made, rows: s.o.Rows}
	err := r.goOn(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		k.state, k.done = Whole, 1
	case s.closing.Err() != nil:
		k.state, err = Cut, fault.New(fault.Transient, "extract.cut", "the server stopped; the extract goes on when it is started again")
	case ctx.Err() != nil:
		k.state, m.Stopped = Stopped, true
		err = fault.New(fault.Transient, "extract.stopped", "the extract was stopped; let it go on, or remove it")
		if failed := m.write(s.folder(m.ID)); failed != nil {
			err = failed
		}
	default:
		k.state, k.failed = Failed, err
	}
	k.manifest, k.rows = m, m.Rows
	return err
}

func (s *Shelf) find(id string) (*kept, error) {
	k := s.known[id]
	if k == nil {
		return nil, fault.New(fault.Absent, "extract.absent", "there is no such extract")
	}
	return k, nil
}

func (k *kept) standing() Standing {
	st := Standing{Manifest: k.manifest, State: k.state, Done: k.done}
	st.Rows = max(st.Rows, k.rows)
	if k.failed != nil {
		st.Failed, st.Fault = k.failed.Error(), fault.CodeOf(k.failed)
	}
	return st
}

// Get tells how an extract stands.
func (s *Shelf) Get(id string) (Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.find(id)
	if err != nil {
		return Standing{}, err
	}
	return k.standing(), nil
}

// List tells how all stand, the latest first.
func (s *Shelf) List() []Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Standing, 0, len(s.known))
	for _, k := range s.known {
		list = append(list, k.standing())
	}
	slices.SortFunc(list, func(a, b Standing) int {
		if c := b.Began.Compare(a.Began); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	})
	return list
}

// Stop cuts an extract that is being written or waits; it can go on later. One
// that rests stays as it is.
func (s *Shelf) Stop(id string) (Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.find(id)
	if err != nil {
		return Standing{}, err
	}
	if k.state == Running || k.state == Waiting {
		k.cancel()
	}
	return k.standing(), nil
}

// Remove takes an extract off the shelf, its files and all.
func (s *Shelf) Remove(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.find(id)
	if err != nil {
		return err
	}
	if k.state == Running || k.state == Waiting {
		return fault.New(fault.Conflict, "extract.runs", "the extract is being written; stop it first")
	}
	// The manifest goes first: a folder without one is no extract.
	if err := os.Remove(filepath.Join(s.folder(id), ManifestName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return diskFault(err, s.folder(id))
	}
	delete(s.known, id)
	if err := os.RemoveAll(s.folder(id)); err != nil {
		return diskFault(err, s.folder(id))
	}
	return nil
}

// File opens a finished file of an extract, also while others are written;
// ManifestName for the manifest of one that is whole.
func (s *Shelf) File(id, name string) (*os.File, File, error) {
	s.mu.Lock()
	k, err := s.find(id)
	var one File
	ok := false
	if err == nil {
		one, ok = k.manifest.Find(name)
		if name == ManifestName && k.state == Whole {
			one, ok = File{Name: name, Table: "manifest"}, true
		}
	}
	s.mu.Unlock()
	if err != nil {
		return nil, one, err
	}
	if !ok {
		return nil, one, fault.New(fault.Absent, "extract.no-file", "the extract has no such file, or not yet")
	}
	f, err := os.Open(filepath.Join(s.folder(id), filepath.FromSlash(one.Name)))
	if err != nil {
		return nil, one, diskFault(err, one.Name)
	}
	if one.SHA256 == "" {
		if at, err := f.Stat(); err == nil {
			one.Bytes = at.Size()
		}
	}
	return f, one, nil
}

// Unfinished gives the extracts that the end of a server cut.
func (s *Shelf) Unfinished() []Standing {
	return slices.DeleteFunc(s.List(), func(st Standing) bool { return st.State != Cut })
}
