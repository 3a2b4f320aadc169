package bytelink

import (
	"testing"

	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// TestFlow sets flow control of a port, and the port works on: what goes into a
// pseudo terminal is not held back by wires it has not.
func TestFlow(t *testing.T) {
	if !flowHere {
		t.Skip("no flow control of ports on this system")
	}
	for _, flow := range model.Flows() {
		c := newCable(t)
		c.plug()
		r := start(t, map[string]any{"port": c.ours, "flow": flow})
		drivertest.Until(t, "the port is open", func() bool { return r.state() == "connected" })
		if got := flowOf(t, c.ours); got != flow {
			t.Errorf("%s is set, want %s", got, flow)
		}
		c.talk("word")
		if s := r.d.(driver.Reporter).Status(); s.State != "connected" {
			t.Errorf("%+v", s)
		}
	}
}

func TestFlowSettings(t *testing.T) {
	for _, given := range []map[string]any{
		{"port": "/dev/ttyS0", "flow": "dtr-dsr"},
		{"listen": "127.0.0.1:0", "flow": "rts-cts"},
		{"connect": "127.0.0.1:1", "flow": "xon-xoff"},
	} {
		var s struct {
			Link Settings `yaml:"link"`
		}
		if err := conf.Decode(map[string]any{"link": given}, &s); err != nil {
			t.Fatal(err)
		}
		if err := s.Link.Check("link"); fault.CodeOf(err) != "serial.setting" {
			t.Errorf("%v: %v", given, err)
		}
	}
}
