package astm

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"thalamus/internal/fault"
)

// Delimiters of a message (LIS02-A2 §5.4.1): the last four are named by H.
type Delimiters struct{ Field, Repeat, Component, Escape byte }

// Usual are the delimiters that nearly all instruments use.
var usual = Delimiters{'|', '\\', '^', '&'}

// Usual gives the delimiters that nearly all instruments use, |\^&.
func Usual() Delimiters { return usual }

// Record is one line of a message.
type Record struct {
	Raw    string // without its CR
	Offset int    // of its first byte in what was parsed
	d      Delimiters
}

// Message is what stands from H to L, or to the next H.
type Message struct {
	Delimiters Delimiters
	Records    []Record
	Flaws      []string // how H departs from the standard, a word each
}

// Parse reads messages, at least one, or says why it cannot: nothing in the
// bytes is a header. Records before the first header belong to no message and
// are counted.
func Parse(b []byte) (all []Message, before int, err error) {
	offset := 0
	for len(b) > 0 {
		end := bytes.IndexAny(b, "\r\n")
		line := b
		if end >= 0 {
			line = b[:end]
		} else {
			end = len(b) - 1
		}
		lead := len(line) - len(bytes.TrimLeft(line, " \t"))
		raw := string(bytes.TrimLeft(line, " \t"))
		at := offset + lead
		b, offset = b[end+1:], offset+end+1
		if strings.TrimSpace(raw) == "" {
			continue
		}
		if isHeader(raw) {
			d, flaws := delimitersOf(raw)
			all = append(all, Message{Delimiters: d, Flaws: flaws})
		}
		if len(all) == 0 {
			before++
			continue
		}
		m := &all[len(all)-1]
		m.Records = append(m.Records, Record{Raw: raw, Offset: at, d: m.Delimiters})
	}
	if len(all) == 0 {
		return nil, before, fault.New(fault.Invalid, "astm.no-header", "there is no header record, H with its delimiters, in what came")
	}
	return all, before, nil
}

func isHeader(raw string) bool {
	return len(raw) > 1 && (raw[0] == 'H' || raw[0] == 'h') && !letterOrDigit(raw[1])
}

func letterOrDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= 0x80
}

// delimitersOf reads H|\^&. Some write the backslash twice, as their source
// code does; some leave delimiters out.
func delimitersOf(raw string) (Delimiters, []string) {
	d := usual
	d.Field = raw[1]
	names, _, _ := strings.Cut(raw[2:], raw[1:2])
	var flaws []string
	if len(names) == 4 && names[0] == names[1] {
		names, flaws = names[1:], append(flaws, "doubled")
	}
	if len(names) != 3 {
		flaws = append(flaws, "missing")
	}
	for i, to := range []*byte{&d.Repeat, &d.Component, &d.Escape} {
		if i < len(names) {
			*to = names[i]
		}
	}
	return d, flaws
}

// Append writes the message, each record ended by CR.
func (m *Message) Append(to []byte) []byte {
	for _, r := range m.Records {
		to = append(to, r.Raw...)
		to = append(to, CR)
	}
	return to
}

// Kind is the type of the record: H P O R C Q M S L, in capitals.
func (r Record) Kind() byte { return kindOf([]byte(r.Raw[:min(1, len(r.Raw))])) }

// Field gives field n, counted as the standard does: 1 is the record's type.
func (r Record) Field(n int) Element {
	if isHeader(r.Raw) { // its second field is made of delimiters
		switch {
		case n == 1:
			return Element{r.Raw[:1], r.d}
		case n == 2:
			names, _, _ := strings.Cut(r.Raw[2:], r.Raw[1:2])
			return Element{names, Delimiters{}}
		}
	}
	raw := r.Raw
	for ; n > 1; n-- {
		i := strings.IndexByte(raw, r.d.Field)
		if i < 0 {
			return Element{d: r.d}
		}
		raw = raw[i+1:]
	}
	if i := strings.IndexByte(raw, r.d.Field); i >= 0 {
		raw = raw[:i]
	}
	return Element{raw, r.d}
}

// Element is a field or a part of one, as it was sent.
type Element struct {
	Raw string
	d   Delimiters
}

// Reps gives the repetitions, at least one.
func (e Element) Reps() []Element { return e.split(e.d.Repeat) }

// Components gives the components of a repetition, at least one.
func (e Element) Components() []Element { return e.split(e.d.Component) }

func (e Element) split(by byte) []Element {
	if by == 0 {
		return []Element{e}
	}
	parts := make([]Element, 0, 1+strings.Count(e.Raw, string([]byte{by})))
	raw := e.Raw
	for {
		i := strings.IndexByte(raw, by)
		if i < 0 {
			return append(parts, Element{raw, e.d})
		}
		parts = append(parts, Element{raw[:i], e.d})
		raw = raw[i+1:]
	}
}

// Component gives component n of the first repetition, counted from 1.
func (e Element) Component(n int) Element {
	parts := e.Reps()[0].Components()
	if n < 1 || n > len(parts) {
		return Element{d: e.d}
	}
	return parts[n-1]
}

// Text gives the element without escapes and without blanks around it. Bytes
// that are no UTF-8 are read as ISO 8859-1, which is what most instruments
// that know more than ASCII send.
func (e Element) Text() string { return strings.TrimSpace(toUTF8(e.unescape())) }

func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out := make([]rune, 0, len(s))
	for i := range len(s) {
		out = append(out, rune(s[i]))
	}
	return string(out)
}

// unescape resolves &F& &S& &R& &E& and &Xhh…& (LIS02-A2 §5.4.6); others stay
// as they are.
func (e Element) unescape() string {
	if e.d.Escape == 0 || strings.IndexByte(e.Raw, e.d.Escape) < 0 {
		return e.Raw
	}
	var out []byte
	raw := e.Raw
	for {
		from := strings.IndexByte(raw, e.d.Escape)
		if from < 0 {
			return string(append(out, raw...))
		}
		to := strings.IndexByte(raw[from+1:], e.d.Escape)
		if to < 0 {
			return string(append(out, raw...))
		}
		out = append(out, raw[:from]...)
		said := raw[from+1 : from+1+to]
		if resolved, ok := e.d.sequence(said); ok {
			out = append(out, resolved...)
			raw = raw[from+to+2:]
			continue
		}
		out = append(out, e.d.Escape) // not a sequence: this one escapes nothing
		raw = raw[from+1:]
	}
}

func (d Delimiters) sequence(said string) ([]byte, bool) {
	switch strings.ToUpper(said) {
	case "F":
		return []byte{d.Field}, true
	case "S":
		return []byte{d.Component}, true
	case "R":
		return []byte{d.Repeat}, true
	case "E":
		return []byte{d.Escape}, true
	case "H", "N": // highlighting on and off: nothing to show
		return nil, true
	}
	if len(said) < 3 || said[0] != 'X' && said[0] != 'x' || len(said)%2 == 0 {
		return nil, false
	}
	var out []byte
	for i := 1; i < len(said); i += 2 {
		high, low := hex(said[i]), hex(said[i+1])
		if high < 0 || low < 0 {
			return nil, false
		}
		out = append(out, byte(high<<4|low))
	}
	return out, true
}
