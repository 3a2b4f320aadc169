package mqtt

import (
	"bytes"
	"fmt"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/model"
)

// spread retains a message where it says so and queues it for whoever
// subscribed. What it gives is to be waited for before the message is
// acknowledged. The lock is held.
func (d *Driver) spread(p *mqttwire.Packet, from string) (mark uint64) {
	var m *message
	made := func() *message {
		if m == nil {
			m = &message{from: from, packet: mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: p.Topic, Payload: bytes.Clone(p.Payload), Props: passedOn(p.Props)}}
			if p.Props.Given(mqttwire.PropMessageExpiry) {
				m.expires = time.Now().Add(time.Duration(p.Props.MessageExpiry) * time.Second)
			}
		}
		return m
	}
	if p.Retain {
		mark = d.retain(made(), p.QoS)
	}
	type owed struct {
		u   sub
		ids []uint32
	}
	var owe map[*session]owed
	d.tree.match(p.Topic, func(s *session, u sub) {
		if u.NoLocal && s.id == from {
			return
		}
		if owe == nil {
			owe = map[*session]owed{}
		}
		o, twice := owe[s]
		if !twice || u.QoS > o.u.QoS {
			keep := twice && o.u.RetainAsPublished
			o.u = u
			o.u.RetainAsPublished = u.RetainAsPublished || keep
		}
		if u.id != 0 {
			o.ids = append(o.ids, u.id)
		}
		owe[s] = o
	})
	for s, o := range owe {
		out := &outgoing{m: made(), qos: min(p.QoS, o.u.QoS), retain: p.Retain && o.u.RetainAsPublished, subs: o.ids}
		mark = max(mark, d.queue(s, out))
	}
	return mark
}

// queue gives a session a message. The lock is held.
func (d *Driver) queue(s *session, o *outgoing) (mark uint64) {
	if o.qos == 0 {
		if s.conn == nil {
			return 0
		}
		if len(s.zero) >= d.settings.MaxQueued {
			d.full(s)
			return 0
		}
		s.zero = append(s.zero, o)
		s.conn.kick()
		return 0
	}
	if s.conn == nil && !s.keep {
		return 0
	}
	if !s.add(o, d.settings.MaxQueued) {
		d.full(s)
		return 0
	}
	if s.keep {
		mark = d.log.add(o.record(s))
	}
	if s.conn != nil {
		s.conn.kick()
	}
	return mark
}

func (d *Driver) full(s *session) {
	peer := s.id
	if s.conn != nil {
		peer = s.conn.peer
	}
	d.notes.Add(peer, "mqtt.queue-full", fmt.Sprintf("the subscriber %q does not take what it subscribed to; %d messages wait and further ones are not kept for it (they are in the record)", s.id, d.settings.MaxQueued), "Find out why it is away or slow, or raise max_queued.")
}

// retain keeps the last message of a topic, or drops it when the message is
// empty (MQTT 5 §3.3.1.3). The lock is held.
func (d *Driver) retain(m *message, qos byte) uint64 {
	topic := m.packet.Topic
	was, there := d.retained[topic]
	if len(m.packet.Payload) == 0 {
		if !there {
			return 0
		}
		delete(d.retained, topic)
		return d.log.add((&message{packet: mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: topic}}).retained())
	}
	if !there && len(d.retained) >= d.settings.MaxRetained {
		d.notes.Add("", "mqtt.queue-full", fmt.Sprintf("%d messages are retained; further ones are passed on and not retained", len(d.retained)), "Raise max_retained, or have devices retain less.")
		return 0
	}
	kept := *m
	kept.packet.QoS, kept.packet.ID = qos, 0
	if qos > 0 {
		kept.packet.ID = 1 // so that it can be written as a packet
	}
	kept.packet.Retain = true
	d.retained[topic] = &kept
	_ = was
	return d.log.add(kept.retained())
}

// kick makes sure that somebody writes what the session owes. The lock is held.
func (c *conn) kick() {
	if c.pumping || c.s == nil || c.s.conn != c || !c.owes() {
		return
	}
	c.pumping = true
	c.d.guests.Go(c.pump)
}

