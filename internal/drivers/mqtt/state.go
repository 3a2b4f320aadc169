package mqtt

import (
	"encoding/binary"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/model"
)

// Records of the log. The first byte says which; numbers are varints, texts
// have their length before them.
const (
	recSession  = 's' // id, owner, version, keep, expiry s, ends (unix s, 0: connected), number of its last entry of QoS 2
	recGone     = 'x' // id
	recSub      = 'u' // id, filter, options, subscription identifier
	recUnsub    = 'n' // id, filter
	recGot      = 'g' // id, packet id, digest, entry's number: QoS 2 received
	recReleased = 'r' // id, packet id
	recRetained = 't' // expires, PUBLISH; without payload: none any more
	recQueued   = 'q' // id, packet id, QoS, retain, stage, identifiers, expires, from, PUBLISH
	recReceived = 'p' // id, packet id: the subscriber has it, QoS 2
	recDone     = 'd' // id, packet id
	recWill     = 'w' // id, delay s, peer, properties, PUBLISH
	recNoWill   = 'v' // id
	recBirth    = 'b' // key, aliases of a Sparkplug birth; empty: none any more
)

type fields []byte

func record(kind byte, id string) fields { return fields{kind}.text(id) }

func (f fields) num(n uint64) fields { return binary.AppendUvarint(f, n) }
func (f fields) text(s string) fields {
	return append(binary.AppendUvarint(f, uint64(len(s))), s...)
}
func (f fields) flag(b bool) fields {
	if b {
		return append(f, 1)
	}
	return append(f, 0)
}
func (f fields) time(t time.Time) fields {
	if t.IsZero() {
		return f.num(0)
	}
	return f.num(uint64(max(t.Unix(), 1)))
}
func (f fields) packet(p *mqttwire.Packet) fields {
	return f.text(string(mqttwire.Append(nil, mqttwire.V5, p)))
}

// parts takes a record apart; bad is set when it ends too early.
type parts struct {
	b   []byte
	bad bool
}

func (p *parts) num() uint64 {
	n, size := binary.Uvarint(p.b)
	if size <= 0 {
		p.b, p.bad = nil, true
		return 0
	}
	p.b = p.b[size:]
	return n
}

func (p *parts) text() string {
	n := p.num()
	if n > uint64(len(p.b)) {
		p.b, p.bad = nil, true
		return ""
	}
	s := string(p.b[:n])
	p.b = p.b[n:]
	return s
}

func (p *parts) flag() bool { return p.num() != 0 }

func (p *parts) time() time.Time {
	if n := p.num(); n > 0 {
		return time.Unix(int64(n), 0)
	}
	return time.Time{}
}

func (p *parts) packet() mqttwire.Packet {
	wire := []byte(p.text())
	head, n, err := mqttwire.Next(wire, 1<<28)
	if err != nil || n == 0 || n != len(wire) {
		p.bad = true
		return mqttwire.Packet{}
	}
	got, err := mqttwire.Decode(mqttwire.V5, wire[0], wire[head:])
	if err != nil || got.Type != mqttwire.PUBLISH {
		p.bad = true
	}
	return got
}

func (s *session) record() fields {
	return record(recSession, s.id).text(s.owner).num(uint64(s.version)).flag(s.keep).num(uint64(s.expiry / time.Second)).time(s.ends).num(uint64(s.seq))
}

func (u *sub) record(s *session) fields {
	options := uint64(u.QoS) | uint64(u.RetainHandling)<<4
	if u.NoLocal {
		options |= 4
	}
	if u.RetainAsPublished {
		options |= 8
	}
	return record(recSub, s.id).text(u.Text).num(options).num(uint64(u.id))
}

func (o *outgoing) record(s *session) fields {
	f := record(recQueued, s.id).num(uint64(o.id)).num(uint64(o.qos)).flag(o.retain).num(uint64(o.stage)).num(uint64(len(o.subs)))
	for _, id := range o.subs {
		f = f.num(uint64(id))
	}
	return f.time(o.m.expires).text(o.m.from).packet(&o.m.packet)
}

func (m *message) retained() fields {
	return fields{recRetained}.time(m.expires).packet(&m.packet)
}

