package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/register"
)

// RegisterTx is everything one transaction over what is governed can do.
type RegisterTx = interface {
	register.Tx
	register.RequestTx
	access.Tx
	audit.Tx
}

// RegisterStore is a store of everything that is governed.
type RegisterStore interface {
	register.Store
	register.Requests
	patients.Store
	access.Store
	audit.Store
	Update(ctx context.Context, work func(tx RegisterTx) error) error
	Close() error
}

// Registers is what every store of governed things must pass. open makes an
// empty store, or opens the one that name named before.
func Registers(t *testing.T, open func(t *testing.T, name string) RegisterStore) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s RegisterStore, reopen func() RegisterStore)
	}{
		{"transactions", registerTransactions},
		{"versions", registerVersions},
		{"devices", registerDevices},
		{"requests", registerRequests},
		{"accounts", registerAccounts},
		{"sign-in", registerSignIn},
		{"patients", registerPatients},
		{"stays", registerStays},
		{"audit", registerAudit},
		{"audit search", registerAuditSearch},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, c.name)
			t.Cleanup(func() { s.Close() })
			c.test(t, s, func() RegisterStore {
				s.Close()
				s = open(t, c.name)
				return s
			})
		})
	}
}

func registerTransactions(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	work := func(tx RegisterTx) error {
		_, err := register.Sites().Put(ctx, tx, register.Site{Name: "H"}, register.AnyVersion, register.Mark{At: noon})
		if err != nil {
			return err
		}
		_, err = tx.AppendAudit(ctx, audit.Record{At: noon, Action: "site.put"})
		return err
	}
	ran := ""
	boom := errors.New("boom")
	err := s.Update(ctx, func(tx RegisterTx) error {
		tx.OnCommit(func() { ran += "failed " })
		must(t, work(tx))
		return boom
	})
	if err == nil || !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if h, err := s.AuditHead(ctx); err != nil || h.Seq != 0 {
		t.Fatal("an audit record of a failed transaction:", h, err)
	}
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		tx.OnCommit(func() { ran += "first " })
		tx.OnCommit(func() { ran += "second " })
		return work(tx)
	}))
	if ran != "first second " {
		t.Error(ran)
	}
	s = reopen()
	site, err := register.Sites().Get(ctx, s, register.SiteID)
	if err != nil || site.Value.Name != "H" {
		t.Error(site, err)
	}
	// OnCommit work of one transaction has run before the next begins.
	shared, all := 0, sync.WaitGroup{}
	for range 20 {
		all.Go(func() {
			err := s.Update(context.Background(), func(tx RegisterTx) error {
				n := shared
				tx.OnCommit(func() { shared = n + 1 })
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if shared != 20 {
		t.Error(shared)
	}
}

func registerVersions(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	routes := register.Routes()
	route := func(to string) model.Route {
		return model.Route{ID: "r", Destinations: []model.DestinationID{model.DestinationID(to)}}
	}
	change := 0
	put := func(to string, expect int64) (v register.Versioned[model.Route], err error) {
		change++
		err = s.Update(ctx, func(tx RegisterTx) error {
			v, err = routes.Put(ctx, tx, route(to), expect, register.Mark{By: "usr-a", At: noon, Change: fmt.Sprint(change)})
			return err
		})
		return v, err
	}
	remove := func(expect int64) error {
		return s.Update(ctx, func(tx RegisterTx) error { return routes.Remove(ctx, tx, "r", expect, register.Mark{At: noon}) })
	}
	for _, step := range []struct {
		to      string
		expect  int64
		version int64
		code    string
	}{
		{"a", 3, 0, "register.absent"},
		{"a", register.NoVersion, 1, ""},
		{"b", register.NoVersion, 0, "register.version"},
		{"b", 1, 2, ""},
		{"c", 1, 0, "register.version"},
		{"b", register.AnyVersion, 2, ""}, // nothing new
		{"c", register.AnyVersion, 3, ""},
	} {
		v, err := put(step.to, step.expect)
		if err == nil && step.code != "" || err != nil && fault.CodeOf(err) != step.code || v.Version != step.version && step.code == "" {
			t.Fatalf("%+v: %+v %v", step, v, err)
		}
	}
	if err := remove(2); fault.CodeOf(err) != "register.version" {
		t.Error(err)
	}
	must(t, remove(3))
	if err := remove(register.AnyVersion); fault.KindOf(err) != fault.Absent {
		t.Error(err)
	}
	if _, err := routes.Get(ctx, s, "r"); fault.KindOf(err) != fault.Absent {
		t.Error(err)
	}
	if v, err := put("d", register.NoVersion); err != nil || v.Version != 5 {
		t.Error("a version is used twice:", v, err)
	}
	s = reopen()
	history, err := routes.History(ctx, s, "r", 10)
	must(t, err)
	text := ""
	for _, v := range history {
		text += fmt.Sprint(v.Version, v.Removed, v.Value.Destinations, " ")
	}
	same(t, "history", text, "5 false [d] 4 true [] 3 false [c] 2 false [b] 1 false [a] ")
	if list, err := routes.List(ctx, s); err != nil || len(list) != 1 || list[0].By != "usr-a" || !list[0].At.Equal(noon) {
		t.Error(list, err)
	}
	// Settings keep their types.
	settings := map[string]any{"n": 7, "f": 0.5, "big": int64(1) << 60, "list": []any{"a", 1}, "sub": map[string]any{"x": true}}
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		_, err := register.Destinations().Put(ctx, tx, model.Destination{ID: "d", Kind: "file", Settings: settings}, register.AnyVersion, register.Mark{})
		return err
	}))
	d, err := register.Destinations().Get(ctx, s, "d")
	must(t, err)
	same(t, "settings", d.Value.Settings, map[string]any{"n": int64(7), "f": 0.5, "big": int64(1) << 60, "list": []any{"a", int64(1)}, "sub": map[string]any{"x": true}})
	// What is wrong is refused before anything changes.
	for code, work := range map[string]func(tx RegisterTx) error{
		"register.id": func(tx RegisterTx) error {
			_, err := register.Channels().Put(ctx, tx, model.Channel{ID: "a/b", Driver: "x", Codec: "y"}, -1, register.Mark{})
			return err
		},
		"register.incomplete": func(tx RegisterTx) error {
			_, err := register.Channels().Put(ctx, tx, model.Channel{ID: "a", Driver: "x", Codec: "y", Unknown: "perhaps"}, -1, register.Mark{})
			return err
		},
		"register.zone": func(tx RegisterTx) error {
			_, err := register.Channels().Put(ctx, tx, model.Channel{ID: "a", Driver: "x", Codec: "y", Zone: "Mars"}, -1, register.Mark{})
			return err
		},
	} {
		if err := s.Update(ctx, work); fault.CodeOf(err) != code || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func registerDevices(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	dev := register.Device{
		ID: "dev-a", Keys: []string{"k1", "k2"},
		Observed: register.Observed{Manufacturer: "Acme", FirstSeen: noon, Place: model.Place{Bed: "1"}},
		Seen:     register.Sighting{LastSeen: noon, Channel: "icu", Peer: "p", Seq: 7, Part: 1, Messages: 3, Observations: 4, Alerts: 5, Issues: 6},
	}
	must(t, s.SaveDevices(ctx, []register.Device{dev}, nil))
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		d, err := tx.Device(ctx, "dev-a")
		if err != nil {
			return err
		}
		d.Asserted.Name, d.Version = "Bed 1", 1
		d.Adoption = &register.Adoption{By: "usr-a", At: noon}
		d.Observed.Manufacturer = "stale"
		return tx.SaveDevice(ctx, d, []register.Change{{Device: "dev-a", At: noon, Fact: "name", Now: "Bed 1", By: "usr-a"}})
	}))
	dev.Observed.Release = "2"
	must(t, s.SaveDevices(ctx, []register.Device{dev}, []register.Change{{Device: "dev-a", At: noon, Fact: "release", Was: "1", Now: "2"}}))
	must(t, s.SaveSightings(ctx, []register.Device{dev}))
	s = reopen()
	list, err := s.Devices(ctx)
	must(t, err)
	dev.Asserted.Name, dev.Version = "Bed 1", 1
	if len(list) != 1 || list[0].Adoption == nil || list[0].Adoption.By != "usr-a" {
		t.Fatalf("%+v", list)
	}
	list[0].Adoption = nil
	same(t, "device", list[0], dev)
	changes, err := s.DeviceChanges(ctx, "dev-a", 10)
	if err != nil || len(changes) != 2 || changes[0].Fact != "release" || changes[1].By != "usr-a" {
		t.Error(changes, err)
	}
	err = s.Update(ctx, func(tx RegisterTx) error { _, err := tx.Device(ctx, "dev-none"); return err })
	if fault.KindOf(err) != fault.Absent {
		t.Error(err)
	}
}

