package journal

import (
	"crypto/rand"
	"path/filepath"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// tendSoon asks the keeper to look at its work.
func (l *Log) tendSoon() {
	select {
	case l.tend <- struct{}{}:
	default:
	}
}

// keep is the goroutine that does what nobody should wait for: it makes
// segments ahead and seals those that are full.
func (l *Log) keep() {
	defer l.done.Done()
	var later <-chan time.Time // set while there are zeros left to write
	for {
		select {
		case <-l.tend:
		case <-later:
		case <-l.ending:
			return
		}
		l.sealAll()
		for l.wantReady() {
			if err := l.makeSegment(l.o.Prepare); err != nil {
				break // an append that needs one tries again and tells
			}
		}
		if later = nil; l.zeroReady() {
			later = time.After(zeroPause)
		}
	}
}

const (
	zeroStep = 1 << 20
	// zeroUpTo is the bytes of a group from which on zeros do not pay: what
	// they save of metadata costs as much in writing.
	zeroUpTo = 128 << 10
	// zeroPause is how long to wait before looking at it again.
	zeroPause = 200 * time.Millisecond
)

// zeroReady writes zeros to the segments made ahead. A sync of blocks that
// were written before has no metadata to write, which makes it up to twice as
// fast; but while groups are large the disk has better things to do. It says
// whether that is why it left something undone.
func (l *Log) zeroReady() (more bool) {
	var zeros []byte
	groups, written := l.groups.Load(), l.written.Load()
	for {
		l.mu.Lock()
		var next *segment
		for _, s := range l.ready {
			if s.zeroed < s.size.Load() {
				next = s
				break
			}
		}
		stop := l.closed || len(l.seals) > 0 || len(l.ready) < l.o.Prepare
		l.mu.Unlock()
		if next == nil || stop {
			return false
		}
		g, w := l.groups.Load(), l.written.Load()
		if g > groups && (w-written)/(g-groups) > zeroUpTo {
			return true
		}
		groups, written = g, w
		if zeros == nil {
			zeros = pages(zeroStep)[:zeroStep]
		}
		if !next.zeroSome(zeros) {
			return false
		}
	}
}

// zeroSome writes the next stretch of zeros; false when it failed.
func (s *segment) zeroSome(zeros []byte) bool {
	s.zeroMu.Lock()
	defer s.zeroMu.Unlock()
	from, size := max(s.zeroed, recordsFrom), s.size.Load()
	if s.taken || from >= size {
		s.zeroed = size
		return true
	}
	zeros = zeros[:min(zeroStep, size-from)]
	if err := s.file.WriteAhead(zeros, from); err != nil {
		s.zeroed = size
		return false
	}
	s.zeroed = from + int64(len(zeros))
	return true
}

// take ends the writing of zeros, at most one stretch later.
func (s *segment) take() {
	s.zeroMu.Lock()
	s.taken = true
	s.zeroMu.Unlock()
}

func (l *Log) wantReady() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.closed && len(l.ready) < l.o.Prepare
}

// sealAll seals what was retired. A seal that fails is no loss: the segment is
// then read without one.
func (l *Log) sealAll() (failed error) {
	for {
		l.mu.Lock()
		if len(l.seals) == 0 {
			l.mu.Unlock()
			return failed
		}
		s := l.seals[0]
		l.seals = l.seals[1:]
		l.mu.Unlock()
		if s.next.Load() == uint64(s.first) {
			s.leave()
			l.files.Remove(s.path)
		} else {
			if err := l.seal(s); err != nil {
				failed = err
			}
			l.remember(s)
		}
		s.release() // the writer's hold of the file
		close(s.closed)
	}
}

// finish ends the writing of a segment and waits until it is over.
func (l *Log) finish(s *segment) {
	l.mu.Lock()
	if l.enc.seg == s {
		l.enc.seg = nil // the next append turns to a new one
		l.retire(s)
	}
	l.mu.Unlock()
	if s.closed != nil {
		<-s.closed
	}
}

