package hl7v2

import (
	"bytes"
	"unicode/utf8"
)

// Text is the element's text: escapes resolved, character set converted to
// UTF-8. Delimiters inside it stay. Formatting commands that begin a new line
// become line feeds, highlighting disappears, an escape that is not known
// stays as it was sent. A line end inside an element (a wrapped line) becomes
// a line feed, or nothing at its edge.
func (e Element) Text() string {
	if e.end == e.start {
		return ""
	}
	if e.plain() {
		return string(e.m.raw[e.start:e.end])
	}
	return string(e.AppendText(nil))
}

// AppendText appends what Text gives.
func (e Element) AppendText(to []byte) []byte {
	if e.end == e.start {
		return to
	}
	m := e.m
	if e.plain() {
		return append(to, m.raw[e.start:e.end]...)
	}
	from := len(to)
	to = m.unescape(to, int(e.start), int(e.end), e.level != literal)
	if asciiOnly(to[from:]) && !(m.shift && bytes.IndexByte(to[from:], shiftOut) >= 0) {
		return to
	}
	src := append([]byte(nil), to[from:]...)
	return m.decode(to[:from], src)
}

// plain tells whether the text is the raw bytes.
func (e Element) plain() bool {
	m, b := e.m, e.m.scan[e.start:e.end]
	if m.Plain() {
		return true
	}
	if !m.ascii && (m.cs != &utf8Set || m.shift || !utf8.Valid(b)) {
		if b := m.raw[e.start:e.end]; !asciiOnly(b) || m.shift && bytes.IndexByte(b, shiftOut) >= 0 {
			return false
		}
	}
	if e.level == literal {
		return true
	}
	if m.escaped && bytes.IndexByte(b, m.d.Escape) >= 0 {
		return false
	}
	return !m.wrapped || bytes.IndexByte(b, '\r') < 0 && bytes.IndexByte(b, '\n') < 0
}

// unescape appends the bytes start…end with escapes resolved, still in the
// message's character set.
func (m *Message) unescape(to []byte, start, end int, escapes bool) []byte {
	raw, scan := m.raw, m.scan
	for start < end && (raw[start] == '\r' || raw[start] == '\n') {
		start++
	}
	for end > start && (raw[end-1] == '\r' || raw[end-1] == '\n') {
		end--
	}
	for at := start; at < end; {
		switch c := scan[at]; {
		case c == '\r':
			to = append(to, '\n')
			if at+1 < end && scan[at+1] == '\n' {
				at++
			}
		case c == m.d.Escape && c != 0 && escapes:
			if i := bytes.IndexByte(scan[at+1:end], c); i >= 0 {
				var known bool
				if to, known = m.resolve(to, raw[at+1:at+1+i]); known {
					at += i + 2
					continue
				}
			}
			to = append(to, c)
		default:
			to = append(to, raw[at])
		}
		at++
	}
	return to
}

// resolve appends the meaning of the escape sequence whose inside is seq
// (HL7 v2.5.1 §2.7). It reports whether seq is one.
func (m *Message) resolve(to, seq []byte) ([]byte, bool) {
	if len(seq) == 0 {
		return to, false
	}
	one := func(c byte) ([]byte, bool) {
		if len(seq) != 1 || c == 0 {
			return to, false
		}
		return append(to, c), true
	}
	switch seq[0] {
	case 'F':
		return one(m.d.Field)
	case 'S':
		return one(m.d.Component)
	case 'T':
		return one(m.d.Sub)
	case 'R':
		return one(m.d.Repetition)
	case 'E':
		return one(m.d.Escape)
	case 'P':
		if m.d.Truncation == 0 {
			return one('#')
		}
		return one(m.d.Truncation)
	case 'H', 'N':
		return to, len(seq) == 1
	case 'X':
		return appendHex(to, seq[1:])
	case 'C', 'M':
		// §2.7.3: the rest is an ISO 2022 escape sequence in hexadecimal.
		if n := len(seq); n != 5 && (seq[0] != 'M' || n != 7) {
			return to, false
		}
		out, ok := appendHex(append(to, 0x1b), seq[1:])
		if !ok || !designates(out[len(to)+1:]) {
			return to, false
		}
		return out, true
	case '.':
		return format(to, seq[1:])
	}
	return to, false
}

// format resolves the formatting commands (§2.7.4): .br .sp .fi .nf .in .ti
// .sk .ce, with a number after some.
func format(to, cmd []byte) ([]byte, bool) {
	if len(cmd) < 2 {
		return to, false
	}
	n, digits := 0, 0
	arg := bytes.TrimLeft(cmd[2:], " +-")
	for digits < len(arg) && digit(arg[digits]) && digits < 3 {
		n = n*10 + int(arg[digits]-'0')
		digits++
	}
	if digits != len(arg) {
		return to, false
	}
	switch string(cmd[:2]) {
	case "br", "ce":
		return append(to, '\n'), true
	case "sp":
		for range min(max(n, 1), 100) {
			to = append(to, '\n')
		}
		return to, true
	case "sk":
		for range min(max(n, 1), 200) {
			to = append(to, ' ')
		}
		return to, true
	case "fi", "nf", "in", "ti":
		return to, true
	}
	return to, false
}

func appendHex(to, hex []byte) ([]byte, bool) {
	if len(hex) == 0 || len(hex)%2 != 0 {
		return to, false
	}
	from := len(to)
	for i := 0; i < len(hex); i += 2 {
		h, ok1 := nibble(hex[i])
		l, ok2 := nibble(hex[i+1])
		if !ok1 || !ok2 {
			return to[:from], false
		}
		to = append(to, h<<4|l)
	}
	return to, true
}

func nibble(c byte) (byte, bool) {
	switch {
	case digit(c):
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// AppendEscaped appends text, in UTF-8, so that it stands inside an element:
// delimiters as escapes, line ends as \.br\, other control characters as \X..\.
func (d Delimiters) AppendEscaped(to []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		var name byte
		switch {
		case c == '\r' || c == '\n':
			if c == '\r' && i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
			if d.Escape == 0 {
				to = append(to, ' ')
			} else {
				to = append(to, d.Escape, '.', 'b', 'r', d.Escape)
			}
			continue
		case c < ' ' && c != '\t' || c == 0x7f:
			if d.Escape == 0 {
				to = append(to, ' ')
			} else {
				const hex = "0123456789ABCDEF"
				to = append(to, d.Escape, 'X', hex[c>>4], hex[c&15], d.Escape)
			}
			continue
		case c == d.Field:
			name = 'F'
		case c == d.Component:
			name = 'S'
		case c == d.Sub:
			name = 'T'
		case c == d.Repetition:
			name = 'R'
		case c == d.Escape:
			name = 'E'
		}
		switch {
		case name == 0 || c == 0:
			to = append(to, c)
		case d.Escape == 0:
			to = append(to, ' ')
		default:
			to = append(to, d.Escape, name, d.Escape)
		}
	}
	return to
}
