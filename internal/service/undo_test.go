package service_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/app/apptest"
	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/care"
	"thalamus/internal/register/fact"
	"thalamus/internal/service"
)

// changeOf gives the id of the newest change by an operation.
func changeOf(t *testing.T, h *apptest.House, action string) string {
	t.Helper()
	var list service.List[audit.Record]
	h.Call("audit.list", service.AuditAsk{Action: action, Outcome: audit.Done, Limit: 1}, &list)
	if len(list.Rows) != 1 {
		t.Fatalf("%s was never done", action)
	}
	return list.Rows[0].Change
}

// One change id takes back whatever was changed (R56): a thing of every kind, on
// and off, what is said of devices, what messages wait for, work orders, a text.
func TestUndoByChange(t *testing.T) {
	h := apptest.Start(t)
	device := monitor(h).ID
	undo := func(action string) service.ChangeUndone {
		t.Helper()
		var out service.ChangeUndone
		h.Call("change.undo", service.ChangeUndo{Change: changeOf(t, h, action), Reason: "a test"}, &out)
		return out
	}
	gone := func(operation, id string) {
		t.Helper()
		if err := h.Door().Call(t.Context(), operation, service.ID{ID: id}, nil); fault.KindOf(err) != fault.Absent {
			t.Errorf("%s %s: %v", operation, id, err)
		}
	}
	h.Call("segment.put", service.Put[model.Segment]{Value: model.Segment{ID: "icu", Name: "Intensive care", Ranges: []string{"10.20.0.0/16"}}}, nil)
	if out := undo("segment.put"); !slices.Equal(out.Back, []string{"segment icu"}) || out.Change == "" {
		t.Errorf("a segment: %+v", out)
	}
	gone("segment.get", "icu")
	undo("change.undo") // and what undid is undone
	h.Call("segment.get", service.ID{ID: "icu"}, nil)

	h.Call("contract.put", service.Put[care.Contract]{Value: care.Contract{ID: "full", Name: "Full service", Supplier: "Acme", Covers: []care.Kind{care.Safety}, Devices: []model.DeviceID{device}}}, nil)
	h.Call("contract.remove", service.Remove{ID: "full"}, nil)
	undo("contract.remove")
	h.Call("contract.get", service.ID{ID: "full"}, nil)

	h.Call("channel.disable", service.Remove{ID: "ward"}, nil)
	if undo("channel.disable"); h.App.Service().Links.Status()["ward"].State != "listening" {
		t.Errorf("the channel does not listen again: %+v", h.App.Service().Links.Status()["ward"])
	}

	adopted := func() bool {
		d, err := h.App.Service().Register.Get(device)
		return err == nil && d.Adopted()
	}
	h.Call("device.adopt", service.DeviceAct{ID: device}, nil)
	if undo("device.adopt"); adopted() {
		t.Error("still adopted")
	}
	if undo("change.undo"); !adopted() {
		t.Error("adopted by what undid the undoing")
	}
	h.Call("device.block", service.DeviceBlock{DeviceAct: service.DeviceAct{ID: device, Reason: "a test"}, Force: true}, nil)
	undo("device.block")
	if d, _ := h.App.Service().Register.Get(device); d.Block.InForce(time.Now()) {
		t.Error("still blocked")
	}
	stranger := h.Stranger("MON-9", "61")
	h.Call("device.merge", service.DeviceMerge{DeviceAct: service.DeviceAct{ID: stranger, Reason: "a test"}, Into: device, Force: true}, nil)
	undo("device.merge")
	if d, err := h.App.Service().Register.Get(stranger); err != nil || d.ID != stranger {
		t.Errorf("still another name: %v %v", d.ID, err)
	}

	h.Call("plan.put", service.Put[care.Plan]{Value: care.Plan{ID: "safety", Name: "Electrical safety", Kind: care.Safety, Devices: []model.DeviceID{device}, Months: 12,
		Measures: []care.Measure{{Name: "Earth leakage", UnitUCUM: "uA", Max: "500"}}}}, nil)
	var order care.Order
	h.Call("order.open", service.OrderNew{Device: device, Plan: "safety"}, &order)
	var ended service.OrderEnded
	h.Call("order.finish", service.OrderFinish{ID: order.ID, Finish: care.Finish{Results: []care.Result{{Measure: care.Measure{Name: "Earth leakage"}, Value: "900"}}}}, &ended)
	if out := undo("order.finish"); ended.Opens == 0 || len(out.Back) != 2 {
		t.Errorf("an order that did not pass: %+v, %+v", ended.Opens, out)
	}
	var live service.List[service.OrderRow]
	if h.Call("order.list", service.OrderAsk{Device: device}, &live); len(live.Rows) != 1 || live.Rows[0].ID != order.ID || live.Rows[0].State != care.Open {
		t.Errorf("orders: %+v", live.Rows)
	}

	h.Call("config.apply", service.ConfigText{Name: "x.yaml", Text: strings.Replace(h.Ward(), "channels:", "segments:\n- {id: theatre, name: Theatre, ranges: [10.30.0.0/16]}\nchannels:", 1), Reason: "a test"}, nil)
	undo("config.apply")
	gone("segment.get", "theatre")
	h.Call("segment.get", service.ID{ID: "icu"}, nil) // that the text had left out
}

