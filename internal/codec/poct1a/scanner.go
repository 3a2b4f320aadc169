package poct1a

import "bytes"

// Scanner cuts a stream into documents.
type Scanner struct {
	Max int // longest document in bytes; 0: none

	seen int // bytes of the unfinished document that were looked at
}

// Kind of a token.
type Kind int

// Kinds of tokens.
const (
	More     Kind = iota // nothing whole is left: read on
	Document             // a whole document, with the declaration before it
	Garbage              // bytes that begin no document
	Oversize             // what has begun is longer than Max: the link is of no more use
)

// Token is one thing of a stream; Bytes are a part of what was scanned.
type Token struct {
	Kind   Kind
	Framed bool // VT stood before it, as in MLLP: answers should have it too
	Bytes  []byte
}

// Pending says that a document has begun and not ended.
func (s *Scanner) Pending() bool { return s.seen > 0 }

const (
	vt = 0x0B
	fs = 0x1C
)

// Next takes the next token from the beginning of b and says how many bytes it
// took; what is not taken shall come again with what follows.
func (s *Scanner) Next(b []byte) (n int, t Token) {
	begin := -1 // of the declaration before the document
	for n < len(b) {
		switch c := b[n]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == vt || c == fs || c == 0:
			t.Framed = t.Framed || c == vt
			n++
			continue
		case c == mark[0] && len(b)-n < len(mark) && bytes.HasPrefix(mark, b[n:]):
			return s.wait(b)
		case bytes.HasPrefix(b[n:], mark):
			n += len(mark)
			continue
		case c != '<':
			from := n
			for n < len(b) && b[n] != '<' {
				n++
			}
			s.seen = 0
			return n, Token{Kind: Garbage, Bytes: b[from:n]}
		case n+1 == len(b):
			return s.wait(b)
		case b[n+1] == '?' || b[n+1] == '!':
			end := bytes.IndexByte(b[n:], '>')
			if end < 0 && len(b)-n > longestTag {
				s.seen = 0
				return n + 1, Token{Kind: Garbage, Bytes: b[n : n+1]}
			}
			if end < 0 {
				return s.wait(b)
			}
			if begin < 0 {
				begin = n
			}
			n += end + 1
			continue
		}
		break
	}
	if n == len(b) {
		return s.wait(b) // a VT must not be forgotten
	}
	if begin < 0 {
		begin = n
	}
	return s.document(b, begin, n, t.Framed)
}

// mark is the byte order mark of UTF-8.
var mark = []byte("\xef\xbb\xbf")

// wait says that a document has begun and more is needed.
func (s *Scanner) wait(b []byte) (int, Token) {
	if s.Max > 0 && len(b) > s.Max {
		s.seen = 0
		return len(b), Token{Kind: Oversize, Bytes: b}
	}
	s.seen = 0
	if len(bytes.TrimLeft(b, " \t\r\n\x00\x1c\x0b")) > 0 {
		s.seen = len(b)
	}
	return 0, Token{}
}

// longestTag bounds a declaration and the start tag of a root in bytes.
const longestTag = 4096

// document looks for the end of the document whose root begins at b[n]; the
// declaration before it begins at b[begin].
func (s *Scanner) document(b []byte, begin, n int, framed bool) (int, Token) {
	name, tag, closed, ok := rootOf(b[n:])
	switch {
	case !ok:
		return s.wait(b)
	case len(name) == 0:
		s.seen = 0
		return n + 1, Token{Kind: Garbage, Bytes: b[n : n+1]}
	case closed:
		s.seen = 0
		return n + tag, Token{Kind: Document, Framed: framed, Bytes: b[begin : n+tag]}
	}
	end := append(append(make([]byte, 0, len(name)+2), "</"...), name...)
	from := n + tag // each time anew: a document is short, and looking is fast
	for {
		i := bytes.Index(b[from:], end)
		if i < 0 {
			return s.wait(b)
		}
		from += i + len(end)
		rest := bytes.TrimLeft(b[from:], " \t\r\n")
		if len(rest) == 0 {
			return s.wait(b)
		}
		if rest[0] != '>' {
			continue
		}
		stop := len(b) - len(rest) + 1
		if s.Max > 0 && stop-n > s.Max {
			s.seen = 0
			return stop, Token{Kind: Oversize, Bytes: b[n:stop]}
		}
		s.seen = 0
		return stop, Token{Kind: Document, Framed: framed, Bytes: b[begin:stop]}
	}
}

// rootOf gives the name of the start tag that b begins with, how long the tag
// is and whether it closes itself. ok is false when it is not whole.
func rootOf(b []byte) (name []byte, tag int, closed, ok bool) {
	quote := byte(0)
	for i := 1; i < len(b); i++ {
		c := b[i]
		if i > longestTag {
			return b[:0], 0, false, true
		}
		if name == nil && !nameByte(c) {
			name = b[1:i]
			if len(name) == 0 {
				return name, 0, false, true
			}
		}
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>' && b[i-1] == '/':
			return name, i + 1, true, true
		case c == '>':
			return name, i + 1, false, true
		case c == '<':
			return b[:0], 0, false, true // a tag within a tag: no document
		}
	}
	return nil, 0, false, false
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' || c == ':'
}
