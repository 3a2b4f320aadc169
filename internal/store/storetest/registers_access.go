package storetest

import (
	"errors"
	"testing"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/fault"
)

func registerAccounts(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	a := access.StoredAccount{Password: "$x", Account: access.Account{
		ID: "usr-a", Name: "Mona", Display: "Mona M", Roles: []string{"viewer", "engineer"}, Version: 1, HasPassword: true,
		Created: noon, CreatedBy: "system", Changed: noon, ChangedBy: "system", PasswordChanged: noon,
	}}
	save := func(a access.StoredAccount) error {
		return s.Update(ctx, func(tx RegisterTx) error { return tx.SaveAccount(ctx, a) })
	}
	must(t, save(a))
	a.Roles, a.Disabled, a.Version = []string{"viewer"}, true, 2
	must(t, save(a))
	other := a
	other.ID, other.Name = "usr-b", "MONA"
	if err := save(other); fault.CodeOf(err) != "access.name-taken" {
		t.Error(err)
	}
	s = reopen()
	list, err := s.Accounts(ctx)
	must(t, err)
	same(t, "accounts", list, []access.StoredAccount{a})
	must(t, s.Update(ctx, func(tx RegisterTx) error { return tx.RemoveAccount(ctx, "usr-a") }))
	if list, err := s.Accounts(ctx); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
	must(t, save(other)) // the name is free again
}

func registerSignIn(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	token := access.APIToken{ID: "tok-a", Name: "x", Roles: []string{"viewer"}, Made: noon, MadeBy: "usr-a", Expires: noon.Add(time.Hour), Hash: [32]byte{1}}
	session := access.Session{Hash: [32]byte{2}, Account: "usr-a", Remote: "r", Began: noon, Seen: noon, Expires: noon.Add(time.Hour)}
	gone := access.Session{Hash: [32]byte{3}, Account: "usr-a", Began: noon, Seen: noon, Expires: noon.Add(time.Minute)}
	link := access.Link{Hash: [32]byte{4}, Account: "usr-a", Expires: noon.Add(time.Hour)}
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		return errors.Join(tx.SaveToken(ctx, token), tx.SaveSession(ctx, session), tx.SaveSession(ctx, gone), tx.SaveLink(ctx, link),
			tx.SaveLink(ctx, access.Link{Hash: [32]byte{5}, Account: "usr-a", Expires: noon.Add(time.Minute)}))
	}))
	session.Seen, token.Used = noon.Add(10*time.Minute), noon.Add(10*time.Minute)
	must(t, s.TouchAccess(ctx, []access.Session{session}, []access.APIToken{token}, noon.Add(10*time.Minute), noon.Add(-time.Minute)))
	s = reopen()
	tokens, err := s.Tokens(ctx)
	must(t, err)
	same(t, "tokens", tokens, []access.APIToken{token})
	sessions, err := s.Sessions(ctx)
	must(t, err)
	same(t, "sessions", sessions, []access.Session{session})
	take := func(n byte) (l access.Link, err error) {
		err = s.Update(ctx, func(tx RegisterTx) error { l, err = tx.TakeLink(ctx, [32]byte{n}); return err })
		return l, err
	}
	mine := access.Choice{Actor: "usr-a", Kind: access.ViewChoice, Page: "/devices", Name: "Silent", Value: "state=silent"}
	theirs := access.Choice{Actor: "usr-b", Kind: access.ColumnsChoice, Page: "audit", Value: "8:3"}
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		return errors.Join(tx.SaveChoice(ctx, access.Choice{Actor: mine.Actor, Kind: mine.Kind, Page: mine.Page, Name: mine.Name, Value: "old"}), tx.SaveChoice(ctx, theirs), tx.SaveChoice(ctx, mine))
	}))
	chosen, err := s.Choices(ctx, "usr-a")
	must(t, err)
	same(t, "choices", chosen, []access.Choice{mine})
	must(t, s.Update(ctx, func(tx RegisterTx) error { return tx.RemoveChoice(ctx, mine) }))
	if chosen, err = s.Choices(ctx, "usr-a"); err != nil || len(chosen) != 0 {
		t.Error(chosen, err)
	}
	if l, err := take(4); err != nil || l != link {
		t.Error(l, err)
	}
	for _, n := range []byte{4, 5, 6} {
		if _, err := take(n); fault.KindOf(err) != fault.Absent {
			t.Errorf("link %d: %v", n, err)
		}
	}
	must(t, s.Update(ctx, func(tx RegisterTx) error { return tx.RemoveSession(ctx, session.Hash) }))
	if sessions, _ = s.Sessions(ctx); len(sessions) != 0 {
		t.Error(sessions)
	}
}