// Each step of a work order, what belongs to a device, and what a disposal
// cancelled is taken back by its change, and so is what took it back.
func TestUndoOfCare(t *testing.T) {
	h := apptest.Start(t)
	device := monitor(h).ID
	undo := func(action string) service.ChangeUndone {
		t.Helper()
		var out service.ChangeUndone
		h.Call("change.undo", service.ChangeUndo{Change: changeOf(t, h, action), Reason: "a test"}, &out)
		return out
	}
	var order care.Order
	h.Call("order.open", service.OrderNew{Device: device, Title: "Cracked housing", Assigned: "Ann"}, &order)
	get := func() care.Order {
		t.Helper()
		var row service.OrderRow
		h.Call("order.get", service.OrderID{ID: order.ID}, &row)
		return row.Order
	}
	h.Call("order.change", service.OrderChange{ID: order.ID, State: care.Waiting, Waits: "housing", Assigned: "-", Due: "2030-01-31"}, nil)
	undo("order.change")
	if o := get(); o.State != care.Open || o.Assigned != "Ann" || o.Waits != "" || o.Due != "" {
		t.Errorf("a step taken back: %+v", o)
	}
	undo("change.undo")
	if o := get(); o.State != care.Waiting || o.Assigned != "" || o.Waits != "housing" || o.Due != "2030-01-31" {
		t.Errorf("and that in its turn: %+v", o)
	}
	h.Call("order.cancel", service.OrderStop{ID: order.ID, Reason: "a mistake"}, nil)
	if undo("order.cancel"); get().State != care.Waiting {
		t.Errorf("still cancelled: %+v", get())
	}
	h.Call("order.finish", service.OrderFinish{ID: order.ID, Finish: care.Finish{Text: "glued"}}, nil)
	undo("order.finish")
	if o := get(); o.State != care.Waiting || o.Finish != nil || len(o.Earlier) != 1 {
		t.Errorf("not as before its end: %+v", o)
	}
	undo("change.undo")
	if o := get(); o.State != care.Finished || o.Finish == nil || o.Finish.Text != "glued" || len(o.Earlier) != 0 {
		t.Errorf("its end does not count again: %+v", o)
	}

	var second care.Order
	h.Call("order.open", service.OrderNew{Device: device, Title: "Loose plug"}, &second)
	h.Call("device.dispose", service.DeviceDispose{DeviceAct: service.DeviceAct{ID: device}, WipedBy: "Ott", WipedHow: "overwritten", WipedOn: "2026-01-31", Document: "D-1", Force: true}, nil)
	if out := undo("device.dispose"); !slices.Contains(out.Back, "order "+strconv.FormatInt(second.ID, 10)) || len(out.Stays) != 1 {
		t.Errorf("a disposal: %+v", out)
	}

	list := func() int {
		t.Helper()
		var things []care.Accessory
		h.Call("accessory.list", service.AccessoryAsk{Device: device}, &things)
		return len(things)
	}
	var cuff care.Accessory
	h.Call("accessory.add", service.AccessoryNew{Device: device, Name: "Cuff"}, &cuff)
	if undo("accessory.add"); list() != 0 {
		t.Error("the cuff still belongs to it")
	}
	if undo("change.undo"); list() != 1 {
		t.Error("the cuff is not back")
	}
	h.Call("accessory.remove", service.Numbered{ID: cuff.ID}, nil)
	if undo("accessory.remove"); list() != 1 {
		t.Error("the cuff that was taken away is not back")
	}
	h.Call("accessory.remove", service.Numbered{ID: cuff.ID}, nil)
	err := h.Door().Call(t.Context(), "change.undo", service.ChangeUndo{Change: cuff.Added.Change, Reason: "a test"}, nil)
	expect(t, "taken away since", err, fault.Conflict, "service.undo-newer")
	var gone care.Accessory
	if err := h.Door().Call(t.Context(), "accessory.remove", service.Numbered{ID: cuff.ID}, &gone); fault.CodeOf(err) != "care.absent" {
		t.Errorf("taken away twice: %v", err)
	}
}

