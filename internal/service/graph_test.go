package service_test

import (
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// What flows where, by model and by place: who is there is counted once, and
// leads to the channel it was heard on (R53).
func TestGraph(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	for _, by := range []string{"", "model", "place"} {
		var g service.Graph
		h.Call("graph.get", service.GraphAsk{By: by}, &g)
		devices := 0
		for _, group := range g.Groups {
			devices += group.Devices
			over := 0
			for _, o := range group.Over {
				over += o.Devices
				if o.Channel != "ward" {
					t.Errorf("by %q: %s was heard on %q", by, group.Name, o.Channel)
				}
			}
			if over != group.Devices || group.Waiting != group.Devices || group.Last.IsZero() {
				t.Errorf("by %q: %+v", by, group)
			}
		}
		if devices != 2 || len(g.Channels) == 0 || len(g.Routes) == 0 || len(g.Destinations) == 0 {
			t.Errorf("by %q: %d devices, %+v", by, devices, g)
		}
		if g.Channels[0].Plain {
			t.Error("what stays on this machine is said to be open to others")
		}
	}
	if err := h.Door().Call(t.Context(), "graph.get", service.GraphAsk{By: "colour"}, nil); fault.CodeOf(err) != "service.argument" {
		t.Errorf("by colour: %v", err)
	}
}

// Each count of the oversight is what the list behind it holds.
func TestOversight(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	count := func(ask service.DeviceAsk) int {
		var l service.List[service.DeviceRow]
		h.Call("device.list", ask, &l)
		return len(l.Rows)
	}
	var o service.Oversight
	h.Call("oversight.get", nil, &o)
	if want := count(service.DeviceAsk{Facts: []string{"owner="}}); o.Unowned != want || want == 0 {
		t.Errorf("%d without an owner, the list has %d", o.Unowned, want)
	}
	for _, s := range o.States {
		if want := count(service.DeviceAsk{State: s.Kind}); s.Count != want {
			t.Errorf("%d are %s, the list has %d", s.Count, s.Kind, want)
		}
	}
	if o.Devices != 2 || o.Own.AuditRecords == 0 || o.Own.AuditCut || o.Own.Version == "" || o.Own.Journal.Head < 4 || len(o.Own.Faults) != 0 {
		t.Errorf("%+v", o)
	}
	plain := map[string]bool{}
	for _, l := range o.Plain {
		plain[l.Kind+" "+l.ID] = l.Local
	}
	if local, ok := plain["channel ward"]; !ok || !local {
		t.Errorf("plain links: %v", o.Plain)
	}
	link := "10.0.0.9:2575"
	h.Call("destination.put", service.Put[model.Destination]{Value: model.Destination{ID: "far", Kind: "hl7v2", Disabled: true, Settings: map[string]any{"address": link}}, Reason: "test"}, nil)
	h.Call("oversight.get", nil, &o)
	far := false
	for _, l := range o.Plain {
		far = far || l.ID == "far" && l.Address == link && !l.Local
	}
	if !far {
		t.Errorf("an open link is missing: %+v", o.Plain)
	}
}
