package mqttwire

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// Next finds the first packet in b: head is the length of its fixed header, n
// that of the whole packet, 0 while b does not hold enough to say. An error
// means that no packet can begin so, or that it is longer than most bytes.
func Next(b []byte, most int) (head, n int, err error) {
	if len(b) == 0 {
		return 0, 0, nil
	}
	if b[0]>>4 == 0 {
		return 0, 0, malformed("there is no packet of type 0")
	}
	length := 0
	for i := 1; i <= 4; i++ { // MQTT 5 §1.5.5
		if i >= len(b) {
			return 0, 0, nil
		}
		length |= int(b[i]&0x7F) << (7 * (i - 1))
		if b[i] < 0x80 {
			if i > 1 && b[i] == 0 {
				return 0, 0, malformed("the length of a packet is written too long")
			}
			if 1+i+length > most {
				return 0, 0, &Error{TooLarge, "the packet is longer than is accepted"}
			}
			return 1 + i, 1 + i + length, nil
		}
	}
	return 0, 0, malformed("the length of a packet has more than four bytes")
}

// reader takes fields from a packet; after the first error it gives zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n > len(r.b) {
		r.fail(malformed("the packet ends before its last field"))
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) varint() int {
	n := 0
	for i := range 4 {
		b := r.byte()
		n |= int(b&0x7F) << (7 * i)
		if b < 0x80 {
			if i > 0 && b == 0 {
				r.fail(malformed("a number is written too long"))
			}
			return n
		}
	}
	r.fail(malformed("a number has more than four bytes"))
	return 0
}

func (r *reader) bytes() []byte { return r.take(int(r.uint16())) }

// text reads a string: UTF-8 without NUL (MQTT 5 §1.5.4).
func (r *reader) text() string {
	b := r.bytes()
	s := string(b)
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		r.fail(malformed("a text is not UTF-8, or holds NUL"))
		return ""
	}
	return s
}

// Decode reads a packet: first is its first byte, body what follows the fixed
// header. version is that of the connection; CONNECT brings its own.
func Decode(version, first byte, body []byte) (Packet, error) {
	p := Packet{Type: first >> 4}
	r := reader{b: body}
	flags := first & 0x0F
	switch p.Type {
	case PUBLISH:
		p.Dup, p.QoS, p.Retain = flags&8 != 0, flags>>1&3, flags&1 != 0
		if p.QoS == 3 {
			return p, malformed("there is no QoS 3")
		}
	case PUBREL, SUBSCRIBE, UNSUBSCRIBE:
		if flags != 2 {
			return p, malformed("the flags of the packet's type are reserved")
		}
	default:
		if flags != 0 {
			return p, malformed("the flags of the packet's type are reserved")
		}
	}
	switch p.Type {
	case CONNECT:
		p.Connect = r.connect(&p)
	case CONNACK:
		ack := r.byte()
		p.SessionPresent = ack&1 != 0
		if ack > 1 {
			r.fail(malformed("flags of CONNACK are reserved"))
		}
		p.Code = r.byte()
		if version == V5 {
			p.Props = r.props(CONNACK)
		}
	case PUBLISH:
		p.Topic = r.text()
		if p.QoS > 0 {
			p.ID = r.id()
		}
		if version == V5 {
			p.Props = r.props(PUBLISH)
		}
		if r.err == nil && p.Topic == "" && !p.Props.Given(PropTopicAlias) {
			r.fail(violates("a message has no topic"))
		}
		if strings.ContainsAny(p.Topic, "+#") {
			r.fail(&Error{BadTopic, "the topic of a message holds a wildcard"})
		}
		p.Payload, r.b = r.b, nil
	case PUBACK, PUBREC, PUBREL, PUBCOMP:
		p.ID = r.id()
		r.reason(&p, version)
	case SUBSCRIBE, UNSUBSCRIBE:
		p.ID = r.id()
		if version == V5 {
			p.Props = r.props(int(p.Type))
		}
		r.filters(&p, version)
	case SUBACK, UNSUBACK:
		p.ID = r.id()
		if version == V5 {
			p.Props = r.props(int(p.Type))
		}
		p.Codes, r.b = r.b, nil
	case PINGREQ, PINGRESP:
	case DISCONNECT, AUTH:
		if version != V5 {
			if p.Type == AUTH {
				return p, violates("AUTH is no packet of MQTT 3.1.1")
			}
			break
		}
		r.reason(&p, version)
	default:
		return p, malformed("there is no packet of type 0")
	}
	if r.err == nil && len(r.b) > 0 {
		r.fail(malformed("the packet is longer than its fields"))
	}
	return p, r.err
}