// Where something newer stands on a change, where another act is the way back,
// or where somebody may not, nothing is changed and the refusal says what to do.
func TestUndoRefused(t *testing.T) {
	h := apptest.Start(t)
	device := monitor(h).ID
	subject := fact.Of(fact.OfDevice, string(device))
	refuse := func(what, change string, kind fault.Kind, code string, words ...string) {
		t.Helper()
		err := h.Door().Call(t.Context(), "change.undo", service.ChangeUndo{Change: change, Reason: "a test"}, nil)
		expect(t, what, err, kind, code)
		for _, w := range words {
			if err != nil && !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", what, err, w)
			}
		}
	}
	refuse("none", "", fault.Invalid, "register.no-change")
	refuse("unknown", "0123456789abcdef", fault.Absent, "register.no-change")

	segment := func(name string) (v register.Versioned[model.Segment]) {
		h.Call("segment.put", service.Put[model.Segment]{Value: model.Segment{ID: "icu", Name: name, Ranges: []string{"10.20.0.0/16"}}}, &v)
		return v
	}
	first, second := segment("a"), segment("b")
	refuse("a segment changed since", first.Change, fault.Conflict, "service.undo-newer", "segment icu", "segment.put", second.Change, "root")

	var one, two service.FactSaid
	h.Call("fact.set", service.FactSay{Subject: subject, Name: "owner", Value: "ICU"}, &one)
	h.Call("fact.set", service.FactSay{Subject: subject, Name: "owner", Value: "Theatre"}, &two)
	refuse("a fact changed since", one.Change, fault.Conflict, "service.undo-newer", "owner", "fact.set", two.Change, "root")
	h.Call("change.undo", service.ChangeUndo{Change: two.Change}, nil)
	refuse("taken back already", two.Change, fault.Conflict, "service.undo-newer", "change.undo")

	h.Call("device.adopt", service.DeviceAct{ID: device}, nil)
	adoption := changeOf(t, h, "device.adopt")
	h.Call("device.release", service.DeviceAct{ID: device}, nil)
	refuse("released since", adoption, fault.Conflict, "service.undo-newer", "device.release")

	var order care.Order
	h.Call("order.open", service.OrderNew{Device: device, Title: "Cracked housing"}, &order)
	opened := changeOf(t, h, "order.open")
	h.Call("order.change", service.OrderChange{ID: order.ID, State: care.Working}, nil)
	refuse("in work since", opened, fault.Conflict, "service.undo-newer", "order.change")
	working := changeOf(t, h, "order.change")
	h.Call("change.undo", service.ChangeUndo{Change: working, Reason: "a test"}, nil)
	refuse("a step taken back already", working, fault.Conflict, "service.undo-newer", "change.undo")
	h.Call("user.add", service.UserAdd{Name: "nele", Roles: []string{"viewer"}, Password: "correct horse battery staple"}, nil)
	refuse("an account", changeOf(t, h, "user.add"), fault.Invalid, "service.not-undone", "user.remove")

	err := h.App.Service().As(access.Actor{ID: "user:mona", Name: "mona", Roles: []string{"operator"}, Kind: access.User}, service.Origin{}).Call(t.Context(), "change.undo", service.ChangeUndo{Change: second.Change}, nil)
	expect(t, "an operator and a segment", err, fault.Denied, "access.denied")
	var v register.Versioned[model.Segment]
	if h.Call("segment.get", service.ID{ID: "icu"}, &v); v.Value.Name != "b" || v.Version != 2 {
		t.Errorf("the segment: %+v", v)
	}
}

// Every act is either taken back by its change, or says what to do in its place.
func TestEveryActSaysItsWayBack(t *testing.T) {
	undoable := []string{
		"accessory.add", "accessory.remove", "change.undo", "channel.disable", "channel.enable", "config.apply", "destination.pause", "destination.resume",
		"device.adopt", "device.assert", "device.block", "device.clock", "device.dispose", "device.edit", "device.import", "device.lend", "device.merge", "device.release", "device.return",
		"fact.decide", "fact.set", "flow.approve", "flow.revoke", "label.map", "label.unmap", "model.add", "order.cancel", "order.change", "order.finish", "order.open",
		"profile.put", "profile.remove", "profile.rollback",
	}
	for _, op := range service.Ops() {
		governed := slices.Contains([]string{"put", "remove", "restore"}, op.Verb()) && slices.Contains([]string{"channel", "route", "destination", "service", "template", "segment", "plan", "contract"}, op.Noun())
		if want := governed || slices.Contains(undoable, op.Name); service.Undoable(op) != want {
			t.Errorf("%s: taken back by its change: %v; say it in notUndone, or here when a test shows that it is", op.Name, service.Undoable(op))
		}
	}
}
