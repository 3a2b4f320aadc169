package mqtt

import (
	"fmt"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/codec/sparkplug"
)

// askEvery is the least time between two requests for a rebirth to one node.
const askEvery = time.Minute

// births remembers what a Sparkplug birth says and gives the lines that name
// the metrics of a message. A node whose birth nobody heard is asked for it.
func (d *Driver) births(p *mqttwire.Packet) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.born.Note(p.Topic, p.Payload)
	if n.Key != "" {
		d.log.add(record(recBirth, n.Key).text(n.Aliases))
	}
	if !n.Unknown {
		return n.Properties
	}
	to, command, ok := sparkplug.Rebirth(p.Topic)
	now := time.Now()
	if !ok || now.Sub(d.asked[to]) < askEvery {
		return n.Properties
	}
	if len(d.asked) > 4096 {
		clear(d.asked)
	}
	d.asked[to] = now
	d.notes.Add(to, "mqtt.no-birth", fmt.Sprintf("a Sparkplug node sends numbers whose names nobody heard; it was asked for its birth (%s)", to), "If this stays, have the node answer rebirth requests.")
	d.spread(&mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: to, Payload: command}, "")
	return n.Properties
}

// announce says that the host application is there, where the channel has one
// (tck-id-host-topic-phid-birth-required): for those who subscribe from now on,
// and for kept sessions that did. It is not on the disk, because it is said anew
// at each start; before that nobody can hear the last one.
func (d *Driver) announce(at time.Time) {
	if d.state == "" {
		return
	}
	p := mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: d.state, Payload: sparkplug.State(true, at), QoS: 1}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spread(&p, "")
	p.Retain, p.ID = true, 1 // so that it can be written as a packet
	d.retained[d.state] = &message{packet: p}
}
