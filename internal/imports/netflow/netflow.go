// Package netflow reads what routers export of flows: NetFlow version 5 and 9
// and IPFIX, from a file of export packets one after the other (IPFIX files
// are such, RFC 5655) or out of a capture of the packets on their way.
//
// Evidence: Cisco "NetFlow Services Solutions Guide" (version 5: header of 24,
// records of 48 bytes), RFC 3954 (version 9), RFC 7011 and the IANA registry
// "IPFIX Information Elements" (IPFIX).
//
// A router tells of each direction on its own and not who began. The lower port
// is taken to be the one that serves (flowset.Serves), and both directions
// become one flow.
package netflow

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/imports/flowset"
	"thalamus/internal/imports/pcap"
	"thalamus/internal/model"
)

// Bounds of a file.
const (
	mostTemplates = 4096
	mostFields    = 512
	mostPacket    = 65535
)

// Read reads a file. The error is fault.Invalid, code imports.format.
func Read(r io.Reader) (model.FlowFile, error) {
	in := bufio.NewReaderSize(r, 2*mostPacket)
	d := &reader{set: flowset.New(model.FromNetFlow), templates: map[source]*template{}, started: map[source]time.Time{}}
	head, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return model.FlowFile{}, err
	}
	if pcap.IsCapture(head) {
		err = d.capture(in)
	} else {
		err = d.file(in)
	}
	if err != nil {
		return model.FlowFile{}, err
	}
	if d.packets == 0 {
		return model.FlowFile{}, fault.New(fault.Invalid, "imports.format", "there is no NetFlow version 5 or 9 and no IPFIX in this file").At("file")
	}
	return d.set.Done(), nil
}

// capture takes the payloads of a capture that look like exports.
func (d *reader) capture(in io.Reader) error {
	_, _, broken, err := pcap.Packets(in, func(p *pcap.Packet) {
		if p.Protocol != 17 || len(p.Payload) < 16 {
			return
		}
		switch binary.BigEndian.Uint16(p.Payload) {
		case 5, 9, 10:
			d.exporter = p.From.String()
			d.packets++
			if _, err := d.packet(p.Payload, true); err != nil {
				d.set.Bad(d.packets, err.Error())
			}
		}
	})
	if broken {
		d.set.Bad(d.packets+1, "the capture breaks off or is damaged; nothing after it was read")
	}
	return err
}

// file takes packets one after the other.
func (d *reader) file(in *bufio.Reader) error {
	for {
		b, err := in.Peek(mostPacket)
		if len(b) == 0 {
			return nil
		}
		n, wrong := d.packet(b, err != nil)
		if n > 0 {
			d.packets++
		}
		if wrong != nil {
			if d.packets == 0 {
				return nil // Read says that it is no such file
			}
			d.set.Bad(d.packets, wrong.Error())
			if n == 0 {
				return nil
			}
		}
		if _, err := in.Discard(n); err != nil {
			return nil
		}
	}
}

// reader keeps what packets tell of later ones.
type reader struct {
	set       *flowset.Set
	packets   int
	exporter  string
	templates map[source]*template
	started   map[source]time.Time // exporters, of IPFIX, by their domain
}

// source names a template: ids are chosen by each exporter for each domain.
type source struct {
	exporter string
	version  uint16
	domain   uint32
	id       uint16
}

// template says which fields a record has.
type template struct {
	fields  []field
	least   int // bytes of a record whose fields of variable length are empty
	options bool
}

type field struct {
	id, length uint16
	enterprise bool
}

// packet reads one export packet at the beginning of b, and gives its length;
// 0 when that cannot be told. whole says that nothing follows b.
func (d *reader) packet(b []byte, whole bool) (int, error) {
	if len(b) < 16 {
		return 0, errors.New("the packet is shorter than its header")
	}
	switch version := binary.BigEndian.Uint16(b); version {
	case 5:
		return d.five(b)
	case 9:
		return d.nine(b, whole)
	case 10:
		return d.ipfix(b)
	default:
		return 0, fmt.Errorf("version %d is not known; 5, 9 and 10 (IPFIX) are", version)
	}
}

