// Package mllpframe is the framing of the Minimal Lower Layer Protocol: where
// a message begins and ends in a stream of bytes (HL7 v2.5.1 Implementation
// Guide, Appendix C; MLLP Release 1). It is pure: the caller reads and writes,
// the scanner looks at the bytes it is shown and never copies them.
//
// A frame is VT content FS CR. Real senders leave out each of the three, so:
//
//   - FS ends a frame whatever follows; CR and LF between frames are nothing.
//   - A VT inside a frame begins a new one when MSH, FHS or BHS follows it;
//     otherwise it belongs to the content (text pasted from a word processor
//     holds VT).
//   - MSH, FHS or BHS at the beginning of a line outside a frame begins a
//     frame without VT.
//   - The end of the stream ends a frame that stopped after a whole segment.
//
// Everything else between frames is garbage and reported as such.
package mllpframe

import "bytes"

// The bytes of the envelope.
const (
	VT = 0x0b // start block
	FS = 0x1c // end block
	CR = 0x0d // behind the end block
	lf = 0x0a
)

// Kind of a token.
type Kind uint8

const (
	More     Kind = iota // nothing complete: show more bytes
	Frame                // a message; Bytes is its content
	Garbage              // bytes that belong to no frame; Bytes is what was passed over
	Oversize             // a frame became longer than Max; Bytes is its beginning
	Skipped              // a further part of a frame that was given up; Bytes is that part
	Cut                  // a frame that stopped inside a segment; Bytes is what there was of it
)

// Flaw says what was missing around a frame that was accepted all the same.
type Flaw uint8

const (
	NoStart Flaw = 1 << iota // it did not begin with VT
	NoEnd                    // it did not end with FS
)

// Token is what Next found.
type Token struct {
	Kind  Kind
	Flaw  Flaw
	Bytes []byte // part of the slice given to Next
}

type state uint8

const (
	between  state = iota // outside a frame
	inside                // after VT
	bare                  // inside a frame that began without VT
	skipping              // inside a frame that was given up
	litter                // inside a line that belongs to no frame
)

// Scanner finds frames. The zero value has no limit; set Max before use.
type Scanner struct {
	Max int // longest content in bytes; 0 means no limit

	state state
	seen  int // bytes of the unfinished frame already searched for its end
}

// Pending says whether the scanner is inside a frame.
func (s *Scanner) Pending() bool { return s.state != between && s.state != litter }

// Skip gives up the frame the scanner is in: its bytes are passed over as
// Skipped until it ends. Between frames Skip does nothing.
func (s *Scanner) Skip() {
	if s.Pending() {
		s.state, s.seen = skipping, 0
	}
}

// Next looks at buf, the bytes not yet consumed, and gives the first token and
// how many bytes to consume. With More, show the same rest again with more
// bytes behind it. atEOF says that no more bytes follow: then More means that
// nothing is left, and an unfinished frame comes out as Frame (NoEnd) when it
// stopped after a whole segment, else as Cut.
//
// Work is linear in the bytes shown: a rest shown again is not searched again.
func (s *Scanner) Next(buf []byte, atEOF bool) (advance int, t Token) {
	switch s.state {
	case skipping:
		return s.skip(buf, atEOF)
	case litter:
		if len(buf) == 0 {
			return 0, Token{}
		}
		if buf[0] != VT {
			return s.garbage(buf)
		}
		s.state = between
		return s.Next(buf, atEOF)
	case between:
		blank := 0
		for blank < len(buf) && (buf[blank] == CR || buf[blank] == lf || buf[blank] == FS) {
			blank++
		}
		advance = blank
		buf = buf[blank:]
		switch {
		case len(buf) == 0:
			return advance, Token{}
		case buf[0] == VT:
			s.state, s.seen = inside, 0
			buf = buf[1:]
			advance++
		case header(buf) == yes:
			s.state, s.seen = bare, 0
		case header(buf) == perhaps && !atEOF:
			return advance, Token{}
		default:
			n, t := s.garbage(buf)
			return advance + n, t
		}
	}
	n, t := s.frame(buf, atEOF)
	return advance + n, t
}

