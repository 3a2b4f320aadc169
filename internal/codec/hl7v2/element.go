package hl7v2

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math/bits"
)

// Segment is one segment of a message. The zero Segment is absent; all its
// fields are.
type Segment struct {
	m *Message
	n int // place in the message plus one
}

// Len is the number of segments.
func (m *Message) Len() int { return len(m.segs) }

// Segment gives the segment at place i, counted from 0 in the order of the
// message; an absent one outside.
func (m *Message) Segment(i int) Segment {
	if i < 0 || i >= len(m.segs) {
		return Segment{}
	}
	return Segment{m, i + 1}
}

// Segments goes through all segments in order.
func (m *Message) Segments() iter.Seq2[int, Segment] {
	return func(yield func(int, Segment) bool) { m.eachSegment(yield) }
}

// eachSegment, eachField and each are not inlined: otherwise the closures of
// nested loops get so large that the compiler puts them on the heap.
//
//go:noinline
func (m *Message) eachSegment(yield func(int, Segment) bool) {
	for i := range m.segs {
		if !yield(i, Segment{m, i + 1}) {
			return
		}
	}
}

// Find gives the nth segment (from 1) with the id, or an absent one.
func (m *Message) Find(id string, nth int) Segment {
	if nth < 1 {
		return Segment{}
	}
	for i := range m.segs {
		if m.segs[i].nth == uint32(nth) {
			if s := (Segment{m, i + 1}); s.Is(id) {
				return s
			}
		}
	}
	return Segment{}
}

// Present tells whether the segment exists.
func (s Segment) Present() bool { return s.n > 0 }

// Index is the segment's place in the message from 0, -1 when absent.
func (s Segment) Index() int { return s.n - 1 }

// Occurrence is the segment's number among those with its id, from 1; 0 when
// absent.
func (s Segment) Occurrence() int {
	if s.n == 0 {
		return 0
	}
	return int(s.m.segs[s.n-1].nth)
}

// Offset is the byte of the message where the segment begins.
func (s Segment) Offset() int {
	if s.n == 0 {
		return 0
	}
	return int(s.m.segs[s.n-1].start)
}

// Raw is the segment as it was sent, without its terminator.
func (s Segment) Raw() []byte {
	if s.n == 0 {
		return nil
	}
	g := s.m.segs[s.n-1]
	return s.m.raw[g.start:g.end:g.end]
}

// Is tells whether the segment has the id, without allocating.
func (s Segment) Is(id string) bool {
	if s.n == 0 {
		return false
	}
	at := s.m.segs[s.n-1].start
	return string(s.m.raw[at:at+3]) == id
}

// ID is the segment's three letters. It does not allocate for the segments
// that devices send.
func (s Segment) ID() string {
	if s.n == 0 {
		return ""
	}
	at := s.m.segs[s.n-1].start
	switch b := s.m.raw[at : at+3]; string(b) {
	case "OBX":
		return "OBX"
	case "MSH":
		return "MSH"
	case "PID":
		return "PID"
	case "PV1":
		return "PV1"
	case "OBR":
		return "OBR"
	case "NTE":
		return "NTE"
	case "ORC":
		return "ORC"
	case "EVN":
		return "EVN"
	case "PRT":
		return "PRT"
	case "MSA":
		return "MSA"
	case "ERR":
		return "ERR"
	default:
		return string(b)
	}
}

// header tells whether the segment's first field is the field separator.
func (s Segment) header() bool {
	at := s.m.segs[s.n-1].start
	return headerID(s.m.raw[at : at+3])
}

func headerID(id []byte) bool {
	switch string(id) {
	case "MSH", "BHS", "FHS":
		return true
	}
	return false
}

