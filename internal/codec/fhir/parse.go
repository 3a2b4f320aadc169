package fhir

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"thalamus/internal/fault"
)

// Limits bound what Parse takes. A zero field means its default.
type Limits struct {
	Bytes int // most bytes of text; default 64 MiB
	Depth int // most arrays and objects inside each other; default 64
	Nodes int // most values; default 4 million
}

func (l Limits) or() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 64 << 20
	}
	if l.Depth <= 0 {
		l.Depth = 64
	}
	if l.Nodes <= 0 {
		l.Nodes = 4 << 20
	}
	return l
}

// Parse reads one JSON text (RFC 8259, UTF-8, no member twice in an object:
// FHIR R4 §2.6.2). Errors are fault.Invalid with Place = path and byte, for
// example "entry[2].resource.status, byte 118". They never quote the text.
func Parse(text []byte, l Limits) (*Node, error) {
	p := parser{s: text, max: l.or()}
	if len(text) > p.max.Bytes {
		return nil, fault.New(fault.Invalid, "fhir.oversize", "FHIR JSON of %d bytes; at most %d are taken", len(text), p.max.Bytes)
	}
	if strings.HasPrefix(string(text[:min(3, len(text))]), "\ufeff") {
		p.i = 3 // a byte order mark is no part of the text (RFC 8259 §8.1)
	}
	n, ok := p.value()
	if ok {
		if p.space(); p.i < len(p.s) {
			ok = p.fail("text after the end of the JSON value")
		}
	}
	if !ok {
		return nil, fault.New(fault.Invalid, "fhir.json", "not readable as FHIR JSON: %s", p.why).At(p.place())
	}
	return &n, nil
}

type step struct {
	name  string
	index int // -1 for a member
}

type parser struct {
	s     []byte
	i     int
	max   Limits
	nodes int
	path  []step
	why   string
}

func (p *parser) fail(why string) bool {
	if p.why == "" {
		p.why = why
	}
	return false
}

func (p *parser) place() string {
	var b strings.Builder
	for _, s := range p.path {
		if s.index >= 0 {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(placeName(s.name))
	}
	if b.Len() > 0 {
		b.WriteString(", ")
	}
	b.WriteString("byte " + strconv.Itoa(p.i))
	return b.String()
}

// placeName keeps a member's name out of an error unless it looks like one:
// a name may be anything in hostile input.
func placeName(s string) string {
	if s == "" || len(s) > 64 {
		return "?"
	}
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return "?"
		}
	}
	return s
}

