package journal

import (
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// shelf is the reading side, the same for a Log and a View: segments in order.
type shelf struct {
	dir   string
	files Files
	keys  [][]byte

	recent *recent // nil for a View

	dropMu   sync.Mutex   // one drop at a time
	altering sync.RWMutex // held for writing while records are changed in place
	listMu   sync.Mutex   // changes of segs and loaded
	loaded   []*segment   // sealed segments with their index in memory, oldest first
	segs     atomic.Pointer[[]*segment]
}

func (sh *shelf) list() []*segment {
	if p := sh.segs.Load(); p != nil {
		return *p
	}
	return nil
}

func (sh *shelf) add(s *segment) {
	sh.listMu.Lock()
	defer sh.listMu.Unlock()
	old := sh.list()
	if n := len(old); n > 0 {
		old[n-1].setUntil(s.first)
	}
	list := append(slices.Clone(old), s)
	sh.segs.Store(&list)
}

func (s *segment) setUntil(first model.Seq) {
	s.mu.Lock()
	s.until = first
	s.mu.Unlock()
}

func (sh *shelf) remove(s *segment) {
	sh.listMu.Lock()
	defer sh.listMu.Unlock()
	list := slices.DeleteFunc(slices.Clone(sh.list()), func(x *segment) bool { return x == s })
	sh.segs.Store(&list)
}

func (sh *shelf) find(id SegmentID) *segment {
	for _, s := range sh.list() {
		if s.id == id {
			return s
		}
	}
	return nil
}

// holding gives the last segment that begins at or before an entry.
func holding(list []*segment, seq model.Seq) int {
	return sort.Search(len(list), func(i int) bool { return list[i].first > seq }) - 1
}

func (sh *shelf) tail(head model.Seq) model.Seq {
	for _, s := range sh.list() {
		if s.next.Load() > uint64(s.first) {
			return s.first
		}
	}
	return head + 1
}

// folder is what looking into a journal's folder gave.
type folder struct {
	journal [16]byte
	lastID  SegmentID
	ready   []*segment // prepared, never written
	last    scanned    // of the last segment, when it is not sealed
}

// look reads the folder. With repair it removes what a crash left half made or
// half removed.
func (sh *shelf) look(a *acts, repair bool) (*folder, error) {
	names, err := sh.files.List(sh.dir)
	if err != nil {
		return nil, openFault(err, sh.dir)
	}
	sort.Strings(names)
	found := &folder{}
	spares := a.spares()
	var list []*segment
	for _, name := range names {
		id, ok := segmentNumber(name)
		if strings.HasSuffix(name, newSuffix) || ok && a.dropped[id] {
			if !repair {
				continue
			}
			if err := sh.files.Remove(filepath.Join(sh.dir, name)); err != nil {
				return nil, openFault(err, filepath.Join(sh.dir, name))
			}
			continue
		}
		if !ok {
			continue
		}
		s, err := sh.meet(id, slices.Contains(spares, id), repair)
		if err != nil {
			return nil, err
		}
		if s.head.journal != [16]byte{} {
			found.journal = s.head.journal
		}
		found.lastID = id
		list = append(list, s)
	}
	// Prepared segments are the last ones; any other is a leftover.
	kept := list[:0]
	for i, s := range list {
		if s.first != 0 || s.rot {
			kept = append(kept, s)
			continue
		}
		if !slices.ContainsFunc(list[i:], func(later *segment) bool { return later.first != 0 || later.rot }) {
			found.ready = append(found.ready, s)
		} else if repair {
			if err := sh.files.Remove(s.path); err != nil {
				return nil, openFault(err, s.path)
			}
		}
	}
	list = kept
	list, err = sh.settleBounds(list, found, repair)
	if err != nil {
		return nil, err
	}
	sh.segs.Store(&list)
	if repair {
		return found, sh.reopenReady(found)
	}
	return found, nil
}

// meet reads header and first record of a segment. first stays 0 for one that
// was prepared and never written; spare says that this is known.
func (sh *shelf) meet(id SegmentID, spare, repair bool) (*segment, error) {
	s := newSegment(sh.files, sh.dir, id)
	f, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer s.release()
	size, err := f.Size()
	if err != nil {
		return nil, openFault(err, s.path)
	}
	s.size.Store(size)
	head, ok, err := readHeader(f, s.path)
	if err != nil {
		if fault.CodeOf(err) == "journal.newer" {
			return nil, err
		}
		return nil, openFault(err, s.path)
	}
	if !ok || head.id != id {
		s.rot = true
		return s, nil
	}
	s.head, s.seed = head, head.seed()
	s.destroyed.Store(head.flags&segDestroyed != 0)
	if spare {
		return s, nil
	}
	w := &walker{file: f, seed: s.seed, at: recordsFrom, limit: min(size, maxSegment) &^ 7, chunk: 256}
	if r, _, headOK, _ := w.step(); headOK && r.kind == kindStart {
		s.first, s.prev, s.day = r.seq, r.link, dayOf(r.arrived)
		return s, nil
	}
	// No start: never written, or torn, or spoiled. Only reading all tells.
	found, err := scan(f, &s.head, size, 0)
	if err != nil {
		return nil, openFault(err, s.path)
	}
	if found.started && found.next > found.first {
		s.first, s.prev, s.day = found.first, found.prev, found.day
	} else if found.written > recordsFrom && repair {
		return s, sh.wipe(s, found.written)
	}
	return s, nil
}

// wipe makes a segment with a torn first group like new.
func (sh *shelf) wipe(s *segment, written int64) error {
	f, err := sh.files.Open(s.path, true)
	if err != nil {
		return openFault(err, s.path)
	}
	defer f.Close()
	zeros := make([]byte, min(written-recordsFrom, 1<<20))
	for at := int64(recordsFrom); at < written; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), written-at)], at); err != nil {
			return openFault(err, s.path)
		}
	}
	if err := f.Sync(); err != nil {
		return openFault(err, s.path)
	}
	return nil
}

