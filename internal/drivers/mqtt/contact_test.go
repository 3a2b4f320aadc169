package mqtt

import (
	"context"
	"testing"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
)

// R2: every way in which a link ends is told with its reason; a stop of ours
// tells nothing of devices.
func TestHowLinksEndIsTold(t *testing.T) {
	r := newRig(t, map[string]any{"stall_timeout": "300ms"})
	revoked := make(chan struct{})
	r.admit = func(_ context.Context, _ model.ChannelID, c driver.Credentials) (driver.Admission, error) {
		a := driver.Admission{Identity: c.Client, Device: model.DeviceID("dev-" + c.Client)}
		if c.Client == "revoked" {
			a.Ended = revoked
		}
		return a, nil
	}
	r.start()
	will := func(p *mqttwire.Packet) {
		p.Connect.Will = &mqttwire.Will{Topic: "dev/7/state", Payload: []byte("lost"), QoS: 1}
	}
	say := func(code byte) func(*peer) {
		return func(p *peer) { p.say(mqttwire.Packet{Type: mqttwire.DISCONNECT, Code: code}) }
	}
	for client, c := range map[string]struct {
		version byte
		more    func(*mqttwire.Packet)
		end     func(*peer)
		want    string
	}{
		"goodbye-311": {mqttwire.V311, will, say(0), "made, goodbye"},
		"goodbye-5":   {mqttwire.V5, will, say(0), "made, goodbye"},
		"with-will":   {mqttwire.V5, will, say(mqttwire.DisconnectWithWill), "made, goodbye 0x4, will dev/7/state"},
		"with-error":  {mqttwire.V5, will, say(mqttwire.Unspecified), "made, goodbye 0x80, will dev/7/state"}, // MQTT 5 §3.14.4: only 0x00 voids it
		"cut":         {mqttwire.V311, nil, func(p *peer) { p.Close() }, "made, lost"},
		"cut-will":    {mqttwire.V5, will, func(p *peer) { p.Close() }, "made, lost, will dev/7/state"},
		"half":        {mqttwire.V5, nil, func(p *peer) { p.Write([]byte{0x30, 20, 0}); p.Close() }, "made, lost"},
		"half-mute":   {mqttwire.V5, nil, func(p *peer) { p.Write([]byte{0x30, 20, 0}) }, "made, silent"},
		"mute":        {mqttwire.V5, func(p *mqttwire.Packet) { p.Connect.KeepAlive = 1 }, func(*peer) {}, "made, silent"},
		"breaks":      {mqttwire.V5, nil, func(p *peer) { p.Write([]byte{0xF1, 0}) }, "made, refused"},
		"garbage":     {mqttwire.V311, will, func(p *peer) { p.Write([]byte{0x00, 0}) }, "made, refused, will dev/7/state"},
		"revoked":     {mqttwire.V5, nil, func(*peer) { close(revoked) }, "made, revoked"},
	} {
		more := []func(*mqttwire.Packet){}
		if c.more != nil {
			more = append(more, c.more)
		}
		p, _ := r.enter(c.version, client, true, more...)
		c.end(p)
		drivertest.Until(t, client+": "+c.want, func() bool { return r.toldOf(client) == c.want })
		r.mu.Lock()
		for _, one := range r.contacts {
			if one.Channel != "iot" || one.At.IsZero() || one.Peer == "" || one.Device != model.DeviceID("dev-"+one.Client) {
				t.Errorf("%+v", one)
			}
		}
		r.mu.Unlock()
	}
	r.enter(mqttwire.V5, "twice", true)
	r.enter(mqttwire.V5, "twice", true)
	drivertest.Until(t, "taken over", func() bool { return r.toldOf("twice") == "made, taken-over, made" })
	r.enter(mqttwire.V311, "stays", true, will)
	r.stop()
	if got := r.toldOf("stays"); got != "made" {
		t.Errorf("our own stop was told as %q", got)
	}
}