func registerRequests(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	var first, second register.Replay
	var hold register.Hold
	must(t, s.Update(ctx, func(tx RegisterTx) (err error) {
		if first, err = tx.AddReplay(ctx, register.Replay{Device: "dev-a", From: noon, Reason: "lost", State: "asked"}); err != nil {
			return err
		}
		if second, err = tx.AddReplay(ctx, register.Replay{Entries: []model.MessageRef{{Seq: 7}}, Reason: "lost", State: "asked"}); err != nil {
			return err
		}
		hold, err = tx.AddHold(ctx, register.Hold{From: 1, To: 9, Reason: "case 4"})
		return err
	}))
	if first.ID == 0 || second.ID <= first.ID || hold.ID == 0 {
		t.Fatal(first, second, hold)
	}
	first.State, first.Queued = "done", 12
	must(t, s.Update(ctx, func(tx RegisterTx) error { return tx.SaveReplay(ctx, first) }))
	s = reopen()
	got, err := s.Replay(ctx, first.ID)
	must(t, err)
	same(t, "replay", got, first)
	if list, err := s.Replays(ctx, 0, 10); err != nil || len(list) != 2 || list[0].ID != second.ID {
		t.Error(list, err)
	}
	if list, err := s.Replays(ctx, second.ID, 10); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
	if _, err := s.Replay(ctx, 99); fault.KindOf(err) != fault.Absent {
		t.Error(err)
	}
	if list, err := s.Holds(ctx); err != nil || len(list) != 1 || list[0].Reason != "case 4" {
		t.Error(list, err)
	}
	release := func(tx RegisterTx) error { return tx.ReleaseHold(ctx, hold.ID, register.Mark{By: "usr-a", At: noon}) }
	must(t, s.Update(ctx, release))
	if err := s.Update(ctx, release); fault.KindOf(err) != fault.Absent {
		t.Error(err)
	}
	if list, err := s.Holds(ctx); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
	for name, work := range map[string]func(tx RegisterTx) error{
		"replay without a reason": func(tx RegisterTx) error { _, err := tx.AddReplay(ctx, register.Replay{Device: "d"}); return err },
		"replay of nothing":       func(tx RegisterTx) error { _, err := tx.AddReplay(ctx, register.Replay{Reason: "x"}); return err },
		"hold without a reason":   func(tx RegisterTx) error { _, err := tx.AddHold(ctx, register.Hold{From: 1, To: 2}); return err },
		"hold turned round": func(tx RegisterTx) error {
			_, err := tx.AddHold(ctx, register.Hold{From: 2, To: 1, Reason: "x"})
			return err
		},
	} {
		if err := s.Update(ctx, work); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

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

func registerPatients(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	calls := 0
	secret := func() ([]byte, error) { calls++; return []byte{1, 2, byte(calls)}, nil }
	first, err := s.Secret(ctx, "x", secret)
	must(t, err)
	again, err := s.Secret(ctx, "x", secret)
	if err != nil || !bytes.Equal(first, again) || calls != 1 {
		t.Error(first, again, calls, err)
	}
	p := patients.Patient{Keys: []string{"p|H|1", "AN|H|77"}, FirstSeen: noon, Aliases: []model.PatientID{"pat-x"}}
	p.ID, p.Family, p.Given = "pat-a", "Álvarez  Ruiz", []string{"Ana"}
	p.Identifiers = []model.Identifier{{Value: "1", System: "H", Type: "MR"}}
	q := patients.Patient{Keys: []string{"p|H|2"}, MergedInto: "pat-a"}
	q.ID, q.Family = "pat-b", "Álvarez"
	for range 2 {
		must(t, s.SavePatients(ctx, patients.Batch{Patients: []patients.Patient{q, p}}))
	}
	s = reopen()
	got, ok, err := s.Patient(ctx, "pat-a")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	same(t, "patient", got, p)
	if _, ok, err := s.Patient(ctx, "pat-none"); ok || err != nil {
		t.Error(ok, err)
	}
	found, err := s.PatientsByKey(ctx, []string{"none", "AN|H|77", "p|H|1", "p|H|2"})
	if err != nil || len(found) != 2 {
		t.Error(found, err)
	}
	for text, want := range map[string]int{"ÁLV": 1, "ÁLVAREZ R": 1, "ANA": 1, "1": 1, "77": 1, "2": 0, "ÁLVAREZ RUIZ, A": 1, "H": 0, "Z": 0} {
		if found, err := s.FindPatients(ctx, text, 5); err != nil || len(found) != want {
			t.Errorf("%s: %d, want %d %v", text, len(found), want, err)
		}
	}
}

func registerStays(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	span := func(patient, bed string, from, until int) patients.Span {
		p := patients.Span{Bed: bed, Visit: "v", Association: model.Association{Patient: model.PatientID(patient), Place: model.Place{Bed: bed}, Source: "adt", From: noon.Add(time.Duration(from) * time.Hour)}}
		if until > 0 {
			p.Until = noon.Add(time.Duration(until) * time.Hour)
		}
		return p
	}
	dev := func(patient string, from int) patients.Span {
		p := span(patient, "", from, 0)
		p.Device, p.Source, p.Visit = "dev-a", "message", ""
		return p
	}
	move := patients.Movement{Patient: "pat-a", Visit: "v", What: patients.Enter, At: noon, Said: noon.Add(time.Second), Place: model.Place{PointOfCare: "ICU", Bed: "A"}}
	group := []model.PatientID{"pat-a", "pat-old"}
	batch := patients.Batch{
		Movements: []patients.Movement{move},
		Stays:     []patients.Stay{{Group: group, Spans: []patients.Span{span("pat-a", "A", 0, 2), span("pat-a", "B", 2, 0)}}, {Group: []model.PatientID{"pat-b"}, Spans: []patients.Span{span("pat-b", "A", 3, 0)}}},
		Devices:   []patients.Span{dev("pat-a", 0), dev("pat-b", 1)},
	}
	for range 2 {
		must(t, s.SavePatients(ctx, batch))
	}
	// A stay replaces what began at or after Since, of the group alone.
	must(t, s.SavePatients(ctx, patients.Batch{Stays: []patients.Stay{{Group: group, Since: noon.Add(time.Hour), Spans: []patients.Span{span("pat-a", "C", 2, 0)}}}}))
	s = reopen()
	moves, more, err := s.Movements(ctx, group, 5)
	must(t, err)
	same(t, "movements", moves, []patients.Movement{move})
	if more {
		t.Error("more")
	}
	if moves, more, err = s.Movements(ctx, group, 0); err != nil || !more || len(moves) != 0 {
		t.Error(moves, more, err)
	}
	bed, err := s.BedSpans(ctx, "A", 5)
	must(t, err)
	same(t, "bed A", bed, []patients.Span{span("pat-a", "A", 0, 2), span("pat-b", "A", 3, 0)})
	if bed, err = s.BedSpans(ctx, "A", 1); err != nil || len(bed) != 1 || bed[0].Patient != "pat-b" {
		t.Error("the last are kept:", bed, err)
	}
	if bed, err = s.BedSpans(ctx, "B", 5); err != nil || len(bed) != 0 {
		t.Error(bed, err)
	}
	last, ok, err := s.DeviceSpan(ctx, "dev-a")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	same(t, "device", last, dev("pat-b", 1))
	for name, c := range map[string]struct {
		q    patients.Query
		want int
	}{
		"of nothing":  {patients.Query{}, 0},
		"of a person": {patients.Query{Patients: group}, 3},
		"of a device": {patients.Query{Device: "dev-a"}, 2},
		"of a bed":    {patients.Query{Bed: "A"}, 2},
		"in a span":   {patients.Query{Bed: "A", From: noon.Add(2 * time.Hour), Until: noon.Add(3 * time.Hour)}, 0},
		"and longer":  {patients.Query{Bed: "A", From: noon.Add(time.Hour), Until: noon.Add(3*time.Hour + time.Microsecond)}, 2},
		"limited":     {patients.Query{Patients: group, Limit: 1}, 1},
	} {
		if list, err := s.Associations(ctx, c.q); err != nil || len(list) != c.want {
			t.Errorf("%s: %d, want %d %v", name, len(list), c.want, err)
		}
	}
}

func appendAudit(t *testing.T, s RegisterStore, records ...audit.Record) {
	t.Helper()
	must(t, s.Update(t.Context(), func(tx RegisterTx) error {
		for _, r := range records {
			if _, err := tx.AppendAudit(t.Context(), r); err != nil {
				return err
			}
		}
		return nil
	}))
}

func registerAudit(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	full := audit.Record{
		At: noon, Actor: "usr-a", ActorName: "Möna", ActorKind: "user", Action: "patient.get", Object: "pat-a", Patient: "pat-a",
		Outcome: audit.Failed, Reason: "because", FaultCode: "x.y", Change: "c", Remote: "r",
	}
	appendAudit(t, s, full, audit.Record{At: noon})
	appendAudit(t, s, full)
	s = reopen()
	appendAudit(t, s, full)
	list, err := s.AuditAfter(ctx, 0, 10)
	if err != nil || len(list) != 4 {
		t.Fatal(list, err)
	}
	var before audit.Hash
	for i, r := range list {
		if r.Seq != uint64(i+1) || audit.Seal(before, r).Hash != r.Hash {
			t.Errorf("record %d does not hold", i+1)
		}
		before = r.Hash
	}
	full.Seq, full.Hash = 1, list[0].Hash
	same(t, "record", list[0], full)
	head, err := s.AuditHead(ctx)
	anchor, ok, err2 := s.AuditAnchor()
	if err != nil || err2 != nil || !ok || head != anchor || head != (audit.Head{Seq: 4, Hash: before}) {
		t.Error(head, anchor, ok, err, err2)
	}
	if list, err := s.AuditAfter(ctx, 2, 1); err != nil || len(list) != 1 || list[0].Seq != 3 {
		t.Error(list, err)
	}
	if report, err := audit.Verify(ctx, s, nil, nil); err != nil || !report.Sound() || report.Records != 4 {
		t.Error(report, err)
	}
}

func registerAuditSearch(t *testing.T, s RegisterStore, _ func() RegisterStore) {
	for i := range 40 {
		appendAudit(t, s, audit.Record{
			At: noon.Add(time.Duration(i) * time.Minute), Actor: model.ActorID(fmt.Sprint("usr-", i%4)), Action: []string{"device.get", "device.adopt", "patient.get", "devices.x"}[i%4],
			Patient: model.PatientID([]string{"", "pat-a", "pat-b", ""}[i%4]), Object: fmt.Sprint("o", i%10), Outcome: audit.Done, Change: fmt.Sprint(i),
		})
	}
	for name, c := range map[string]struct {
		q    audit.Query
		want int
	}{
		"all":           {audit.Query{}, 40},
		"actor":         {audit.Query{Actor: "usr-1"}, 10},
		"action":        {audit.Query{Action: "device.get"}, 10},
		"noun":          {audit.Query{Action: "device."}, 20},
		"object":        {audit.Query{Object: "o3"}, 4},
		"patient":       {audit.Query{Patient: []model.PatientID{"pat-a"}}, 10},
		"two patients":  {audit.Query{Patient: []model.PatientID{"pat-a", "pat-b"}}, 20},
		"span":          {audit.Query{From: noon.Add(10 * time.Minute), Until: noon.Add(20 * time.Minute)}, 10},
		"change":        {audit.Query{Change: "7"}, 1},
		"outcome":       {audit.Query{Outcome: audit.Denied}, 0},
		"next page":     {audit.Query{Before: 11}, 10},
		"limit":         {audit.Query{Limit: 3}, 3},
		"several":       {audit.Query{Actor: "usr-1", Patient: []model.PatientID{"pat-a"}, Before: 10}, 2},
		"nobody's acts": {audit.Query{Actor: "usr-9"}, 0},
	} {
		list, err := s.AuditSearch(t.Context(), c.q)
		if err != nil || len(list) != c.want {
			t.Errorf("%s: %d, want %d %v", name, len(list), c.want, err)
		}
		for i := 1; i < len(list); i++ {
			if list[i].Seq >= list[i-1].Seq {
				t.Errorf("%s: not newest first", name)
			}
		}
	}
}
