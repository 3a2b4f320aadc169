package mqtt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/codec/sparkplug"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// turn is one message to settle: to be offered, or not, and answered in order.
type turn struct {
	p      mqttwire.Packet // Payload shares the connection's buffer
	frame  int             // index in frames, -1: not offered
	code   byte            // why it is not taken
	repeat bool            // QoS 2, sent again: it is an entry already
	is     digest          // of QoS 2
}

// publish gathers a message (MQTT 5 §3.3).
func (c *conn) publish(p *mqttwire.Packet) error {
	if err := c.alias(p); err != nil {
		return errors.Join(c.settle(), c.refuse(err))
	}
	t := turn{p: *p, frame: -1}
	if !c.mayPublish(p.Topic) {
		c.d.refused.Add(1)
		c.d.notes.Refused(c.peer, "mqtt.not-allowed", fmt.Sprintf("%s published to a topic it may not use; nothing of it was kept", c.who()), "Correct the device, or give its credential the topic.")
		if p.QoS > 0 && c.version == mqttwire.V311 { // MQTT 3.1.1 §3.3.5: acknowledge or close; what is not kept is not acknowledged
			return errors.Join(c.settle(), errEnd)
		}
		t.code = mqttwire.NotAuthorised
		c.turns = append(c.turns, t)
		return c.flushWhenMany()
	}
	if p.QoS == 2 {
		t.is = digestOf(p.Topic, p.Payload)
		for i := range c.turns { // its first sending may stand in this very batch
			if c.turns[i].p.QoS == 2 && c.turns[i].p.ID == p.ID {
				if err := c.settle(); err != nil {
					return err
				}
				break
			}
		}
		c.d.mu.Lock()
		t.repeat = c.s.held(p.ID, t.is)
		under := len(c.s.got) + len(c.turns)
		c.d.mu.Unlock()
		if !t.repeat && under >= 65535 || c.version == mqttwire.V5 && !t.repeat && under >= c.d.settings.ReceiveMaximum {
			return errors.Join(c.settle(), c.refuse(&mqttwire.Error{Code: mqttwire.ReceiveExceeded, Text: "more messages of QoS 2 are under way than the receive maximum allows"}))
		}
	}
	// A message without content clears what is retained and tells nothing else.
	if !t.repeat && len(p.Payload) > 0 {
		t.frame = len(c.frames)
		c.frames = append(c.frames, c.frame(p))
	}
	c.turns = append(c.turns, t)
	return c.flushWhenMany()
}

func (c *conn) flushWhenMany() error {
	if len(c.turns) >= maxOffer {
		return c.settle()
	}
	return nil
}

func (c *conn) who() string {
	return strings.TrimSuffix(strings.TrimPrefix(c.prefix, "mqtt.client: "), "\n")
}

// alias resolves and learns topic aliases (MQTT 5 §3.3.2.3.4).
func (c *conn) alias(p *mqttwire.Packet) error {
	if !p.Props.Given(mqttwire.PropTopicAlias) {
		return nil
	}
	n := p.Props.TopicAlias
	if n == 0 || int(n) > c.d.settings.MaxAlias {
		return &mqttwire.Error{Code: mqttwire.BadAlias, Text: "a topic alias is 0 or higher than was offered"}
	}
	if p.Topic != "" {
		if c.aliases == nil {
			c.aliases = map[uint16]string{}
		}
		c.aliases[n] = p.Topic
		return nil
	}
	topic, known := c.aliases[n]
	if !known {
		return &mqttwire.Error{Code: mqttwire.ProtocolError, Text: "a topic alias stands for no topic"}
	}
	p.Topic = topic
	return nil
}

// frame makes the frame of a message.
func (c *conn) frame(p *mqttwire.Packet) model.Frame {
	f := model.Frame{
		Channel: c.d.channel, Codec: c.d.codec, Peer: c.peer, Identity: c.admission.Identity, Arrived: c.arrived,
		Bytes: p.Payload, Topic: p.Topic, Properties: c.properties(p),
	}
	if strings.HasPrefix(p.Topic, sparkplug.Namespace) {
		f.Codec = sparkplug.Name
		f.Properties = clip(f.Properties + c.d.births(p))
	}
	return f
}

