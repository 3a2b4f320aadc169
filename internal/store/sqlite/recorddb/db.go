// Package recorddb keeps the record in SQLite, one file for each UTC day of
// arrival: record-YYYYMMDD.db.
//
// A file holds blocks of messages in order of arrival and the journal cursor
// they reach to, written in one transaction; so after a crash the work of a
// batch repeats, its effect does not. What makes messages findable and numbers
// drawable (postings of names, chunks of values, the lives of alerts, counts)
// is kept in memory as messages come and sealed to the file by the hour, every
// Options.SealMessages and on closing; after a crash it is made again from the
// blocks since the last seal. So a message costs the same with a full record
// as with an empty one.
//
// Files follow each other without a gap in journal entries. The next one
// begins with the first message of a later day, or when the clock was set back
// by more than ten minutes; it takes over what outlives a day: counts, active
// alerts, sightings, and until the next day the latest values.
//
// Commits are not synced one by one (synchronous=NORMAL): a power cut may undo
// the last ones, never corrupt, and the journal makes them again.
package recorddb

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/store/sqlite/recorddb/pack"
)

// Options of a record.
type Options struct {
	// VFS names a registered SQLite file layer; empty for the usual one.
	VFS string
	// RecentBytes bounds the memory in which the latest messages are kept
	// decoded; 0 means 16 MiB.
	RecentBytes int
	// SealMessages is after how many messages the indexes are sealed at the
	// latest, and so how many are read again after a crash; 0 means 100,000.
	SealMessages int
	// DuplicateWindow is how far back repeats are recognised, by whole files;
	// 0 means 72 hours.
	DuplicateWindow time.Duration
	// Report is told of what was found damaged or missing; nil logs it.
	Report func(err error)
}

func (o *Options) defaults() {
	if o.RecentBytes == 0 {
		o.RecentBytes = 16 << 20
	}
	if o.SealMessages == 0 {
		o.SealMessages = 100_000
	}
	if o.DuplicateWindow == 0 {
		o.DuplicateWindow = 72 * time.Hour
	}
	if o.Report == nil {
		o.Report = func(err error) { slog.Error("record", "fault", err) }
	}
}

// DB is an open record. It implements record.Store and record.Reader.
type DB struct {
	dir   string
	o     Options
	press *pack.Press
	warm  warm

	commit     sync.Mutex // held by Commit, Seen and Close: one writer
	w          *conn      // writes to the newest file; nil: to be opened again
	builder    *pack.Builder
	sealedHour int64 // of arrival, Unix hours: when the last seal was made

	mu     sync.RWMutex // guards what follows; only who holds commit changes it
	files  []*file      // the newest last
	cursor model.Seq
	head   key
	wake   chan struct{} // closed at the next commit
	recent recent
	fresh  fresh
	closed bool
}

var (
	_ record.Store  = (*DB)(nil)
	_ record.Reader = (*DB)(nil)
)

// Open opens or begins the record in a folder. A newest file that is damaged is
// set aside and reported; the cursor then stands before it, so that the journal
// is read again from there. A file made by a newer release is a
// fault.Conflict, code store.newer.
func Open(ctx context.Context, dir string, o Options) (*DB, error) {
	o.defaults()
	press, err := pack.NewPress()
	if err != nil {
		return nil, fault.Wrap(err, fault.Broken, "record.broken", "cannot make the compressor")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Broken, "store.open", "cannot make the data folder").At(dir)
	}
	d := &DB{dir: dir, o: o, press: press, wake: make(chan struct{}), recent: recent{room: o.RecentBytes}, fresh: newFresh()}
	if err := d.open(ctx); err != nil {
		d.shut()
		return nil, err
	}
	return d, nil
}

// Close seals what is in memory and closes the files. What could not be sealed
// is made again from the blocks at the next Open.
func (d *DB) Close() error {
	d.commit.Lock()
	defer d.commit.Unlock()
	if d.closed {
		return nil
	}
	err := d.sealNow()
	d.mu.Lock()
	d.closed = true
	close(d.wake)
	d.mu.Unlock()
	d.shut()
	return err
}

func (d *DB) shut() {
	for _, f := range d.files {
		f.rest(true)
	}
	if d.w != nil {
		d.w.close()
		d.w = nil
	}
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
