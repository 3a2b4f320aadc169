package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Options of a journal. The zero value is right for most.
type Options struct {
	// SegmentSize is the bytes reserved for a segment ahead; 0 means 64 MiB.
	// One append may be at most half of it.
	SegmentSize int64
	// Prepare is the number of segments made ahead; it is at least 2.
	Prepare int
	// Floor is the free space in bytes below which appends are refused; 0
	// means 256 MiB, a negative number none.
	Floor int64
	// Keys are master keys of 32 bytes. With any, new segments are encrypted,
	// each by a key of its own which the first master key wraps; the others
	// only open older segments.
	Keys [][]byte
	// Files is the file layer; nil means System.
	Files Files
}

func (o Options) filled() Options {
	if o.SegmentSize == 0 {
		o.SegmentSize = 64 << 20
	}
	o.SegmentSize = min(max(o.SegmentSize&^(headerBlock-1), 64<<10), maxSegment)
	o.Prepare = max(o.Prepare, 2)
	switch {
	case o.Floor == 0:
		o.Floor = 256 << 20
	case o.Floor < 0:
		o.Floor = -1
	}
	if o.Files == nil {
		o.Files = System{}
	}
	return o
}

// Log is the journal in a folder of this machine.
type Log struct {
	shelf
	o    Options
	lock io.Closer
	acts *acts
	id   [16]byte // of the journal

	mu     sync.Mutex   // guards what follows: the writing end
	work   *sync.Cond   // the writer waits here
	enc    encoder      // where the next record goes
	queue  []*group     // waiting to be written, oldest first
	free   []*group     // to use again
	seals  []*segment   // to be sealed
	again  []string     // files of dropped segments, to use again
	ready  []*segment   // prepared, with open files
	queued int64        // bytes in queue
	joined atomic.Int64 // appends since the writer took the last group
	room   chan struct{}
	nextID SegmentID
	closed bool
	fault  error // why the last group failed; nil when it did not

	makeMu sync.Mutex // one segment is made at a time
	tend   chan struct{}
	ending chan struct{} // closed by Close
	done   sync.WaitGroup

	head     atomic.Uint64
	wakeMu   sync.Mutex
	wake     chan struct{}
	recovery Recovery

	appends, groups, syncs, written atomic.Uint64
	makers                          sync.Pool
}

var _ Journal = (*Log)(nil)

// Open opens the journal in dir, or makes one. It takes the folder's lock,
// cuts a tail that was never acknowledged (Stat().Recovery tells) and starts
// preparing segments. Faults: Conflict journal.locked, journal.newer; Broken
// journal.open.
func Open(dir string, options Options) (*Log, error) {
	o := options.filled()
	if err := checkKeys(o.Keys); err != nil {
		return nil, err
	}
	if err := o.Files.MkdirAll(dir); err != nil {
		return nil, openFault(err, dir)
	}
	lock, err := o.Files.Lock(filepath.Join(dir, "LOCK"))
	if errors.Is(err, ErrLocked) {
		return nil, fault.New(fault.Conflict, "journal.locked", "another process has the journal open; stop it, or use a data folder of its own").At(dir)
	}
	if err != nil {
		return nil, openFault(err, dir)
	}
	l := &Log{
		shelf: shelf{dir: dir, files: o.Files, keys: o.Keys, recent: &recent{}}, o: o, lock: lock,
		tend: make(chan struct{}, 1), ending: make(chan struct{}),
	}
	l.work = sync.NewCond(&l.mu)
	l.makers.New = func() any { return newMaker() }
	if err := l.start(); err != nil {
		for _, s := range l.ready {
			s.release()
		}
		if l.acts != nil {
			l.acts.close()
		}
		lock.Close()
		return nil, err
	}
	return l, nil
}

// start reads the folder, repairs the end and starts the workers.
func (l *Log) start() (err error) {
	if l.acts, err = openActs(l.files, l.dir); err != nil {
		return err
	}
	found, err := l.look(l.acts, true)
	if err != nil {
		return err
	}
	if l.id = found.journal; l.id == [16]byte{} {
		rand.Read(l.id[:])
	}
	l.nextID, l.ready = found.lastID+1, found.ready
	if err := l.repair(found); err != nil {
		return err
	}
	if err := l.finishRedactions(); err != nil {
		return err
	}
	if err := l.finishDestructions(); err != nil {
		return err
	}
	if err := l.acts.note(act{Act: "open"}); err != nil {
		return err
	}
	l.done.Add(2)
	go l.write()
	go l.keep()
	l.tendSoon()
	return nil
}

