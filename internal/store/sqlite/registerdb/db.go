// Package registerdb keeps what is governed in register.db: channels, routes,
// destinations and the site with all their versions, devices, patients and
// their associations, accounts, tokens and sessions, and the audit. One transaction can hold work and its audit record.
//
// Every commit reaches the disk before it counts (synchronous=FULL). Beside
// the file lies audit.head, the end of the audit's chain.
package registerdb

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/patients"
	"thalamus/internal/register"
	"thalamus/internal/register/flows"
	"thalamus/internal/store/sqlite"
)

//go:embed migrations/*.sql
var files embed.FS

// FileName and AnchorName are the names in the data folder.
const (
	FileName   = "register.db"
	AnchorName = "audit.head"
)

// Tx is everything that one transaction can do.
type Tx = interface {
	register.Tx
	patients.Tx
	access.Tx
	audit.Tx
	flows.Tx
}

// Options of the store.
type Options struct {
	VFS string // a registered SQLite file layer; empty for the usual one
}

// DB is the open store. It implements the Store of register, patients, access
// and audit.
type DB struct {
	db     *sqlite.DB
	anchor *audit.Anchor
	flows  atomic.Uint64 // counts changes of the flows
	turn   chan struct{} // whose transaction it is, until its OnCommit work is done

	// Both belong to whose turn it is.
	head   audit.Head // of the audit, as last seen
	frozen bool       // the audit was cut or altered: its anchor stays as it is, as evidence
}

// Open opens or makes register.db in a folder.
func Open(ctx context.Context, folder string, o Options) (*DB, error) {
	migrations, err := fs.Sub(files, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, filepath.Join(folder, FileName), sqlite.Options{VFS: o.VFS, Durable: true, Migrations: migrations})
	if err != nil {
		return nil, err
	}
	anchor, err := audit.OpenAnchor(filepath.Join(folder, AnchorName))
	if err != nil {
		db.Close()
		return nil, err
	}
	d := &DB{db: db, anchor: anchor, turn: make(chan struct{}, 1)}
	if err := d.compareAnchor(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Close closes the files.
func (d *DB) Close() error { return errors.Join(d.db.Close(), d.anchor.Close()) }

// Update runs work in one transaction: all of it is durable when Update
// returns nil, none of it happened when it returns an error. What work gave to
// OnCommit has run before Update returns and before the next transaction.
// work must not call Update.
func (d *DB) Update(ctx context.Context, work func(tx Tx) error) error {
	return d.update(ctx, func(t *tx) error { return work(t) })
}

func (d *DB) update(ctx context.Context, work func(t *tx) error) error {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	t := &tx{store: d}
	err := d.db.Update(ctx, func(s *sql.Tx) error {
		t.reader = reader{s}
		t.sql = s
		return work(t)
	})
	if err != nil {
		return writeFault(err)
	}
	for _, f := range t.onCommit {
		f()
	}
	if t.audited {
		d.anchorTo(t.was, t.head)
	}
	return nil
}

// tx implements Tx.
type tx struct {
	reader
	store    *DB
	sql      *sql.Tx
	audited  bool
	was      audit.Head // of the audit, before this transaction
	head     audit.Head // of the audit, as this transaction leaves it
	onCommit []func()
}

func (t *tx) OnCommit(work func()) { t.onCommit = append(t.onCommit, work) }

func (t *tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.sql.ExecContext(ctx, query, args...)
	return writeFault(err)
}

// reader reads through a connection or a transaction.
type reader struct {
	q interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}
}

func (d *DB) read() reader { return reader{d.db.Read} }

// all reads every row of a query.
func all[T any](ctx context.Context, r reader, scan func(scan func(...any) error) (T, error), query string, args ...any) ([]T, error) {
	rows, err := r.q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, readFault(err)
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows.Scan)
		if err != nil {
			return nil, readFault(err)
		}
		list = append(list, v)
	}
	return list, readFault(rows.Err())
}

// writeFault classifies an error of a write: trying again may help, when the
// disk has room again.
func writeFault(err error) error {
	var f *fault.Fault
	if err == nil || errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.Wrap(err, fault.Transient, "register.write", "the register cannot be written now; check that the disk has room and works")
}

func readFault(err error) error {
	var f *fault.Fault
	if err == nil || errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.Wrap(err, fault.Transient, "register.read", "the register cannot be read now; check the disk")
}

// micros writes a time, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func timeOf(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func limited(limit, usual int) int {
	if limit <= 0 {
		return usual
	}
	return min(limit, 1000)
}
