// Package nonin reads the serial formats of Nonin pulse oximeters and their OEM
// modules (R6): formats 1 and 8, a few bytes a second; formats 2 and 7, packets of
// 25 frames with the plethysmogram at 75 Hz, three a second; and format 13, a
// record of a spot check with the device's own time.
//
// A frame of the journal is one packet or record as it came. Its properties have
// "format: " with the number of the format, and "before: " with the state before
// (decision 0173), four bits in hexadecimal as State gives them.
//
// What is known of the formats is what open programs show that read them
// (mdpnp/mdpnp, mattjlewis/NoninPulseOx, drphrozen/javautilityclasses) and public
// copies of the maker's OEM specifications.
package nonin

import "slices"

// Formats.
const (
	Format1  = "1"
	Format2  = "2"
	Format7  = "7"
	Format8  = "8"
	Format13 = "13"
)

// Formats lists what can be read.
func Formats() []string { return []string{Format1, Format2, Format7, Format8, Format13} }

const (
	frameLen = 5
	frames   = 25
	packet   = frameLen * frames
	stx, etx = 0x02, 0x03
	ack, nak = 0x06, 0x15
)

// validFrame says whether five bytes are a frame of format 2 or 7: a status with
// the highest bit set, first or behind 01, and the sum of four bytes.
func validFrame(format string, b []byte) bool {
	if b[0]+b[1]+b[2]+b[3] != b[4] {
		return false
	}
	if format == Format2 {
		return b[0] == 1 && b[1]&0x80 != 0
	}
	return b[0]&0x80 != 0
}

// status of a frame.
func status(format string, b []byte) byte {
	if format == Format2 {
		return b[1]
	}
	return b[0]
}

// Piece is what a Scanner found: a whole packet, or Noise bytes that are none.
type Piece struct {
	Bytes []byte // valid until the next call; nil for noise
	Noise int
}

// Scanner finds packets in what comes.
type Scanner struct {
	Format string
	buf    []byte
}

// Feed gives the pieces that end within b.
func (s *Scanner) Feed(b []byte, each func(Piece)) {
	s.buf = append(s.buf, b...)
	at, noise := 0, 0
	for at < len(s.buf) {
		n, ok := s.next(s.buf[at:])
		if !ok { // more must come
			break
		}
		if n == 0 {
			if c := s.buf[at]; c != ack && c != nak { // answers to what we asked
				noise++
			}
			at++
			continue
		}
		if noise > 0 {
			each(Piece{Noise: noise})
			noise = 0
		}
		each(Piece{Bytes: s.buf[at : at+n]})
		at += n
	}
	if noise > 0 {
		each(Piece{Noise: noise})
	}
	s.buf = append(s.buf[:0], s.buf[at:]...)
}

// next gives the length of the packet that b begins with, 0 for none; ok is false
// when that cannot be said yet.
func (s *Scanner) next(b []byte) (n int, ok bool) {
	switch s.Format {
	case Format1:
		return short(b, 3)
	case Format8:
		return short(b, 4)
	case Format13:
		return record(b)
	}
	for i := 0; i < packet; i += frameLen {
		if len(b) < i+frameLen {
			// What is there must at least begin as a frame does.
			if i == 0 && (s.Format == Format2 && (b[0] != 1 || len(b) > 1 && b[1]&0x81 != 0x81) || s.Format == Format7 && b[0]&0x81 != 0x81) {
				return 0, true
			}
			return 0, false
		}
		f := b[i : i+frameLen]
		if !validFrame(s.Format, f) || (status(s.Format, f)&1 != 0) != (i == 0) {
			return 0, true
		}
	}
	return packet, true
}

// short is a packet of n bytes of which the first alone has the highest bit.
func short(b []byte, n int) (int, bool) {
	if b[0]&0x80 == 0 {
		return 0, true
	}
	for _, c := range b[1:min(n, len(b))] {
		if c&0x80 != 0 {
			return 0, true
		}
	}
	return n, len(b) >= n
}

// record is one of format 13: 00 02, type, length, content, sum, 03.
func record(b []byte) (int, bool) {
	if b[0] != 0 || len(b) > 1 && b[1] != stx {
		return 0, true
	}
	if len(b) < 6 {
		return 0, false
	}
	n := int(b[4])<<8 | int(b[5])
	if n < 14 || n > 256 {
		return 0, true
	}
	if len(b) < 8+n {
		return 0, false
	}
	if b[7+n] != etx || sum(b[6:6+n]) != b[6+n] {
		return 0, true
	}
	return 8 + n, true
}

func sum(b []byte) (s byte) {
	for _, c := range b {
		s += c
	}
	return s
}

// Half gives how many bytes of a packet without an end there are, and forgets
// them.
func (s *Scanner) Half() int {
	n := len(s.buf)
	s.buf = nil
	return n
}

// Waiting says that a packet has begun and not ended.
func (s *Scanner) Waiting() bool { return len(s.buf) > 0 }

// Select is the command that asks for a format, for models that know it.
func Select(format string) []byte {
	n := byte(0)
	for _, c := range []byte(format) {
		n = 10*n + c - '0'
	}
	return []byte{stx, 0x70, 2, 2, n, etx}
}

// Acknowledge tells that a record of format 13 was taken.
func Acknowledge() []byte { return []byte{ack} }

// whole says whether b is exactly one packet of a format.
func whole(format string, b []byte) bool {
	if len(b) == 0 || !slices.Contains(Formats(), format) {
		return false
	}
	n, ok := (&Scanner{Format: format}).next(b)
	return ok && n == len(b)
}