// makeSegment makes a segment ready to be written, unless there are that many
// already: blocks reserved, header on the disk, under its name. Segments are
// used in the order of their numbers.
func (l *Log) makeSegment(enough int) error {
	l.makeMu.Lock()
	defer l.makeMu.Unlock()
	l.mu.Lock()
	if l.closed || len(l.ready) >= enough {
		l.mu.Unlock()
		return nil
	}
	id := l.nextID
	l.nextID++
	l.mu.Unlock()

	free, err := l.files.Free(l.dir)
	if err != nil {
		return syncFault(err)
	}
	if free-l.o.SegmentSize < l.o.Floor {
		return fullFault(errFloor, free, l.o.Floor)
	}
	s := newSegment(l.files, l.dir, id)
	s.head = header{version: formatVersion, id: id, created: time.Now().UnixNano(), journal: l.id}
	rand.Read(s.head.salt[:])
	if len(l.o.Keys) > 0 {
		if s.aead, err = s.head.wrapKey(l.o.Keys[0]); err != nil {
			return fault.Wrap(err, fault.Broken, "journal.key", "cannot make a segment key")
		}
	}
	s.seed = s.head.seed()
	raw := strings.TrimSuffix(s.path, segmentSuffix) + newSuffix
	if err := l.prepare(s, raw, enough > 1); err != nil {
		l.files.Remove(raw)
		return l.diskFault(err, free)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready = append(l.ready, s)
	return nil
}

// prepare makes the file of a segment; again says that there is time to use
// the blocks of a dropped one.
func (l *Log) prepare(s *segment, raw string, again bool) error {
	var f File
	var err error
	if again {
		f, err = l.recycle(raw)
	}
	if f == nil || err != nil {
		if f, err = l.files.Create(raw); err != nil {
			return err
		}
	} else {
		s.zeroed = l.o.SegmentSize
	}
	b := make([]byte, recordsFrom)
	s.head.encode(b)
	s.head.encode(b[headerBlock:])
	for _, step := range []func() error{
		func() error { return f.Allocate(l.o.SegmentSize) },
		func() error { _, err := f.WriteAt(b, 0); return err },
		f.Sync,
		func() error { return l.files.Rename(raw, s.path) },
		func() error { return l.files.SyncDir(l.dir) },
	} {
		if err := step(); err != nil {
			f.Close()
			return err
		}
	}
	s.size.Store(l.o.SegmentSize)
	s.file, s.users = f, 1
	return nil
}

// Hold keeps a segment.
func (l *Log) Hold(id SegmentID, reason string) error {
	if l.find(id) == nil {
		return noSegment(id)
	}
	return l.acts.note(act{Act: "hold", Segment: id, Reason: reason})
}

// Release ends a hold.
func (l *Log) Release(id SegmentID, reason string) error {
	if l.find(id) == nil {
		return noSegment(id)
	}
	return l.acts.note(act{Act: "release", Segment: id, Reason: reason})
}

func noSegment(id SegmentID) error {
	return fault.New(fault.Absent, "journal.segment", "there is no segment %d; `thalamus journal stat` lists them", id)
}

// Drop removes segments before an entry.
func (l *Log) Drop(before model.Seq, reason string) (Dropped, error) {
	return l.drop(reason, func(s *segment) (bool, error) {
		return model.Seq(s.next.Load()) <= before, nil
	})
}

// DropOlder removes segments whose entries all arrived before a time.
func (l *Log) DropOlder(before time.Time, reason string) (Dropped, error) {
	t := unixNano(before)
	return l.drop(reason, func(s *segment) (bool, error) {
		if s.rot {
			return false, nil
		}
		if err := l.load(s); err != nil {
			return false, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.maxArrived == noTime || s.maxArrived < t, nil
	})
}

// drop removes segments from the oldest on while old says so.
func (l *Log) drop(reason string, old func(*segment) (bool, error)) (d Dropped, err error) {
	l.dropMu.Lock()
	defer l.dropMu.Unlock()
	holds := l.acts.holds()
	list := l.list()
	for i, s := range list {
		if i == len(list)-1 {
			break // it may be being written, and numbers go on from it
		}
		var is bool
		if is, err = old(s); err != nil || !is {
			break
		}
		if holds[s.id] != "" {
			d.Held++
			continue
		}
		first, next := s.first, model.Seq(s.next.Load())
		if err = l.acts.note(act{Act: "drop", Segment: s.id, Seq: first, Last: next - 1, Reason: reason}); err != nil {
			break
		}
		l.remove(s)
		l.recent.forget(s)
		if err = l.discard(s); err != nil {
			err = openFault(err, s.path)
			break
		}
		d.Segments++
		d.Entries += uint64(next - first)
		d.Bytes += s.size.Load()
	}
	if d.Segments > 0 && err == nil {
		if err = l.files.SyncDir(l.dir); err != nil {
			err = syncFault(err)
		}
	}
	d.Tail = l.Tail()
	return d, err
}

// discard removes a dropped segment's file, or keeps its blocks for a new
// segment when few are ready and nobody reads it any more.
func (l *Log) discard(s *segment) error {
	unused := s.leave()
	l.mu.Lock()
	again := unused && len(l.again) == 0 && len(l.ready) < l.o.Prepare
	l.mu.Unlock()
	if !again {
		return l.files.Remove(s.path)
	}
	// Under this name it means nothing, and Open removes it.
	path := strings.TrimSuffix(s.path, segmentSuffix) + newSuffix
	if err := l.files.Rename(s.path, path); err != nil {
		return err
	}
	if err := l.files.SyncDir(l.dir); err != nil {
		return err
	}
	l.mu.Lock()
	l.again = append(l.again, path)
	l.mu.Unlock()
	return nil
}

// recycle turns a discarded file into an empty one of a segment's size; every
// byte is overwritten. nil when there is none to use again.
func (l *Log) recycle(raw string) (File, error) {
	l.mu.Lock()
	if len(l.again) == 0 {
		l.mu.Unlock()
		return nil, nil
	}
	old := l.again[0]
	l.again = l.again[1:]
	l.mu.Unlock()
	f, err := l.files.Open(old, true)
	if err != nil {
		return nil, err
	}
	zeros := pages(zeroStep)[:zeroStep]
	steps := func() error {
		if err := f.Truncate(l.o.SegmentSize); err != nil {
			return err
		}
		for at := int64(0); at < l.o.SegmentSize; at += zeroStep {
			if err := f.WriteAhead(zeros[:min(zeroStep, l.o.SegmentSize-at)], at); err != nil {
				return err
			}
		}
		return l.files.Rename(old, raw)
	}
	if err := steps(); err != nil {
		f.Close()
		l.files.Remove(old)
		return nil, err
	}
	return f, nil
}

// actsPath is where the acts of a journal are kept.
func actsPath(dir string) string { return filepath.Join(dir, "acts.log") }