// properties writes what is said beside the payload, a line each.
func (c *conn) properties(p *mqttwire.Packet) string {
	b := make([]byte, 0, 128)
	b = append(b, c.prefix...)
	if p.QoS > 0 {
		b = append(b, "mqtt.qos: "...)
		b = append(b, '0'+p.QoS, '\n')
	}
	if p.QoS == 2 {
		b = append(b, "mqtt.packet: "...)
		b = append(strconv.AppendUint(b, uint64(p.ID), 10), '\n')
	}
	if p.Retain {
		b = append(b, "mqtt.retain: true\n"...)
	}
	if q := p.Props; q != nil {
		line := func(name, value string) {
			if value != "" {
				b = append(append(append(append(b, name...), ": "...), oneLine(value)...), '\n')
			}
		}
		line("content-type", q.ContentType)
		line("mqtt.response-topic", q.ResponseTopic)
		if q.Given(mqttwire.PropMessageExpiry) {
			line("mqtt.expiry", strconv.FormatUint(uint64(q.MessageExpiry), 10)+" s")
		}
		for _, u := range q.User {
			if u[0] != "" {
				line("user."+strings.ReplaceAll(oneLine(u[0]), ":", "_"), u[1])
			}
		}
	}
	return clip(string(b))
}

// clip cuts properties at the end of a line where a frame can hold no more.
func clip(s string) string {
	if len(s) <= model.MaxSaid {
		return s
	}
	return s[:strings.LastIndexByte(s[:model.MaxSaid], '\n')+1]
}

// oneLine replaces what would break a line.
func oneLine(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F }) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, s)
}

// settle offers the messages gathered, passes them on and answers, in order.
// An error ends the connection; what is not answered is sent again.
func (c *conn) settle() error {
	if len(c.turns) == 0 {
		return nil
	}
	defer func() {
		clear(c.turns)
		clear(c.frames)
		c.turns, c.frames = c.turns[:0], c.frames[:0]
	}()
	seqs, after := c.offer()
	d := c.d
	d.mu.Lock()
	mark := uint64(0)
	for i := range c.turns {
		t := &c.turns[i]
		if t.code != 0 || t.repeat {
			continue
		}
		if t.p.QoS == 2 {
			c.s.hold(t.p.ID, t.is)
			if t.frame >= 0 && seqs != nil {
				c.s.seq = max(c.s.seq, seqs[t.frame])
			}
			if c.s.keep {
				m := d.log.add(record(recGot, c.s.id).num(uint64(t.p.ID)).text(string(t.is[:])).num(uint64(c.s.seq)))
				if t.frame < 0 {
					mark = m // the journal does not tell of it
				}
			}
		}
		mark = max(mark, d.spread(&t.p, c.s.id))
	}
	d.mu.Unlock()
	if err := d.log.wait(mark); err != nil {
		d.notes.Add(c.peer, "mqtt.state", "messages could not be passed on durably; the connection was closed and its device sends them again", "Check the disk.")
		return errEnd
	}
	c.out = c.out[:0]
	for i := range c.turns {
		t := &c.turns[i]
		if t.p.QoS == 0 {
			continue
		}
		a := mqttwire.Packet{Type: mqttwire.PUBACK, ID: t.p.ID, Code: t.code}
		if t.p.QoS == 2 {
			a.Type = mqttwire.PUBREC
		}
		c.out = mqttwire.Append(c.out, c.version, &a)
	}
	if len(c.out) > 0 {
		if err := c.write(c.out); err != nil {
			return err
		}
	}
	if after != nil {
		return c.cannot(after)
	}
	return nil
}

// offer hands the frames to intake. A frame that is never acceptable is
// answered so (MQTT 3.1.1 has no word for it: it is acknowledged, and
// reported). When intake cannot take more now, turns ends with what it took,
// which is held and answered before the connection ends: else a message of
// QoS 2 would be an entry twice.
func (c *conn) offer() ([]model.Seq, error) {
	if len(c.frames) == 0 {
		return nil, nil
	}
	d := c.d
	seqs, err := d.host.Intake.Offer(d.ctx, c.frames)
	if err == nil {
		d.frames.Add(uint64(len(c.frames)))
		return seqs, nil
	}
	if fault.KindOf(err) == fault.Invalid {
		seqs = make([]model.Seq, len(c.frames))
		for i := range c.turns {
			t := &c.turns[i]
			if t.frame < 0 {
				continue
			}
			one, e := d.host.Intake.Offer(d.ctx, c.frames[t.frame:t.frame+1])
			switch {
			case e == nil:
				seqs[t.frame] = one[0]
				d.frames.Add(1)
				continue
			case fault.KindOf(e) != fault.Invalid:
				c.turns = c.turns[:i]
				return seqs, e
			}
			d.refused.Add(1)
			d.notes.Add(c.peer, "mqtt.refused", "a message cannot be accepted: "+e.Error(), "Have the device's maker correct it.")
			if t.code = mqttwire.Specific; c.version == mqttwire.V311 {
				t.code = mqttwire.Success
			}
			t.p.Payload, t.p.Retain, t.frame = nil, false, -1
		}
		return seqs, nil
	}
	c.turns = c.turns[:0]
	return nil, err
}