// owes says whether there is something that may be sent now.
func (c *conn) owes() bool {
	if len(c.s.zero) > 0 {
		return true
	}
	for _, o := range c.s.out {
		if o.stage == waits {
			return c.ahead < c.window
		}
		if o.again {
			return true
		}
	}
	return false
}

// atOnce is how many messages the pump writes together.
const atOnce = 64

// pump writes until nothing may be sent, then ends.
func (c *conn) pump() {
	d := c.d
	var out []byte
	for {
		d.mu.Lock()
		out = out[:0]
		if c.s.conn == c {
			out = c.gather(out)
		}
		if len(out) == 0 {
			c.pumping = false
			d.mu.Unlock()
			return
		}
		d.mu.Unlock()
		if c.write(out) != nil {
			c.net.Close()
			d.mu.Lock()
			c.pumping = false
			d.mu.Unlock()
			return
		}
		if cap(out) > 64<<10 {
			out = nil
		}
	}
}

// gather takes the next messages that may be sent. The lock is held.
func (c *conn) gather(out []byte) []byte {
	now, s := time.Now(), c.s
	n := 0
	for len(s.zero) > 0 && n < atOnce {
		o := s.zero[0]
		s.zero = s.zero[1:]
		before := len(out)
		if out = c.appendMessage(out, o, now); len(out) > before {
			n++
		}
	}
	var over []uint16
	for _, o := range s.out {
		if n >= atOnce {
			break
		}
		switch {
		case o.stage == received && o.again: // PUBREL again (MQTT 5 §4.4)
			o.again = false
			c.ahead++
			out = mqttwire.Append(out, c.version, &mqttwire.Packet{Type: mqttwire.PUBREL, ID: o.id})
			n++
		case o.stage == waits && c.ahead < c.window:
			before := len(out)
			if out = c.appendMessage(out, o, now); len(out) == before {
				over = append(over, o.id)
				continue
			}
			o.stage = sent
			c.ahead++
			n++
		}
	}
	for _, id := range over { // expired, or longer than the client takes
		s.done(id)
		if s.keep {
			c.d.log.add(record(recDone, s.id).num(uint64(id)))
		}
	}
	return out
}

// appendMessage writes PUBLISH; nothing when the message has expired, or is
// longer than the client takes (MQTT 5 §3.1.2.11.4).
func (c *conn) appendMessage(out []byte, o *outgoing, now time.Time) []byte {
	p := o.m.packet
	p.QoS, p.ID, p.Retain, p.Dup = o.qos, o.id, o.retain, o.again
	o.again = false
	if !o.m.expires.IsZero() {
		left := o.m.expires.Sub(now)
		if left <= 0 {
			return out
		}
		if c.version == mqttwire.V5 { // MQTT 5 §3.3.2.3.3
			q := *p.Props
			q.MessageExpiry = uint32((left + time.Second - 1) / time.Second)
			p.Props = &q
		}
	}
	if len(o.subs) > 0 && c.version == mqttwire.V5 {
		var q mqttwire.Properties
		if p.Props != nil {
			q = *p.Props
		}
		q.SubscriptionIDs = o.subs
		q.Set(mqttwire.PropSubscriptionID)
		p.Props = &q
	}
	if c.version == mqttwire.V5 && p.QoS < 2 {
		return c.numbers.Append(out, &p, c.limit)
	}
	before := len(out) // of QoS 2 with its topic: npm mqtt forgets what its number stood for
	out = mqttwire.Append(out, c.version, &p)
	if c.limit > 0 && len(out)-before > c.limit {
		return out[:before]
	}
	return out
}

