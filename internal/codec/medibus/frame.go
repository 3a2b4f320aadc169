package medibus

import (
	"bytes"
)

// Bytes of the protocol.
const (
	SOH, ESC, CR = 0x01, 0x1B, 0x0D
	xon, xoff    = 0x11, 0x13 // flow control between the bytes of a message
)

// Commands.
const (
	Corrupt      = 0x15 // NAK: what came was not understood
	Measured1    = 0x24
	Low1         = 0x25
	High1        = 0x26
	Alarms1      = 0x27
	DateTime     = 0x28
	Settings     = 0x29
	Texts        = 0x2A
	Measured2    = 0x2B
	Low2         = 0x2C
	High2        = 0x2D
	Alarms2      = 0x2E
	NoOperation  = 0x30
	TimeChanged  = 0x49
	Initialise   = 0x51 // ICC
	Identify     = 0x52
	RealtimeList = 0x53
	RealtimeAsk  = 0x54
	Stop         = 0x55
	RealtimeNew  = 0x56
)

// Message is a command (Lead ESC) or response (Lead SOH) without its checksum.
type Message struct {
	Lead, Code byte
	Text       []byte // what follows the code
}

// Bytes writes the message with its checksum: the sum of all bytes before it
// modulo 256 as two hexadecimal digits, then CR.
func (m Message) Bytes() []byte {
	b := append([]byte{m.Lead, m.Code}, m.Text...)
	sum := checksum(b)
	return append(b, hexDigit(sum>>4), hexDigit(sum&15), CR)
}

// Command and Response write a message.
func Command(code byte, text ...byte) []byte  { return Message{ESC, code, text}.Bytes() }
func Response(code byte, text ...byte) []byte { return Message{SOH, code, text}.Bytes() }

func checksum(b []byte) (sum byte) {
	for _, c := range b {
		sum += c
	}
	return sum
}

func hexDigit(n byte) byte { return "0123456789ABCDEF"[n] }

// hexByte reads two hexadecimal digits.
func hexByte(b []byte) (byte, bool) {
	var v byte
	for _, c := range b[:2] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		v = v<<4 | c
	}
	return v, true
}

// Parse reads one message from SOH or ESC to CR. ok is false where it is none or
// its checksum is wrong; then what could be told of it is in the message.
func Parse(b []byte) (m Message, ok bool) {
	if len(b) < 5 || b[0] != SOH && b[0] != ESC || b[len(b)-1] != CR {
		return m, false
	}
	m = Message{Lead: b[0], Code: b[1], Text: b[2 : len(b)-3]}
	sum, ok := hexByte(b[len(b)-3:])
	return m, ok && sum == checksum(b[:len(b)-3])
}

// Kind of a piece that a Scanner found.
type Kind int

const (
	Whole    Kind = iota // a message from SOH or ESC to CR, its checksum right
	Broken               // one with a wrong checksum, or cut short by the next
	Realtime             // bytes with the highest bit set
	Noise                // bytes that belong to no message
	TooLong              // a message longer than Max
)

// Piece of what came.
type Piece struct {
	Kind  Kind
	Bytes []byte // valid until the next call; of TooLong nothing
}

// Scanner finds messages and real-time bytes in what comes. A command may stand
// inside a response, and real-time bytes anywhere; they are told apart by their
// highest bit. The zero Scanner is ready to use.
type Scanner struct {
	Max  int // longest message, 0: 8000 bytes
	open [][]byte
	long bool // inside a message that is too long
}

// Feed gives the pieces that end within b. A run of real-time bytes or noise is
// given at the latest at its end.
func (s *Scanner) Feed(b []byte, each func(Piece)) {
	most := s.Max
	if most <= 0 {
		most = 8000
	}
	var run []byte
	var kind Kind
	flush := func() {
		if len(run) > 0 {
			each(Piece{kind, run})
			run = nil
		}
	}
	to := func(k Kind, c byte) {
		if k != kind {
			flush()
		}
		kind, run = k, append(run, c)
	}
	for _, c := range b {
		switch {
		case c&0x80 != 0:
			to(Realtime, c)
		case c == xon || c == xoff:
		case c == SOH || c == ESC:
			flush()
			s.long = false
			if len(s.open) == 2 { // a command inside a response is the deepest there is
				each(Piece{Broken, s.open[0]})
				s.open = s.open[1:]
			} else if len(s.open) == 1 && (c == SOH || s.open[0][0] == ESC) {
				each(Piece{Broken, s.open[0]})
				s.open = s.open[:0]
			}
			s.open = append(s.open, []byte{c})
		case len(s.open) == 0:
			if s.long {
				s.long = c != CR
				continue
			}
			to(Noise, c)
		default:
			last := len(s.open) - 1
			s.open[last] = append(s.open[last], c)
			switch {
			case c == CR:
				flush()
				one := s.open[last]
				s.open = s.open[:last]
				if _, ok := Parse(one); ok {
					each(Piece{Whole, one})
				} else {
					each(Piece{Broken, one})
				}
			case len(s.open[last]) > most:
				flush()
				s.open, s.long = s.open[:0], true
				each(Piece{Kind: TooLong})
			}
		}
	}
	flush()
}

// Half gives how many bytes of messages without an end there are, and forgets
// them.
func (s *Scanner) Half() int {
	n := len(bytes.Join(s.open, nil))
	s.open, s.long = nil, false
	return n
}

// Waiting says that a message has begun and not ended.
func (s *Scanner) Waiting() bool { return len(s.open) > 0 }
