package storetest

import (
	"slices"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/patients"
)

func hour(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }

// registerConnections: connections that people made come back as made and as
// ended, by each of what they are asked by (R20).
func registerConnections(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	scan := patients.Connection{Device: "dev-a", Patient: "pat-a", Source: patients.Scan, From: hour(0), Until: hour(2), Made: hour(0), By: "usr-a", Reason: "Ünruh", Ended: hour(2), EndedBy: "usr-b", EndReason: "the next one"}
	all := []patients.Connection{
		scan,
		{Device: "dev-a", Patient: "pat-b", Source: patients.Scan, From: hour(2), Made: hour(2), By: "usr-b"},
		{Device: "dev-b", Patient: "pat-a", Source: patients.Hand, From: hour(-5), Until: hour(-1), Made: hour(3), By: "usr-a"},
		{Device: "dev-b", Patient: "pat-c", Source: patients.Scan, From: hour(4), Made: hour(4), By: "usr-a"},
	}
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		for i := range all {
			id, err := tx.AddConnection(ctx, all[i])
			if err != nil {
				return err
			}
			all[i].ID = id
		}
		all[3].Until, all[3].Ended, all[3].EndedBy, all[3].EndReason = hour(5), hour(6), "usr-c", "wrong bed"
		return tx.EndConnection(ctx, all[3])
	}))
	s = reopen()
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		for _, want := range all {
			got, err := tx.Connection(ctx, want.ID)
			if err != nil {
				return err
			}
			same(t, "connection", got, want)
		}
		if _, err := tx.Connection(ctx, all[3].ID+1); fault.KindOf(err) != fault.Absent {
			t.Errorf("of nothing: %v", err)
		}
		last, err := tx.ConnectionsOf(ctx, "dev-a", 1)
		same(t, "the last of a device", last, all[1:2])
		return err
	}))
	list, err := s.ConnectionsOf(ctx, "dev-a", 9)
	must(t, err)
	same(t, "of a device, as made", list, all[:2])
	told := func(device model.DeviceID) patients.Span {
		return patients.Span{Association: model.Association{Device: device, Patient: "pat-d", Source: "message", From: hour(0)}}
	}
	must(t, s.SavePatients(ctx, patients.Batch{Devices: []patients.Span{told("dev-a"), told("dev-c")}}))
	for at, want := range map[int][]patients.MayConnect{
		-6: nil,
		-3: {{Device: "dev-b"}},
		1:  {{Device: "dev-a"}, {Device: "dev-c", Told: true}},
		4:  {{Device: "dev-a"}, {Device: "dev-b"}, {Device: "dev-c", Told: true}},
		7:  {{Device: "dev-a"}, {Device: "dev-c", Told: true}},
	} {
		connected, err := s.ConnectedDevices(ctx, hour(at))
		must(t, err)
		same(t, "who may be connected", connected, want)
	}
	for name, c := range map[string]struct {
		q    patients.ConnectionQuery
		want []int // last made first
	}{
		"all":                     {patients.ConnectionQuery{}, []int{3, 2, 1, 0}},
		"one":                     {patients.ConnectionQuery{ID: all[2].ID}, []int{2}},
		"of a device":             {patients.ConnectionQuery{Device: "dev-b"}, []int{3, 2}},
		"of patients":             {patients.ConnectionQuery{Patients: []model.PatientID{"pat-a", "pat-c"}}, []int{3, 2, 0}},
		"that last":               {patients.ConnectionQuery{Open: true}, []int{1}},
		"at an instant":           {patients.ConnectionQuery{At: hour(4)}, []int{3, 1}},
		"at the end of one":       {patients.ConnectionQuery{At: hour(2)}, []int{1}},
		"before all":              {patients.ConnectionQuery{At: hour(-6)}, nil},
		"the next page":           {patients.ConnectionQuery{Before: all[2].ID}, []int{1, 0}},
		"as many as asked for":    {patients.ConnectionQuery{Limit: 2}, []int{3, 2}},
		"of a device a patient's": {patients.ConnectionQuery{Device: "dev-a", Patients: []model.PatientID{"pat-b"}}, []int{1}},
	} {
		list, err := s.Connections(ctx, c.q)
		must(t, err)
		var got []int
		for _, one := range list {
			got = append(got, slices.IndexFunc(all, func(x patients.Connection) bool { return x.ID == one.ID }))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	registerReviews(t, s)
}

// registerReviews: looks that are to be made stand in the order in which they
// were asked for, each once, until they are made.
func registerReviews(t *testing.T, s RegisterStore) {
	ctx := t.Context()
	first := model.Review{Device: "dev-a", From: hour(0), Until: hour(2), Cause: "a connection was made", Actor: "usr-a", Reason: "r", Made: hour(2)}
	second := model.Review{Bed: "ICU^1^A", From: hour(1), Cause: "a late admission", Made: hour(3)}
	must(t, s.Update(ctx, func(tx RegisterTx) error {
		for _, r := range []model.Review{first, second, first} {
			if err := tx.AddReview(ctx, r); err != nil {
				return err
			}
		}
		return nil
	}))
	list, err := s.Reviews(ctx, 9)
	must(t, err)
	if len(list) != 2 {
		t.Fatalf("%d reviews: %+v", len(list), list)
	}
	first.ID, second.ID = list[0].ID, list[1].ID
	same(t, "reviews", list, []model.Review{first, second})
	must(t, s.EndReview(ctx, first.ID))
	if list, err = s.Reviews(ctx, 9); err != nil || len(list) != 1 || list[0].ID != second.ID {
		t.Errorf("after one was made: %+v %v", list, err)
	}
}
