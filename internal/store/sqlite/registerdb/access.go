package registerdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

const accountColumns = "id, name, display, password, disabled, version, created_at, created_by, changed_at, changed_by, password_changed"

func scanAccount(scan func(...any) error) (access.StoredAccount, error) {
	var a access.StoredAccount
	var created, changed, password int64
	err := scan(&a.ID, &a.Name, &a.Display, &a.Password, &a.Disabled, &a.Version, &created, &a.CreatedBy, &changed, &a.ChangedBy, &password)
	a.Created, a.Changed, a.PasswordChanged = timeOf(created), timeOf(changed), timeOf(password)
	a.HasPassword = a.Password != ""
	return a, err
}

func (r reader) roles(ctx context.Context, a *access.StoredAccount) error {
	roles, err := all(ctx, r, func(scan func(...any) error) (string, error) {
		var s string
		return s, scan(&s)
	}, "SELECT role FROM account_roles WHERE account = ? ORDER BY place", string(a.ID))
	a.Roles = roles
	return err
}

func (r reader) Account(ctx context.Context, id model.ActorID) (access.StoredAccount, error) {
	a, err := scanAccount(r.q.QueryRowContext(ctx, "SELECT "+accountColumns+" FROM accounts WHERE id = ?", string(id)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fault.New(fault.Absent, "access.no-account", "there is no account %q; list the accounts to see their names", string(id))
	}
	if err != nil {
		return a, readFault(err)
	}
	return a, r.roles(ctx, &a)
}

func (r reader) Accounts(ctx context.Context) ([]access.StoredAccount, error) {
	list, err := all(ctx, r, scanAccount, "SELECT "+accountColumns+" FROM accounts ORDER BY folded")
	for i := range list {
		if err == nil {
			err = r.roles(ctx, &list[i])
		}
	}
	return list, err
}

// Accounts gives all accounts.
func (d *DB) Accounts(ctx context.Context) ([]access.StoredAccount, error) {
	return d.read().Accounts(ctx)
}

func (t *tx) SaveAccount(ctx context.Context, a access.StoredAccount) error {
	folded := strings.ToLower(a.Name)
	var other string
	err := t.q.QueryRowContext(ctx, "SELECT id FROM accounts WHERE folded = ? AND id <> ?", folded, string(a.ID)).Scan(&other)
	if err == nil {
		return fault.New(fault.Conflict, "access.name-taken", "there is an account with this name already; take another name")
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return readFault(err)
	}
	err = t.exec(ctx, "INSERT INTO accounts ("+accountColumns+`, folded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, display = excluded.display, password = excluded.password,
		disabled = excluded.disabled, version = excluded.version, changed_at = excluded.changed_at,
		changed_by = excluded.changed_by, password_changed = excluded.password_changed, folded = excluded.folded`,
		string(a.ID), a.Name, a.Display, a.Password, a.Disabled, a.Version, micros(a.Created), string(a.CreatedBy),
		micros(a.Changed), string(a.ChangedBy), micros(a.PasswordChanged), folded)
	if err != nil {
		return err
	}
	if err := t.exec(ctx, "DELETE FROM account_roles WHERE account = ?", string(a.ID)); err != nil {
		return err
	}
	for i, role := range a.Roles {
		if err := t.exec(ctx, "INSERT INTO account_roles (account, place, role) VALUES (?, ?, ?)", string(a.ID), i, role); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) RemoveAccount(ctx context.Context, id model.ActorID) error {
	if err := t.exec(ctx, "DELETE FROM links WHERE account = ?", string(id)); err != nil {
		return err
	}
	if err := t.exec(ctx, "DELETE FROM sessions WHERE account = ?", string(id)); err != nil {
		return err
	}
	if err := t.exec(ctx, "DELETE FROM choices WHERE actor = ?", string(id)); err != nil {
		return err
	}
	return t.exec(ctx, "DELETE FROM accounts WHERE id = ?", string(id))
}

// Tokens gives all API tokens.
func (d *DB) Tokens(ctx context.Context) ([]access.APIToken, error) {
	return all(ctx, d.read(), func(scan func(...any) error) (access.APIToken, error) {
		var v access.APIToken
		var hash, roles []byte
		var made, expires, revoked, used int64
		if err := scan(&v.ID, &hash, &v.Name, &roles, &made, &v.MadeBy, &expires, &revoked, &used); err != nil {
			return v, err
		}
		copy(v.Hash[:], hash)
		v.Made, v.Expires, v.Revoked, v.Used = timeOf(made), timeOf(expires), timeOf(revoked), timeOf(used)
		return v, json.Unmarshal(roles, &v.Roles)
	}, "SELECT id, hash, name, roles, made, made_by, expires, revoked, used FROM tokens")
}

func (t *tx) SaveToken(ctx context.Context, v access.APIToken) error {
	roles, err := json.Marshal(v.Roles)
	if err != nil {
		return err
	}
	return t.exec(ctx, "INSERT OR REPLACE INTO tokens (id, hash, name, roles, made, made_by, expires, revoked, used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		v.ID, v.Hash[:], v.Name, string(roles), micros(v.Made), string(v.MadeBy), micros(v.Expires), micros(v.Revoked), micros(v.Used))
}

func (t *tx) SaveLink(ctx context.Context, l access.Link) error {
	return t.exec(ctx, "INSERT INTO links (hash, account, expires) VALUES (?, ?, ?)", l.Hash[:], string(l.Account), micros(l.Expires))
}

func (t *tx) TakeLink(ctx context.Context, hash [32]byte) (access.Link, error) {
	l := access.Link{Hash: hash}
	var expires int64
	err := t.q.QueryRowContext(ctx, "DELETE FROM links WHERE hash = ? RETURNING account, expires", hash[:]).Scan(&l.Account, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return l, fault.New(fault.Absent, "access.link-used", "there is no such sign-in link")
	}
	l.Expires = timeOf(expires)
	return l, writeFault(err)
}

// Sessions gives all sessions.
func (d *DB) Sessions(ctx context.Context) ([]access.Session, error) {
	return all(ctx, d.read(), func(scan func(...any) error) (access.Session, error) {
		var s access.Session
		var hash []byte
		var began, seen, expires int64
		err := scan(&hash, &s.Account, &s.Remote, &began, &seen, &expires)
		copy(s.Hash[:], hash)
		s.Began, s.Seen, s.Expires = timeOf(began), timeOf(seen), timeOf(expires)
		return s, err
	}, "SELECT hash, account, remote, began, seen, expires FROM sessions")
}

func (t *tx) SaveSession(ctx context.Context, s access.Session) error {
	return t.exec(ctx, "INSERT OR REPLACE INTO sessions (hash, account, remote, began, seen, expires) VALUES (?, ?, ?, ?, ?, ?)",
		s.Hash[:], string(s.Account), s.Remote, micros(s.Began), micros(s.Seen), micros(s.Expires))
}

func (t *tx) RemoveSession(ctx context.Context, hash [32]byte) error {
	return t.exec(ctx, "DELETE FROM sessions WHERE hash = ?", hash[:])
}

// TouchAccess stores last uses and drops what ended.
func (d *DB) TouchAccess(ctx context.Context, sessions []access.Session, tokens []access.APIToken, now, idle time.Time) error {
	return d.update(ctx, func(t *tx) error {
		for _, s := range sessions {
			if err := t.exec(ctx, "UPDATE sessions SET seen = ? WHERE hash = ?", micros(s.Seen), s.Hash[:]); err != nil {
				return err
			}
		}
		for _, v := range tokens {
			if err := t.exec(ctx, "UPDATE tokens SET used = ? WHERE id = ?", micros(v.Used), v.ID); err != nil {
				return err
			}
		}
		if err := t.exec(ctx, "DELETE FROM sessions WHERE expires <= ? OR seen <= ?", micros(now), micros(idle)); err != nil {
			return err
		}
		return t.exec(ctx, "DELETE FROM links WHERE expires <= ?", micros(now))
	})
}
