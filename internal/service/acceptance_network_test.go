package service_test

import (
	"fmt"
	"slices"
	"testing"

	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/acceptance"
	"thalamus/internal/register/fact"
	"thalamus/internal/service"
)

// TestNetworkReopens: a port that only the network saw reopens what was
// accepted, where the address is said to be the device's own (R32, R33,
// decision 137).
func TestNetworkReopens(t *testing.T) {
	h := house(t)
	h.speak()
	var list service.List[service.DeviceRow]
	h.Until("the device is listed", func() bool { h.Call("device.list", nil, &list); return len(list.Rows) == 1 })
	h.device = list.Rows[0].ID
	h.Call("device.adopt", service.DeviceAct{ID: h.device}, nil)
	id := h.begun(fact.Of(fact.OfModel, register.ModelID("Acme", "VM-200")))
	h.sign(id)
	seen := func(from, to string, port int, app string) {
		t.Helper()
		file := "#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\tid.resp_p\tproto\tservice\tconn_state\n" +
			fmt.Sprintf("1700000000.0\t%s\t%s\t%d\ttcp\t%s\tSF\n", from, to, port, app)
		h.Call("flow.import", service.FlowImport{Kind: model.FromZeek, File: []byte(file), Keep: true, Reason: "span port"}, nil)
	}
	// Nobody said whose address it is: that tells nothing of the device.
	seen("10.7.7.7", "10.9.9.9", 8443, "ssl")
	if p := h.page(id); p.State != acceptance.Accepted || len(p.Acceptance.Seen.Ports) != 0 {
		t.Fatalf("an address of nobody: %+v", p.State)
	}
	h.Call("fact.set", service.FactSay{Subject: fact.Of(fact.OfDevice, string(h.device)), Name: "ip", Value: "10.9.9.9", Reason: "test"}, nil)
	// The first look at the network is learned: nobody had looked when it was
	// accepted.
	seen("10.7.7.7", "10.9.9.9", 443, "ssl")
	if p := h.page(id); p.State != acceptance.Accepted || !slices.Equal(p.Acceptance.Seen.Ports, []string{"tcp/443", "tcp/8443"}) {
		t.Fatalf("the first look: %v, %v", p.State, p.Acceptance.Seen.Ports)
	}
	// What it begins itself opens no port of its own.
	seen("10.9.9.9", "10.7.7.8", 9443, "ssl")
	if p := h.page(id); p.State != acceptance.Accepted {
		t.Fatalf("a connection it begins: %+v", p.Why)
	}
	seen("10.7.7.7", "10.9.9.9", 2222, "ssl")
	p := h.page(id)
	if p.State != acceptance.Reopened || len(p.Why) != 1 || p.Why[0].Kind != acceptance.NewPort || p.Why[0].Now != "tcp/2222" || p.Why[0].Device != h.device {
		t.Fatalf("a new port: %v, %+v", p.State, p.Why)
	}
	h.sign(id)
	if p := h.page(id); p.State != acceptance.Accepted || !slices.Contains(p.Acceptance.Seen.Ports, "tcp/2222") {
		t.Fatalf("accepted again: %v, %v", p.State, p.Acceptance.Seen.Ports)
	}
	seen("10.9.9.9", "10.7.7.8", 80, "http")
	if p := h.page(id); p.State != acceptance.Reopened || len(p.Why) != 1 || p.Why[0].Kind != acceptance.Unencrypted {
		t.Fatalf("not encrypted, and that was promised: %v, %+v", p.State, p.Why)
	}
}
