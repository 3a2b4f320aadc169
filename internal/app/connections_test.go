package app_test

import (
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// R33, on the running program: a plain MLLP sender stands on the map of
// connections as not encrypted and not approved, until everything behind its
// address is adopted and a route takes it further, or somebody approves it.
func TestConnections(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	only := func(ask service.FlowAsk) service.FlowRow {
		t.Helper()
		var list service.List[service.FlowRow]
		h.Call("flow.list", ask, &list)
		if len(list.Rows) != 1 {
			t.Fatalf("%+v: %d connections: %+v", ask, len(list.Rows), list.Rows)
		}
		return list.Rows[0]
	}
	r := only(service.FlowAsk{Encrypted: "no", Approved: "no"})
	if r.From.Address != "127.0.0.1" || r.To.Own != "channel/ward" || r.App != "hl7v2" || r.Why != "stranger" || r.Count != 1 || len(r.From.Devices) == 0 || r.Sources[0] != "own" {
		t.Fatalf("%+v", r)
	}
	var devices service.List[service.DeviceRow]
	h.Call("device.list", nil, &devices)
	for _, d := range devices.Rows {
		h.Call("device.adopt", service.DeviceAct{ID: d.ID, Reason: "test"}, nil)
	}
	if r = only(service.FlowAsk{Device: devices.Rows[0].ID}); r.Approved != "route" || r.Approval != "all" {
		t.Fatalf("adopted, with a route: %+v", r)
	}
	h.Call("route.put", service.Put[model.Route]{Value: model.Route{ID: "all", Destinations: []model.DestinationID{"archive"}, Types: []string{"ORU"}, Channels: []model.ChannelID{"ward"}, Disabled: true}, Reason: "test"}, nil)
	if r = only(service.FlowAsk{Approved: "no"}); r.Why != "no-route" {
		t.Fatalf("without a route: %+v", r)
	}
	var made service.FlowApproved
	h.Call("flow.approve", service.FlowApprove{ID: r.ID, Encrypted: true, Reason: "until TLS is there"}, &made)
	if r = only(service.FlowAsk{Approved: "no"}); r.Why != "plain" {
		t.Fatalf("approved only if encrypted: %+v", r)
	}
	h.Call("flow.approve", service.FlowApprove{ID: r.ID, Expires: time.Now().Add(time.Hour), Reason: "until TLS is there"}, &made)
	if r = only(service.FlowAsk{Approved: "hand"}); r.Approval != made.Value.ID {
		t.Fatalf("by hand: %+v", r)
	}
	h.Again()
	r = only(service.FlowAsk{Approved: "hand"})
	if r.Count != 1 || r.First.IsZero() {
		t.Fatalf("after a restart: %+v", r)
	}
	h.Call("flow.revoke", service.Remove{ID: made.Value.ID, Reason: "test"}, nil)
	if r = only(service.FlowAsk{Approved: "no"}); r.Why != "no-route" {
		t.Fatalf("taken back: %+v", r)
	}

	// A file is looked at first, and kept when that is asked for.
	zeek := []byte("#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\n1763712000.5\t10.9.0.7\t50123\t192.0.2.8\t443\ttcp\tssl\n1763712000.5\tx\n")
	var got service.FlowImported
	h.Call("flow.import", service.FlowImport{Kind: "zeek", File: zeek, Reason: "test"}, &got)
	if got.Kept || got.Flows != 1 || got.Fresh != 1 || got.Wrong != 1 || got.Bad[0].Row != 3 {
		t.Fatalf("looked at: %+v", got)
	}
	only(service.FlowAsk{})
	for range 2 { // twice counts once
		h.Call("flow.import", service.FlowImport{Kind: "zeek", File: zeek, Keep: true, Reason: "test"}, &got)
	}
	h.Call("segment.put", service.Put[model.Segment]{Value: model.Segment{ID: "med", Ranges: []string{"10.9.0.0/16"}}, Reason: "test"}, nil)
	if r = only(service.FlowAsk{Segment: "med"}); r.Count != 1 || r.Encrypted != "yes" || r.App != "tls" {
		t.Fatalf("kept: %+v", r)
	}
	var stat service.FlowStat
	h.Call("flow.stat", nil, &stat)
	if stat.Total.Flows != 2 || stat.Total.Plain != 1 || len(stat.Between) != 2 {
		t.Fatalf("%+v", stat)
	}
}