func (c *conn) cannot(err error) error {
	if !c.d.guests.Stopping() {
		c.d.notes.Add(c.peer, "mqtt.postponed", "messages could not be stored; the connection was closed and its device sends them again: "+err.Error(), "Make room, or find out why the journal does not take them.")
	}
	c.farewell(mqttwire.Unavailable)
	return errEnd
}

// released is PUBREL: the packet identifier is free again (MQTT 5 §4.3.3).
func (c *conn) released(p *mqttwire.Packet) error {
	d := c.d
	d.mu.Lock()
	_, held := c.s.got[p.ID]
	delete(c.s.got, p.ID)
	mark := uint64(0)
	if held && c.s.keep {
		mark = d.log.add(record(recReleased, c.s.id).num(uint64(p.ID)))
	}
	d.mu.Unlock()
	// It is on the disk first: else the next message under this identifier could
	// be taken for a repeat after a power cut.
	if err := d.log.wait(mark); err != nil {
		return errEnd
	}
	a := mqttwire.Packet{Type: mqttwire.PUBCOMP, ID: p.ID}
	if !held {
		a.Code = mqttwire.UnknownID
	}
	return c.write(mqttwire.Append(nil, c.version, &a))
}

// passedOn keeps the properties that go from publisher to subscribers.
func passedOn(p *mqttwire.Properties) *mqttwire.Properties {
	if p == nil {
		return nil
	}
	const which = 1<<mqttwire.PropPayloadFormat | 1<<mqttwire.PropMessageExpiry | 1<<mqttwire.PropContentType | 1<<mqttwire.PropResponseTopic | 1<<mqttwire.PropCorrelation | 1<<mqttwire.PropUser
	if p.Has&which == 0 {
		return nil
	}
	return &mqttwire.Properties{
		Has: p.Has & which, PayloadFormat: p.PayloadFormat, MessageExpiry: p.MessageExpiry, ContentType: p.ContentType,
		ResponseTopic: p.ResponseTopic, Correlation: bytes.Clone(p.Correlation), User: slices.Clone(p.User),
	}
}

// sendWill says that a client was lost: to intake, and to whoever subscribed.
func (d *Driver) sendWill(s *session) {
	d.mu.Lock()
	w := s.will
	if w == nil || s.conn != nil {
		d.mu.Unlock()
		return
	}
	s.willAt = time.Now().Add(5 * time.Second)     // tried again then, if it fails
	owner, client, at := s.owner, s.id, time.Now() // before any connection that the client may make from here on
	d.mu.Unlock()
	d.lost.Add(1)
	if d.host.Contact != nil {
		d.host.Contact(model.ContactTold{Channel: d.channel, Peer: w.peer, Client: client, Device: w.device(), At: at.UTC(), Ending: model.Ending{How: model.EndWill, Topic: w.packet.Topic}})
	}
	d.notes.Add(w.peer, "mqtt.lost", fmt.Sprintf("the device %q was lost; its will was sent", s.id), "Look at the device and its network.")
	if len(w.packet.Payload) > 0 {
		f := model.Frame{Channel: d.channel, Codec: d.codec, Peer: w.peer, Identity: owner, Arrived: at, Bytes: w.packet.Payload, Topic: w.packet.Topic, Properties: w.props}
		if strings.HasPrefix(f.Topic, sparkplug.Namespace) {
			f.Codec = sparkplug.Name
			f.Properties = clip(f.Properties + d.births(&w.packet))
		}
		if _, err := d.host.Intake.Offer(d.ctx, []model.Frame{f}); err != nil && fault.KindOf(err) != fault.Invalid {
			return
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.will != w {
		return
	}
	s.will, s.willAt = nil, time.Time{}
	d.log.add(record(recNoWill, s.id))
	d.spread(&w.packet, s.id)
	if s.conn == nil && (!s.keep || !s.ends.IsZero() && time.Now().After(s.ends)) {
		d.log.add(record(recGone, s.id))
		d.forget(s)
	}
}
