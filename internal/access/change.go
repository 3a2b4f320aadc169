package access

import (
	"context"
	"crypto/sha256"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// AnyVersion as the expected version takes whatever is stored.
const AnyVersion int64 = -1

// Accounts lists the accounts, sorted by name.
func (g *Gate) Accounts() []Account {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]Account, 0, len(g.accounts))
	for _, a := range g.accounts {
		list = append(list, a.Account)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// Account gives an account by id or name, or a fault.Absent.
func (g *Gate) Account(idOrName string) (Account, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a, ok := g.accounts[model.ActorID(idOrName)]; ok {
		return a.Account, nil
	}
	if a, ok := g.accounts[g.byName[strings.ToLower(idOrName)]]; ok {
		return a.Account, nil
	}
	return Account{}, fault.New(fault.Absent, "access.no-account", "there is no account %q; list the accounts to see their names", clip(idOrName))
}

// Put makes an account (ID empty, or an ID that is not there yet, as apply
// gives it) or changes name, display name, roles and Disabled of the one with
// that ID. expect is the stored version (0: not there yet, AnyVersion).
// Disabling ends all its sessions. The last enabled administrator can be
// neither disabled nor demoted.
func (g *Gate) Put(ctx context.Context, tx Tx, a Account, expect int64, by Actor) (Account, error) {
	if err := checkAccount(a); err != nil {
		return Account{}, err
	}
	if err := g.table.Load().Known(a.Roles); err != nil {
		return Account{}, err
	}
	if err := g.mayGive(by, a.Roles); err != nil {
		return Account{}, err
	}
	now := g.o.Now().UTC()
	var stored StoredAccount
	if a.ID == "" {
		id, err := newID("usr-")
		if err != nil {
			return Account{}, err
		}
		a.ID = model.ActorID(id)
	}
	stored, err := tx.Account(ctx, a.ID)
	switch {
	case fault.KindOf(err) == fault.Absent:
		stored = StoredAccount{Account: Account{ID: a.ID, Created: now, CreatedBy: by.ID}}
	case err != nil:
		return Account{}, err
	}
	if expect != AnyVersion && expect != stored.Version {
		return Account{}, fault.New(fault.Conflict, "access.version", "account %q is at version %d, not %d: somebody changed it meanwhile; read it again", a.Name, stored.Version, expect)
	}
	if by.ID != stored.ID {
		if err := g.mayGive(by, stored.Roles); err != nil {
			return Account{}, err
		}
	}
	stored.Name, stored.Display, stored.Disabled = a.Name, a.Display, a.Disabled
	stored.Roles = append([]string(nil), a.Roles...)
	stored.Version++
	stored.Changed, stored.ChangedBy = now, by.ID
	if err := g.keep(ctx, tx, stored); err != nil {
		return Account{}, err
	}
	if stored.Disabled {
		if err := g.EndAll(ctx, tx, stored.ID); err != nil {
			return Account{}, err
		}
	}
	return stored.Account, g.oneLeft(ctx, tx)
}

func (g *Gate) keep(ctx context.Context, tx Tx, a StoredAccount) error {
	a.HasPassword = a.Password != ""
	if err := tx.SaveAccount(ctx, a); err != nil {
		return err
	}
	tx.OnCommit(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.put(a)
	})
	return nil
}

// oneLeft refuses a transaction that would leave no administrator, when there
// are accounts at all.
func (g *Gate) oneLeft(ctx context.Context, tx Tx) error {
	all, err := tx.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range all {
		if !a.Disabled && has(a.Roles, "administrator") {
			return nil
		}
	}
	g.mu.Lock()
	before := false
	for _, a := range g.accounts {
		before = before || !a.Disabled && has(a.Roles, "administrator")
	}
	g.mu.Unlock()
	if !before {
		return nil // there was none; others may still be made
	}
	return fault.New(fault.Conflict, "access.last-administrator", "this would leave no administrator; make another account administrator first")
}

func has(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

// mayGive refuses to give roles that the giver does not have, and to change
// accounts that have such: nobody makes himself more powerful than he is.
func (g *Gate) mayGive(by Actor, roles []string) error {
	for _, r := range roles {
		if !has(by.Roles, r) && !has(by.Roles, "administrator") {
			return fault.New(fault.Denied, "access.more-than-own", "the role %q is not yours to give or to change; ask an administrator", clip(r))
		}
	}
	return nil
}

func checkAccount(a Account) error {
	ok := a.Name != "" && len(a.Name) <= 100 && utf8.ValidString(a.Name) && strings.TrimSpace(a.Name) == a.Name
	for _, c := range a.Name {
		ok = ok && unicode.IsPrint(c) && c != ':'
	}
	if !ok || len(a.Display) > 200 || len(a.ID) > 64 || strings.ContainsAny(string(a.ID), "/:?#%") {
		return fault.New(fault.Invalid, "access.name", "%q cannot be the name of an account; use up to 100 printable characters without a colon", clip(a.Name))
	}
	return nil
}

// SetPassword gives an account a new password and ends its sessions, but not
// those given.
func (g *Gate) SetPassword(ctx context.Context, tx Tx, id model.ActorID, password string, by Actor, except ...[32]byte) error {
	a, err := tx.Account(ctx, id)
	if err != nil {
		return err
	}
	if by.ID != id {
		if err := g.mayGive(by, a.Roles); err != nil {
			return err
		}
	}
	if err := CheckPassword(a.Name, password); err != nil {
		return err
	}
	if a.Password, err = hashPassword(password); err != nil {
		return err
	}
	a.Version++
	a.PasswordChanged = g.o.Now().UTC()
	a.Changed, a.ChangedBy = a.PasswordChanged, by.ID
	if err := g.keep(ctx, tx, a); err != nil {
		return err
	}
	return g.EndAll(ctx, tx, id, except...)
}

// Remove removes an account and ends its sessions.
func (g *Gate) Remove(ctx context.Context, tx Tx, id model.ActorID, expect int64) error {
	a, err := tx.Account(ctx, id)
	if err != nil {
		return err
	}
	if expect != AnyVersion && expect != a.Version {
		return fault.New(fault.Conflict, "access.version", "account %q is at version %d, not %d: somebody changed it meanwhile; read it again", a.Name, a.Version, expect)
	}
	if err := g.EndAll(ctx, tx, id); err != nil {
		return err
	}
	if err := tx.RemoveAccount(ctx, id); err != nil {
		return err
	}
	tx.OnCommit(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.accounts, id)
		if g.byName[strings.ToLower(a.Name)] == id {
			delete(g.byName, strings.ToLower(a.Name))
		}
	})
	return g.oneLeft(ctx, tx)
}

