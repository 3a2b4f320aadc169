package pcap

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"thalamus/internal/fault"
)

// Bounds of a capture file. What is larger was not written by a capturing
// program, and must not cost memory.
const (
	mostPacket = 256 << 10 // bytes of one packet; 262,144 is the greatest snap length in use
	mostBlock  = 1 << 20   // bytes of one pcapng block that is read
	mostLinks  = 1 << 10   // interfaces in one section
)

// frame is one packet as captured.
type frame struct {
	at   time.Time
	link uint16 // LINKTYPE_…
	data []byte // valid until the next one is read
}

// Magic numbers.
const (
	microMagic = 0xa1b2c3d4 // pcap, microseconds
	nanoMagic  = 0xa1b23c4d // pcap, nanoseconds
	ngMagic    = 0x0a0d0d0a // pcapng section header block
	ngOrder    = 0x1a2b3c4d
)

// IsCapture says whether a file that begins so is a capture.
func IsCapture(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	switch be := binary.BigEndian.Uint32(head); be {
	case microMagic, nanoMagic, ngMagic:
		return true
	default:
		le := binary.LittleEndian.Uint32(head)
		return le == microMagic || le == nanoMagic
	}
}

// errBroken says that the file breaks off or is damaged: what was read before
// counts.
var errBroken = errors.New("the capture breaks off or is damaged")

// frames calls each for every packet of a capture. The error is errBroken, or
// fault.Invalid, code imports.format, for what is no capture.
func frames(r io.Reader, each func(f *frame)) error {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(4)
	if err != nil || !IsCapture(head) {
		return fault.New(fault.Invalid, "imports.format", "this is no capture; give a file of tcpdump or Wireshark (pcap or pcapng)").At("file")
	}
	if binary.BigEndian.Uint32(head) == ngMagic {
		return sections(in, each)
	}
	return classic(in, head, each)
}

// classic reads the pcap format: a header of 24 bytes, then packets with 16
// bytes before each (draft-ietf-opsawg-pcap §4, §5).
func classic(in *bufio.Reader, magic []byte, each func(f *frame)) error {
	var order binary.ByteOrder = binary.BigEndian
	kind := binary.BigEndian.Uint32(magic)
	if kind != microMagic && kind != nanoMagic {
		order = binary.LittleEndian
		kind = binary.LittleEndian.Uint32(magic)
	}
	unit := int64(time.Microsecond)
	if kind == nanoMagic {
		unit = 1
	}
	var head [24]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return errBroken
	}
	f := frame{link: uint16(order.Uint32(head[20:]))} // the upper bits tell of the frame check sequence
	buf := make([]byte, 0, 4096)
	for {
		var h [16]byte
		if _, err := io.ReadFull(in, h[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return errBroken
		}
		n := order.Uint32(h[8:])
		if n > mostPacket {
			return errBroken
		}
		buf = grow(buf, int(n))
		if _, err := io.ReadFull(in, buf); err != nil {
			return errBroken
		}
		f.at = time.Unix(int64(order.Uint32(h[0:])), int64(order.Uint32(h[4:]))*unit).UTC()
		f.data = buf
		each(&f)
	}
}

func grow(buf []byte, n int) []byte {
	if cap(buf) < n {
		return make([]byte, n)
	}
	return buf[:n]
}

// ngLink is an interface of a pcapng section.
type ngLink struct {
	kind uint16
	unit float64 // seconds of one tick
}

// sections reads the pcapng format (draft-ietf-opsawg-pcapng): blocks of a
// type, a length, a body and the length again.
func sections(in *bufio.Reader, each func(f *frame)) error {
	var order binary.ByteOrder = binary.LittleEndian
	var links []ngLink
	buf := make([]byte, 0, 4096)
	for {
		head, err := in.Peek(12)
		if errors.Is(err, io.EOF) && len(head) == 0 {
			return nil
		}
		if err != nil {
			return errBroken
		}
		if binary.BigEndian.Uint32(head) == ngMagic { // reads the same in both orders
			order = binary.LittleEndian
			if order.Uint32(head[8:]) != ngOrder {
				order = binary.BigEndian
			}
			if order.Uint32(head[8:]) != ngOrder {
				return errBroken
			}
			links = links[:0]
		}
		kind, length := order.Uint32(head), order.Uint32(head[4:])
		if length < 12 || length%4 != 0 {
			return errBroken
		}
		if length > mostBlock { // a block of another kind may be large: it is passed over, not kept
			if kind == 3 || kind == 6 {
				return errBroken
			}
			if _, err := io.CopyN(io.Discard, in, int64(length)); err != nil {
				return errBroken
			}
			continue
		}
		buf = grow(buf, int(length))
		if _, err := io.ReadFull(in, buf); err != nil {
			return errBroken
		}
		body := buf[8 : length-4]
		switch kind {
		case 1: // interface description
			if len(body) < 8 || len(links) >= mostLinks {
				return errBroken
			}
			links = append(links, ngLink{kind: order.Uint16(body), unit: resolution(order, body[8:])})
		case 3: // simple packet: no time, so it says nothing of when
		case 6: // enhanced packet
			if len(body) < 20 {
				return errBroken
			}
			i, n := order.Uint32(body), order.Uint32(body[12:])
			if int64(i) >= int64(len(links)) || int64(n) > int64(len(body)-20) || n > mostPacket {
				return errBroken
			}
			ticks := uint64(order.Uint32(body[4:]))<<32 | uint64(order.Uint32(body[8:]))
			f := frame{link: links[i].kind, data: body[20 : 20+n], at: tickTime(ticks, links[i].unit)}
			each(&f)
		}
	}
}

// resolution reads the option if_tsresol: a power of ten, or of two where the
// highest bit is set; microseconds when it is not there.
func resolution(order binary.ByteOrder, options []byte) float64 {
	for len(options) >= 4 {
		code, n := order.Uint16(options), int(order.Uint16(options[2:]))
		if code == 0 || n > len(options)-4 {
			break
		}
		if code == 9 && n >= 1 {
			base, exponent := 10.0, options[4]
			if exponent&0x80 != 0 {
				base, exponent = 2, exponent&0x7f
			}
			unit := 1.0
			for range min(exponent, 64) {
				unit /= base
			}
			return unit
		}
		options = options[4+min((n+3)&^3, len(options)-4):]
	}
	return 1e-6
}

// tickTime gives the time of a number of ticks; the common resolutions are
// exact.
func tickTime(ticks uint64, unit float64) time.Time {
	switch unit {
	case 1e-6:
		return time.UnixMicro(int64(ticks & (1<<62 - 1))).UTC()
	case 1.0:
		return time.Unix(int64(ticks&(1<<40-1)), 0).UTC()
	}
	sec := float64(ticks) * unit
	if sec > 1e11 {
		return time.Time{}
	}
	whole := int64(sec)
	return time.Unix(whole, int64((sec-float64(whole))*1e9)).UTC()
}
