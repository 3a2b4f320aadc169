package mqttclient

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/codec/sparkplug"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Bounds of a connection.
const (
	readAhead  = 32 << 10
	maxOffer   = 256
	maxAliases = 64
	receiveMax = 256
)

// conn is one connection to the broker.
type conn struct {
	d       *Driver
	link    net.Conn
	peer    string
	aliases map[uint16]string
	gone    chan struct{}
	asked   time.Time        // CONNECT was sent
	limit   int              // bytes of the longest packet the broker takes, 0: any
	numbers mqttwire.Aliases // what the broker was told of topics; under wmu

	buf    []byte
	end    int
	came   time.Time
	begun  bool // CONNACK came
	frames []model.Frame
	turns  []turn

	wmu sync.Mutex
}

// turn is one message to settle.
type turn struct {
	qos   byte
	id    uint16
	frame int // -1: it is an entry already, or has no content
	sum   [16]byte
}

// errStopped ends a connection because the driver stops.
var errStopped = errors.New("stopped")

func sum(topic string, payload []byte) (s [16]byte) {
	h := sha256.New()
	h.Write([]byte(topic))
	h.Write([]byte{0})
	h.Write(payload)
	copy(s[:], h.Sum(nil))
	return s
}

func (c *conn) write(b []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	return c.send(b)
}

// send writes; the lock of writing is held.
func (c *conn) send(b []byte) error {
	c.link.SetWriteDeadline(time.Now().Add(dialFor))
	_, err := c.link.Write(b)
	return err
}

func (c *conn) say(p mqttwire.Packet) error {
	return c.write(mqttwire.Append(nil, c.d.version, &p))
}

