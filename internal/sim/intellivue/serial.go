package intellivue

import (
	"net/netip"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/bedside"
	"thalamus/internal/sim/faults"
)

// Serial is a monitor on its MIB/RS232 port with the fixed baudrate protocol
// (PIPG p. 30, 31): what goes over UDP goes in frames, and there is no beacon.
type Serial struct {
	*Monitor
	did  bedside.Count
	held []byte
	in   bool
	esc  bool
}

// NewSerial makes the monitor of a bed on a line of bytes.
func NewSerial(bed sim.Bed, set faults.Set) *Serial {
	m := New(bed, time.Now())
	m.Plan = set.Plan()
	return &Serial{Monitor: m}
}

// Marks of a frame. Marks within it are escaped; escape and end together give
// up what was begun.
const (
	frameBegin  = 0xC0
	frameEnd    = 0xC1
	frameEscape = 0x7D
	frameFlip   = 0x20
)

// protocol and message type of the frames' header.
const (
	frameProtocol = 0x11
	frameType     = 0x01
)

// checksum is the frame check sequence of RFC 1171: bit-reversed CRC-CCITT.
func checksum(b []byte) uint16 {
	sum := uint16(0xFFFF)
	for _, one := range b {
		sum ^= uint16(one)
		for range 8 {
			if sum&1 != 0 {
				sum = sum>>1 ^ 0x8408
			} else {
				sum >>= 1
			}
		}
	}
	return ^sum
}

// enclose escapes content and its checksum, lower byte first, between marks.
func enclose(content []byte) []byte {
	sum := checksum(content)
	out := []byte{frameBegin}
	for _, b := range append(append([]byte(nil), content...), byte(sum), byte(sum>>8)) {
		if b == frameBegin || b == frameEnd || b == frameEscape {
			out = append(out, frameEscape)
			b ^= frameFlip
		}
		out = append(out, b)
	}
	return append(out, frameEnd)
}

// framed puts a message into a frame.
func framed(message []byte) []byte {
	return enclose(append(append([]byte{frameProtocol, frameType}, u16(uint16(len(message)))...), message...))
}

// line stands for the one client that a serial port has.
var line = netip.MustParseAddrPort("0.0.0.0:1")

// Connected implements bedside.Device.
func (s *Serial) Connected(time.Time) {
	s.did.Connections++
	s.held, s.in, s.esc = nil, false, false
}

// Cut implements bedside.Device: a monitor does not hang up, it falls silent.
func (s *Serial) Cut() bool { return false }

// Count implements bedside.Device.
func (s *Serial) Count() bedside.Count {
	c := s.did
	c.Requests, c.Faults = s.Monitor.Count.Requests, s.Monitor.Count.Faults
	return c
}

func (s *Serial) write(packets []Packet) (out []byte) {
	for _, p := range packets {
		s.did.Messages++
		out = append(out, framed(p.Bytes)...)
	}
	return out
}

// Tick implements bedside.Device.
func (s *Serial) Tick(now time.Time) []byte { return s.write(s.Monitor.Tick(now)) }

// Receive implements bedside.Device. A frame whose length or checksum is wrong
// is passed over without a word.
func (s *Serial) Receive(now time.Time, b []byte) (out []byte) {
	for _, one := range b {
		switch {
		case one == frameBegin:
			s.held, s.in, s.esc = s.held[:0], true, false
		case !s.in:
		case one == frameEnd && s.esc:
			s.in = false
		case one == frameEnd:
			s.in = false
			if message := unframed(s.held); message != nil {
				out = append(out, s.write(s.Monitor.Receive(now, line, message))...)
			}
		case one == frameEscape:
			s.esc = true
		case len(s.held) > longestFrame:
			s.in = false
		default:
			if s.esc {
				one, s.esc = one^frameFlip, false
			}
			s.held = append(s.held, one)
		}
	}
	return out
}

const longestFrame = 4096

func unframed(f []byte) []byte {
	if len(f) < 7 {
		return nil
	}
	content, sum := f[:len(f)-2], uint16(f[len(f)-2])|uint16(f[len(f)-1])<<8
	if sum != checksum(content) || content[0] != frameProtocol || content[1] != frameType || int(content[2])<<8|int(content[3]) != len(content)-4 {
		return nil
	}
	return content[4:]
}
