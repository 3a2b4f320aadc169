package astm

// Control characters of LIS01-A2 §6.
const (
	STX byte = 0x02
	ETX byte = 0x03
	EOT byte = 0x04
	ENQ byte = 0x05
	ACK byte = 0x06
	LF  byte = 0x0A
	CR  byte = 0x0D
	NAK byte = 0x15
	ETB byte = 0x17
)

// Kind of a token.
type Kind int

// Kinds of tokens.
const (
	More     Kind = iota // nothing whole is left: read on
	Control              // ENQ, ACK, NAK or EOT, in Char
	Frame                // a frame whose checksum is right or not asked for
	Damaged              // a frame whose checksum is wrong or missing
	Cut                  // a frame that another control character cut off
	Oversize             // a frame that is too long; the rest of it is passed over
	Garbage              // bytes that belong to nothing
)

// Token is one thing of a link. Text and Bytes are parts of what was scanned.
type Token struct {
	Kind   Kind
	Char   byte   // of a Control
	Number byte   // of a frame, as sent: '0' to '7' where the sender keeps to it
	Text   []byte // of a frame
	Last   bool   // it ends with ETX, not ETB: the end of a record (LIS01-A2 §6.3.1.2)
	Bytes  []byte // what was taken, for Damaged, Cut, Oversize, Garbage
}

// Scanner cuts a stream. The zero Scanner has no bound and wants checksums.
type Scanner struct {
	Max  int  // longest text of a frame in bytes; 0: none (LIS01-A2 allows 63,993, E1381-95 allowed 240)
	Bare bool // frames have no checksum behind ETX and ETB

	seen int  // bytes of the unfinished frame that were looked at
	skip bool // inside of a frame that is too long
}

// Pending says that a frame has begun and not ended.
func (s *Scanner) Pending() bool { return s.seen > 0 || s.skip }

// Next takes the next token from the beginning of b and says how many bytes it
// took. For More, n bytes may be dropped and the rest shall come again with
// what follows. Next works as often as it likes over the same bytes in time
// that grows with their number, not with its square.
func (s *Scanner) Next(b []byte) (n int, t Token) {
	for n < len(b) && (b[n] == CR || b[n] == LF) && !s.skip {
		n++ // the end of the frame before, or line ends of a capture
	}
	rest := b[n:]
	if len(rest) == 0 {
		return n, Token{}
	}
	if s.skip {
		took, t := s.passOver(rest)
		return n + took, t
	}
	var took int
	switch rest[0] {
	case ENQ, ACK, NAK, EOT:
		return n + 1, Token{Kind: Control, Char: rest[0]}
	case STX:
		took, t = s.frame(rest)
	default:
		for took < len(rest) && !starts(rest[took]) {
			took++
		}
		t = Token{Kind: Garbage, Bytes: rest[:took]}
	}
	return n + took, t
}

func starts(c byte) bool {
	return c == STX || c == ENQ || c == ACK || c == NAK || c == EOT
}

// passOver drops the rest of a frame that is too long.
func (s *Scanner) passOver(b []byte) (int, Token) {
	for i, c := range b {
		switch c {
		case ETX, ETB:
			s.skip = false
			return i + 1, Token{Kind: Garbage, Bytes: b[:0]}
		case STX, ENQ, EOT:
			s.skip = false
			return i, Token{Kind: Garbage, Bytes: b[:0]}
		}
	}
	return len(b), Token{}
}

// frame reads <STX> FN text <ETB|ETX> C1 C2 (LIS01-A2 §6.3.1).
func (s *Scanner) frame(b []byte) (int, Token) {
	for i := max(s.seen, 1); i < len(b); i++ {
		switch b[i] {
		case STX, ENQ, EOT:
			s.seen = 0
			return i, Token{Kind: Cut, Bytes: b[:i]}
		case ETX, ETB:
			return s.ending(b, i)
		}
		if s.Max > 0 && i > s.Max+1 {
			s.seen, s.skip = 0, true
			return i, Token{Kind: Oversize, Bytes: b[:i]}
		}
	}
	s.seen = len(b)
	return 0, Token{}
}

func (s *Scanner) ending(b []byte, end int) (int, Token) {
	t := Token{Kind: Frame, Last: b[end] == ETX}
	if end > 1 {
		t.Number, t.Text = b[1], b[2:end]
	}
	if s.Bare {
		s.seen = 0
		return end + 1, t
	}
	if len(b) < end+2 || hex(b[end+1]) >= 0 && len(b) < end+3 {
		s.seen = end
		return 0, Token{}
	}
	s.seen = 0
	took := end + 1
	if hex(b[end+1]) < 0 || hex(b[end+2]) < 0 {
		t.Kind, t.Bytes = Damaged, b[:took]
		return took, t
	}
	took += 2
	if byte(hex(b[end+1])<<4|hex(b[end+2])) != Checksum(b[1:end+1]) || end == 1 {
		t.Kind, t.Bytes = Damaged, b[:took]
	}
	return took, t
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// Checksum is the sum of the frame number, the text and ETB or ETX, modulo 256
// (LIS01-A2 §6.3.3.1).
func Checksum(b []byte) (sum byte) {
	for _, c := range b {
		sum += c
	}
	return sum
}

const digits = "0123456789ABCDEF"

// AppendFrame adds a frame to b.
func AppendFrame(b []byte, number int, text []byte, last bool) []byte {
	b = append(b, STX)
	from := len(b)
	b = append(b, '0'+byte(number&7))
	b = append(b, text...)
	if last {
		b = append(b, ETX)
	} else {
		b = append(b, ETB)
	}
	sum := Checksum(b[from:])
	return append(b, digits[sum>>4], digits[sum&15], CR, LF)
}

// Frames cuts a message into frames of at most size bytes of text each, one
// record to a frame or, where a record is longer, several; the first has
// number 1 (LIS01-A2 §6.3.1.2, §6.3.2). Control characters of the link, which
// a text must not hold (§6.4), are left out.
func Frames(message []byte, size int) [][]byte {
	var out [][]byte
	number := 1
	add := func(text []byte, last bool) {
		out = append(out, AppendFrame(nil, number, text, last))
		number = (number + 1) & 7
	}
	for len(message) > 0 {
		end := len(message)
		for i, c := range message {
			if c == CR {
				end = i + 1
				break
			}
		}
		record := clean(message[:end])
		message = message[end:]
		for len(record) > size {
			add(record[:size], false)
			record = record[size:]
		}
		if len(record) > 0 {
			add(record, true)
		}
	}
	return out
}

func clean(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, c := range b {
		switch c {
		case STX, ETX, EOT, ENQ, ACK, NAK, ETB, LF, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16:
		default:
			out = append(out, c)
		}
	}
	return out
}
