package storetest

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
)

// registerJobs: jobs with what they work on and what became of each row.
func registerJobs(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	save := func(j register.Job) {
		t.Helper()
		must(t, s.Update(ctx, func(tx RegisterTx) error { return tx.SaveJob(ctx, j) }))
	}
	for name, ask := range map[string]func() error{
		"job":    func() error { _, err := s.Job(ctx, "job-none"); return err },
		"input":  func() error { _, err := s.JobInput(ctx, "job-none"); return err },
		"change": func() error { _, err := s.JobOfChange(ctx, "none"); return err },
		"empty":  func() error { _, err := s.JobOfChange(ctx, ""); return err },
	} {
		if err := ask(); fault.CodeOf(err) != "register.no-job" || fault.KindOf(err) != fault.Absent {
			t.Errorf("%s of a job that is not there: %v", name, err)
		}
	}
	first := register.Job{ID: "job-1", Kind: "import", State: register.JobRunning, Change: "c1", Name: "house.csv", By: "user:1", Reason: "audit",
		Made: noon, Began: noon, Done: 2, Total: 4, Counts: map[string]int{"new": 2}, Ask: []byte(`{"what":"devices"}`)}
	save(first)
	save(register.Job{ID: "job-2", Kind: "edit", State: register.JobWaiting, Change: "c2", Made: noon.Add(time.Minute), Began: noon.Add(time.Minute)})
	save(register.Job{ID: "job-3", Kind: "import", State: register.JobDraft, Made: noon.Add(-48 * time.Hour)})
	save(register.Job{ID: "job-4", Kind: "import", State: register.JobDraft, Made: noon})
	must(t, s.Update(ctx, func(tx RegisterTx) error { return tx.SaveJobInput(ctx, "job-1", []byte("rows")) }))
	lines := []register.JobLine{
		{N: 1, Outcome: "new", Subject: "device/dev-a"}, {N: 2, Outcome: "skipped", Text: "it may be several"},
		{N: 4, Outcome: "new", Subject: "device/dev-b"}, {N: 9, Outcome: "same", Subject: "device/dev-c"},
	}
	must(t, s.Update(ctx, func(tx RegisterTx) error { return tx.SaveJobLines(ctx, "job-1", lines) }))
	// A line that is there already stays as it is: a part that is done again
	// after a break tells what became of it first.
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		return tx.SaveJobLines(ctx, "job-1", []register.JobLine{{N: 4, Outcome: "same", Subject: "device/dev-b"}})
	}))
	// What a transaction that failed did is not there.
	failed := errors.New("no")
	if err := s.Update(ctx, func(tx RegisterTx) error {
		_ = tx.SaveJob(ctx, register.Job{ID: "job-5", State: register.JobDone})
		return failed
	}); !errors.Is(err, failed) && err == nil {
		t.Error("a failed transaction gave no error")
	}
	s = reopen()
	if _, err := s.Job(ctx, "job-5"); fault.KindOf(err) != fault.Absent {
		t.Errorf("a job of a failed transaction: %v", err)
	}
	got, err := s.Job(ctx, "job-1")
	must(t, err)
	if !reflect.DeepEqual(got, first) {
		t.Errorf("stored %+v, saved %+v", got, first)
	}
	if got, err = s.JobOfChange(ctx, "c1"); err != nil || got.ID != "job-1" {
		t.Errorf("the job of a change: %v, %v", got.ID, err)
	}
	if body, err := s.JobInput(ctx, "job-1"); err != nil || !bytes.Equal(body, []byte("rows")) {
		t.Errorf("what it works on: %q, %v", body, err)
	}
	list, err := s.Jobs(ctx, 10)
	must(t, err)
	if len(list) != 2 || list[0].ID != "job-2" || list[1].ID != "job-1" {
		t.Errorf("the latest first, without drafts: %+v", list)
	}
	if list, err = s.Jobs(ctx, 1); err != nil || len(list) != 1 {
		t.Errorf("a limit of one gives %d, %v", len(list), err)
	}
	for name, c := range map[string]struct {
		outcome      string
		after, limit int
		want         []int
	}{
		"all": {"", 0, 0, []int{1, 2, 4, 9}}, "of one outcome": {"new", 0, 0, []int{1, 4}}, "on": {"", 2, 1, []int{4}}, "past the end": {"", 9, 0, nil},
	} {
		rows, err := s.JobLines(ctx, "job-1", c.outcome, c.after, c.limit)
		must(t, err)
		var n []int
		for _, l := range rows {
			n = append(n, l.N)
		}
		if !slices.Equal(n, c.want) {
			t.Errorf("%s: rows %v, want %v", name, n, c.want)
		}
	}
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		return errors.Join(tx.SaveJobInput(ctx, "job-1", nil), tx.DropDrafts(ctx, noon.Add(-24*time.Hour)))
	}))
	if body, err := s.JobInput(ctx, "job-1"); err != nil || body != nil {
		t.Errorf("what was let go of: %q, %v", body, err)
	}
	if _, err := s.Job(ctx, "job-3"); fault.KindOf(err) != fault.Absent {
		t.Errorf("an old draft: %v", err)
	}
	if _, err := s.Job(ctx, "job-4"); err != nil {
		t.Errorf("a young draft: %v", err)
	}
}