// frame looks for the end of the frame buf begins with.
func (s *Scanner) frame(buf []byte, atEOF bool) (int, Token) {
	var flaw Flaw
	if s.state == bare {
		flaw = NoStart
	}
	// New bytes only. Three bytes again, as a VT may lack what follows it.
	from := max(0, s.seen-3)
	end := bytes.IndexByte(buf[from:], FS)
	if end >= 0 {
		end += from
	}
	if cut := restart(buf, from, end); cut >= 0 {
		s.state, s.seen = between, 0
		if s.Max > 0 && cut > s.Max {
			return cut, Token{Kind: Oversize, Flaw: flaw | NoEnd, Bytes: buf[:cut]}
		}
		return cut, unfinished(buf[:cut], flaw)
	}
	switch {
	case end >= 0 && s.Max > 0 && end > s.Max:
		s.state, s.seen = between, 0
		return end + 1, Token{Kind: Oversize, Flaw: flaw, Bytes: buf[:end]}
	case end >= 0:
		s.state, s.seen = between, 0
		return end + 1, Token{Kind: Frame, Flaw: flaw, Bytes: buf[:end]}
	case s.Max > 0 && len(buf)-dangling(buf) > s.Max:
		buf = buf[:len(buf)-dangling(buf)]
		s.state, s.seen = skipping, 0
		return len(buf), Token{Kind: Oversize, Flaw: flaw, Bytes: buf}
	case atEOF:
		s.state, s.seen = between, 0
		if len(buf) == 0 {
			return 0, Token{Kind: Cut, Flaw: flaw | NoEnd}
		}
		return len(buf), unfinished(buf, flaw)
	}
	s.seen = len(buf)
	return 0, Token{}
}

// skip passes over the rest of a frame that was given up.
func (s *Scanner) skip(buf []byte, atEOF bool) (int, Token) {
	end := bytes.IndexByte(buf, FS)
	if cut := restart(buf, 0, end); cut >= 0 {
		s.state = between
		return cut, Token{Kind: Skipped, Flaw: NoEnd, Bytes: buf[:cut]}
	}
	if end >= 0 {
		s.state = between
		return end + 1, Token{Kind: Skipped, Bytes: buf[:end]}
	}
	n := len(buf)
	if atEOF {
		s.state = between
	} else {
		n -= dangling(buf)
	}
	if n == 0 {
		return 0, Token{}
	}
	return n, Token{Kind: Skipped, Flaw: NoEnd, Bytes: buf[:n]}
}

// unfinished is a frame without FS: whole when it ends with a segment.
func unfinished(content []byte, flaw Flaw) Token {
	if n := len(content); n > 0 && (content[n-1] == CR || content[n-1] == lf) {
		return Token{Kind: Frame, Flaw: flaw | NoEnd, Bytes: content}
	}
	return Token{Kind: Cut, Flaw: flaw | NoEnd, Bytes: content}
}

// garbage is everything up to the next VT or the end of the line.
func (s *Scanner) garbage(buf []byte) (int, Token) {
	for n, c := range buf {
		switch c {
		case VT:
			s.state = between
			return n, Token{Kind: Garbage, Bytes: buf[:n]}
		case CR, lf:
			s.state = between
			return n + 1, Token{Kind: Garbage, Bytes: buf[:n+1]}
		}
	}
	s.state = litter
	return len(buf), Token{Kind: Garbage, Bytes: buf}
}

// dangling gives how many bytes at the end of buf may be the beginning of the
// next frame: a VT with less than a header behind it.
func dangling(buf []byte) int {
	for n := 1; n <= 3 && n <= len(buf); n++ {
		if buf[len(buf)-n] == VT && header(buf[len(buf)-n+1:]) == perhaps {
			return n
		}
	}
	return 0
}

// restart gives the place of a VT that begins a new frame in buf[from:end],
// or -1. A negative end means the end of buf.
func restart(buf []byte, from, end int) int {
	if end < 0 {
		end = len(buf)
	}
	for from < end {
		v := bytes.IndexByte(buf[from:end], VT)
		if v < 0 {
			return -1
		}
		from += v
		if header(buf[from+1:]) == yes {
			return from
		}
		from++
	}
	return -1
}

type verdict uint8

const (
	no verdict = iota
	perhaps
	yes
)

// header says whether b begins with a segment that can begin a message or a
// batch.
func header(b []byte) verdict {
	if len(b) >= 3 {
		if b[1] == 'S' && b[2] == 'H' && b[0] == 'M' || b[1] == 'H' && b[2] == 'S' && (b[0] == 'F' || b[0] == 'B') {
			return yes
		}
		return no
	}
	for _, h := range [...]string{"MSH", "FHS", "BHS"} {
		if string(b) == h[:len(b)] {
			return perhaps
		}
	}
	return no
}

// Append adds content in its envelope to b.
func Append(b, content []byte) []byte {
	b = append(b, VT)
	b = append(b, content...)
	return append(b, FS, CR)
}

// Whole says whether content can travel in a frame and come out the same:
// MLLP has no way to write FS inside, nor VT before a header.
func Whole(content []byte) bool {
	return bytes.IndexByte(content, FS) < 0 && restart(content, 0, -1) < 0
}
