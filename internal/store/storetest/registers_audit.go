package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"thalamus/internal/audit"
	"thalamus/internal/model"
)

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

// registerAuditPatients: a record that names several patients is found by each
// of them, holds, and comes back as it was.
func registerAuditPatients(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	ward := make([]model.PatientID, audit.MostPatients)
	for i := range ward {
		ward[i] = model.PatientID(fmt.Sprintf("pat-%04d", i))
	}
	look := audit.Record{At: noon, Actor: "usr-a", Action: "live.get", Outcome: audit.Done}
	for _, patients := range [][]model.PatientID{ward, ward[:2], ward, {"pat-0001", "pat-0007"}, {"pat-0001"}, nil} {
		appendAudit(t, s, look.Of(slices.Clone(patients))...)
	}
	s = reopen()
	appendAudit(t, s, look.Of(slices.Clone(ward))...)
	for name, c := range map[string]struct {
		q    audit.Query
		want []uint64
	}{
		"in groups and alone": {audit.Query{Patient: []model.PatientID{"pat-0001"}}, []uint64{7, 5, 4, 3, 2, 1}},
		"two of them":         {audit.Query{Patient: []model.PatientID{"pat-0000", "pat-0007"}}, []uint64{7, 4, 3, 2, 1}},
		"the last of many":    {audit.Query{Patient: []model.PatientID{"pat-0999"}}, []uint64{7, 3, 1}},
		"a page":              {audit.Query{Patient: []model.PatientID{"pat-0001"}, Before: 5, Limit: 2}, []uint64{4, 3}},
		"nobody":              {audit.Query{Patient: []model.PatientID{"pat-9999"}}, nil},
	} {
		list, err := s.AuditSearch(ctx, c.q)
		var got []uint64
		for _, r := range list {
			got = append(got, r.Seq)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: records %d, want %d %v", name, got, c.want, err)
		}
	}
	list, err := s.AuditAfter(ctx, 0, 10)
	if err != nil || len(list) != 7 {
		t.Fatal(len(list), err)
	}
	for i, want := range []int{1000, 2, 1000, 2, 1, 0, 1000} {
		if got := list[i].All(); len(got) != want {
			t.Errorf("record %d names %d patients, want %d", i+1, len(got), want)
		}
	}
	same(t, "patients", list[6].Patients, ward)
	if report, err := audit.Verify(ctx, s, nil, nil); err != nil || !report.Sound() || report.Records != 7 {
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
		"objects":       {audit.Query{Objects: []string{"o3", "o4", "o-none"}}, 8},
		"actions":       {audit.Query{Actions: []string{"device.adopt", "patient.get"}}, 20},
		"acts on one":   {audit.Query{Objects: []string{"o1"}, Actions: []string{"device.adopt"}}, 2},
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
