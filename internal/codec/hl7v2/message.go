package hl7v2

import (
	"bytes"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Bounds of one message. Everything is linear in its bytes within them.
const (
	MaxBytes    = 256 << 20
	MaxSegments = 200_000
	MaxFields   = 2_000 // of one segment
)

// Message is one HL7 v2 message: its bytes and where its segments lie. The
// zero Message is ready for Reset.
type Message struct {
	raw     []byte
	scan    []byte // raw, or a copy in which the bytes of wide characters are masked
	segs    []span
	d       Delimiters
	cs      *charset
	shift   bool // ISO 2022 escapes may switch sets inside a field
	ascii   bool // no byte above 0x7f and no ESC
	escaped bool // the escape character occurs after MSH-2
	wrapped bool // a segment goes over several lines
	bom     bool
	issues  []model.Issue
	mask    []byte // kept for reuse
}

// span is a segment without its terminator, in bytes of raw. nth counts the
// segments with its id up to it.
type span struct{ start, end, nth uint32 }

// Parse reads one message. It keeps b, which must not change while the
// message is in use. A fault says that b is not an HL7 message; whatever
// could be read in spite of a deviation is in Issues.
func Parse(b []byte) (*Message, error) {
	m := new(Message)
	if err := m.Reset(b); err != nil {
		return nil, err
	}
	return m, nil
}

// Reset reads another message in place of the present one, reusing its
// memory. After an error the message is empty.
func (m *Message) Reset(b []byte) error {
	*m = Message{raw: b, scan: b, segs: m.segs[:0], issues: m.issues[:0], mask: m.mask[:0]}
	if err := m.read(b); err != nil {
		*m = Message{segs: m.segs[:0], issues: m.issues[:0], mask: m.mask[:0], d: standard, cs: &utf8Set}
		return err
	}
	return nil
}

func (m *Message) read(b []byte) error {
	if len(b) > MaxBytes {
		return fault.New(fault.Invalid, codeTooLarge, "the message has %d bytes, more than %d; send large content by reference", len(b), MaxBytes)
	}
	start, id, err := findHeader(b)
	if err != nil {
		return err
	}
	if id != "MSH" {
		return headerFault(codeBatch, id, start, "this is a batch, not one message; read its messages one by one")
	}
	var odd oddity
	if m.d, odd, err = readDelimiters(b[start:], start); err != nil {
		return err
	}
	if start > 0 {
		m.bom = bytes.HasPrefix(b, bom)
		m.note(codeLeading, model.Warning, "", 0, "bytes stand before MSH: blanks, line ends, a byte order mark or a framing character", "the sender should begin the message with MSH")
	}
	if odd != "" {
		m.noteOdd(odd, start+4)
	}
	end := m.trimEnd(start)
	m.setCharset(start, end)
	if err := m.index(start, end); err != nil {
		return err
	}
	m.checkText(start, end)
	m.escaped = m.d.Escape != 0 && bytes.IndexByte(m.scan[min(start+9, end):end], m.d.Escape) >= 0
	m.checkHeader()
	return nil
}

func (m *Message) noteOdd(odd oddity, off int) {
	switch odd {
	case codeDelimitersDoubled:
		m.note(codeDelimitersDoubled, model.Warning, "MSH-2", off, "the escape character stands twice; MSH-2 was read as four delimiters", "the sender should write ^~\\&")
	case codeDelimitersFew:
		m.note(codeDelimitersFew, model.Warning, "MSH-2", off, "MSH-2 names no escape character, so no escape sequence is resolved", "the sender should write ^~\\&")
	}
}

// trimEnd gives where the message ends without the framing characters and
// line ends that some senders leave behind. Blanks in the last segment stay.
func (m *Message) trimEnd(start int) int {
	end, framing := len(m.raw), -1
trim:
	for end > start {
		switch m.raw[end-1] {
		case '\r', '\n', ' ', '\t':
		case 0x1c, 0x0b, 0x00, 0x1a, 0x03:
			framing = end - 1
		default:
			break trim
		}
		end--
	}
	for end < len(m.raw) && (m.raw[end] == ' ' || m.raw[end] == '\t') {
		end++
	}
	if framing >= 0 {
		m.note(codeTrailing, model.Warning, "", framing, "a framing character or a zero byte stands after the last segment", "the sender should end the message with the last segment's CR")
	}
	return end
}

// blank tells whether nothing can be read of an element: it is absent, a blank,
// or an escape that stands for one.
func blank(e Element) bool {
	if !e.Present() {
		return true
	}
	if e.plain() {
		return len(bytes.TrimSpace(e.Raw())) == 0
	}
	return len(bytes.TrimSpace(e.AppendText(nil))) == 0
}

// checkHeader notes what a receiver needs and MSH does not have.
func (m *Message) checkHeader() {
	msh := m.Segment(0)
	missing := func(n int) int {
		if f := msh.Field(n); f.level != absent {
			return f.Offset()
		}
		return int(m.segs[0].end)
	}
	if kind := msh.Field(9).Component(1); kind.IsNull() || blank(kind) {
		m.note(codeNoType, model.Error, "MSH-9", missing(9), "the message does not say what type it is", "the sender must fill MSH-9, for example ORU^R01^ORU_R01")
	}
	if len(bytes.TrimSpace(msh.Field(10).Raw())) == 0 {
		m.note(codeNoControlID, model.Error, "MSH-10", missing(10), "the message has no control id, so no acknowledgement can name it", "the sender must fill MSH-10 with a text of its own for each message")
	}
}

// Bytes are the message's, exactly as they were read. Do not change them.
func (m *Message) Bytes() []byte { return m.raw }

// Issues are the deviations that reading found, in the order of their
// discovery. The slice belongs to the message until its next Reset.
func (m *Message) Issues() []model.Issue { return m.issues }

// Plain tells whether the text of every element is its raw bytes.
func (m *Message) Plain() bool { return m.ascii && !m.escaped && !m.wrapped }

// Delimiters of the message.
func (m *Message) Delimiters() Delimiters { return m.d }

// Charset is the name of the character set that texts are read with: the one
// that MSH-18 declares, else what the bytes look like.
func (m *Message) Charset() string {
	if m.cs == nil {
		return ""
	}
	return m.cs.name
}

var bom = []byte("\xef\xbb\xbf")

// findHeader gives the place and id of the first segment: MSH, FHS or BHS.
// Blanks, line ends, a byte order mark and framing characters before it are
// skipped.
func findHeader(b []byte) (int, string, error) {
	i := 0
skip:
	for i < len(b) {
		switch b[i] {
		case ' ', '\t', '\r', '\n', 0x0b, 0x00:
			i++
		case 0xef:
			if !bytes.HasPrefix(b[i:], bom) {
				break skip
			}
			i += 3
		default:
			break skip
		}
	}
	rest := b[i:]
	if len(b) >= 4 && (b[0] == 0xff && b[1] == 0xfe || b[0] == 0xfe && b[1] == 0xff ||
		b[1] == 0 && b[3] == 0 && b[0] == 'M' && b[2] == 'S' || b[0] == 0 && b[1] == 'M' && b[2] == 0 && b[3] == 'S') {
		return 0, "", headerFault(codeWide, "MSH", 0, "the text is UTF-16; HL7 over a byte stream must be sent as UTF-8 or in an 8-bit character set")
	}
	if len(rest) == 0 || rest[0] == 0x1c {
		return 0, "", fault.New(fault.Invalid, codeEmpty, "the text holds no message; send MSH and what follows")
	}
	if len(rest) >= 3 {
		switch string(rest[:3]) {
		case "MSH":
			return i, "MSH", nil
		case "FHS":
			return i, "FHS", nil
		case "BHS":
			return i, "BHS", nil
		}
		if segmentID(rest) && (len(rest) == 3 || delimiter(rest[3])) {
			return 0, "", headerFault(codeNoHeader, string(rest[:3]), i, "a segment stands where MSH belongs; a message begins with MSH")
		}
	}
	return 0, "", headerFault(codeNotHL7, "first segment", i, "this is not HL7 v2; a message begins with MSH")
}

// segmentID tells whether b begins with a capital letter and two capital
// letters or digits.
func segmentID(b []byte) bool {
	return len(b) >= 3 && upper(b[0]) && (upper(b[1]) || digit(b[1])) && (upper(b[2]) || digit(b[2]))
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
func digit(c byte) bool { return c >= '0' && c <= '9' }
