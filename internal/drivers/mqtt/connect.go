package mqtt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// connect lets a client in (MQTT 5 §3.1.4).
func (c *conn) connect(p *mqttwire.Packet) error {
	k, d := p.Connect, c.d
	c.version = k.Version
	if p.Props.Given(mqttwire.PropAuthMethod) {
		return c.turnAway(mqttwire.BadAuthMethod, "mqtt.refused", "extended authentication is not offered here")
	}
	if k.ClientID == "" && !k.Clean && k.Version == mqttwire.V311 { // MQTT 3.1.1 §3.1.3.1
		return c.turnAway(mqttwire.BadClientID, "mqtt.refused", "a client without an id wants its session kept")
	}
	assigned := ""
	if k.ClientID == "" {
		d.mu.Lock()
		d.made++
		assigned = "thalamus-" + strconv.FormatInt(c.arrived.UnixMicro(), 36) + "-" + strconv.FormatUint(d.made, 36)
		d.mu.Unlock()
		k.ClientID = assigned
	}
	if strings.ContainsFunc(k.ClientID, func(r rune) bool { return r < ' ' || r == 0x7F }) || len(k.ClientID) > 1024 {
		return c.turnAway(mqttwire.BadClientID, "mqtt.refused", "the client id is too long or holds control characters")
	}
	if code, err := c.ask(k); err != nil {
		return c.turnAway(code, "mqtt.not-admitted", fmt.Sprintf("the client %q was not let in: %v", k.ClientID, err))
	}
	if k.Will != nil && !c.mayPublish(k.Will.Topic) {
		return c.turnAway(mqttwire.NotAuthorised, "mqtt.not-allowed", fmt.Sprintf("the will of %q goes to a topic it may not use", k.ClientID))
	}
	c.limits(p)
	present, mark, err := c.enter(p)
	if err != nil {
		return c.turnAway(mqttwire.BadClientID, "mqtt.not-admitted", err.Error())
	}
	if err := d.log.wait(mark); err != nil {
		return c.turnAway(mqttwire.Unavailable, "mqtt.state", err.Error())
	}
	ack := mqttwire.Packet{Type: mqttwire.CONNACK, SessionPresent: present}
	if c.version == mqttwire.V5 {
		ack.Props = c.offers(p, assigned)
	}
	if err := c.write(mqttwire.Append(nil, c.version, &ack)); err != nil {
		return err
	}
	if d.host.Met != nil {
		d.host.Met(d.channel, c.connection())
	}
	if d.host.Contact != nil {
		d.host.Contact(model.ContactTold{Channel: d.channel, Peer: c.peer, Client: k.ClientID, Device: c.admission.Device, At: time.Now().UTC(), Made: true})
	}
	c.told = true
	if c.admission.Ended != nil {
		c.gone = make(chan struct{})
		d.guests.Go(c.heed)
	}
	d.mu.Lock()
	c.kick()
	d.mu.Unlock()
	return nil
}

// ask finds out who the client is.
func (c *conn) ask(k *mqttwire.Connect) (code byte, err error) {
	d := c.d
	if d.host.Admit == nil {
		c.free = true
		return 0, nil
	}
	if d.settings.Anonymous && !k.HasUser && len(k.Password) == 0 && c.cert == nil {
		return 0, nil // Publish nil: every topic; Receive nil: none
	}
	c.admission, err = d.host.Admit(d.ctx, d.channel, driver.Credentials{Peer: c.peer, Client: k.ClientID, User: k.User, Secret: k.Password, Certificate: c.cert})
	switch {
	case err == nil:
		return 0, nil
	case fault.KindOf(err) == fault.Transient:
		return mqttwire.Unavailable, err
	}
	return mqttwire.BadCredentials, err
}

// turnAway answers CONNECT with a refusal.
func (c *conn) turnAway(code byte, note, text string) error {
	c.d.refused.Add(1)
	c.d.notes.Add(c.peer, note, text, "If the device belongs here, correct its settings or make it a credential with `thalamus credential create`.")
	if c.version == mqttwire.V311 { // MQTT 3.1.1 §3.2.2.3
		switch code {
		case mqttwire.BadClientID:
			code = 2
		case mqttwire.Unavailable:
			code = 3
		case mqttwire.BadCredentials:
			code = 4
		default:
			code = 5
		}
	}
	_ = c.write(mqttwire.Append(nil, c.version, &mqttwire.Packet{Type: mqttwire.CONNACK, Code: code}))
	return errEnd
}