// acknowledged is PUBACK, PUBREC or PUBCOMP of a subscriber.
func (c *conn) acknowledged(p *mqttwire.Packet) error {
	d := c.d
	d.mu.Lock()
	s := c.s
	o := s.byID[p.ID]
	mark, answer, code := uint64(0), false, byte(0)
	switch {
	case p.Type == mqttwire.PUBREC && (o == nil || o.qos != 2):
		answer, code = true, mqttwire.UnknownID
	case o == nil:
	case p.Type == mqttwire.PUBREC && p.Code < mqttwire.Unspecified:
		o.stage, answer = received, true
		if s.keep {
			mark = d.log.add(record(recReceived, s.id).num(uint64(p.ID)))
		}
	default: // done, one way or the other
		s.done(p.ID)
		c.ahead = max(c.ahead-1, 0)
		if s.keep {
			d.log.add(record(recDone, s.id).num(uint64(p.ID)))
		}
		c.kick()
	}
	d.mu.Unlock()
	if !answer {
		return nil
	}
	if err := d.log.wait(mark); err != nil {
		return errEnd
	}
	return c.write(mqttwire.Append(nil, c.version, &mqttwire.Packet{Type: mqttwire.PUBREL, ID: p.ID, Code: code}))
}

// subscribe answers SUBSCRIBE when it is on the disk (MQTT 5 §3.8.4).
func (c *conn) subscribe(p *mqttwire.Packet) error {
	d := c.d
	id := uint32(0)
	if p.Props.Given(mqttwire.PropSubscriptionID) && len(p.Props.SubscriptionIDs) > 0 {
		id = p.Props.SubscriptionIDs[0]
	}
	ack := mqttwire.Packet{Type: mqttwire.SUBACK, ID: p.ID}
	var fresh []sub // to which retained messages go
	mark := uint64(0)
	d.mu.Lock()
	for _, f := range p.Filters {
		u, ok := subOf(f, id)
		code := f.QoS
		switch {
		case !ok || !model.TopicName(u.topic, true):
			code = mqttwire.BadFilter
		case !c.mayReceive(u.topic):
			code = mqttwire.NotAuthorised
			d.notes.Add(c.peer, "mqtt.not-allowed", fmt.Sprintf("%s subscribed to topics it may not read", c.s.id), "Correct the device, or give its credential the topic.")
		case len(c.s.subs) >= mqttwire.MostFilters && c.s.subs[f.Text].Text == "":
			code = mqttwire.QuotaExceeded
		default:
			was, existed := c.s.subs[f.Text]
			if existed {
				d.tree.remove(c.s, was)
			}
			c.s.subs[f.Text] = u
			d.tree.add(c.s, u)
			if c.s.keep {
				mark = d.log.add(u.record(c.s))
			}
			if u.group == "" && (u.RetainHandling == 0 || u.RetainHandling == 1 && !existed) { // MQTT 5 §3.8.3.1
				fresh = append(fresh, u)
			}
		}
		if code >= mqttwire.Unspecified && c.version == mqttwire.V311 {
			code = mqttwire.Unspecified
		}
		ack.Codes = append(ack.Codes, code)
	}
	d.mu.Unlock()
	if err := d.log.wait(mark); err != nil {
		return errEnd
	}
	if err := c.write(mqttwire.Append(nil, c.version, &ack)); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for _, u := range fresh {
		for topic, m := range d.retained {
			if model.TopicMatches(u.topic, topic) && (m.expires.IsZero() || now.Before(m.expires)) {
				o := &outgoing{m: m, qos: min(u.QoS, m.packet.QoS), retain: true}
				if u.id != 0 {
					o.subs = []uint32{u.id}
				}
				d.queue(c.s, o)
			}
		}
	}
	return nil
}

func (c *conn) unsubscribe(p *mqttwire.Packet) error {
	d := c.d
	ack := mqttwire.Packet{Type: mqttwire.UNSUBACK, ID: p.ID}
	mark := uint64(0)
	d.mu.Lock()
	for _, f := range p.Filters {
		code := byte(mqttwire.NoSubscription)
		if u, there := c.s.subs[f.Text]; there {
			code = mqttwire.Success
			delete(c.s.subs, f.Text)
			d.tree.remove(c.s, u)
			if c.s.keep {
				mark = d.log.add(record(recUnsub, c.s.id).text(f.Text))
			}
		}
		ack.Codes = append(ack.Codes, code)
	}
	d.mu.Unlock()
	if err := d.log.wait(mark); err != nil {
		return errEnd
	}
	return c.write(mqttwire.Append(nil, c.version, &ack))
}
