package mqttwire

import "encoding/binary"

func appendVarint(b []byte, n int) []byte {
	for n >= 0x80 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}

// appendText writes a string; what is longer than a string may be is cut.
func appendText(b []byte, s string) []byte {
	s = s[:min(len(s), 0xFFFF)]
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// Append writes a packet for a connection of that version.
func Append(out []byte, version byte, p *Packet) []byte {
	var b []byte
	first := p.Type << 4
	switch p.Type {
	case CONNECT:
		b = appendConnect(b, p)
	case CONNACK:
		b = append(b, flag(p.SessionPresent), p.Code)
		if version == V5 {
			b = appendProps(b, p.Props)
		}
	case PUBLISH:
		return appendPublish(out, version, p)
	case PUBACK, PUBREC, PUBREL, PUBCOMP:
		if p.Type == PUBREL {
			first |= 2
		}
		b = binary.BigEndian.AppendUint16(b, p.ID)
		b = appendReason(b, version, p)
	case SUBSCRIBE, UNSUBSCRIBE:
		first |= 2
		b = binary.BigEndian.AppendUint16(b, p.ID)
		if version == V5 {
			b = appendProps(b, p.Props)
		}
		for _, f := range p.Filters {
			b = appendText(b, f.Text)
			if p.Type == SUBSCRIBE {
				b = append(b, f.QoS|flag(f.NoLocal)<<2|flag(f.RetainAsPublished)<<3|f.RetainHandling<<4)
			}
		}
	case SUBACK, UNSUBACK:
		b = binary.BigEndian.AppendUint16(b, p.ID)
		if version == V5 {
			b = appendProps(b, p.Props)
		}
		if p.Type == SUBACK || version == V5 {
			b = append(b, p.Codes...)
		}
	case DISCONNECT, AUTH:
		b = appendReason(b, version, p)
	}
	return append(appendVarint(append(out, first), len(b)), b...)
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// appendReason leaves out what may be left out (MQTT 5 §3.4.2.1).
func appendReason(b []byte, version byte, p *Packet) []byte {
	if version != V5 || p.Code == 0 && p.Props == nil {
		return b
	}
	b = append(b, p.Code)
	if p.Props != nil {
		b = appendProps(b, p.Props)
	}
	return b
}

func appendPublish(out []byte, version byte, p *Packet) []byte {
	var props []byte
	if version == V5 {
		props = appendProps(nil, p.Props)
	}
	n := 2 + len(p.Topic) + len(props) + len(p.Payload)
	if p.QoS > 0 {
		n += 2
	}
	out = append(out, PUBLISH<<4|flag(p.Dup)<<3|p.QoS<<1|flag(p.Retain))
	out = appendText(appendVarint(out, n), p.Topic)
	if p.QoS > 0 {
		out = binary.BigEndian.AppendUint16(out, p.ID)
	}
	return append(append(out, props...), p.Payload...)
}

func appendConnect(b []byte, p *Packet) []byte {
	c := p.Connect
	flags := flag(c.Clean)<<1 | flag(c.HasUser)<<7 | flag(c.Password != nil)<<6
	if c.Will != nil {
		flags |= 4 | c.Will.QoS<<3 | flag(c.Will.Retain)<<5
	}
	b = append(appendText(b, "MQTT"), c.Version, flags)
	b = binary.BigEndian.AppendUint16(b, c.KeepAlive)
	if c.Version == V5 {
		b = appendProps(b, p.Props)
	}
	b = appendText(b, c.ClientID)
	if w := c.Will; w != nil {
		if c.Version == V5 {
			b = appendProps(b, w.Props)
		}
		b = appendText(appendText(b, w.Topic), string(w.Payload))
	}
	if c.HasUser {
		b = appendText(b, c.User)
	}
	if c.Password != nil {
		b = appendText(b, string(c.Password))
	}
	return b
}
