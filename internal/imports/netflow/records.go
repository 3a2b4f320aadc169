package netflow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"thalamus/internal/imports/flowset"
	"thalamus/internal/model"
)

// Fields by their number: the same in version 9 and in IPFIX (IANA "IPFIX
// Information Elements", 1 to 127 as in RFC 3954 §8).
const (
	protocolIdentifier  = 4
	sourceTransportPort = 7
	sourceIPv4Address   = 8
	destinationPort     = 11
	destinationIPv4     = 12
	flowEndSysUpTime    = 21
	flowStartSysUpTime  = 22
	sourceIPv6Address   = 27
	destinationIPv6     = 28
	sourceMacAddress    = 56
	destinationMac      = 80
	flowStartSeconds    = 150
	flowEndSeconds      = 151
	flowStartMilli      = 152
	flowEndMilli        = 153
	flowStartMicro      = 154
	flowEndMicro        = 155
	flowStartNano       = 156
	flowEndNano         = 157
	flowStartDelta      = 158 // microseconds before the message was exported
	flowEndDelta        = 159
	systemInitMilli     = 160
	variable            = 0xffff // a length that stands before the value (RFC 7011 §7)
)

// record is one flow as an exporter tells of it.
type record struct {
	src, dst         string
	srcPort, dstPort uint16
	protocol         uint8
	hasProtocol      bool
	first, last      time.Time
	started          time.Time // the exporter itself, told as an option
	srcMAC, dstMAC   string
}

func address(b []byte) string {
	a, ok := netip.AddrFromSlice(b)
	if !ok || a.IsUnspecified() {
		return ""
	}
	return a.Unmap().String()
}

// take makes a flow of a record.
func (d *reader) take(r *record) {
	if r.src == "" || r.dst == "" || !r.hasProtocol {
		d.set.File.Ignored++ // of layer 2, or a summary
		return
	}
	if r.last.IsZero() {
		r.last = r.first
	}
	if r.first.IsZero() {
		r.first = r.last
	}
	if r.first.IsZero() {
		d.set.Bad(d.packets+1, "a record does not say when it was")
		return
	}
	if r.last.Before(r.first) {
		r.first, r.last = r.last, r.first
	}
	f := model.Flow{From: r.src, To: r.dst, Port: r.dstPort, Protocol: flowset.Protocol(r.protocol), FromMAC: r.srcMAC, ToMAC: r.dstMAC, First: r.first, Last: r.last, Count: 1}
	back := flowset.Serves(r.srcPort, r.dstPort)
	if back {
		f.From, f.To, f.Port, f.FromMAC, f.ToMAC, f.Count = r.dst, r.src, r.srcPort, r.dstMAC, r.srcMAC, 0
	}
	if f.Protocol == "icmp" || f.Protocol == "icmp6" {
		f.Port = 0 // there it is type and code
	}
	f.App = flowset.ByPort(f.Protocol, f.Port) // a guess, which says nothing of encryption
	d.set.Add(f)
}

// learn keeps templates (RFC 3954 §5.2, RFC 7011 §3.4). Those of options are
// kept so that their records can be passed over.
func (d *reader) learn(b []byte, version uint16, domain uint32, options bool) error {
	least := 4
	if options {
		least = 6
	}
	for len(b) >= least {
		id, count := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if id < 256 {
			return nil // padding
		}
		key := source{d.exporter, version, domain, id}
		if count == 0 { // withdrawn
			delete(d.templates, key)
			b = b[4:]
			continue
		}
		b = b[least:]
		if count > mostFields {
			return fmt.Errorf("the template %d has %d fields; %d are read at most", id, count, mostFields)
		}
		t := &template{options: options}
		for range count {
			if len(b) < 4 {
				return errors.New("a template breaks off")
			}
			f := field{id: binary.BigEndian.Uint16(b), length: binary.BigEndian.Uint16(b[2:])}
			b = b[4:]
			if version == 10 && f.id&0x8000 != 0 {
				if len(b) < 4 {
					return errors.New("a template breaks off")
				}
				f.enterprise, b = true, b[4:]
			}
			t.add(f)
		}
		d.keep(key, t)
	}
	return nil
}

// learnOptions9 keeps templates of options of version 9, which say the length
// of their fields in bytes (RFC 3954 §6.1).
func (d *reader) learnOptions9(b []byte, domain uint32) error {
	for len(b) >= 6 {
		id, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))+int(binary.BigEndian.Uint16(b[4:]))
		if id < 256 {
			return nil
		}
		b = b[6:]
		if n > len(b) || n%4 != 0 || n/4 > mostFields {
			return errors.New("a template of options breaks off or is damaged")
		}
		t := &template{options: true}
		for ; n > 0; n -= 4 {
			t.add(field{id: binary.BigEndian.Uint16(b), length: binary.BigEndian.Uint16(b[2:])})
			b = b[4:]
		}
		d.keep(source{d.exporter, 9, domain, id}, t)
	}
	return nil
}

