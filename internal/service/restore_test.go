package service_test

import (
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/service"
)

// What was changed or removed comes back by its version, with its secrets, and
// nothing that somebody else did meanwhile is run over (R56).
func TestRestore(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	segment := func(name string) service.Put[model.Segment] {
		return service.Put[model.Segment]{Value: model.Segment{ID: "icu", Name: name, Ranges: []string{"10.20.0.0/16"}}}
	}
	h.Call("segment.put", segment("Intensive care"), nil)
	restore := func(r service.Restore) (register.Versioned[model.Segment], error) {
		var v register.Versioned[model.Segment]
		err := h.Door().Call(t.Context(), "segment.restore", r, &v)
		return v, err
	}
	_, err := restore(service.Restore{ID: "icu"})
	expect(t, "nothing before the first", err, fault.Absent, "service.no-version")

	h.Call("segment.put", segment("Intensiv"), nil)
	v, err := restore(service.Restore{ID: "icu"})
	if err != nil || v.Version != 3 || v.Value.Name != "Intensive care" {
		t.Fatalf("the one before: %v %v", v, err)
	}
	v, err = restore(service.Restore{ID: "icu"}) // what undid is undone
	if err != nil || v.Version != 4 || v.Value.Name != "Intensiv" {
		t.Fatalf("and back: %v %v", v, err)
	}
	_, err = restore(service.Restore{ID: "icu", Of: 1, Version: 3})
	expect(t, "somebody changed it meanwhile", err, fault.Conflict, "register.version")
	for _, of := range []int64{-1, 5, 1 << 60, -1 << 63} {
		_, err = restore(service.Restore{ID: "icu", Of: of})
		expect(t, "a version that never was", err, fault.Absent, "service.no-version")
	}
	_, err = restore(service.Restore{ID: "nowhere"})
	expect(t, "a thing that never was", err, fault.Absent, "register.absent")

	h.Call("segment.remove", service.Remove{ID: "icu"}, nil)
	v, err = restore(service.Restore{ID: "icu", Version: 5})
	if err != nil || v.Version != 6 || v.Value.Name != "Intensiv" {
		t.Fatalf("what was removed: %v %v", v, err)
	}
	v, err = restore(service.Restore{ID: "icu", Of: 5})
	if err != nil || !v.Removed {
		t.Fatalf("removed again: %v %v", v, err)
	}
	_, err = restore(service.Restore{ID: "icu", Of: 5})
	expect(t, "removed already", err, fault.Conflict, "service.no-version")
}

// A destination that comes back has its secret, which nobody sees; a route that
// names what is gone does not come back; a channel comes back onto the wire or
// not at all.
func TestRestoreOfRules(t *testing.T) {
	h := apptest.Start(t)
	hook := model.Destination{ID: "hook", Kind: "webhook", Settings: map[string]any{"url": "http://127.0.0.1:9/x", "secret": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"}}
	h.Call("destination.put", service.Put[model.Destination]{Value: hook}, nil)
	h.Call("route.put", service.Put[model.Route]{Value: model.Route{ID: "all", Destinations: []model.DestinationID{"hook"}}}, nil)
	h.Call("route.remove", service.Remove{ID: "all"}, nil)
	h.Call("destination.remove", service.Remove{ID: "hook"}, nil)
	err := h.Door().Call(t.Context(), "route.restore", service.Restore{ID: "all"}, nil)
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("a route to nowhere came back: %v", err)
	}
	var back register.Versioned[model.Destination]
	h.Call("destination.restore", service.Restore{ID: "hook"}, &back)
	if back.Value.Settings["secret"] != "(secret)" {
		t.Errorf("the answer shows %v", back.Value.Settings["secret"])
	}
	stored, err := register.Destinations().Get(t.Context(), h.App.Service().Store, "hook")
	if err != nil || stored.Value.Settings["secret"] != hook.Settings["secret"] {
		t.Errorf("the secret did not come back: %v", err)
	}
	h.Call("route.restore", service.Restore{ID: "all"}, nil)

	channel := model.Channel{ID: "second", Driver: "mllp", Codec: "hl7v2", Settings: map[string]any{"listen": taken(t)}, Disabled: true}
	h.Call("channel.put", service.Put[model.Channel]{Value: channel}, nil)
	channel.Disabled = false
	channel.Settings = map[string]any{"listen": "127.0.0.1:0"}
	h.Call("channel.put", service.Put[model.Channel]{Value: channel}, nil)
	h.Call("channel.restore", service.Restore{ID: "second", Of: 1}, nil)
	h.Call("channel.restore", service.Restore{ID: "second", Of: 2}, nil)
	before := export(h)
	err = h.Door().Call(t.Context(), "channel.enable", service.Remove{ID: "nowhere"}, nil)
	expect(t, "no such channel", err, fault.Absent, "register.absent")
	if export(h) != before {
		t.Error("a refusal changed something")
	}
}
