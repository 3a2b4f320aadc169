// Package sqlite opens the SQLite files of a data folder: one connection that
// writes, several that read, write-ahead logging, migrations by goose. What
// lies in the files is the business of the packages below it: registerdb
// (what is governed, accounts, audit), recorddb (the record, one file a day)
// and deliverdb (what is owed and how it went).
package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/pressly/goose/v3"

	"thalamus/internal/fault"
)

// Options of a file.
type Options struct {
	// VFS names a registered SQLite file layer; empty for the usual one. Tests
	// give one that loses power or runs full.
	VFS string
	// Durable makes every commit reach the disk (synchronous=FULL). Without it
	// a power cut may undo the last commits, never corrupt: right for what can
	// be made again from the journal.
	Durable bool
	// Migrations holds goose migrations at its top level.
	Migrations fs.FS
	// Readers is the number of reading connections; 0 means 4.
	Readers int
}

// DB is one open file.
type DB struct {
	Write *sql.DB // one connection; transactions begin immediate
	Read  *sql.DB // query only
	Path  string
}

// Open opens or creates the file and brings its schema up to date. A file
// made by a newer release is a fault.Conflict, code store.newer.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	synchronous := "NORMAL"
	if o.Durable {
		synchronous = "FULL"
	}
	dsn := func(readOnly bool) string {
		q := url.Values{}
		q.Add("_pragma", "busy_timeout(10000)")
		q.Add("_pragma", "journal_mode(WAL)")
		q.Add("_pragma", "synchronous("+synchronous+")")
		q.Add("_pragma", "foreign_keys(ON)")
		q.Add("_pragma", "temp_store(MEMORY)")
		if readOnly {
			q.Add("_pragma", "query_only(ON)")
		} else {
			q.Set("_txlock", "immediate")
		}
		if o.VFS != "" {
			q.Set("vfs", o.VFS)
		}
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
	}
	write, err := driver.Open(dsn(false))
	if err != nil {
		return nil, openFault(err, path)
	}
	write.SetMaxOpenConns(1)
	if err := migrate(ctx, write, o.Migrations, path); err != nil {
		write.Close()
		return nil, err
	}
	read, err := driver.Open(dsn(true))
	if err != nil {
		write.Close()
		return nil, openFault(err, path)
	}
	if o.Readers == 0 {
		o.Readers = 4
	}
	read.SetMaxOpenConns(o.Readers)
	read.SetMaxIdleConns(o.Readers)
	return &DB{Write: write, Read: read, Path: path}, nil
}

func openFault(err error, path string) error {
	return fault.Wrap(err, fault.Broken, "store.open", "cannot open the database file; check that the folder exists, belongs to this user and has room").At(path)
}

func migrate(ctx context.Context, db *sql.DB, migrations fs.FS, path string) error {
	if migrations == nil {
		return nil
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, migrations)
	if err != nil {
		return fmt.Errorf("migrations of %s: %w", path, err)
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return openFault(err, path)
	}
	if have > want {
		return fault.New(fault.Conflict, "store.newer", "the file has schema version %d, this release knows %d; start the newer release that made it, or restore a backup", have, want).At(path)
	}
	if _, err := p.Up(ctx); err != nil {
		return openFault(err, path)
	}
	return nil
}

// Update runs work in one write transaction.
func (d *DB) Update(ctx context.Context, work func(tx *sql.Tx) error) error {
	tx, err := d.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := work(tx); err != nil {
		tx.Rollback()
		return err
	}
	return tx.Commit()
}

// Close checkpoints and closes the file.
func (d *DB) Close() error {
	d.Read.Close()
	return d.Write.Close()
}
