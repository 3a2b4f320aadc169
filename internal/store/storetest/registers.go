package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/flows"
)

// RegisterTx is everything one transaction over what is governed can do.
type RegisterTx = interface {
	register.Tx
	patients.Tx
	access.Tx
	audit.Tx
	flows.Tx
}

// RegisterStore is a store of everything that is governed.
type RegisterStore interface {
	register.Store
	patients.Store
	access.Store
	audit.Store
	record.Amendments
	register.JobStore
	flows.Store
	// AddCorrection, Untold and Told as flow/correct asks for them.
	AddCorrection(ctx context.Context, c model.Correction, rows []model.Amended) (uint64, error)
	Untold(ctx context.Context) (uint64, []model.Amended, error)
	Told(ctx context.Context, id uint64) error
	Reviews(ctx context.Context, limit int) ([]model.Review, error)
	EndReview(ctx context.Context, id uint64) error
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
		{"acceptances", registerAcceptances},
		{"care", registerCare},
		{"flows", registerFlows},
		{"jobs", registerJobs},
		{"bulk", registerBulk},
		{"accounts", registerAccounts},
		{"sign-in", registerSignIn},
		{"patients", registerPatients},
		{"stays", registerStays},
		{"connections", registerConnections},
		{"amended record", registerAmended},
		{"audit", registerAudit},
		{"audit search", registerAuditSearch},
		{"audit of several patients", registerAuditPatients},
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
		_, err := register.Destinations().Put(ctx, tx, model.Destination{ID: "house", Name: "H", Kind: "file"}, register.AnyVersion, register.Mark{At: noon})
		if err != nil {
			return err
		}
		_, err = tx.AppendAudit(ctx, audit.Record{At: noon, Action: "destination.put"})
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
	house, err := register.Destinations().Get(ctx, s, "house")
	if err != nil || house.Value.Name != "H" {
		t.Error(house, err)
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
	// What one change made: the newest version of each thing, by kind and id.
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		mark := register.Mark{At: noon, Change: "both"}
		for _, to := range []string{"e", "f"} {
			if _, err := routes.Put(ctx, tx, route(to), register.AnyVersion, mark); err != nil {
				return err
			}
		}
		_, err := register.Destinations().Put(ctx, tx, model.Destination{ID: "e", Kind: "file"}, register.AnyVersion, mark)
		return err
	}))
	for change, want := range map[string]string{"both": "destination e 1 route r 7 ", "4": "route r 2 ", "3": "", "none": "", "": ""} {
		rows, err := s.GovernedOfChange(ctx, change)
		must(t, err)
		made := ""
		for _, row := range rows {
			made += fmt.Sprint(row.Kind, " ", row.ID, " ", row.Version, " ")
		}
		same(t, "made by "+change, made, want)
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
		Seen:     register.Sighting{LastSeen: noon, Channel: "icu", Peer: "p", Seq: 7, Part: 1, Messages: 3, Observations: 4, Alerts: 5, Issues: 6, Read: 2, Contact: &model.Contact{Down: true, Since: noon, Client: "mon-7", Losses: 3, Ending: model.Ending{How: model.EndWill, Topic: "dev/7/state"}}, Battery: &register.Battery{Level: "80 %", At: noon}},
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
	if c := list[0].Seen.Contact; c == nil || *c != *dev.Seen.Contact {
		t.Errorf("contact: %+v", c)
	}
	if b := list[0].Seen.Battery; b == nil || *b != *dev.Seen.Battery {
		t.Errorf("battery: %+v", b)
	}
	list[0].Seen.Contact, list[0].Seen.Battery = dev.Seen.Contact, dev.Seen.Battery
	same(t, "device", list[0], dev)
	changes, err := s.DeviceChanges(ctx, "dev-a", 10)
	if err != nil || len(changes) != 2 || changes[0].Fact != "release" || changes[1].By != "usr-a" {
		t.Error(changes, err)
	}
	s = registerFacts(t, s, reopen)
	err = s.Update(ctx, func(tx RegisterTx) error { _, err := tx.Device(ctx, "dev-none"); return err })
	if fault.KindOf(err) != fault.Absent {
		t.Error(err)
	}
}

// registerFacts: an edit is whole, both times come back, and a change leads to
// all it touched.
func registerFacts(t *testing.T, s RegisterStore, reopen func() RegisterStore) RegisterStore {
	ctx := t.Context()
	said := fact.Fact{
		Subject: "model/mdl-a", Name: "support", Truth: fact.Decided, Value: "ended", Source: "letter", Confidence: 80,
		From: noon, Until: noon.Add(time.Hour), Believed: noon.Add(time.Minute), By: "usr-a", Change: "chg-1",
	}
	observed := fact.Fact{Subject: "model/mdl-a", Name: "udi-di", Truth: fact.Observed, Value: "1", Believed: noon}
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		return tx.SaveFacts(ctx, fact.Edit{Add: []fact.Fact{said, observed}}, register.Mark{At: said.Believed, Change: "chg-1"})
	}))
	var first []fact.Fact
	must(t, s.Update(ctx, func(tx RegisterTx) (err error) {
		if first, err = tx.Facts(ctx, "model/mdl-a", register.Believed); err != nil {
			return err
		}
		next := said
		next.Value, next.Believed, next.Change = "limited", noon.Add(2*time.Minute), "chg-2"
		return tx.SaveFacts(ctx, fact.Edit{Retract: []int64{first[0].ID}, Add: []fact.Fact{next}}, register.Mark{At: next.Believed, Change: "chg-2"})
	}))
	said.ID = first[0].ID
	same(t, "fact", first[0], said)
	s = reopen()
	ever, err := s.Facts(ctx, "model/mdl-a", register.Ever)
	must(t, err)
	said.Retracted, said.Undone = noon.Add(2*time.Minute), "chg-2"
	if len(ever) != 3 {
		t.Fatalf("%+v", ever)
	}
	same(t, "retracted fact", ever[0], said)
	var now []fact.Fact
	var last time.Time
	must(t, s.Beliefs(ctx, func(f *fact.Fact) {
		if f.Subject == "model/mdl-a" {
			now = append(now, *f)
		}
	}, func(of fact.Subject, at time.Time) {
		if of == "model/mdl-a" && at.After(last) {
			last = at
		}
	}))
	said = ever[2]
	if len(now) != 1 || now[0].Value != "limited" || !last.Equal(noon.Add(2*time.Minute)) {
		t.Fatalf("said now: %+v, changed %v", now, last)
	}
	same(t, "believed fact", now[0], said)
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		for _, change := range []string{"chg-1", "chg-2"} {
			if rows, err := tx.FactsOfChange(ctx, change); err != nil || len(rows) != 3 {
				t.Errorf("%s: %+v, %v", change, rows, err)
			}
		}
		if rows, err := tx.FactsOfChange(ctx, "chg-none"); err != nil || len(rows) != 0 {
			t.Errorf("%+v, %v", rows, err)
		}
		return nil
	}))
	return s
}