// Field gives field n, counted from 1. MSH-1 is the field separator, MSH-2
// the other delimiters (HL7 v2.5.1 §2.14.9).
func (s Segment) Field(n int) Element {
	if s.n == 0 || n < 1 {
		return Element{}
	}
	g := s.m.segs[s.n-1]
	at, end := g.start+4, g.end
	if at > end {
		return Element{}
	}
	b := s.m.scan
	if s.header() {
		if n == 1 {
			return Element{s.m, at - 1, at, literal}
		}
		n--
	}
	sep := s.m.d.Field
	for n--; n > 0; n-- {
		i := bytes.IndexByte(b[at:end], sep)
		if i < 0 {
			return Element{}
		}
		at += uint32(i) + 1
	}
	if i := bytes.IndexByte(b[at:end], sep); i >= 0 {
		end = at + uint32(i)
	}
	if at == g.start+4 && s.header() {
		return Element{s.m, at, end, literal}
	}
	return Element{s.m, at, end, fieldLevel}
}

// FieldCount is the number of the last field that the segment has, empty
// or not.
func (s Segment) FieldCount() int {
	if s.n == 0 {
		return 0
	}
	g := s.m.segs[s.n-1]
	n := bytes.Count(s.m.scan[g.start:g.end], []byte{s.m.d.Field})
	if s.header() {
		n++
	}
	return n
}

// Fields goes through all fields with their numbers, in one pass.
func (s Segment) Fields() iter.Seq2[int, Element] {
	return func(yield func(int, Element) bool) { s.eachField(yield) }
}

//go:noinline
func (s Segment) eachField(yield func(int, Element) bool) {
	if s.n == 0 {
		return
	}
	g, n := s.m.segs[s.n-1], 1
	if g.start+4 > g.end {
		return
	}
	lv := fieldLevel
	if s.header() {
		if !yield(1, s.Field(1)) {
			return
		}
		n, lv = 2, literal
	}
	sep := s.m.d.Field
	for at := g.start + 4; ; n++ {
		end, more := g.end, false
		if i := bytes.IndexByte(s.m.scan[at:end], sep); i >= 0 {
			end, more = at+uint32(i), true
		}
		if !yield(n, Element{s.m, at, end, lv}) || !more {
			return
		}
		at, lv = end+1, fieldLevel
	}
}

// FieldsInto puts field n into to[n], for as many fields as there is room,
// and gives the number of the segment's last field. It leaves the rest of to,
// and to[0], alone.
func (s Segment) FieldsInto(to []Element) int {
	if s.n == 0 {
		return 0
	}
	last := 0
	if s.header() {
		for n, e := range s.Fields() {
			if last = n; n < len(to) {
				to[n] = e
			}
		}
		return last
	}
	g := s.m.segs[s.n-1]
	if g.start+4 > g.end {
		return 0
	}
	line, at := s.m.scan[:g.end], g.start+4
	put := func(end uint32) {
		if last++; last < len(to) {
			to[last] = Element{s.m, at, end, fieldLevel}
		}
		at = end + 1
	}
	// Eight bytes at a time: a byte of found is set where one is the separator.
	sep := s.m.d.Field
	i, all := int(at), uint64(sep)*ones
	for ; i+8 <= len(line); i += 8 {
		w := binary.LittleEndian.Uint64(line[i:]) ^ all
		for found := ^((w&lows + lows) | w | lows); found != 0; found &= found - 1 {
			put(uint32(i + bits.TrailingZeros64(found)/8))
		}
	}
	for ; i < len(line); i++ {
		if line[i] == sep {
			put(uint32(i))
		}
	}
	put(g.end)
	return last
}

// ones has 1 in each byte, lows all bits but the highest.
const ones, lows = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f

// level of an element within its segment.
type level uint8

const (
	absent level = iota
	literal
	subLevel
	componentLevel
	repLevel
	fieldLevel
)

// Element is a field, a repetition, a component or a sub-component: a view of
// the message's bytes. The zero Element is absent.
type Element struct {
	m          *Message
	start, end uint32
	level      level
}

// Raw is what was sent, escapes and delimiters included.
func (e Element) Raw() []byte {
	if e.m == nil {
		return nil
	}
	return e.m.raw[e.start:e.end:e.end]
}

// Present tells whether anything was sent. The null value "" is present.
func (e Element) Present() bool { return e.end > e.start }

// IsNull tells whether the sender said that there is no value, with two
// quotation marks: what the receiver knew is to be deleted (§2.5.3).
func (e Element) IsNull() bool {
	return e.end-e.start == 2 && e.m.raw[e.start] == '"' && e.m.raw[e.start+1] == '"'
}

