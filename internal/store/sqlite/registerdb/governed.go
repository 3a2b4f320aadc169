package registerdb

import (
	"context"
	"database/sql"
	"errors"

	"thalamus/internal/fault"
	"thalamus/internal/register"
)

const governedColumns = "kind, id, version, body, changed_at, changed_by, change"

func scanGoverned(scan func(...any) error) (register.Row, error) {
	var r register.Row
	var at int64
	err := scan(&r.Kind, &r.ID, &r.Version, &r.Body, &at, &r.By, &r.Change)
	r.At = timeOf(at)
	return r, err
}

func (r reader) Governed(ctx context.Context, kind, id string) (register.Row, error) {
	row, err := scanGoverned(r.q.QueryRowContext(ctx, "SELECT "+governedColumns+" FROM governed WHERE kind = ? AND id = ?", kind, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return row, register.VersionFault(kind, id, register.NoVersion, register.AnyVersion)
	}
	return row, readFault(err)
}

func (r reader) GovernedAll(ctx context.Context, kind string) ([]register.Row, error) {
	return all(ctx, r, scanGoverned, "SELECT "+governedColumns+" FROM governed WHERE kind = ? ORDER BY id", kind)
}

func scanVersion(scan func(...any) error) (register.Row, error) {
	var row register.Row
	var at int64
	err := scan(&row.Kind, &row.ID, &row.Version, &row.Body, &at, &row.By, &row.Change, &row.Removed)
	row.At = timeOf(at)
	return row, err
}

func (r reader) GovernedOfChange(ctx context.Context, change string) ([]register.Row, error) {
	return all(ctx, r, scanVersion, "SELECT "+governedColumns+`, removed FROM governed_history h WHERE change = ? AND change <> ''
		AND version = (SELECT max(version) FROM governed_history o WHERE o.kind = h.kind AND o.id = h.id AND o.change = h.change) ORDER BY kind, id`, change)
}

func (r reader) GovernedHistory(ctx context.Context, kind, id string, limit int) ([]register.Row, error) {
	return all(ctx, r, scanVersion, "SELECT "+governedColumns+", removed FROM governed_history WHERE kind = ? AND id = ? ORDER BY version DESC LIMIT ?", kind, id, limited(limit, 100))
}

// Governed gives the version in force.
func (d *DB) Governed(ctx context.Context, kind, id string) (register.Row, error) {
	return d.read().Governed(ctx, kind, id)
}

// GovernedAll gives all things of a kind in force.
func (d *DB) GovernedAll(ctx context.Context, kind string) ([]register.Row, error) {
	return d.read().GovernedAll(ctx, kind)
}

// GovernedHistory gives the versions of a thing, newest first.
func (d *DB) GovernedHistory(ctx context.Context, kind, id string, limit int) ([]register.Row, error) {
	return d.read().GovernedHistory(ctx, kind, id, limit)
}

// GovernedOfChange gives the versions that a change made.
func (d *DB) GovernedOfChange(ctx context.Context, change string) ([]register.Row, error) {
	return d.read().GovernedOfChange(ctx, change)
}

// expected gives what is in force when the expectation holds.
func (t *tx) expected(ctx context.Context, kind, id string, expect int64) (register.Row, error) {
	have, err := t.Governed(ctx, kind, id)
	if err != nil && fault.KindOf(err) != fault.Absent {
		return have, err
	}
	if expect != register.AnyVersion && expect != have.Version {
		return have, register.VersionFault(kind, id, have.Version, expect)
	}
	return have, nil
}

func (t *tx) PutGoverned(ctx context.Context, r register.Row, expect int64) (register.Row, error) {
	have, err := t.expected(ctx, r.Kind, r.ID, expect)
	if err != nil {
		return have, err
	}
	if have.Version != 0 && string(have.Body) == string(r.Body) {
		return have, nil
	}
	if r.Version, err = t.next(ctx, r.Kind, r.ID); err != nil {
		return have, err
	}
	err = t.exec(ctx, "INSERT OR REPLACE INTO governed ("+governedColumns+") VALUES (?, ?, ?, ?, ?, ?, ?)",
		r.Kind, r.ID, r.Version, string(r.Body), micros(r.At), string(r.By), r.Change)
	if err != nil {
		return have, err
	}
	r.Removed = false
	r.At = timeOf(micros(r.At))
	return r, t.remember(ctx, r)
}

func (t *tx) RemoveGoverned(ctx context.Context, r register.Row, expect int64) error {
	have, err := t.expected(ctx, r.Kind, r.ID, expect)
	if err != nil {
		return err
	}
	if have.Version == 0 {
		return register.VersionFault(r.Kind, r.ID, register.NoVersion, register.AnyVersion)
	}
	if r.Version, err = t.next(ctx, r.Kind, r.ID); err != nil {
		return err
	}
	if err := t.exec(ctx, "DELETE FROM governed WHERE kind = ? AND id = ?", r.Kind, r.ID); err != nil {
		return err
	}
	r.Removed, r.Body = true, nil
	return t.remember(ctx, r)
}

// next is the version after all there ever were.
func (t *tx) next(ctx context.Context, kind, id string) (int64, error) {
	var last int64
	err := t.q.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM governed_history WHERE kind = ? AND id = ?", kind, id).Scan(&last)
	return last + 1, readFault(err)
}

func (t *tx) remember(ctx context.Context, r register.Row) error {
	return t.exec(ctx, "INSERT INTO governed_history ("+governedColumns+", removed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		r.Kind, r.ID, r.Version, string(r.Body), micros(r.At), string(r.By), r.Change, r.Removed)
}

// Secret gives a random key of this installation, making it at the first call.
func (d *DB) Secret(ctx context.Context, name string, make func() ([]byte, error)) ([]byte, error) {
	var value []byte
	err := d.update(ctx, func(t *tx) error {
		err := t.q.QueryRowContext(ctx, "SELECT value FROM secrets WHERE name = ?", name).Scan(&value)
		if !errors.Is(err, sql.ErrNoRows) {
			return readFault(err)
		}
		if value, err = make(); err != nil {
			return err
		}
		return t.exec(ctx, "INSERT INTO secrets (name, value) VALUES (?, ?)", name, value)
	})
	return value, err
}
