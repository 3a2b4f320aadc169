package mqttclient

import (
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/codec/sparkplug"
)

// A Sparkplug host application says at the broker whether it is there, so that
// gateways which wait for it send, or keep what they have until it is back
// (Sparkplug 3.0.0 §5.3, §5.14; decision 250).

// stateID is the packet identifier of what we say; SUBSCRIBE has 1.
const stateID = 2

// filters are what to subscribe to.
func (d *Driver) filters() (out []mqttwire.Filter) {
	for _, t := range d.settings.Topics {
		out = append(out, mqttwire.Filter{Text: t, QoS: byte(d.settings.QoS)})
	}
	if d.settings.Host != "" { // tck-id-host-topic-phid-birth-sub-required
		out = append(out, mqttwire.Filter{Text: sparkplug.StateTopic(d.settings.Host), QoS: 1})
	}
	return out
}

// asHost makes CONNECT that of a host application: its death as the will, and
// nothing kept at the broker (tck-id-message-flow-phid-sparkplug-clean-session-50,
// tck-id-host-topic-phid-death-required).
func (c *conn) asHost(hello *mqttwire.Packet) {
	host := c.d.settings.Host
	if host == "" {
		return
	}
	hello.Connect.Clean = true
	hello.Connect.Will = &mqttwire.Will{Topic: sparkplug.StateTopic(host), Payload: sparkplug.State(false, c.asked), QoS: 1, Retain: true}
	if hello.Props != nil {
		hello.Props.SessionExpiry = 0
	}
}

// announce publishes the birth; its time is that of the will
// (tck-id-host-topic-phid-birth-payload-timestamp).
func (c *conn) announce() error { return c.state(true, c.asked) }

func (c *conn) state(online bool, at time.Time) error {
	if c.d.settings.Host == "" {
		return nil
	}
	return c.tell(mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: sparkplug.StateTopic(c.d.settings.Host), Payload: sparkplug.State(online, at), QoS: 1, ID: stateID, Retain: true})
}

// heard is what the broker passes on under our own name. That we are not there
// is not true: it is the will of an older connection, or a stranger's word
// (tck-id-message-flow-hid-sparkplug-state-message-delivered).
func (c *conn) heard(p *mqttwire.Packet) error {
	c.d.mu.Lock()
	born := c.d.ready
	c.d.mu.Unlock()
	if !born || !sparkplug.Offline(p.Payload) {
		return nil
	}
	return c.announce()
}

// takeLeave publishes the death before we disconnect on purpose; its time is
// not before the birth's, whatever the clock did
// (tck-id-operational-behavior-host-application-termination).
func (c *conn) takeLeave() {
	if !c.begun {
		return
	}
	at := time.Now()
	if at.UnixMilli() < c.asked.UnixMilli() {
		at = c.asked
	}
	_ = c.state(false, at) // the connection ends all the same
}