// Is tells whether the raw text equals s, without allocating.
func (e Element) Is(s string) bool { return string(e.Raw()) == s }

// Offset is the byte of the message where the element begins.
func (e Element) Offset() int { return int(e.start) }

// Path names the element: "OBX[3]-5[2].1", as PathAt does.
func (e Element) Path() string {
	if e.m == nil {
		return ""
	}
	return e.m.path(int(e.start), e.level)
}

// Rep gives repetition i of a field, counted from 1. Anything else is its
// own first repetition.
func (e Element) Rep(i int) Element { return e.part(i, fieldLevel) }

// Component gives component n, counted from 1; of a field that of its first
// repetition. A sub-component is its own first component.
func (e Element) Component(n int) Element { return e.first(repLevel).part(n, repLevel) }

// Sub gives sub-component n, counted from 1; of a field that of its first
// repetition's first component.
func (e Element) Sub(n int) Element { return e.first(componentLevel).part(n, componentLevel) }

// part gives the nth part of an element of the level lv, which its parts are
// one below.
func (e Element) part(n int, lv level) Element {
	if e.level == absent || n < 1 {
		return Element{}
	}
	sep := e.m.separator(lv)
	if e.level != lv || sep == 0 {
		if n > 1 {
			return Element{}
		}
		if e.level == lv {
			e.level = lv - 1
		}
		return e
	}
	b, at, end := e.m.scan, e.start, e.end
	for n--; n > 0; n-- {
		i := bytes.IndexByte(b[at:end], sep)
		if i < 0 {
			return Element{}
		}
		at += uint32(i) + 1
	}
	if i := bytes.IndexByte(b[at:end], sep); i >= 0 {
		end = at + uint32(i)
	}
	return Element{e.m, at, end, lv - 1}
}

// separator of the parts of an element of a level.
func (m *Message) separator(lv level) byte {
	switch lv {
	case fieldLevel:
		return m.d.Repetition
	case repLevel:
		return m.d.Component
	case componentLevel:
		return m.d.Sub
	}
	return 0
}

// Reps goes through the repetitions of a field, from 1.
func (e Element) Reps() iter.Seq2[int, Element] {
	return func(yield func(int, Element) bool) { e.each(fieldLevel, yield) }
}

// Components goes through the components, of a field those of its first
// repetition, from 1.
func (e Element) Components() iter.Seq2[int, Element] {
	return func(yield func(int, Element) bool) { e.each(repLevel, yield) }
}

// Subs goes through the sub-components, of a field those of its first
// repetition's first component, from 1.
func (e Element) Subs() iter.Seq2[int, Element] {
	return func(yield func(int, Element) bool) { e.each(componentLevel, yield) }
}

// each goes through the parts of the element that stand one level below lv.
//
//go:noinline
func (e Element) each(lv level, yield func(int, Element) bool) {
	e = e.first(lv)
	if e.level == absent {
		return
	}
	sep := e.m.separator(lv)
	if e.level != lv || sep == 0 {
		yield(1, e.part(1, lv))
		return
	}
	for n, at := 1, e.start; ; n++ {
		end, more := e.end, false
		if i := bytes.IndexByte(e.m.scan[at:end], sep); i >= 0 {
			end, more = at+uint32(i), true
		}
		if !yield(n, Element{e.m, at, end, lv - 1}) || !more {
			return
		}
		at = end + 1
	}
}

// first goes down to the level lv, by the first part each time.
func (e Element) first(lv level) Element {
	for e.level > lv {
		e = e.part(1, e.level)
	}
	return e
}

// RepCount is the number of repetitions, 0 when absent or empty.
func (e Element) RepCount() int { return e.count(fieldLevel) }

// ComponentCount is the number of components, of a field those of its first
// repetition; 0 when absent or empty.
func (e Element) ComponentCount() int { return e.first(repLevel).count(repLevel) }

func (e Element) count(lv level) int {
	if !e.Present() {
		return 0
	}
	sep := e.m.separator(lv)
	if e.level != lv || sep == 0 {
		return 1
	}
	return 1 + bytes.Count(e.m.scan[e.start:e.end], []byte{sep})
}