// IssueToken makes an API token and gives its secret, which nobody can read
// again. life 0 means that it does not expire.
func (g *Gate) IssueToken(ctx context.Context, tx Tx, name string, roles []string, life time.Duration, by Actor) (string, APIToken, error) {
	if name == "" || len(name) > 100 || !utf8.ValidString(name) || life < 0 {
		return "", APIToken{}, fault.New(fault.Invalid, "access.name", "a token needs a name of up to 100 characters that says what uses it, and a life that is not negative")
	}
	if len(roles) == 0 {
		return "", APIToken{}, fault.New(fault.Invalid, "access.role", "a token needs at least one role")
	}
	if err := g.table.Load().Known(roles); err != nil {
		return "", APIToken{}, err
	}
	if err := g.mayGive(by, roles); err != nil {
		return "", APIToken{}, err
	}
	text, hash, err := secret(tokenPrefix)
	if err != nil {
		return "", APIToken{}, err
	}
	id, err := newID("tok-")
	if err != nil {
		return "", APIToken{}, err
	}
	now := g.o.Now().UTC()
	t := APIToken{ID: id, Name: name, Roles: append([]string(nil), roles...), Made: now, MadeBy: by.ID, Hash: hash}
	if life > 0 {
		t.Expires = now.Add(life)
	}
	if err := tx.SaveToken(ctx, t); err != nil {
		return "", APIToken{}, err
	}
	tx.OnCommit(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.tokens[hash] = &t
	})
	return text, t, nil
}

// Tokens lists all tokens, revoked ones too, newest first.
func (g *Gate) Tokens() []APIToken {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]APIToken, 0, len(g.tokens))
	for _, t := range g.tokens {
		list = append(list, *t)
	}
	sort.Slice(list, func(i, j int) bool {
		if !list[i].Made.Equal(list[j].Made) {
			return list[i].Made.After(list[j].Made)
		}
		return list[i].ID < list[j].ID
	})
	return list
}

// RevokeToken ends a token at once.
func (g *Gate) RevokeToken(ctx context.Context, tx Tx, id string) (APIToken, error) {
	g.mu.Lock()
	var t APIToken
	for _, one := range g.tokens {
		if one.ID == id {
			t = *one
		}
	}
	g.mu.Unlock()
	if t.ID == "" {
		return t, fault.New(fault.Absent, "access.no-token", "there is no token %q; list the tokens to see their ids", clip(id))
	}
	if !t.Revoked.IsZero() {
		return t, nil
	}
	t.Revoked = g.o.Now().UTC()
	if err := tx.SaveToken(ctx, t); err != nil {
		return t, err
	}
	tx.OnCommit(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.tokens[t.Hash].Revoked = t.Revoked
	})
	return t, nil
}

// longestLink bounds the life of a sign-in link.
const longestLink = 24 * time.Hour

// MakeLink makes the secret of a link that signs in to an account once,
// within life (at most a day).
func (g *Gate) MakeLink(ctx context.Context, tx Tx, account model.ActorID, life time.Duration) (string, error) {
	if life <= 0 || life > longestLink {
		return "", fault.New(fault.Invalid, "access.link", "a sign-in link lives up to %s", longestLink)
	}
	if _, err := tx.Account(ctx, account); err != nil {
		return "", err
	}
	text, hash, err := secret("")
	if err != nil {
		return "", err
	}
	return text, tx.SaveLink(ctx, Link{Hash: hash, Account: account, Expires: g.o.Now().UTC().Add(life)})
}

// Redeem takes a link's secret for a session, once.
func (g *Gate) Redeem(ctx context.Context, tx Tx, text, remote string) (string, Session, Actor, error) {
	l, err := tx.TakeLink(ctx, sha256.Sum256([]byte(text)))
	switch {
	case fault.KindOf(err) == fault.Absent, err == nil && !g.o.Now().Before(l.Expires):
		return "", Session{}, Actor{}, fault.New(fault.Denied, "access.link-used", "this sign-in link was used already or has expired; ask for a new one")
	case err != nil:
		return "", Session{}, Actor{}, err
	}
	cookie, s, err := g.Begin(ctx, tx, l.Account, remote)
	if err != nil {
		return "", Session{}, Actor{}, err
	}
	a, err := tx.Account(ctx, l.Account)
	return cookie, s, a.Actor(), err
}