// reason reads a reason code and properties, both of which may be left out
// (MQTT 5 §3.4.2.1).
func (r *reader) reason(p *Packet, version byte) {
	if version != V5 || len(r.b) == 0 {
		return
	}
	p.Code = r.byte()
	if len(r.b) > 0 {
		p.Props = r.props(int(p.Type))
	}
}

func (r *reader) id() uint16 {
	id := r.uint16()
	if id == 0 {
		r.fail(violates("a packet identifier is 0"))
	}
	return id
}

// MostFilters bounds the filters of one packet.
const MostFilters = 1024

func (r *reader) filters(p *Packet, version byte) {
	for r.err == nil && len(r.b) > 0 {
		f := Filter{Text: r.text()}
		if p.Type == SUBSCRIBE {
			o := r.byte()
			f.QoS, f.NoLocal, f.RetainAsPublished, f.RetainHandling = o&3, o&4 != 0, o&8 != 0, o>>4&3
			if f.QoS == 3 || f.RetainHandling == 3 || o&0xC0 != 0 || version != V5 && o > 2 {
				r.fail(malformed("the options of a subscription are reserved"))
			}
		}
		if p.Filters = append(p.Filters, f); len(p.Filters) > MostFilters {
			r.fail(&Error{QuotaExceeded, "the packet holds too many filters"})
		}
	}
	if len(p.Filters) == 0 {
		r.fail(violates("the packet names no filter"))
	}
}

// connect reads CONNECT (MQTT 3.1.1 §3.1, MQTT 5 §3.1).
func (r *reader) connect(p *Packet) *Connect {
	c := &Connect{}
	name := r.text()
	c.Version = r.byte()
	if r.err == nil && (name != "MQTT" || c.Version != V311 && c.Version != V5) {
		r.fail(&Error{BadVersion, "only MQTT 3.1.1 and 5 are spoken here"})
		return c
	}
	flags := r.byte()
	c.Clean = flags&2 != 0
	c.KeepAlive = r.uint16()
	if flags&1 != 0 {
		r.fail(malformed("a flag of CONNECT is reserved"))
	}
	if c.Version == V5 {
		p.Props = r.props(CONNECT)
	}
	c.ClientID = r.text()
	qos := flags >> 3 & 3
	if flags&4 != 0 {
		w := &Will{QoS: qos, Retain: flags&0x20 != 0}
		if c.Version == V5 {
			w.Props = r.props(will)
		}
		w.Topic = r.text()
		w.Payload = r.bytes()
		if qos == 3 || r.err == nil && (w.Topic == "" || strings.ContainsAny(w.Topic, "+#")) {
			r.fail(malformed("the will's QoS or topic cannot be"))
		}
		c.Will = w
	} else if flags&0x38 != 0 {
		r.fail(malformed("flags of a will are set and there is none"))
	}
	if c.HasUser = flags&0x80 != 0; c.HasUser {
		c.User = r.text()
	}
	if flags&0x40 != 0 {
		if !c.HasUser && c.Version == V311 { // MQTT 3.1.1 §3.1.2.9
			r.fail(malformed("a password is given without a user name"))
		}
		c.Password = r.bytes()
	}
	return c
}
