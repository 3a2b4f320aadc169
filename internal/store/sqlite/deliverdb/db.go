// Package deliverdb keeps in SQLite where each destination stands and how each
// delivery went: the Store of flow/deliver. One file, deliver.db, holds cursor,
// outcomes, parked parcels, dead letters and replays together, so that one
// transaction covers them. Commits are durable and shared by the destinations
// that wait for one at the same moment. docs/decisions/0045 and 0046 say why.
package deliverdb

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"
	"sync"
	"time"

	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
	"thalamus/internal/store/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// DB is an open deliver.db.
type DB struct {
	db *sqlite.DB

	mu      sync.Mutex // over waiting
	waiting []*request
	leading chan struct{}                 // held by the one who commits for all
	ids     map[model.DestinationID]int64 // of stored destinations; leader's own
	inserts statements
}

var _ deliver.Store = (*DB)(nil)

// Open opens or creates the file. vfs names a SQLite file layer for tests;
// empty is the usual one.
func Open(ctx context.Context, path, vfs string) (*DB, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, path, sqlite.Options{VFS: vfs, Durable: true, Migrations: sub})
	if err != nil {
		return nil, err
	}
	d := &DB{db: db, leading: make(chan struct{}, 1), ids: map[model.DestinationID]int64{}}
	if err := d.inserts.prepare(ctx, db.Write); err != nil {
		db.Close()
		return nil, err
	}
	return d, nil
}

// Close closes the file. No call is under way or follows.
func (d *DB) Close() error {
	d.inserts.close()
	return d.db.Close()
}

// request is one batch that waits to be committed.
type request struct {
	batch *deliver.Batch
	done  bool
	err   error
}

// Commit makes the batch durable. Those that come while another commit is
// under way share the next one: one transaction, one sync.
func (d *DB) Commit(ctx context.Context, b *deliver.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mine := &request{batch: b}
	d.mu.Lock()
	d.waiting = append(d.waiting, mine)
	d.mu.Unlock()
	d.leading <- struct{}{}
	defer func() { <-d.leading }()
	if mine.done {
		return mine.err
	}
	d.mu.Lock()
	all := d.waiting
	d.waiting = nil
	d.mu.Unlock()
	err := d.commit(all)
	for _, one := range all {
		// Nobody's batch may keep another's from being stored.
		if one.err = err; err != nil && len(all) > 1 {
			one.err = d.commit([]*request{one})
		}
		one.done = true
	}
	return mine.err
}

func (d *DB) commit(all []*request) error {
	added := map[model.DestinationID]int64{}
	err := d.db.Update(context.Background(), func(tx *sql.Tx) error {
		for _, one := range all {
			id, ok := d.ids[one.batch.Destination]
			if !ok {
				var err error
				if id, err = destinationID(tx, one.batch.Destination); err != nil {
					return err
				}
				added[one.batch.Destination] = id
			}
			if err := d.write(tx, id, one.batch); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		for name, id := range added {
			d.ids[name] = id
		}
	}
	return storeFault(err)
}

func destinationID(tx *sql.Tx, name model.DestinationID) (id int64, err error) {
	if _, err = tx.Exec("INSERT INTO destination(name) VALUES(?) ON CONFLICT DO NOTHING", string(name)); err != nil {
		return 0, err
	}
	return id, tx.QueryRow("SELECT id FROM destination WHERE name = ?", string(name)).Scan(&id)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// text keeps empty texts as NULL, which takes no room.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}