// registerBulk: changes of many devices and facts at once.
func registerBulk(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	mark := register.Mark{By: "user:1", At: noon, Change: "c1"}
	must(t, s.SaveDevices(ctx, []register.Device{{ID: "dev-a", Keys: []string{"serial|ACME|M|1"}, Observed: register.Observed{Serial: "1", FirstSeen: noon}}}, nil))
	must(t, s.SaveSightings(ctx, []register.Device{{ID: "dev-a", Seen: register.Sighting{LastSeen: noon, Messages: 1}}}))
	said := func(device, name, value string) fact.Fact {
		return fact.Fact{Subject: fact.Of(fact.OfDevice, device), Name: name, Truth: fact.Asserted, Value: value, From: noon, Believed: noon, By: mark.By, Change: mark.Change}
	}
	edits := []fact.Edit{{Add: []fact.Fact{said("dev-a", "owner", "ICU"), said("dev-a", "asset", "A-1")}}, {}, {Add: []fact.Fact{said("dev-b", "owner", "OR")}}}
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		return errors.Join(tx.EnterDevices(ctx, []register.Device{
			{ID: "dev-a", Keys: []string{"other"}, Observed: register.Observed{Serial: "2"}, Asserted: register.Asserted{Name: "Bed 1"}, Version: 3},
			{ID: "dev-b", Keys: []string{"asset|B"}, Adoption: &register.Adoption{By: "user:1", At: noon}, Version: 1},
		}), tx.SaveEdits(ctx, edits, mark))
	}))
	for i := range edits {
		for k := range edits[i].Add {
			f := edits[i].Add[k]
			rows, err := s.Facts(ctx, f.Subject, register.Believed)
			must(t, err)
			if f.ID == 0 || !slices.ContainsFunc(rows, func(g fact.Fact) bool { return reflect.DeepEqual(g, f) }) {
				t.Errorf("a fact was given no id of its own, or is stored otherwise: %+v among %+v", f, rows)
			}
		}
	}
	devices := func() map[model.DeviceID]register.Device {
		all, err := s.Devices(ctx)
		must(t, err)
		out := map[model.DeviceID]register.Device{}
		for _, d := range all {
			out[d.ID] = d
		}
		return out
	}
	got := devices()
	// Of a known device what was observed stays, a new one is stored whole.
	if a := got["dev-a"]; a.Observed.Serial != "1" || a.Keys[0] != "serial|ACME|M|1" || a.Asserted.Name != "Bed 1" || a.Version != 3 {
		t.Errorf("a known device: %+v", a)
	}
	if b := got["dev-b"]; b.Adoption == nil || len(b.Keys) != 1 || b.Version != 1 {
		t.Errorf("a new device: %+v", b)
	}
	// A second change retracts by id, once, and keeps what was.
	next := register.Mark{By: "user:2", At: noon.Add(time.Hour), Change: "c2"}
	owner := said("dev-a", "owner", "Ward 2")
	owner.Believed, owner.From, owner.Change, owner.By = next.At, next.At, next.Change, next.By
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		return tx.SaveEdits(ctx, []fact.Edit{{Retract: []int64{edits[0].Add[0].ID}, Add: []fact.Fact{owner}}}, next)
	}))
	// What was heard stays, whatever was asked; what was not goes, with its
	// history left.
	must(t, s.Update(ctx, func(tx RegisterTx) error { return tx.RemoveDevices(ctx, []string{"dev-a", "dev-b", "dev-none"}) }))
	s = reopen()
	if got = devices(); len(got) != 1 || got["dev-a"].ID != "dev-a" {
		t.Errorf("after removal: %+v", got)
	}
	ever, err := s.Facts(ctx, "device/dev-a", register.Ever)
	must(t, err)
	if len(ever) != 3 || !ever[0].Retracted.Equal(next.At) || ever[0].Undone != "c2" || ever[2].Value != "Ward 2" {
		t.Errorf("what was ever believed: %+v", ever)
	}
	if gone, err := s.Facts(ctx, "device/dev-b", register.Ever); err != nil || len(gone) != 1 {
		t.Errorf("the history of a device that went: %+v, %v", gone, err)
	}
	var both []fact.Fact
	must(t, s.Update(ctx, func(tx RegisterTx) (err error) {
		both, err = tx.FactsOf(ctx, []fact.Subject{"device/dev-b", "device/dev-none", "device/dev-a"})
		return err
	}))
	if a := slices.DeleteFunc(slices.Clone(both), func(f fact.Fact) bool { return f.Subject != "device/dev-a" }); len(both) != 4 || !reflect.DeepEqual(a, ever) {
		t.Errorf("what was ever believed of several: %+v", both)
	}
	must(t, s.Update(ctx, func(tx RegisterTx) (err error) {
		if none, err := tx.FactsOf(ctx, nil); err != nil || len(none) > 0 {
			t.Errorf("facts of nobody: %+v, %v", none, err)
		}
		return nil
	}))
	var touched []fact.Fact
	must(t, s.Update(ctx, func(tx RegisterTx) (err error) { touched, err = tx.FactsOfChange(ctx, "c2"); return err }))
	if len(touched) != 3 {
		t.Errorf("facts of the subjects that a change touched: %d", len(touched))
	}
}