// tell publishes, with a number in place of a topic that the broker knows
// already.
func (c *conn) tell(p mqttwire.Packet) error {
	if c.d.version != mqttwire.V5 {
		return c.say(p)
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	b := c.numbers.Append(nil, &p, c.limit)
	if len(b) == 0 {
		return nil // longer than the broker takes
	}
	return c.send(b)
}

func (c *conn) serve() error {
	s := &c.d.settings
	hello := mqttwire.Packet{Type: mqttwire.CONNECT, Connect: &mqttwire.Connect{Version: c.d.version, ClientID: s.ClientID, KeepAlive: uint16(s.KeepAlive / time.Second)}}
	if s.User != "" {
		hello.Connect.HasUser, hello.Connect.User, hello.Connect.Password = true, s.User, []byte(s.Password)
	}
	if c.d.version == mqttwire.V5 {
		hello.Props = (&mqttwire.Properties{SessionExpiry: uint32(s.Expiry / time.Second), ReceiveMaximum: receiveMax, MaximumPacket: uint32(s.MaxPacket), TopicAliasMax: maxAliases}).
			Set(mqttwire.PropSessionExpiry).Set(mqttwire.PropReceiveMaximum).Set(mqttwire.PropMaximumPacket).Set(mqttwire.PropTopicAliasMax)
	}
	c.asked = time.Now()
	c.asHost(&hello)
	if err := c.say(hello); err != nil {
		return err
	}
	c.buf = make([]byte, readAhead)
	for {
		patience := s.KeepAlive * 3 / 2
		if !c.begun {
			patience = dialFor
		}
		c.link.SetReadDeadline(time.Now().Add(patience))
		if c.d.ctx.Err() != nil { // after setting the deadline: Stop does it the other way round
			return errStopped
		}
		n, err := c.link.Read(c.buf[c.end:])
		c.end += n
		c.came = time.Now()
		if n > 0 {
			if err := c.take(); err != nil {
				return err
			}
		}
		switch {
		case err != nil && c.d.ctx.Err() != nil:
			return errStopped
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errors.New("the broker fell silent")
		case err != nil:
			return err
		}
	}
}

// take goes through the whole packets that have arrived.
func (c *conn) take() error {
	at := 0
	for {
		head, n, err := mqttwire.Next(c.buf[at:c.end], c.d.settings.MaxPacket)
		if err != nil {
			return err
		}
		if n == 0 || n > c.end-at {
			if err := c.settle(); err != nil {
				return err
			}
			copy(c.buf, c.buf[at:c.end])
			c.end -= at
			if n > len(c.buf) {
				c.buf = append(make([]byte, 0, n), c.buf[:c.end]...)[:n]
			} else if c.end == 0 && len(c.buf) > readAhead {
				c.buf = make([]byte, readAhead)
			}
			return nil
		}
		p, err := mqttwire.Decode(c.d.version, c.buf[at], c.buf[at+head:at+n])
		if err != nil {
			return err
		}
		if err := c.packet(&p); err != nil {
			return err
		}
		at += n
	}
}

func (c *conn) packet(p *mqttwire.Packet) error {
	if !c.begun {
		return c.welcome(p)
	}
	if p.Type == mqttwire.PUBLISH {
		return c.publish(p)
	}
	if err := c.settle(); err != nil {
		return err
	}
	switch p.Type {
	case mqttwire.PUBREL:
		delete(c.d.held, p.ID)
		return c.say(mqttwire.Packet{Type: mqttwire.PUBCOMP, ID: p.ID})
	case mqttwire.SUBACK:
		c.d.mu.Lock()
		c.d.ready = true
		c.d.mu.Unlock()
		topics := c.d.filters()
		for i, code := range p.Codes {
			if code >= mqttwire.Unspecified && i < len(topics) {
				c.d.notes.Add(c.peer, "mqttclient.not-subscribed", fmt.Sprintf("the broker refuses the subscription to %s (code %#x)", topics[i].Text, code), "Give our user the topic at the broker.")
			}
		}
		return c.announce()
	case mqttwire.PUBACK:
		if p.ID == stateID && p.Code >= mqttwire.Unspecified {
			c.d.notes.Add(c.peer, "mqttclient.not-host", fmt.Sprintf("the broker does not let us say that we are there (code %#x)", p.Code), "Let our user publish to "+sparkplug.StateTopic(c.d.settings.Host)+" at the broker.")
		}
	case mqttwire.DISCONNECT:
		return fmt.Errorf("the broker ended the connection (code %#x)", p.Code)
	case mqttwire.CONNECT, mqttwire.CONNACK, mqttwire.SUBSCRIBE, mqttwire.UNSUBSCRIBE, mqttwire.PINGREQ, mqttwire.AUTH: // MQTT 5 §4.13.1: no broker sends them here
		return fmt.Errorf("the broker sent a packet of type %d, which is out of place", p.Type)
	}
	return nil
}

// welcome is what the broker answers to CONNECT.
func (c *conn) welcome(p *mqttwire.Packet) error {
	if p.Type != mqttwire.CONNACK || p.Code != 0 {
		return fault.New(fault.Transient, "mqttclient.denied", "the broker does not let us in (code %#x)", p.Code)
	}
	c.begun = true
	if !p.SessionPresent {
		clear(c.d.held) // it knows nothing of what it sent before
	}
	if p.Props.Given(mqttwire.PropTopicAliasMax) {
		c.numbers = mqttwire.NewAliases(p.Props.TopicAliasMax, maxAliases)
	}
	if p.Props.Given(mqttwire.PropMaximumPacket) {
		c.limit = int(p.Props.MaximumPacket)
	}
	go c.ping()
	return c.say(mqttwire.Packet{Type: mqttwire.SUBSCRIBE, ID: 1, Filters: c.d.filters()})
}

func (c *conn) ping() {
	tick := time.NewTicker(c.d.settings.KeepAlive / 2)
	defer tick.Stop()
	for {
		select {
		case <-c.gone:
			return
		case <-tick.C:
			if c.say(mqttwire.Packet{Type: mqttwire.PINGREQ}) != nil {
				return
			}
		}
	}
}

// publish gathers a message.
func (c *conn) publish(p *mqttwire.Packet) error {
	if p.Props.Given(mqttwire.PropTopicAlias) {
		if p.Topic != "" && p.Props.TopicAlias <= maxAliases {
			c.aliases[p.Props.TopicAlias] = p.Topic
		} else if p.Topic = c.aliases[p.Props.TopicAlias]; p.Topic == "" {
			return errors.New("the broker uses a topic alias that stands for no topic")
		}
	}
	t := turn{qos: p.QoS, id: p.ID, frame: -1}
	if p.QoS == 2 {
		for _, other := range c.turns {
			if other.qos == 2 && other.id == p.ID {
				if err := c.settle(); err != nil {
					return err
				}
				break
			}
		}
		t.sum = sum(p.Topic, p.Payload)
	}
	was, held := c.d.held[p.ID]
	if c.d.settings.Host != "" && p.Topic == sparkplug.StateTopic(c.d.settings.Host) {
		if err := c.heard(p); err != nil { // of ourselves: no entry
			return err
		}
	} else if len(p.Payload) > 0 && !(p.QoS == 2 && p.Dup && held && was == t.sum) {
		t.frame = len(c.frames)
		c.frames = append(c.frames, c.frame(p))
	}
	if c.turns = append(c.turns, t); len(c.turns) >= maxOffer {
		return c.settle()
	}
	return nil
}

func (c *conn) frame(p *mqttwire.Packet) model.Frame {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			b.WriteString(name + ": " + oneLine(value) + "\n")
		}
	}
	if p.QoS > 0 {
		line("mqtt.qos", strconv.Itoa(int(p.QoS)))
	}
	if p.QoS == 2 {
		line("mqtt.packet", strconv.Itoa(int(p.ID)))
	}
	if p.Retain {
		line("mqtt.retain", "true")
	}
	if q := p.Props; q != nil {
		line("content-type", q.ContentType)
		line("mqtt.response-topic", q.ResponseTopic)
		for _, u := range q.User {
			if u[0] != "" {
				line("user."+strings.ReplaceAll(oneLine(u[0]), ":", "_"), u[1])
			}
		}
	}
	f := model.Frame{Channel: c.d.channel, Codec: c.d.codec, Peer: c.peer, Arrived: c.came, Bytes: p.Payload, Topic: p.Topic}
	if strings.HasPrefix(p.Topic, sparkplug.Namespace) {
		f.Codec = sparkplug.Name
		n := c.d.born.Note(p.Topic, p.Payload)
		b.WriteString(n.Properties)
		if to, command, ok := sparkplug.Rebirth(p.Topic); n.Unknown && ok {
			c.d.notes.Add(to, "mqttclient.no-birth", "a Sparkplug node sends numbers whose names nobody heard; it was asked for its birth", "If this stays, have the node answer rebirth requests, and let us publish to "+to+".")
			_ = c.tell(mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: to, Payload: command})
		}
	}
	f.Properties = b.String()
	if len(f.Properties) > model.MaxSaid {
		f.Properties = f.Properties[:strings.LastIndexByte(f.Properties[:model.MaxSaid], '\n')+1]
	}
	return f
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, s)
}

