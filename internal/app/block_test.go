package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

func setAside(h *apptest.House, id model.DeviceID) (n int) {
	var list []deliver.Quarantine
	h.Call("quarantine.list", service.QuarantineAsk{Device: id}, &list)
	for _, q := range list {
		if q.For == "block" {
			n += q.Deliveries
		}
	}
	return n
}

// TestBlock: nothing of a blocked device leaves, not even what was queued
// before, while others go on; it is recorded and kept, also through a restart,
// and goes out in its order when somebody decides so. What comes after the
// block leaves by itself.
func TestBlock(t *testing.T) {
	h := wary(t)
	other, id := h.Stranger("MON-1", "60"), h.Stranger("MON-2", "61")
	for _, d := range []model.DeviceID{other, id} {
		h.Call("device.adopt", service.DeviceAct{ID: d, Reason: "test"}, nil)
	}
	h.Until("both deliver", func() bool { return len(archived(t, h)) == 2 })
	h.Call("destination.pause", service.Remove{ID: "archive", Reason: "test"}, nil)
	h.Measure("MON-2", "62") // owed already when it is blocked
	act := service.DeviceAct{ID: id, Reason: "sends under a false name"}
	refused(t, h, "device.unblock", service.DeviceUnblock{DeviceAct: act}, "register.block")
	refused(t, h, "device.block", service.DeviceBlock{DeviceAct: act}, "service.device-in-use")
	refused(t, h, "device.block", service.DeviceBlock{DeviceAct: service.DeviceAct{ID: id}}, "service.no-reason")
	refused(t, h, "device.block", service.DeviceBlock{DeviceAct: service.DeviceAct{ID: id, Version: 9, Reason: "test"}, Force: true}, "register.version")
	refused(t, h, "device.block", service.DeviceBlock{DeviceAct: act, Force: true, For: model.Duration(-time.Hour)}, "register.block")
	h.Call("device.block", service.DeviceBlock{DeviceAct: act, Force: true}, nil)
	refused(t, h, "device.block", service.DeviceBlock{DeviceAct: act, Force: true}, "register.block")
	seq := h.Measure("MON-2", "63")
	h.Call("destination.resume", service.Remove{ID: "archive", Reason: "test"}, nil)
	h.Measure("MON-1", "64")
	stopped := func() {
		t.Helper()
		h.Until("two are set aside", func() bool { return setAside(h, id) == 2 })
		h.Until("the other goes on", func() bool { return len(archived(t, h)) == 3 })
		if got := archived(t, h); got[2] != string(other)+" 64" {
			t.Fatal(got)
		}
		var page service.MessagePage
		h.Call("message.get", service.Ref{Seq: seq}, &page)
		if d := page.Message.Routed; len(d) != 1 || d[0].Refused != model.RefusedBlocked {
			t.Fatalf("%+v", d)
		}
		if len(page.Deliveries) != 1 || page.Deliveries[0].State != model.Quarantined || !strings.Contains(page.Deliveries[0].Reason, "blocked: "+string(id)) {
			t.Fatalf("%+v", page.Deliveries)
		}
		var device service.DevicePage
		h.Call("device.get", service.ID{ID: string(id)}, &device)
		if b := device.Device.Block; b == nil || b.Reason != act.Reason || b.By == "" || b.At.IsZero() {
			t.Fatalf("%+v", b)
		}
	}
	stopped()
	h.Again()
	stopped()
	refused(t, h, "device.merge", service.DeviceMerge{DeviceAct: service.DeviceAct{ID: other, Reason: "test"}, Into: id}, "register.merge")

	var done service.DeviceUnblocked
	h.Call("device.unblock", service.DeviceUnblock{DeviceAct: act}, &done)
	if done.Deliveries != 2 {
		t.Fatalf("%+v", done)
	}
	h.Measure("MON-2", "65")
	h.Until("what comes next leaves", func() bool { return len(archived(t, h)) == 4 })
	h.Again()
	if n := setAside(h, id); n != 2 || len(archived(t, h)) != 4 {
		t.Fatalf("%d are set aside, %v", n, archived(t, h))
	}
	h.Call("device.unblock", service.DeviceUnblock{DeviceAct: act, Send: true}, &done)
	h.Until("what was set aside is sent", func() bool { return len(archived(t, h)) == 6 })
	var own []string
	for _, line := range archived(t, h) {
		if rest, ok := strings.CutPrefix(line, string(id)+" "); ok {
			own = append(own, rest)
		}
	}
	if !slices.Equal(own, []string{"61", "65", "62", "63"}) || setAside(h, id) != 0 {
		t.Fatal(own)
	}
	refused(t, h, "device.unblock", service.DeviceUnblock{DeviceAct: act, Send: true}, "register.block")
}

// TestBlockedStranger: a stranger that is blocked and then unblocked still
// waits until somebody adopts it.
func TestBlockedStranger(t *testing.T) {
	h := wary(t)
	id := h.Stranger("NEW-1", "60")
	act := service.DeviceAct{ID: id, Reason: "test"}
	h.Call("device.block", service.DeviceBlock{DeviceAct: act}, nil)
	h.Measure("NEW-1", "61")
	h.Until("it is set aside", func() bool { return setAside(h, id) == 1 })
	h.Call("device.unblock", service.DeviceUnblock{DeviceAct: act, Send: true}, nil)
	h.Measure("NEW-1", "62")
	if got := archived(t, h); len(got) != 0 {
		t.Fatalf("left without adoption: %v", got)
	}
	h.Call("device.adopt", act, nil)
	h.Until("all of it leaves", func() bool { return len(archived(t, h)) == 3 })
	if got := archived(t, h); !strings.HasSuffix(got[0], " 60") || !strings.HasSuffix(got[1], " 61") || !strings.HasSuffix(got[2], " 62") {
		t.Fatal(got)
	}
}
