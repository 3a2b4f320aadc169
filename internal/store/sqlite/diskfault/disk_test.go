package diskfault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/store/sqlite"
)

var schema = fstest.MapFS{"00001_start.sql": {Data: []byte("-- +goose Up\nCREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB);\n")}}

// After a cut in the middle of any write, what a durable file committed is
// there, and a file that is not durable holds a beginning of it.
func TestCut(t *testing.T) {
	for _, durable := range []bool{true, false} {
		for seed := range uint64(25) {
			ctx, path := context.Background(), filepath.Join(t.TempDir(), "x.db")
			r := rand.New(rand.NewPCG(seed, 3))
			d := New()
			defer d.Unregister()
			o := sqlite.Options{VFS: d.Name(), Durable: durable, Migrations: schema}
			db, err := sqlite.Open(ctx, path, o)
			if err != nil {
				t.Fatal(err)
			}
			d.CutAt(1+r.IntN(300), r)
			committed := 0
			for !d.Off() {
				err := db.Update(ctx, func(tx *sql.Tx) error {
					_, err := tx.Exec("INSERT INTO t VALUES(?, randomblob(?))", committed+1, r.IntN(9000))
					return err
				})
				if err == nil {
					committed++
				}
			}
			db.Close()
			d.Restore()
			if db, err = sqlite.Open(ctx, path, o); err != nil {
				t.Fatal(durable, seed, err)
			}
			var n, last int
			var check string
			if err := db.Read.QueryRow("SELECT count(*), coalesce(max(a), 0) FROM t").Scan(&n, &last); err != nil {
				t.Fatal(err)
			}
			if err := db.Read.QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
				t.Fatal(durable, seed, check, err)
			}
			if n != last || n > committed+1 || durable && n < committed {
				t.Errorf("durable %v seed %d: %d rows to %d, %d committed", durable, seed, n, last, committed)
			}
			db.Close()
		}
	}
}

func TestFullAndBroken(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "x.db")
	d := New()
	defer d.Unregister()
	db, err := sqlite.Open(ctx, path, sqlite.Options{VFS: d.Name(), Migrations: schema})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	insert := func() error {
		_, err := db.Write.Exec("INSERT INTO t(b) VALUES(randomblob(5000))")
		return err
	}
	d.Full(100)
	if err := insert(); !errors.Is(err, sqlite3.FULL) {
		t.Error("full:", err)
	}
	d.Full(-1)
	d.Break(true)
	if err := insert(); !errors.Is(err, sqlite3.IOERR) {
		t.Error("broken:", err)
	}
	d.Break(false)
	if err := insert(); err != nil {
		t.Error("mended:", err)
	}
	var n int
	if err := db.Read.QueryRow("SELECT count(*) FROM t").Scan(&n); err != nil || n != 1 {
		t.Error(fmt.Sprint(n, err))
	}
}