func (t *template) add(f field) {
	t.fields = append(t.fields, f)
	if f.length == variable {
		t.least++
	} else {
		t.least += int(f.length)
	}
}

func (d *reader) keep(key source, t *template) {
	if _, ok := d.templates[key]; ok || len(d.templates) < mostTemplates {
		d.templates[key] = t
	}
}

// counted gives the time of a number of milliseconds since the exporter
// started, and when what it stands in was exported; zero where nobody says it.
type counted struct {
	since    func(uint32) time.Time
	exported time.Time
}

// records reads the records of a set by their template.
func (d *reader) records(b []byte, version uint16, domain uint32, id uint16, when counted) error {
	t := d.templates[source{d.exporter, version, domain, id}]
	if t == nil {
		return fmt.Errorf("the records of template %d come before the template; export it, or capture for longer", id)
	}
	if t.least == 0 || t.options && version == 9 {
		return nil
	}
	for len(b) >= t.least {
		var r record
		for _, f := range t.fields {
			n := int(f.length)
			if f.length == variable {
				if len(b) < 1 {
					return errors.New("a record breaks off")
				}
				n, b = int(b[0]), b[1:]
				if n == 255 {
					if len(b) < 2 {
						return errors.New("a record breaks off")
					}
					n, b = int(binary.BigEndian.Uint16(b)), b[2:]
				}
			}
			if n > len(b) {
				return errors.New("a record breaks off")
			}
			if !f.enterprise {
				r.read(f.id, b[:n], when)
			}
			b = b[n:]
		}
		if t.options {
			if !r.started.IsZero() {
				d.started[source{d.exporter, version, domain, 0}] = r.started
			}
			continue
		}
		if r.first.IsZero() && r.last.IsZero() {
			r.last = when.exported // it was over by then
		}
		d.take(&r)
	}
	return nil
}

// read takes one field; one of another length than it should have is left out.
func (r *record) read(id uint16, v []byte, when counted) {
	switch id {
	case protocolIdentifier:
		r.protocol, r.hasProtocol = uint8(number(v)), true
	case sourceTransportPort:
		r.srcPort = uint16(number(v))
	case destinationPort:
		r.dstPort = uint16(number(v))
	case sourceIPv4Address, sourceIPv6Address:
		if a := address(v); a != "" {
			r.src = a
		}
	case destinationIPv4, destinationIPv6:
		if a := address(v); a != "" {
			r.dst = a
		}
	case flowStartSysUpTime:
		r.first = when.since(uint32(number(v)))
	case flowEndSysUpTime:
		r.last = when.since(uint32(number(v)))
	case flowStartSeconds:
		r.first, _ = flowset.Unix(int64(number(v)), 0)
	case flowEndSeconds:
		r.last, _ = flowset.Unix(int64(number(v)), 0)
	case flowStartMilli:
		r.first = milli(number(v))
	case flowEndMilli:
		r.last = milli(number(v))
	case flowStartMicro, flowStartNano:
		r.first = ntp(v)
	case flowEndMicro, flowEndNano:
		r.last = ntp(v)
	case flowStartDelta:
		r.first = when.exported.Add(-time.Duration(min(number(v), 1<<40)) * time.Microsecond)
	case flowEndDelta:
		r.last = when.exported.Add(-time.Duration(min(number(v), 1<<40)) * time.Microsecond)
	case systemInitMilli:
		r.started = milli(number(v))
	case sourceMacAddress:
		if len(v) == 6 {
			r.srcMAC = flowset.MAC(fmt.Sprintf("%x", v))
		}
	case destinationMac:
		if len(v) == 6 {
			r.dstMAC = flowset.MAC(fmt.Sprintf("%x", v))
		}
	}
}

func milli(n uint64) time.Time {
	t, _ := flowset.Unix(int64(min(n, 1<<62)/1000), int64(n%1000)*1e6)
	return t
}

// ntp reads a time of microseconds or nanoseconds: seconds since 1900 and a
// fraction of 32 bits (RFC 7011 §6.1.9, §6.1.10).
func ntp(v []byte) time.Time {
	if len(v) != 8 {
		return time.Time{}
	}
	const unix = 2_208_988_800 // 1970 in seconds since 1900
	t, _ := flowset.Unix(int64(binary.BigEndian.Uint32(v))-unix, int64(binary.BigEndian.Uint32(v[4:]))*1e9>>32)
	return t
}

// number reads an unsigned number of up to eight bytes; exporters may shorten
// it (RFC 7011 §6.2).
func number(v []byte) (n uint64) {
	if len(v) > 8 {
		return 0
	}
	for _, b := range v {
		n = n<<8 | uint64(b)
	}
	return n
}
