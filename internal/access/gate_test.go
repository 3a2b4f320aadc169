package access_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/fault"
	"thalamus/internal/store/sqlite/registerdb"
)

var admin = access.OnThisMachine("root")

type house struct {
	*access.Gate
	db     *registerdb.DB
	folder string
	mu     sync.Mutex
	time   time.Time
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.time
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.time = h.time.Add(d)
}

func newHouse(t *testing.T) *house {
	h := &house{folder: t.TempDir(), time: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	h.reopen(t)
	t.Cleanup(func() { h.db.Close() })
	return h
}

func (h *house) reopen(t *testing.T) {
	t.Helper()
	if h.db != nil {
		h.db.Close()
	}
	var err error
	if h.db, err = registerdb.Open(context.Background(), h.folder, registerdb.Options{}); err != nil {
		t.Fatal(err)
	}
	if h.Gate, err = access.Open(context.Background(), h.db, access.Options{Now: h.now}); err != nil {
		t.Fatal(err)
	}
}

func (h *house) update(work func(tx registerdb.Tx) error) error {
	return h.db.Update(context.Background(), work)
}

func (h *house) account(t *testing.T, name string, roles ...string) access.Account {
	t.Helper()
	var a access.Account
	err := h.update(func(tx registerdb.Tx) (err error) {
		if a, err = h.Put(t.Context(), tx, access.Account{Name: name, Roles: roles}, 0, admin); err != nil {
			return err
		}
		return h.SetPassword(t.Context(), tx, a.ID, "correct horse "+name[:1], admin)
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (h *house) signIn(t *testing.T, name string) (string, error) {
	t.Helper()
	actor, err := h.CheckPassword(t.Context(), name, "correct horse "+name[:1], "192.0.2.1:1")
	if err != nil {
		return "", err
	}
	var cookie string
	err = h.update(func(tx registerdb.Tx) (err error) {
		cookie, _, err = h.Begin(t.Context(), tx, actor.ID, "192.0.2.1:1")
		return err
	})
	return cookie, err
}

func TestSignIn(t *testing.T) {
	h := newHouse(t)
	h.account(t, "Mona", "engineer")
	for _, c := range []struct{ name, password string }{
		{"Mona", "wrong horse M"}, {"nobody", "correct horse M"}, {"", ""}, {"Mona", ""}, {"Mona", strings.Repeat("x", 1000)},
	} {
		if _, err := h.CheckPassword(t.Context(), c.name, c.password, "192.0.2.9:1"); fault.CodeOf(err) != "access.not-signed-in" {
			t.Errorf("%q: %v", c.name, err)
		}
	}
	cookie, err := h.signIn(t, "Mona")
	if err != nil {
		t.Fatal(err)
	}
	a, s, err := h.BySession(cookie)
	if err != nil || a.Name != "Mona" || a.Kind != access.User || !h.May(a, "channel.put") || s.Remote != "192.0.2.1" {
		t.Fatalf("%+v %+v %v", a, s, err)
	}
	h.reopen(t)
	if _, _, err := h.BySession(cookie); err != nil {
		t.Error("a session ends with the program:", err)
	}
	if _, _, err := h.BySession(cookie + "x"); fault.KindOf(err) != fault.Denied {
		t.Error(err)
	}
	if err := h.update(func(tx registerdb.Tx) error { return h.End(t.Context(), tx, s) }); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.BySession(cookie); fault.KindOf(err) != fault.Denied {
		t.Error("an ended session goes on:", err)
	}
}

func TestSessionExpiry(t *testing.T) {
	h := newHouse(t)
	h.account(t, "Mona", "viewer")
	idle, err := h.signIn(t, "Mona")
	if err != nil {
		t.Fatal(err)
	}
	h.pass(29 * time.Minute)
	if _, _, err := h.BySession(idle); err != nil {
		t.Fatal(err)
	}
	h.pass(31 * time.Minute)
	if _, _, err := h.BySession(idle); fault.KindOf(err) != fault.Denied {
		t.Error("an idle session goes on:", err)
	}
	busy, _ := h.signIn(t, "Mona")
	for range 12*6 - 1 {
		h.pass(10 * time.Minute)
		if _, _, err := h.BySession(busy); err != nil {
			t.Fatal(err)
		}
	}
	h.pass(10 * time.Minute)
	if _, _, err := h.BySession(busy); fault.KindOf(err) != fault.Denied {
		t.Error("a session goes on after twelve hours:", err)
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := h.db.Sessions(t.Context()); err != nil || len(left) != 0 {
		t.Error(left, err)
	}
}

func TestFlushKeepsLiveSessions(t *testing.T) {
	h := newHouse(t)
	h.account(t, "Mona", "viewer")
	cookie, _ := h.signIn(t, "Mona")
	for range 4 {
		h.pass(20 * time.Minute)
		if _, _, err := h.BySession(cookie); err != nil {
			t.Fatal(err)
		}
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.reopen(t)
	if _, _, err := h.BySession(cookie); err != nil {
		t.Error(err)
	}
}

func TestDisablingEndsSessionsAtOnce(t *testing.T) {
	h := newHouse(t)
	h.account(t, "Root", "administrator")
	a := h.account(t, "Mona", "viewer")
	cookie, _ := h.signIn(t, "Mona")
	a.Disabled = true
	if err := h.update(func(tx registerdb.Tx) error {
		_, err := h.Put(t.Context(), tx, a, access.AnyVersion, admin)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.BySession(cookie); fault.KindOf(err) != fault.Denied {
		t.Error(err)
	}
	if _, err := h.signIn(t, "Mona"); fault.CodeOf(err) != "access.not-signed-in" {
		t.Error(err)
	}
}

func TestNewPasswordEndsOtherSessions(t *testing.T) {
	h := newHouse(t)
	a := h.account(t, "Mona", "viewer")
	one, _ := h.signIn(t, "Mona")
	two, _ := h.signIn(t, "Mona")
	_, mine, _ := h.BySession(two)
	err := h.update(func(tx registerdb.Tx) error {
		return h.SetPassword(t.Context(), tx, a.ID, "another horse again", a.Actor(), mine.Hash)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.BySession(one); err == nil {
		t.Error("the other session goes on")
	}
	if _, _, err := h.BySession(two); err != nil {
		t.Error("the own session ended:", err)
	}
}

func TestMostSessions(t *testing.T) {
	h := newHouse(t)
	a := h.account(t, "Mona", "viewer")
	for range 40 {
		err := h.update(func(tx registerdb.Tx) error { _, _, err := h.Begin(t.Context(), tx, a.ID, "x"); return err })
		if err != nil {
			t.Fatal(err)
		}
		h.pass(time.Second)
	}
	if n := len(h.Sessions(a.ID)); n != 32 {
		t.Error(n)
	}
}

func TestTokens(t *testing.T) {
	h := newHouse(t)
	issue := func(life time.Duration, by access.Actor, roles ...string) (secret string, token access.APIToken, err error) {
		err = h.update(func(tx registerdb.Tx) error {
			secret, token, err = h.IssueToken(t.Context(), tx, "dashboard", roles, life, by)
			return err
		})
		return secret, token, err
	}
	secret, token, err := issue(time.Hour, admin, "viewer")
	if err != nil || !strings.HasPrefix(secret, "tha_") || len(secret) < 40 {
		t.Fatal(secret, err)
	}
	h.reopen(t)
	a, err := h.ByToken(secret)
	if err != nil || a.Kind != access.Token || a.Name != "dashboard" || !h.May(a, "device.list") || h.May(a, "device.adopt") {
		t.Fatalf("%+v %v", a, err)
	}
	if err := h.Flush(t.Context()); err != nil || h.Tokens()[0].Used.IsZero() {
		t.Error(err)
	}
	h.pass(time.Hour)
	if _, err := h.ByToken(secret); fault.CodeOf(err) != "access.token-expired" {
		t.Error(err)
	}
	forever, token, _ := issue(0, admin, "viewer")
	h.pass(1000 * time.Hour)
	if _, err := h.ByToken(forever); err != nil {
		t.Error(err)
	}
	if err := h.update(func(tx registerdb.Tx) error { _, err := h.RevokeToken(t.Context(), tx, token.ID); return err }); err != nil {
		t.Fatal(err)
	}
	h.reopen(t)
	for _, wrong := range []string{forever, secret[:len(secret)-1], "", "tha_", "tha_" + strings.Repeat("A", 43), strings.Repeat("x", 1<<16)} {
		if _, err := h.ByToken(wrong); fault.KindOf(err) != fault.Denied {
			t.Errorf("%.20q: %v", wrong, err)
		}
	}
	engineer := access.Actor{ID: "usr-e", Roles: []string{"engineer"}}
	if _, _, err := issue(0, engineer, "administrator"); fault.CodeOf(err) != "access.more-than-own" {
		t.Error(err)
	}
	if _, _, err := issue(0, admin, "king"); fault.CodeOf(err) != "access.role" {
		t.Error(err)
	}
	stored, _ := h.db.Tokens(t.Context())
	for _, one := range stored {
		if strings.Contains(string(one.Hash[:]), secret) {
			t.Error("the secret is stored")
		}
	}
}

func TestLinks(t *testing.T) {
	h := newHouse(t)
	a := h.account(t, "Mona", "viewer")
	link := func(life time.Duration) (text string, err error) {
		err = h.update(func(tx registerdb.Tx) error { text, err = h.MakeLink(t.Context(), tx, a.ID, life); return err })
		return text, err
	}
	redeem := func(text string) (cookie string, err error) {
		err = h.update(func(tx registerdb.Tx) error {
			cookie, _, _, err = h.Redeem(t.Context(), tx, text, "192.0.2.1:1")
			return err
		})
		return cookie, err
	}
	text, err := link(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	// Many at once: one gets in.
	var all sync.WaitGroup
	won := make(chan string, 8)
	for range 8 {
		all.Go(func() {
			if cookie, err := redeem(text); err == nil {
				won <- cookie
			}
		})
	}
	all.Wait()
	close(won)
	if len(won) != 1 {
		t.Fatal(len(won), "signed in with one link")
	}
	if _, _, err := h.BySession(<-won); err != nil {
		t.Error(err)
	}
	if _, err := redeem(text); fault.CodeOf(err) != "access.link-used" {
		t.Error(err)
	}
	text, _ = link(time.Minute)
	h.pass(time.Minute)
	if _, err := redeem(text); fault.CodeOf(err) != "access.link-used" {
		t.Error("an expired link signs in:", err)
	}
	if _, err := link(25 * time.Hour); fault.KindOf(err) != fault.Invalid {
		t.Error(err)
	}
}

func TestLastAdministratorStays(t *testing.T) {
	h := newHouse(t)
	root := h.account(t, "Root", "administrator")
	mona := h.account(t, "Mona", "administrator")
	put := func(change func(*access.Account), list ...access.Account) error {
		return h.update(func(tx registerdb.Tx) error {
			for _, a := range list {
				change(&a)
				if _, err := h.Put(t.Context(), tx, a, access.AnyVersion, admin); err != nil {
					return err
				}
			}
			return nil
		})
	}
	demote := func(a *access.Account) { a.Roles = []string{"viewer"} }
	if err := put(demote, root, mona); fault.CodeOf(err) != "access.last-administrator" {
		t.Error("both demoted in one transaction:", err)
	}
	if err := put(demote, mona); err != nil {
		t.Error(err)
	}
	if err := put(func(a *access.Account) { a.Disabled = true }, root); fault.CodeOf(err) != "access.last-administrator" {
		t.Error(err)
	}
	if err := h.update(func(tx registerdb.Tx) error { return h.Remove(t.Context(), tx, root.ID, access.AnyVersion) }); fault.CodeOf(err) != "access.last-administrator" {
		t.Error(err)
	}
	if a, err := h.Account("root"); err != nil || a.Disabled {
		t.Error("a refused change is in memory:", a, err)
	}
}

func TestAccountRules(t *testing.T) {
	h := newHouse(t)
	mona := h.account(t, "Mona", "engineer")
	put := func(a access.Account, expect int64, by access.Actor) error {
		return h.update(func(tx registerdb.Tx) error { _, err := h.Put(t.Context(), tx, a, expect, by); return err })
	}
	operator := access.Actor{ID: "usr-o", Roles: []string{"operator"}}
	for _, c := range []struct {
		a      access.Account
		expect int64
		by     access.Actor
		code   string
	}{
		{access.Account{Name: "mona", Roles: []string{"viewer"}}, 0, admin, "access.name-taken"},
		{access.Account{Name: "a:b"}, 0, admin, "access.name"},
		{access.Account{Name: ""}, 0, admin, "access.name"},
		{access.Account{Name: "x\ny"}, 0, admin, "access.name"},
		{access.Account{Name: "Otto", Roles: []string{"king"}}, 0, admin, "access.role"},
		{access.Account{Name: "Otto", Roles: []string{"engineer"}}, 0, operator, "access.more-than-own"},
		{access.Account{ID: mona.ID, Name: "Mona", Roles: nil}, access.AnyVersion, operator, "access.more-than-own"},
		{access.Account{ID: mona.ID, Name: "Mona", Roles: []string{"viewer"}}, 1, admin, "access.version"},
		{access.Account{ID: mona.ID, Name: "Mona M", Roles: []string{"viewer"}}, 2, admin, ""},
	} {
		if err := put(c.a, c.expect, c.by); (err == nil) != (c.code == "") || err != nil && fault.CodeOf(err) != c.code {
			t.Errorf("%+v: %v, want %s", c.a, err, c.code)
		}
	}
	h.reopen(t)
	if a, err := h.Account("MONA M"); err != nil || a.Version != 3 || !a.HasPassword || a.Roles[0] != "viewer" {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := h.Account("mona"); fault.KindOf(err) != fault.Absent {
		t.Error("the old name signs in:", err)
	}
}

func TestFailedTransactionChangesNoMemory(t *testing.T) {
	h := newHouse(t)
	err := h.update(func(tx registerdb.Tx) error {
		if _, err := h.Put(t.Context(), tx, access.Account{Name: "Mona", Roles: []string{"viewer"}}, 0, admin); err != nil {
			return err
		}
		return fault.New(fault.Conflict, "register.version", "no")
	})
	if err == nil || len(h.Accounts()) != 0 {
		t.Error(err, h.Accounts())
	}
}