func (p *parser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

func (p *parser) value() (n Node, ok bool) {
	p.space()
	if p.nodes++; p.nodes > p.max.Nodes {
		return n, p.fail("too many values")
	}
	if p.i >= len(p.s) {
		return n, p.fail("the text ends where a value is expected")
	}
	switch c := p.s[p.i]; {
	case c == '{':
		return p.object()
	case c == '[':
		return p.array()
	case c == '"':
		n.sort = Text
		n.text, ok = p.text()
		return n, ok
	case c == '-' || c >= '0' && c <= '9':
		n.sort = Number
		n.text, ok = p.number()
		return n, ok
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if len(p.s)-p.i >= len(word) && string(p.s[p.i:p.i+len(word)]) == word {
			p.i += len(word)
			if word != "null" {
				n = Node{sort: Bool, text: word}
			}
			return n, true
		}
	}
	return n, p.fail("no JSON value begins here")
}

func (p *parser) object() (n Node, ok bool) {
	n.sort = Object
	if len(p.path) >= p.max.Depth {
		return n, p.fail("nested too deeply")
	}
	p.i++
	p.space()
	if p.i < len(p.s) && p.s[p.i] == '}' {
		p.i++
		return n, true
	}
	var seen map[string]bool
	for {
		p.space()
		if p.i >= len(p.s) || p.s[p.i] != '"' {
			return n, p.fail("expected the name of a member")
		}
		name, ok := p.text()
		if !ok {
			return n, false
		}
		p.path = append(p.path, step{name, -1})
		// A small object is searched, a large one gets an index, so that time
		// stays linear.
		if len(n.names) == 16 {
			seen = make(map[string]bool, 64)
			for _, have := range n.names {
				seen[have] = true
			}
		}
		if seen != nil && seen[name] || seen == nil && n.member(name) != nil {
			return n, p.fail("a member stands twice")
		}
		if seen != nil {
			seen[name] = true
		}
		p.space()
		if p.i >= len(p.s) || p.s[p.i] != ':' {
			return n, p.fail("expected ':' after the name of a member")
		}
		p.i++
		v, ok := p.value()
		if !ok {
			return n, false
		}
		p.path = p.path[:len(p.path)-1]
		n.names = append(n.names, name)
		n.elems = append(n.elems, v)
		if more, ok := p.more('}'); !more {
			return n, ok
		}
	}
}

func (p *parser) array() (n Node, ok bool) {
	n.sort = Array
	if len(p.path) >= p.max.Depth {
		return n, p.fail("nested too deeply")
	}
	p.i++
	p.space()
	if p.i < len(p.s) && p.s[p.i] == ']' {
		p.i++
		return n, true
	}
	for {
		p.path = append(p.path, step{"", len(n.elems)})
		v, ok := p.value()
		if !ok {
			return n, false
		}
		p.path = p.path[:len(p.path)-1]
		n.elems = append(n.elems, v)
		if more, ok := p.more(']'); !more {
			return n, ok
		}
	}
}

// more reads a comma (true, true) or the closing bracket (false, true).
func (p *parser) more(closing byte) (more, ok bool) {
	p.space()
	if p.i < len(p.s) {
		switch p.s[p.i] {
		case ',':
			p.i++
			return true, true
		case closing:
			p.i++
			return false, true
		}
	}
	return false, p.fail("expected ',' or '" + string(closing) + "'")
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? and keeps it.
func (p *parser) number() (string, bool) {
	start := p.i
	digits := func() bool {
		from := p.i
		for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
			p.i++
		}
		return p.i > from
	}
	if p.s[p.i] == '-' {
		p.i++
	}
	zero := p.i < len(p.s) && p.s[p.i] == '0'
	first := p.i
	if !digits() || zero && p.i > first+1 {
		return "", p.fail("not a number as JSON writes them")
	}
	if p.i < len(p.s) && p.s[p.i] == '.' {
		if p.i++; !digits() {
			return "", p.fail("not a number as JSON writes them")
		}
	}
	if p.i < len(p.s) && p.s[p.i]|0x20 == 'e' {
		if p.i++; p.i < len(p.s) && (p.s[p.i] == '+' || p.s[p.i] == '-') {
			p.i++
		}
		if !digits() {
			return "", p.fail("not a number as JSON writes them")
		}
	}
	return string(p.s[start:p.i]), true
}

func (p *parser) text() (string, bool) {
	p.i++
	start := p.i
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '"':
			raw := p.s[start:p.i]
			if !utf8.Valid(raw) {
				return "", p.fail("text is not UTF-8")
			}
			p.i++
			return string(raw), true
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", p.fail("control character in a text")
		default:
			p.i++
		}
	}
	return "", p.fail("text without an end")
}

func (p *parser) escaped(start int) (string, bool) {
	out := append(make([]byte, 0, p.i-start+32), p.s[start:p.i]...)
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case c == '"':
			p.i++
			if !utf8.Valid(out) {
				return "", p.fail("text is not UTF-8")
			}
			return string(out), true
		case c < 0x20:
			return "", p.fail("control character in a text")
		case c != '\\':
			out = append(out, c)
			p.i++
			continue
		}
		if p.i++; p.i >= len(p.s) {
			break
		}
		c = p.s[p.i]
		p.i++
		switch c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, ok := p.unit()
			if ok && utf16.IsSurrogate(r) {
				ok = p.i+1 < len(p.s) && p.s[p.i] == '\\' && p.s[p.i+1] == 'u'
				if ok {
					p.i += 2
					var low rune
					low, ok = p.unit()
					r = utf16.DecodeRune(r, low)
					ok = ok && r != utf8.RuneError
				}
			}
			if !ok {
				return "", p.fail("\\u escape that is no character")
			}
			out = utf8.AppendRune(out, r)
		default:
			return "", p.fail("unknown escape in a text")
		}
	}
	return "", p.fail("text without an end")
}

func (p *parser) unit() (rune, bool) {
	if p.i+4 > len(p.s) {
		return 0, false
	}
	var r rune
	for _, c := range p.s[p.i : p.i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	p.i += 4
	return r, true
}
