// Package recorddb keeps the record in SQLite: one file for each UTC day of
// arrival, record-YYYYMMDD.db, in which blocks of messages lie in order of
// arrival together with the journal cursor they reach to.
package recorddb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// Options of a record.
type Options struct {
	// VFS names a registered SQLite file layer; empty for the usual one.
	VFS string
	// RecentBytes bounds the memory in which the latest messages are kept
	// decoded; 0 means 16 MiB.
	RecentBytes int
	// DuplicateWindow is how far back repeats are recognised, by whole files;
	// 0 means 72 hours.
	DuplicateWindow time.Duration
	// Report is told of what was found damaged and set aside; may be nil.
	Report func(err error)
}

// DB is an open record. It implements record.Store and record.Reader.
type DB struct {
	dir string
	o   Options

	commit sync.Mutex // held by Commit, Seen and Close: one writer
	w      *conn      // writes to the newest file; nil: to be opened again

	mu     sync.RWMutex // guards what follows
	files  []*file
	cursor model.Seq
	head   key
	wake   chan struct{} // closed at the next commit
	recent recent
	counts map[model.ChannelID]record.Count
	closed bool
}

// Open opens or begins the record in a folder.
func Open(ctx context.Context, dir string, o Options) (*DB, error) {
	if o.RecentBytes == 0 {
		o.RecentBytes = 16 << 20
	}
	if o.DuplicateWindow == 0 {
		o.DuplicateWindow = 72 * time.Hour
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Broken, "store.open", "cannot make the data folder").At(dir)
	}
	d := &DB{dir: dir, o: o, wake: make(chan struct{}), counts: map[model.ChannelID]record.Count{}, recent: recent{room: o.RecentBytes}}
	names, err := filepath.Glob(filepath.Join(dir, "record-*.db"))
	if err != nil {
		return nil, err
	}
	for _, path := range names {
		c, err := openConn(path, o.VFS, false)
		if err == nil {
			err = c.prepare(path)
		}
		f := newFile(path, o.VFS)
		if err == nil {
			err = f.span(c)
		}
		if c != nil {
			c.close()
		}
		if err != nil {
			return nil, classify(err, path)
		}
		d.files = append(d.files, f)
	}
	sort.Slice(d.files, func(i, j int) bool {
		a, b := d.files[i], d.files[j]
		return a.before < b.before || a.before == b.before && a.path < b.path
	})
	for _, f := range d.files {
		d.cursor, d.head = max(d.cursor, f.cursor), max(d.head, f.last)
		d.recent.gone = d.head
	}
	return d, nil
}

// Close ends writing and closes the files.
func (d *DB) Close() error {
	d.commit.Lock()
	defer d.commit.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	close(d.wake)
	for _, f := range d.files {
		f.rest()
	}
	if d.w != nil {
		return d.w.close()
	}
	return nil
}

// Cursor is the last journal entry that is wholly in the record.
func (d *DB) Cursor() model.Seq {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.cursor
}

// Head is the last message in the record.
func (d *DB) Head() model.MessageRef {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.head.ref()
}

