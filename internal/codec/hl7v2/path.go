package hl7v2

import (
	"bytes"
	"sort"
	"strconv"
	"strings"

	"thalamus/internal/fault"
)

// Path is a parsed place in a message: "PID-3[2].1.2" is segment PID, field
// 3, repetition 2, component 1, sub-component 2; "OBX[3]-5" the fifth field
// of the third OBX. A zero part was not given.
type Path struct {
	Segment    string
	Occurrence int
	Field      int
	Rep        int
	Component  int
	Sub        int
}

// ParsePath reads a path. After the field, components may follow either a
// point or a hyphen, as people write both.
func ParsePath(s string) (Path, error) {
	wrong := func() (Path, error) {
		return Path{}, fault.New(fault.Invalid, codePath, "the path is not understood; write it like PID-3[2].1 or OBX[3]-5")
	}
	p := Path{Occurrence: 1}
	if !segmentID([]byte(s)) {
		return wrong()
	}
	p.Segment, s = s[:3], s[3:]
	ok := true
	number := func(open byte) (n int, found bool) {
		if s == "" || s[0] != open {
			return 0, false
		}
		i := 1
		for i < len(s) && digit(s[i]) {
			i++
		}
		n, err := strconv.Atoi(s[1:i])
		ok = ok && err == nil && n > 0 && n < 1_000_000
		s = s[i:]
		if open == '[' {
			if s == "" || s[0] != ']' {
				ok = false
			} else {
				s = s[1:]
			}
		}
		return n, true
	}
	if n, found := number('['); found {
		p.Occurrence = n
	}
	p.Field, _ = number('-')
	if p.Field > 0 {
		p.Rep, _ = number('[')
		for _, part := range [...]*int{&p.Component, &p.Sub} {
			n, found := number('.')
			if !found {
				n, _ = number('-')
			}
			*part = n
		}
	}
	if !ok || s != "" {
		return wrong()
	}
	return p, nil
}

// String is the path as ParsePath reads it.
func (p Path) String() string {
	var b strings.Builder
	b.WriteString(p.Segment)
	num := func(before string, n int, after string) {
		if n > 0 {
			b.WriteString(before)
			b.WriteString(strconv.Itoa(n))
			b.WriteString(after)
		}
	}
	if p.Occurrence > 1 {
		num("[", p.Occurrence, "]")
	}
	num("-", p.Field, "")
	num("[", p.Rep, "]")
	num(".", p.Component, "")
	num(".", p.Sub, "")
	return b.String()
}

// Get gives the text at a path, decoded; empty when it is absent or when the
// path is wrong. A path without a field gives the segment as it was sent.
func (m *Message) Get(path string) string {
	p, err := ParsePath(path)
	if err != nil {
		return ""
	}
	if p.Field == 0 {
		return string(m.Find(p.Segment, p.Occurrence).Raw())
	}
	return m.At(p).Text()
}

// At gives the element at a path; absent when there is none.
func (m *Message) At(p Path) Element {
	e := m.Find(p.Segment, p.Occurrence).Field(p.Field)
	if p.Rep > 0 {
		e = e.Rep(p.Rep)
	}
	if p.Component > 0 {
		e = e.Component(p.Component)
	}
	if p.Sub > 0 {
		e = e.Sub(p.Sub)
	}
	return e
}

// PathAt names the place of a byte of the message: "OBX[3]-5.2", and "OBX-5"
// in the first OBX. Bytes between segments belong to the one before them.
func (m *Message) PathAt(offset int) string { return m.path(offset, subLevel) }

// path names the element of the level given that holds the byte. Repetitions,
// components and sub-components are named where there are several.
func (m *Message) path(offset int, lv level) string {
	i := sort.Search(len(m.segs), func(i int) bool { return int(m.segs[i].start) > offset }) - 1
	if i < 0 {
		return ""
	}
	s := Segment{m, i + 1}
	g := m.segs[i]
	p := Path{Segment: s.ID(), Occurrence: int(g.nth)}
	if offset < int(g.start)+3 {
		return p.String()
	}
	var e Element
	for n, f := range s.Fields() {
		p.Field, e = n, f
		if int(f.end) > offset || int(f.end) == offset && f.level == fieldLevel {
			break
		}
	}
	if e.level != fieldLevel {
		return p.String()
	}
	several := func(lv level) bool {
		return bytes.IndexByte(m.scan[e.start:e.end], m.separator(lv)) >= 0
	}
	for _, step := range [...]struct {
		lv level
		to *int
	}{{fieldLevel, &p.Rep}, {repLevel, &p.Component}, {componentLevel, &p.Sub}} {
		if lv >= step.lv {
			break
		}
		show := m.separator(step.lv) != 0 && several(step.lv)
		whole := e
		whole.each(step.lv, func(n int, part Element) bool {
			if show {
				*step.to = n
			}
			e = part
			return int(part.end) < offset
		})
	}
	if p.Sub > 0 && p.Component == 0 {
		p.Component = 1
	}
	return p.String()
}