// settleBounds finds where each segment ends.
func (sh *shelf) settleBounds(list []*segment, found *folder, repair bool) ([]*segment, error) {
	// A segment whose numbers a later one uses again is a group that failed.
	for i := len(list) - 2; i >= 0; i-- {
		if s := list[i]; !s.rot && !list[i+1].rot && s.first >= list[i+1].first {
			if repair {
				if err := sh.files.Remove(s.path); err != nil {
					return nil, openFault(err, s.path)
				}
			}
			list = slices.Delete(list, i, i+1)
		}
	}
	for i, s := range list {
		if s.rot {
			continue
		}
		if i+1 < len(list) && !list[i+1].rot {
			s.until = list[i+1].first
			if list[i+1].id == s.id+1 {
				s.next.Store(uint64(s.until))
				continue
			}
		}
		if i+1 < len(list) {
			if err := sh.load(s); err != nil {
				return nil, err
			}
			continue
		}
		if err := sh.loadLast(s, found); err != nil {
			return nil, err
		}
	}
	// A segment whose header is spoiled holds what its neighbours leave over.
	for i, s := range list {
		if !s.rot {
			continue
		}
		s.loaded = true
		s.first = 1
		if i > 0 {
			s.first = model.Seq(list[i-1].next.Load())
		}
		s.next.Store(uint64(s.first))
		if i+1 < len(list) && !list[i+1].rot {
			s.next.Store(uint64(list[i+1].first))
		}
	}
	return list, nil
}

// loadLast reads the segment that may have been cut off in mid-write.
func (sh *shelf) loadLast(s *segment, found *folder) error {
	f, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	size := s.size.Load()
	got, ok := readSeal(f, &s.head, size)
	if !ok {
		if got, err = scan(f, &s.head, size, 0); err != nil {
			return openFault(err, s.path)
		}
		if !got.linkKnown {
			got.link = s.prev
		}
		found.last = got
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopt(&got)
	return nil
}

// reopenReady opens prepared segments for writing. One that is not encrypted
// as new ones shall be is removed.
func (sh *shelf) reopenReady(found *folder) error {
	kept := found.ready[:0]
	for _, s := range found.ready {
		fits := s.head.flags == 0
		if len(sh.keys) > 0 {
			s.aead, fits = s.head.unwrapKey(sh.keys[:1])
			fits = fits && s.head.flags == segEncrypted
		}
		if !fits {
			if err := sh.files.Remove(s.path); err != nil {
				return openFault(err, s.path)
			}
			continue
		}
		f, err := sh.files.Open(s.path, true)
		if err != nil {
			return openFault(err, s.path)
		}
		s.file, s.users = f, 1
		kept = append(kept, s)
	}
	found.ready = kept
	return nil
}

// loadedMost is the number of segments whose index stays in memory.
const loadedMost = 64

// load learns index, origins and times of a segment that the caller has
// acquired.
func (sh *shelf) load(s *segment) error {
	fresh, err := s.load()
	if fresh {
		sh.remember(s)
	}
	return err
}

// remember counts a segment among those with an index in memory, and lets go
// of that of another which nobody reads.
func (sh *shelf) remember(s *segment) {
	sh.listMu.Lock()
	defer sh.listMu.Unlock()
	sh.loaded = append(sh.loaded, s)
	if len(sh.loaded) > loadedMost {
		for i, old := range sh.loaded {
			if old != s && old.unload() {
				sh.loaded = slices.Delete(sh.loaded, i, i+1)
				break
			}
		}
	}
}

func (sh *shelf) segments(held map[SegmentID]string) ([]Segment, error) {
	var all []Segment
	for _, s := range sh.list() {
		all = append(all, s.describe(held[s.id]))
	}
	return all, nil
}

func (sh *shelf) stat(head model.Seq) Stat {
	st := Stat{Tail: sh.tail(head), Head: head}
	for _, s := range sh.list() {
		st.Segments++
		st.Bytes += s.size.Load()
	}
	return st
}