// Wait returns as soon as Head is later than after.
func (d *DB) Wait(ctx context.Context, after model.MessageRef) error {
	for {
		d.mu.RLock()
		head, wake, closed := d.head, d.wake, d.closed
		d.mu.RUnlock()
		if head > keyOf(after) {
			return nil
		}
		if closed {
			return fault.New(fault.Transient, "record.closed", "the record is closed; Thalamus is stopping")
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Commit makes a batch part of the record.
func (d *DB) Commit(ctx context.Context, b record.Batch) error {
	d.commit.Lock()
	defer d.commit.Unlock()
	if err := d.check(b); err != nil {
		return err
	}
	f, err := d.fileFor(b)
	if err != nil {
		return classify(err, d.dir)
	}
	if err := d.write(f, b); err != nil {
		d.w.close()
		d.w = nil
		return classify(err, f.path)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f.cursor = b.Cursor
	d.cursor = b.Cursor
	if n := len(b.Messages); n > 0 {
		if f.first == 0 {
			f.first, f.begins = keyOf(b.Messages[0].Ref), clockOf(b, 0)
		}
		f.last = keyOf(b.Messages[n-1].Ref)
		f.messages += ordinal(n)
		f.clock = clockOf(b, f.clock)
		d.head = f.last
		for _, m := range b.Messages {
			d.recent.add(m)
			count(d.counts, m)
		}
		close(d.wake)
		d.wake = make(chan struct{})
	}
	return nil
}

func clockOf(b record.Batch, clock int64) int64 {
	for _, m := range b.Messages {
		if !m.Arrived.IsZero() {
			clock = max(clock, m.Arrived.UnixNano())
		}
	}
	return clock
}

func (d *DB) check(b record.Batch) error {
	last := d.head
	for _, m := range b.Messages {
		k := keyOf(m.Ref)
		if k <= last || m.Ref.Seq <= d.cursor || m.Ref.Seq > b.Cursor || m.Ref.Part >= 1<<partBits {
			return fault.New(fault.Conflict, "record.order", "message %d.%d does not follow the record, which reaches to entry %d; read the journal from there", m.Ref.Seq, m.Ref.Part, d.cursor)
		}
		last = k
	}
	if b.Cursor < d.cursor {
		return fault.New(fault.Conflict, "record.order", "the batch ends at entry %d, the record reaches to %d; read the journal from there", b.Cursor, d.cursor)
	}
	return nil
}

// setBack is how much earlier than the latest arrival a message may have come
// before that counts as a clock set back, which begins a new file.
const setBack = 10 * time.Minute

// fileFor gives the file a batch goes to, with d.w open on it.
func (d *DB) fileFor(b record.Batch) (*file, error) {
	var f *file
	if n := len(d.files); n > 0 {
		f = d.files[n-1]
	}
	at := time.Time{}
	for _, m := range b.Messages {
		if m.Arrived.After(at) {
			at = m.Arrived.UTC()
		}
	}
	day := "00010101"
	if !at.IsZero() {
		day = at.Format("20060102")
	}
	if f != nil && (f.messages == 0 || at.IsZero() || (time.Unix(0, f.clock).UTC().Format("20060102") == day && f.clock-at.UnixNano() < int64(setBack))) {
		if d.w != nil {
			return f, nil
		}
		var err error
		d.w, err = openConn(f.path, d.o.VFS, false)
		return f, err
	}
	path := filepath.Join(d.dir, "record-"+day+".db")
	for n := 2; exists(path); n++ {
		path = filepath.Join(d.dir, fmt.Sprintf("record-%s-%d.db", day, n))
	}
	c, err := openConn(path, d.o.VFS, false)
	if err != nil {
		return nil, err
	}
	if err = c.prepare(path); err == nil {
		err = c.exec("INSERT INTO progress VALUES(1,?,?,?)", int64(d.cursor), int64(d.cursor), int64(d.head))
	}
	if err != nil {
		c.close()
		return nil, err
	}
	g := newFile(path, d.o.VFS)
	g.before, g.cursor = d.cursor, d.cursor
	if d.w != nil {
		d.w.close()
	}
	d.w = c
	d.mu.Lock()
	d.files = append(d.files, g)
	d.mu.Unlock()
	return g, nil
}

const messagesPerBlock = 64

func (d *DB) write(f *file, b record.Batch) (err error) {
	t, err := d.w.BeginImmediate()
	if err != nil {
		return err
	}
	defer t.End(&err)
	if len(b.Messages) == 0 {
		return d.w.exec("UPDATE progress SET cursor=?", int64(b.Cursor))
	}
	id := f.messages + 1
	clock := clockOf(b, f.clock)
	for i := 0; i < len(b.Messages); i += messagesPerBlock {
		part := b.Messages[i:min(i+messagesPerBlock, len(b.Messages))]
		body, err := encodeBlock(part)
		if err != nil {
			return err
		}
		if err := d.w.exec("INSERT INTO block VALUES(?,?,?,?,?,?)", int64(id), len(part), int64(keyOf(part[0].Ref)), int64(b.Cursor), clock, body); err != nil {
			return err
		}
		id += ordinal(len(part))
	}
	for i, p := range b.Prints {
		if p == (record.Print{}) {
			continue
		}
		if err := d.w.exec("INSERT INTO print VALUES(?,?,?) ON CONFLICT DO NOTHING", p.Time, p.Hash, int64(f.messages)+1+int64(i)); err != nil {
			return err
		}
	}
	return nil
}

// Seen gives the first message committed with each print.
func (d *DB) Seen(ctx context.Context, prints []record.Print) ([]model.MessageRef, error) {
	d.commit.Lock()
	defer d.commit.Unlock()
	refs := make([]model.MessageRef, len(prints))
	for n := len(d.files) - 1; n >= 0; n-- {
		f := d.files[n]
		if time.Duration(d.files[len(d.files)-1].clock-f.clock) > d.o.DuplicateWindow {
			continue
		}
		err := f.read(ctx, func(c *conn) error {
			for i, p := range prints {
				if p == (record.Print{}) || refs[i] != (model.MessageRef{}) {
					continue
				}
				err := c.rows("SELECT ordinal FROM print WHERE time=? AND hash=?", func(s *sqlite3.Stmt) (bool, error) {
					m, err := c.at(ordinal(s.ColumnInt64(0)))
					if err == nil {
						refs[i] = m.Ref
					}
					return false, err
				}, p.Time, p.Hash)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return refs, nil
}

func count(counts map[model.ChannelID]record.Count, m *model.Message) {
	c := counts[m.Channel]
	c.Recorded++
	c.Observations += uint64(len(m.Observations))
	c.Waveforms += uint64(len(m.Waveforms))
	c.Alerts += uint64(len(m.Alerts))
	c.Issues += uint64(len(m.Issues))
	if m.Duplicate != (model.MessageRef{}) {
		c.Duplicates++
	}
	for _, r := range m.Routed {
		if r.Refused != "" {
			c.Refused++
			break
		}
	}
	if m.Arrived.After(c.Last) {
		c.Last = m.Arrived
	}
	counts[m.Channel] = c
}

// Counts gives what each channel brought.
func (d *DB) Counts() map[model.ChannelID]record.Count {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make(map[model.ChannelID]record.Count, len(d.counts))
	for id, c := range d.counts {
		all[id] = c
	}
	return all
}