func (w *will) record(s *session) fields {
	return record(recWill, s.id).num(uint64(w.delay / time.Second)).text(w.peer).text(w.props).packet(&w.packet)
}

// snapshot gives the state as framed records.
func (d *Driver) snapshot() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []byte
	put := func(f fields) { out = appendRecord(out, f) }
	for _, s := range d.sessions {
		if !s.stored() {
			continue
		}
		put(s.record())
		for _, u := range s.subs {
			put(u.record(s))
		}
		for id, is := range s.got {
			put(record(recGot, s.id).num(uint64(id)).text(string(is[:])).num(uint64(s.seq)))
		}
		for _, o := range s.out {
			put(o.record(s))
		}
		if s.will != nil {
			put(s.will.record(s))
		}
	}
	for topic, m := range d.retained {
		if topic == d.state {
			continue
		}
		put(m.retained())
	}
	for key, aliases := range d.born.All() {
		put(record(recBirth, key).text(aliases))
	}
	return out
}

// stored says whether a session is kept on the disk: because it outlives its
// connection, or because its will must.
func (s *session) stored() bool { return s.keep || s.will != nil }

// apply brings a record of the log in force, at the start.
func (d *Driver) apply(b []byte) {
	p := parts{b: b[1:]}
	kind := b[0]
	if kind == recRetained {
		m := &message{expires: p.time(), packet: p.packet()}
		if p.bad {
			return
		}
		if len(m.packet.Payload) == 0 {
			delete(d.retained, m.packet.Topic)
		} else {
			d.retained[m.packet.Topic] = m
		}
		return
	}
	id := p.text()
	if kind == recBirth {
		if aliases := p.text(); !p.bad {
			d.born.Restore(id, aliases)
		}
		return
	}
	s := d.sessions[id]
	if kind == recSession {
		if s == nil {
			s = &session{id: id, subs: map[string]sub{}}
			d.sessions[id] = s
		}
		s.owner, s.version, s.keep = p.text(), byte(p.num()), p.flag()
		s.expiry, s.ends = time.Duration(p.num())*time.Second, p.time()
		s.seq = max(s.seq, model.Seq(p.num()))
		return
	}
	if s == nil || p.bad {
		return
	}
	switch kind {
	case recGone:
		d.forget(s)
	case recSub:
		f, options := mqttwire.Filter{Text: p.text()}, p.num()
		f.QoS, f.NoLocal, f.RetainAsPublished, f.RetainHandling = byte(options&3), options&4 != 0, options&8 != 0, byte(options>>4&3)
		if u, ok := subOf(f, uint32(p.num())); ok && !p.bad {
			s.subs[f.Text] = u
			d.tree.add(s, u)
		}
	case recUnsub:
		if u, ok := s.subs[p.text()]; ok {
			delete(s.subs, u.Text)
			d.tree.remove(s, u)
		}
	case recGot:
		n := uint16(p.num())
		var is digest
		copy(is[:], p.text())
		s.hold(n, is)
		s.seq = max(s.seq, model.Seq(p.num()))
	case recReleased:
		delete(s.got, uint16(p.num()))
	case recQueued:
		o := &outgoing{id: uint16(p.num()), qos: byte(p.num()), retain: p.flag(), stage: stage(p.num())}
		for range min(p.num(), mqttwire.MostFilters) {
			o.subs = append(o.subs, uint32(p.num()))
		}
		o.m = &message{expires: p.time(), from: p.text(), packet: p.packet()}
		if p.bad {
			return
		}
		s.done(o.id)   // what stands in the snapshot and behind it is there once
		o.again = true // it may have been sent
		s.add(o, d.settings.MaxQueued)
		s.lastID = o.id
	case recReceived:
		if o := s.byID[uint16(p.num())]; o != nil {
			o.stage = received
		}
	case recDone:
		s.done(uint16(p.num()))
	case recWill:
		w := &will{delay: time.Duration(p.num()) * time.Second, peer: p.text(), props: p.text(), packet: p.packet()}
		if !p.bad {
			s.will = w
		}
	case recNoWill:
		s.will = nil
	}
}