// five reads version 5.
func (d *reader) five(b []byte) (int, error) {
	if len(b) < 24 {
		return 0, errors.New("the packet is shorter than its header")
	}
	count := int(binary.BigEndian.Uint16(b[2:]))
	if count == 0 || count > 30 || len(b) < 24+48*count {
		return 0, fmt.Errorf("version 5 has 1 to 30 records in a packet; this one says %d, or breaks off", count)
	}
	up := binary.BigEndian.Uint32(b[4:])
	now, nano := int64(binary.BigEndian.Uint32(b[8:])), min(int64(binary.BigEndian.Uint32(b[12:])), 999_999_999)
	for i := range count {
		r := b[24+48*i:]
		rec := record{protocol: r[38], hasProtocol: true,
			srcPort: binary.BigEndian.Uint16(r[32:]), dstPort: binary.BigEndian.Uint16(r[34:])}
		rec.src, rec.dst = address(r[0:4]), address(r[4:8])
		rec.first, rec.last = since(now, nano, up, binary.BigEndian.Uint32(r[24:])), since(now, nano, up, binary.BigEndian.Uint32(r[28:]))
		d.take(&rec)
	}
	return 24 + 48*count, nil
}

// since gives the time at which an exporter that has been up for a number of
// milliseconds at an instant had been so for another.
func since(now, nano int64, up, then uint32) time.Time {
	at, ok := flowset.Unix(now, nano)
	if !ok {
		return time.Time{}
	}
	return at.Add(-time.Duration(int32(up-then)) * time.Millisecond) // the counter wraps
}

// nine reads version 9 (RFC 3954 §5). Its header does not say how long it is:
// flow sets follow until one would have the number of a header, 9, which no
// flow set may have.
func (d *reader) nine(b []byte, whole bool) (int, error) {
	if len(b) < 20 {
		return 0, errors.New("the packet is shorter than its header")
	}
	up, now, domain := binary.BigEndian.Uint32(b[4:]), int64(binary.BigEndian.Uint32(b[8:])), binary.BigEndian.Uint32(b[16:])
	at := 20
	for len(b)-at >= 4 {
		id, n := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if id == 5 || id == 9 || id == 10 {
			break
		}
		if n < 4 || n > len(b)-at {
			if whole || at == 20 {
				return at, errors.New("a flow set breaks off or is damaged")
			}
			break
		}
		body := b[at+4 : at+n]
		var err error
		switch {
		case id == 0:
			err = d.learn(body, 9, domain, false)
		case id == 1:
			err = d.learnOptions9(body, domain)
		case id >= 256:
			err = d.records(body, 9, domain, id, counted{since: func(then uint32) time.Time { return since(now, 0, up, then) }})
		}
		if err != nil {
			return at + n, err
		}
		at += n
	}
	return at, nil
}

// ipfix reads an IPFIX message (RFC 7011 §3).
func (d *reader) ipfix(b []byte) (int, error) {
	length := int(binary.BigEndian.Uint16(b[2:]))
	if length < 16 || length > len(b) {
		return 0, errors.New("the message is longer than what is there")
	}
	now, domain := int64(binary.BigEndian.Uint32(b[4:])), binary.BigEndian.Uint32(b[12:])
	for rest := b[16:length]; len(rest) >= 4; {
		id, n := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if n < 4 || n > len(rest) {
			return length, errors.New("a set breaks off or is damaged")
		}
		var err error
		switch {
		case id == 2:
			err = d.learn(rest[4:n], 10, domain, false)
		case id == 3:
			err = d.learn(rest[4:n], 10, domain, true)
		case id >= 256:
			err = d.records(rest[4:n], 10, domain, id, d.counted(now, domain))
		}
		if err != nil {
			return length, err
		}
		rest = rest[n:]
	}
	return length, nil
}

// counted says how times that count since the exporter started are read in a
// message of IPFIX: by when it started, which it tells as an option (RFC 7011
// §4), however often the counter has wrapped by then. Where it does not, the
// time of the export stands for them.
func (d *reader) counted(now int64, domain uint32) counted {
	at, _ := flowset.Unix(now, 0)
	out := counted{exported: at, since: func(uint32) time.Time { return at }}
	if started, told := d.started[source{d.exporter, 10, domain, 0}]; told {
		up := uint32(at.Sub(started).Milliseconds())
		out.since = func(then uint32) time.Time { return since(now, 0, up, then) }
	}
	return out
}