// limits takes over what client and settings say of bounds.
func (c *conn) limits(p *mqttwire.Packet) {
	s := &c.d.settings
	c.most, c.window = s.MaxPacket, 65535
	c.keepAlive = time.Duration(p.Connect.KeepAlive) * time.Second
	if c.version == mqttwire.V5 {
		if c.keepAlive == 0 || c.keepAlive > s.KeepAlive {
			c.keepAlive = s.KeepAlive
		}
		if p.Props.Given(mqttwire.PropReceiveMaximum) {
			c.window = int(p.Props.ReceiveMaximum)
		}
		if p.Props.Given(mqttwire.PropMaximumPacket) {
			c.limit = int(p.Props.MaximumPacket)
		}
		if p.Props.Given(mqttwire.PropTopicAliasMax) {
			c.numbers = mqttwire.NewAliases(p.Props.TopicAliasMax, s.MaxAlias)
		}
	}
	c.prefix = "mqtt.client: " + oneLine(p.Connect.ClientID) + "\n"
	if c.admission.Device != "" {
		c.prefix += "device: " + oneLine(string(c.admission.Device)) + "\n"
	}
}

// offers is what CONNACK tells an MQTT 5 client.
func (c *conn) offers(p *mqttwire.Packet, assigned string) *mqttwire.Properties {
	s := &c.d.settings
	o := &mqttwire.Properties{ReceiveMaximum: uint16(s.ReceiveMaximum), MaximumPacket: uint32(s.MaxPacket), TopicAliasMax: uint16(s.MaxAlias)}
	o.Set(mqttwire.PropReceiveMaximum).Set(mqttwire.PropMaximumPacket).Set(mqttwire.PropTopicAliasMax)
	if assigned != "" {
		o.AssignedClientID = assigned
		o.Set(mqttwire.PropAssignedClientID)
	}
	if c.keepAlive != time.Duration(p.Connect.KeepAlive)*time.Second {
		o.ServerKeepAlive = uint16(c.keepAlive / time.Second)
		o.Set(mqttwire.PropServerKeepAlive)
	}
	if asked := p.Props; asked.Given(mqttwire.PropSessionExpiry) && time.Duration(asked.SessionExpiry)*time.Second > s.MaxExpiry {
		o.SessionExpiry = uint32(s.MaxExpiry / time.Second)
		o.Set(mqttwire.PropSessionExpiry)
	}
	return o
}

// enter gives the connection its session, the one there is or a new one, and
// takes it from an older connection.
func (c *conn) enter(p *mqttwire.Packet) (present bool, mark uint64, err error) {
	k, d := p.Connect, c.d
	expiry := time.Duration(0)
	switch {
	case c.version == mqttwire.V5 && p.Props.Given(mqttwire.PropSessionExpiry):
		expiry = min(time.Duration(p.Props.SessionExpiry)*time.Second, d.settings.MaxExpiry)
	case c.version != mqttwire.V5 && !k.Clean:
		expiry = d.settings.MaxExpiry
	}
	d.mu.Lock()
	s := d.sessions[k.ClientID]
	if s != nil && s.owner != c.admission.Identity {
		d.mu.Unlock()
		return false, 0, fault.New(fault.Denied, "mqtt.other-client", "the client id %q is in use by another credential", k.ClientID)
	}
	var old *conn
	if s != nil {
		old = s.conn
	}
	d.mu.Unlock()
	if old != nil {
		old.replaced()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s = d.sessions[k.ClientID]
	if s != nil && s.conn != nil || d.guests.Stopping() {
		return false, 0, fault.New(fault.Transient, "mqtt.other-client", "two clients fight for the id %q", k.ClientID)
	}
	if s != nil && (k.Clean || !s.keep) {
		d.log.add(record(recGone, s.id))
		d.forget(s)
		s = nil
	}
	present = s != nil
	if s == nil {
		if len(d.sessions) >= d.settings.MaxSessions {
			return false, 0, fault.New(fault.Transient, "mqtt.too-many", "there are %d sessions already", len(d.sessions))
		}
		s = &session{id: k.ClientID, owner: c.admission.Identity, subs: map[string]sub{}}
		d.sessions[s.id] = s
	}
	s.version, s.keep, s.expiry, s.ends = c.version, expiry > 0, expiry, time.Time{}
	s.conn, c.s = c, s
	s.zero = nil
	for _, o := range s.out {
		if o.stage == sent {
			o.stage = waits
		} else if o.stage == waits {
			continue
		}
		o.again = true
	}
	had := s.will != nil
	s.will, s.willAt = c.willOf(p), time.Time{}
	if s.stored() {
		mark = d.log.add(s.record())
	}
	if s.will != nil {
		mark = d.log.add(s.will.record(s))
	} else if had {
		mark = d.log.add(record(recNoWill, s.id))
	}
	return present, mark, nil
}

// willOf makes the will of a client.
func (c *conn) willOf(p *mqttwire.Packet) *will {
	w := p.Connect.Will
	if w == nil {
		return nil
	}
	m := mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: w.Topic, Payload: slices.Clone(w.Payload), QoS: w.QoS, Retain: w.Retain, Props: passedOn(w.Props)}
	out := &will{packet: m, peer: c.peer, props: c.properties(&mqttwire.Packet{Props: w.Props, Retain: w.Retain}) + "mqtt.will: true\n"}
	if w.Props.Given(mqttwire.PropWillDelay) {
		out.delay = time.Duration(w.Props.WillDelay) * time.Second
	}
	if m.QoS > 0 { // an identifier, so that it can be written as a packet
		out.packet.ID = 1
	}
	return out
}

