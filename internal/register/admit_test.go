package register_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/store/sqlite/registerdb"
)

// R41, R43: a device comes in with what it was given, does what it may, and
// is sent away at once when that ends.
func TestGatekeeper(t *testing.T) {
	h := newHouse(t)
	now := morning
	open := func() *register.Gatekeeper {
		g, err := register.OpenGatekeeper(t.Context(), h.db, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	g := open()
	put := func(c register.Credential) error {
		return h.db.Update(t.Context(), func(tx registerdb.Tx) error {
			_, err := g.Put(context.Background(), tx, c, register.AnyVersion, register.Mark{})
			return err
		})
	}
	secret, sum := register.SecretOf([32]byte{1})
	later, laterSum := register.SecretOf([32]byte{2})
	print := register.SumOf([]byte("a certificate"))
	pump := register.Credential{ID: "pump-7", Device: "dev-1", Secret: sum, Channels: nil, Publish: []string{"ward/+/%c/#", "d/%d", "u/%u"}, Subscribe: []string{"cmd/%c"}}
	if err := put(pump); err != nil {
		t.Fatal(err)
	}
	if err := put(register.Credential{ID: "gw", Print: print, Client: "gw-1", Channels: []model.ChannelID{"iot"}, Expires: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := put(register.Credential{ID: "gw2", Print: print}); fault.CodeOf(err) != "register.credential-taken" {
		t.Error(err)
	}
	for _, bad := range []register.Credential{{ID: "x"}, {ID: "x", Secret: sum, Print: "00"}, {ID: "x", Secret: sum, Publish: []string{"a/#/b"}}, {ID: "x", Secret: sum, Publish: []string{"a/%z"}}} {
		if err := put(bad); fault.CodeOf(err) != "register.credential" {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	g = open() // it is read again at the start
	in, err := g.Admit("iot", register.Shown{Client: "c1", User: "pump-7", Secret: secret})
	if err != nil || in.Credential != "pump-7" || in.Device != "dev-1" || !slices.Equal(in.Publish, []string{"ward/+/c1/#", "d/dev-1", "u/pump-7"}) || !slices.Equal(in.Subscribe, []string{"cmd/c1"}) {
		t.Fatalf("%+v, %v", in, err)
	}
	if in, err := g.Admit("iot", register.Shown{Client: "c/#", User: "pump-7", Secret: secret}); err != nil || !slices.Equal(in.Publish, []string{"d/dev-1", "u/pump-7"}) {
		t.Errorf("a client id with wildcards: %+v, %v", in, err)
	}
	for _, c := range []struct {
		channel string
		shown   register.Shown
		code    string
	}{
		{"iot", register.Shown{}, "register.not-admitted"},
		{"iot", register.Shown{User: "pump-7"}, "register.not-admitted"},
		{"iot", register.Shown{User: "pump-7", Secret: later}, "register.not-admitted"},
		{"iot", register.Shown{User: "nobody", Secret: secret}, "register.not-admitted"},
		{"iot", register.Shown{User: "pump-7", Secret: sum}, "register.not-admitted"},
		{"iot", register.Shown{User: "gw", Secret: print, Client: "gw-1"}, "register.not-admitted"},
		{"iot", register.Shown{Print: print, Client: "other"}, "register.not-admitted-here"},
		{"icu", register.Shown{Print: print, Client: "gw-1"}, "register.not-admitted-here"},
		{"iot", register.Shown{Print: print, Client: "gw-1"}, ""},
		{"iot", register.Shown{Print: print, Client: "gw-1", User: "anything"}, ""},
		{"iot", register.Shown{Client: "pump-7", Secret: secret}, ""},
	} {
		if _, err := g.Admit(model.ChannelID(c.channel), c.shown); (err == nil) != (c.code == "") || err != nil && fault.CodeOf(err) != c.code {
			t.Errorf("%s %+v: %v", c.channel, c.shown, err)
		}
	}
	pump.Secret, pump.Earlier, pump.EarlierUntil = laterSum, sum, now.Add(time.Minute)
	if err := put(pump); err != nil {
		t.Fatal(err)
	}
	ended := func(gone <-chan struct{}) bool {
		select {
		case <-gone:
			return true
		default:
			return false
		}
	}
	fresh, err := g.Admit("iot", register.Shown{User: "pump-7", Secret: later})
	if err != nil || ended(in.Gone) {
		t.Fatal("the overlap does not hold", err)
	}
	now = now.Add(2 * time.Minute)
	if _, err := g.Admit("iot", register.Shown{User: "pump-7", Secret: secret}); fault.KindOf(err) != fault.Denied {
		t.Error("the old secret is still good", err)
	}
	pump.Note = "changed"
	if err := put(pump); err != nil || !ended(in.Gone) || ended(fresh.Gone) {
		t.Error("after the overlap the old one stays, or the new one went", err)
	}
	pump.Revoked = now
	if err := put(pump); err != nil || !ended(fresh.Gone) {
		t.Error("who holds a revoked credential is still there", err)
	}
	if _, err := g.Admit("iot", register.Shown{User: "pump-7", Secret: later}); fault.KindOf(err) != fault.Denied {
		t.Error(err)
	}
	if all, used := g.List(); len(all) != 2 || used["pump-7"].Channel != "iot" {
		t.Errorf("%+v %+v", all, used)
	}
}
