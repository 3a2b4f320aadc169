package pcap

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"thalamus/internal/imports/flowset"
)

// Packet is what of a packet matters here. Payload is valid until the next one.
type Packet struct {
	At               time.Time
	From, To         netip.Addr
	FromPort, ToPort uint16
	FromMAC, ToMAC   string
	Protocol         uint8 // IANA number
	SYN, ACK         bool  // of TCP
	Payload          []byte
}

// Link types (draft-ietf-opsawg-pcaplinktype).
const (
	linkNull     = 0
	linkEthernet = 1
	linkRaw12    = 12 // raw IP as BSD systems write it
	linkRaw      = 101
	linkLoop     = 108
	linkCooked   = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkCooked2  = 276
)

// read takes a frame apart; false for what is no whole IP packet of a machine
// to a machine.
func (p *Packet) read(f *frame) bool {
	*p = Packet{At: f.at}
	b := f.data
	switch f.link {
	case linkEthernet:
		if len(b) < 14 {
			return false
		}
		p.ToMAC, p.FromMAC = mac(b[0:6]), mac(b[6:12])
		kind := binary.BigEndian.Uint16(b[12:])
		b = b[14:]
		// 802.1Q and 802.1ad: up to two tags before what is inside.
		for range 2 {
			if kind != 0x8100 && kind != 0x88a8 && kind != 0x9100 {
				break
			}
			if len(b) < 4 {
				return false
			}
			kind, b = binary.BigEndian.Uint16(b[2:]), b[4:]
		}
		if kind != 0x0800 && kind != 0x86dd {
			return false
		}
	case linkRaw, linkRaw12, linkIPv4, linkIPv6:
	case linkNull, linkLoop:
		if len(b) < 4 {
			return false
		}
		b = b[4:] // the address family; the version inside says the same
	case linkCooked:
		if len(b) < 16 {
			return false
		}
		b = b[16:]
	case linkCooked2:
		if len(b) < 20 {
			return false
		}
		b = b[20:]
	default:
		return false
	}
	return p.internet(b)
}

func mac(b []byte) string {
	if b[0]&1 != 0 { // a group
		return ""
	}
	return flowset.MAC(fmt.Sprintf("%x", b))
}

// internet reads IPv4 (RFC 791 §3.1) or IPv6 (RFC 8200 §3, §4).
func (p *Packet) internet(b []byte) bool {
	if len(b) < 1 {
		return false
	}
	switch b[0] >> 4 {
	case 4:
		if len(b) < 20 {
			return false
		}
		head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
		if head < 20 || len(b) < head || binary.BigEndian.Uint16(b[6:])&0x1fff != 0 { // a later fragment has no ports
			return false
		}
		if total >= head && total < len(b) { // what follows is padding
			b = b[:total]
		}
		p.From, p.To, p.Protocol = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), b[9]
		return p.transport(b[head:])
	case 6:
		if len(b) < 40 {
			return false
		}
		p.From, p.To = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		next, rest := b[6], b[40:]
		for range 8 {
			switch next {
			case 0, 43, 60: // hop-by-hop, routing, destination options
				if len(rest) < 8 {
					return false
				}
				n := 8 + int(rest[1])*8
				if len(rest) < n {
					return false
				}
				next, rest = rest[0], rest[n:]
				continue
			case 44: // fragment
				if len(rest) < 8 || binary.BigEndian.Uint16(rest[2:])&0xfff8 != 0 {
					return false
				}
				next, rest = rest[0], rest[8:]
				continue
			}
			break
		}
		p.Protocol = next
		return p.transport(rest)
	}
	return false
}

func (p *Packet) transport(b []byte) bool {
	if p.From.IsUnspecified() || p.From.IsMulticast() || p.To.IsUnspecified() {
		return false
	}
	switch p.Protocol {
	case 6: // TCP (RFC 9293 §3.1)
		if len(b) < 14 {
			return false
		}
		p.FromPort, p.ToPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		p.SYN, p.ACK = b[13]&2 != 0, b[13]&16 != 0
		if head := int(b[12]>>4) * 4; head >= 20 && head <= len(b) {
			p.Payload = b[head:]
		}
	case 17, 132: // UDP (RFC 768), SCTP begins alike
		if len(b) < 8 {
			return false
		}
		p.FromPort, p.ToPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		if p.Protocol == 17 {
			p.Payload = b[8:]
		}
	}
	return true
}

// spoken names what the first bytes of a payload speak; empty where they say
// nothing.
func spoken(b []byte) string {
	has := func(text string) bool { return len(b) >= len(text) && string(b[:len(text)]) == text }
	switch {
	case len(b) >= 3 && b[0] >= 0x14 && b[0] <= 0x17 && b[1] == 3 && b[2] <= 4: // RFC 8446 §5.1
		return "tls"
	case has("\x0bMSH|"), has("\x0bFHS|"), has("\x0bBHS|"): // MLLP
		return "hl7v2"
	case has("SSH-"):
		return "ssh"
	case has("GET "), has("POST "), has("PUT "), has("HEAD "), has("HTTP/1."), has("OPTIONS "), has("DELETE "), has("PRI * HTTP/2"):
		return "http"
	case len(b) >= 8 && b[0] == 1 && b[1] == 0 && b[6] == 0 && b[7] == 1: // A-ASSOCIATE-RQ, PS3.8 §9.3.2
		return "dicom"
	case len(b) >= 8 && b[0] == 0x10 && (string(b[4:8]) == "MQTT" || len(b) >= 9 && string(b[5:9]) == "MQTT"):
		return "mqtt"
	case len(b) >= 4 && b[0] == 2 && b[1] >= '0' && b[1] <= '7' && b[2] == 'H' && b[3] == '|': // ASTM E1381, E1394
		return "astm"
	}
	return ""
}