// replaced ends a connection whose session another one takes, and waits until
// it has left.
func (c *conn) replaced() {
	c.cutFor(model.EndTaken)
	c.farewell(mqttwire.TakenOver)
	c.net.Close()
	for range 2000 {
		if !c.d.guests.Here(c) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// heed ends the connection when its credential ends.
func (c *conn) heed() {
	select {
	case <-c.admission.Ended:
		c.cutFor(model.EndRevoked)
		c.d.notes.Add(c.peer, "mqtt.revoked", "a device was cut off: its credential was revoked or has expired", "If it still belongs here, make it a new credential.")
		c.farewell(mqttwire.AdminAction)
		c.net.Close()
	case <-c.gone:
	}
}

func (c *conn) mayPublish(topic string) bool {
	if topic == c.d.state && topic != "" {
		return false // nobody else is this host application
	}
	if c.free || c.admission.Publish == nil {
		return !strings.HasPrefix(topic, "$")
	}
	return slices.ContainsFunc(c.admission.Publish, func(f string) bool { return model.TopicMatches(f, topic) })
}

func (c *conn) mayReceive(filter string) bool {
	if c.free {
		return true
	}
	return slices.ContainsFunc(c.admission.Receive, func(f string) bool { return model.TopicCovers(f, filter) })
}

// cutFor ends the connection for a reason of ours.
func (c *conn) cutFor(why model.EndKind) {
	c.cutWhy.CompareAndSwap(nil, &why)
	c.cut.Store(true)
}

// goodbye is a DISCONNECT of the client. Its will is void when it says that all
// is well, and then only (MQTT 5 §3.14.4).
func (c *conn) goodbye(p *mqttwire.Packet) error {
	d := c.d
	c.polite = p.Code == mqttwire.Success
	c.ending = model.Ending{How: model.EndGoodbye, Code: int(p.Code)}
	if p.Props.Given(mqttwire.PropSessionExpiry) {
		d.mu.Lock()
		if !c.s.keep && p.Props.SessionExpiry > 0 {
			d.mu.Unlock()
			return c.refuse(&mqttwire.Error{Code: mqttwire.ProtocolError, Text: "a session that was not to be kept is to be kept now"})
		}
		c.s.expiry = min(time.Duration(p.Props.SessionExpiry)*time.Second, d.settings.MaxExpiry)
		c.s.keep = c.s.expiry > 0
		d.mu.Unlock()
	}
	return errEnd
}

// tellEnd says how the link ended; not when we stop, because that says nothing
// of the device.
func (c *conn) tellEnd() {
	if !c.told || c.d.host.Contact == nil || c.d.guests.Stopping() {
		return
	}
	if why := c.cutWhy.Load(); why != nil && c.ending.How != model.EndGoodbye {
		c.ending = model.Ending{How: *why}
	}
	c.d.host.Contact(model.ContactTold{Channel: c.d.channel, Peer: c.peer, Client: c.name(), Device: c.admission.Device, At: time.Now().UTC(), Ending: c.ending})
}

// leave takes the connection out: its session stays as long as it was told
// to, its will is sent unless the client said goodbye.
func (c *conn) leave() {
	d := c.d
	c.link.Close()
	c.buf.Release()
	c.tellEnd()
	d.mu.Lock()
	s := c.s
	var now *session
	if s != nil && s.conn == c {
		s.conn, s.zero = nil, nil
		s.ends = time.Now().Add(s.expiry)
		if c.polite && s.will != nil {
			s.will = nil
			d.log.add(record(recNoWill, s.id))
		}
		switch {
		case d.guests.Stopping(): // the will waits for the next start
		case s.will != nil && s.will.delay == 0:
			now = s
		case s.will != nil:
			s.willAt = time.Now().Add(min(s.will.delay, max(s.expiry, 0)))
		case !s.keep:
			d.forget(s)
		}
		if s.keep {
			d.log.add(s.record())
		} else if s.will == nil {
			d.log.add(record(recGone, s.id))
		}
	}
	if c.gone != nil {
		close(c.gone)
	}
	d.mu.Unlock()
	if now != nil {
		d.sendWill(now)
	}
}
