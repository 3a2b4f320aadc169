package storetest

import (
	"reflect"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/care"
)

func registerCare(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	by := care.Mark{By: "user:1", Name: "Ann", At: noon}
	begin := func(device, plan string, due care.Day) care.Order {
		o, err := care.Begin(care.Order{Device: model.DeviceID("dev-" + device), Title: "Safety", Kind: care.Preventive, Plan: plan, Due: due}, by)
		must(t, err)
		return o
	}
	put := func(o care.Order) (stored care.Order, err error) {
		err = s.Update(ctx, func(tx RegisterTx) (err error) {
			if stored, err = tx.PutOrder(ctx, o); err != nil {
				return err
			}
			inside, err := tx.Order(ctx, stored.ID)
			if err == nil && !reflect.DeepEqual(inside, stored) {
				t.Errorf("within the transaction %+v, stored %+v", inside, stored)
			}
			return err
		})
		return stored, err
	}
	if _, err := s.Order(ctx, 1); fault.CodeOf(err) != "care.absent" {
		t.Error("one that is not there:", err)
	}
	first, err := put(begin("a", "yearly", "2026-05-01"))
	must(t, err)
	second, err := put(begin("a", "", ""))
	must(t, err)
	third, err := put(begin("b", "yearly", "2026-06-01"))
	must(t, err)
	if first.ID >= second.ID || second.ID >= third.ID || first.Version != 1 {
		t.Errorf("ids %d %d %d do not count up, version %d", first.ID, second.ID, third.ID, first.Version)
	}
	stale := first
	must(t, first.End(care.Finish{On: "2026-05-02"}, false, "2026-05-03", by))
	first, err = put(first)
	must(t, err)
	if _, err := put(stale); fault.CodeOf(err) != "register.version" {
		t.Error("an older version:", err)
	}
	must(t, third.End(care.Finish{On: "2026-05-02"}, true, "2026-05-03", by)) // did not pass
	third, err = put(third)
	must(t, err)
	s = reopen()
	for name, c := range map[string]struct {
		q    care.OrderQuery
		want []int64
	}{
		"all":      {care.OrderQuery{}, []int64{third.ID, second.ID, first.ID}},
		"live":     {care.OrderQuery{States: []care.State{care.Open, care.Working, care.Waiting}}, []int64{second.ID}},
		"done":     {care.OrderQuery{States: []care.State{care.Finished}}, []int64{third.ID, first.ID}},
		"device":   {care.OrderQuery{Device: "dev-a"}, []int64{second.ID, first.ID}},
		"plan":     {care.OrderQuery{Plan: "yearly", Device: "dev-b"}, []int64{third.ID}},
		"kind":     {care.OrderQuery{Kind: care.Corrective}, nil},
		"next":     {care.OrderQuery{Before: third.ID, Limit: 1}, []int64{second.ID}},
		"injected": {care.OrderQuery{Device: "' OR 1=1 --"}, nil},
	} {
		found, err := s.Orders(ctx, c.q)
		must(t, err)
		var ids []int64
		for _, o := range found {
			ids = append(ids, o.ID)
		}
		if !reflect.DeepEqual(ids, c.want) {
			t.Errorf("%s: orders %v, want %v", name, ids, c.want)
		}
	}
	rows, err := s.LastDone(ctx, "")
	must(t, err)
	want := []care.DoneRow{{Device: "dev-a", Plan: "yearly", Done: care.Done{On: "2026-05-02", Due: "2026-05-01"}}}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("last done %+v, want %+v: what did not pass does not count", rows, want)
	}
	must(t, first.Change(care.Change{State: care.Open, Text: "wrong device"}, by))
	_, err = put(first)
	must(t, err)
	if rows, err := s.LastDone(ctx, "dev-a"); err != nil || len(rows) != 0 {
		t.Errorf("opened again, and still done: %+v %v", rows, err)
	}
	registerAccessories(t, s)
}

func registerAccessories(t *testing.T, s RegisterStore) {
	ctx := t.Context()
	by := care.Mark{By: "user:1", Name: "Ann", At: noon}
	var added care.Accessory
	must(t, s.Update(ctx, func(tx RegisterTx) (err error) {
		for _, name := range []string{"Cuff", "Cable"} {
			if added, err = tx.AddAccessory(ctx, care.Accessory{Device: "dev-a", Name: name, Count: 1, Added: by}); err != nil {
				return err
			}
		}
		return nil
	}))
	list, err := s.Accessories(ctx, care.AccessoryQuery{Device: "dev-a"})
	must(t, err)
	if len(list) != 2 || list[0].Name != "Cuff" || !reflect.DeepEqual(list[1], added) {
		t.Errorf("accessories %+v", list)
	}
	if page, err := s.Accessories(ctx, care.AccessoryQuery{After: list[0].ID, Limit: 1}); err != nil || len(page) != 1 || page[0].ID != added.ID {
		t.Errorf("next page %+v %v", page, err)
	}
	put := func(a care.Accessory) error {
		return s.Update(ctx, func(tx RegisterTx) error { return tx.PutAccessory(ctx, a) })
	}
	added.Removed = &by
	must(t, put(added))
	if err := put(care.Accessory{ID: 99}); fault.CodeOf(err) != "care.absent" {
		t.Error("one that is not there:", err)
	}
	if list, err := s.Accessories(ctx, care.AccessoryQuery{Device: "dev-a", Removed: true}); err != nil || len(list) != 2 || !reflect.DeepEqual(list[1], added) {
		t.Errorf("with those taken away %+v %v", list, err)
	}
	if list, err := s.Accessories(ctx, care.AccessoryQuery{Device: "dev-a"}); err != nil || len(list) != 1 {
		t.Errorf("after removing %+v %v", list, err)
	}
	added.Removed, added.Back = nil, &by
	must(t, put(added))
	if list, err := s.Accessories(ctx, care.AccessoryQuery{Device: "dev-a"}); err != nil || len(list) != 2 || !reflect.DeepEqual(list[1], added) {
		t.Errorf("back again %+v %v", list, err)
	}
}