// settle offers what was gathered and acknowledges it. An error ends the
// connection: the broker sends again what was not acknowledged.
func (c *conn) settle() error {
	if len(c.turns) == 0 {
		return nil
	}
	defer func() {
		clear(c.frames)
		c.frames, c.turns = c.frames[:0], c.turns[:0]
	}()
	if len(c.frames) > 0 {
		_, err := c.d.host.Intake.Offer(c.d.ctx, c.frames)
		if fault.KindOf(err) == fault.Invalid && err != nil {
			err = c.oneByOne()
		}
		if err != nil {
			return err
		}
		c.d.frames.Add(uint64(len(c.frames)))
	}
	var out []byte
	for _, t := range c.turns {
		switch t.qos {
		case 1:
			out = mqttwire.Append(out, c.d.version, &mqttwire.Packet{Type: mqttwire.PUBACK, ID: t.id})
		case 2:
			c.d.held[t.id] = t.sum
			out = mqttwire.Append(out, c.d.version, &mqttwire.Packet{Type: mqttwire.PUBREC, ID: t.id})
		}
	}
	if len(out) == 0 {
		return nil
	}
	return c.write(out)
}

// oneByOne finds the frames that are never acceptable: they are acknowledged
// all the same, or they would come again for ever, and reported.
func (c *conn) oneByOne() error {
	for i := range c.frames {
		_, err := c.d.host.Intake.Offer(c.d.ctx, c.frames[i:i+1])
		if err != nil && fault.KindOf(err) != fault.Invalid {
			return err
		}
		if err != nil {
			c.d.notes.Add(c.peer, "mqttclient.refused", "a message cannot be accepted: "+err.Error(), "Have its sender correct it.")
		}
	}
	return nil
}
