package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"testing/fstest"

	"thalamus/internal/fault"
)

var one = fstest.MapFS{"00001_start.sql": {Data: []byte("-- +goose Up\nCREATE TABLE t(a INTEGER);\n")}}

func TestOpenMigratesAndRefusesNewer(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "x y.db")
	db, err := Open(ctx, path, Options{Migrations: one, Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(ctx, func(tx *sql.Tx) error { _, err := tx.Exec("INSERT INTO t VALUES(1)"); return err }); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.Read.QueryRow("SELECT count(*) FROM t").Scan(&n); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if _, err := db.Read.Exec("INSERT INTO t VALUES(2)"); err == nil {
		t.Error("a reading connection wrote")
	}
	db.Write.Exec("INSERT INTO goose_db_version(version_id,is_applied) VALUES(9,1)")
	db.Close()
	if _, err := Open(ctx, path, Options{Migrations: one}); fault.CodeOf(err) != "store.newer" {
		t.Errorf("newer file: %v", err)
	}
}