// repair ends the last segment where its last whole append ends.
func (l *Log) repair(found *folder) error {
	list := l.list()
	l.enc.next = 1
	if len(list) == 0 {
		return nil
	}
	last := list[len(list)-1]
	if last.rot {
		return fault.New(fault.Broken, "journal.rot", "both headers of the last segment are unreadable, so where to go on is not known; restore the file from a backup or move it away").At(last.path)
	}
	if !last.sealed.Load() {
		l.recovery.Unclean = true
		s := found.last
		l.recovery.Rot = len(s.bad)
		if cut := s.written - s.end; cut > 0 {
			l.recovery.Segment, l.recovery.CutBytes, l.recovery.CutFrom = last.id, cut, s.cutFrom
			if err := l.acts.note(act{Act: "cut", Segment: last.id, Seq: s.cutFrom, Bytes: cut, Reason: "not whole when the journal was opened: never acknowledged"}); err != nil {
				return err
			}
		}
		if err := l.seal(last); err != nil {
			return openFault(err, last.path)
		}
	}
	l.enc.next, l.enc.link = model.Seq(last.next.Load()), last.link
	l.head.Store(uint64(l.enc.next) - 1)
	return nil
}

// Head is the last durable entry.
func (l *Log) Head() model.Seq { return model.Seq(l.head.Load()) }

// Tail is the first entry still kept.
func (l *Log) Tail() model.Seq { return l.tail(l.Head()) }

// Read gives one entry.
func (l *Log) Read(seq model.Seq) (model.Entry, error) { return l.read(seq, l.Head()) }

// Reader reads entries in order.
func (l *Log) Reader(from model.Seq) Reader { return l.reader(from, l.Head) }

// Segments lists the segments, oldest first.
func (l *Log) Segments() ([]Segment, error) { return l.segments(l.acts.holds()) }

// Stat tells how the journal stands.
func (l *Log) Stat() (Stat, error) {
	st := l.stat(l.Head())
	st.Floor = max(l.o.Floor, 0)
	st.Encrypted = len(l.o.Keys) > 0
	st.Recovery = l.recovery
	st.Appends, st.Groups, st.Syncs, st.Written = l.appends.Load(), l.groups.Load(), l.syncs.Load(), l.written.Load()
	l.mu.Lock()
	for _, s := range l.ready {
		st.Prepared += s.size.Load()
	}
	if l.fault != nil {
		st.Fault = fault.CodeOf(l.fault)
	}
	l.mu.Unlock()
	var err error
	if st.Free, err = l.files.Free(l.dir); err != nil {
		return st, openFault(err, l.dir)
	}
	if st.Head >= st.Tail {
		e, err := l.Read(st.Head)
		if err == nil {
			st.HeadHash = e.Hash
		}
	}
	return st, nil
}

// Wait returns when there is an entry after the given one.
func (l *Log) Wait(ctx context.Context, after model.Seq) error {
	for {
		if l.Head() > after {
			return nil
		}
		l.wakeMu.Lock()
		if l.wake == nil {
			l.wake = make(chan struct{})
		}
		wake := l.wake
		l.wakeMu.Unlock()
		if l.Head() > after {
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.ending:
			return closedFault()
		}
	}
}

// announce wakes those who wait for an entry.
func (l *Log) announce() {
	l.wakeMu.Lock()
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
	l.wakeMu.Unlock()
}

// Close writes what is under way, seals the segment and frees the folder.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.ending)
	l.work.Signal()
	l.freeRoom()
	l.mu.Unlock()
	l.done.Wait()
	l.mu.Lock()
	l.retire(l.enc.seg)
	l.mu.Unlock()
	err := l.sealAll()
	last := act{Act: "close", Seq: l.Head(), Hash: l.enc.link[:]}
	for _, s := range l.ready {
		last.Spares = append(last.Spares, s.id)
		s.release()
	}
	if noted := l.acts.note(last); err == nil {
		err = noted
	}
	l.acts.close()
	l.lock.Close()
	if err != nil {
		return syncFault(err)
	}
	return nil
}
