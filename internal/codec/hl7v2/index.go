package hl7v2

import (
	"bytes"

	"thalamus/internal/model"
)

// index finds the segments between start and end. CR, LF and CRLF end a
// segment. A line that does not begin like a segment goes on with the one
// before it.
func (m *Message) index(start, end int) error {
	b := m.scan
	nextCR, nextLF := start-1, start-1 // the first of each at or after the line, or end
	glued := newGluer(b, m.d.Field, start, end)
	if m.segs == nil {
		m.segs = make([]span, 0, min(1+bytes.Count(b[start:end], cr), fewSegments))
	}
	var seen census
	wrapped := false
	for at := start; at < end; {
		if nextCR < at {
			nextCR = seek(b, at, end, '\r')
		}
		if nextLF < at {
			nextLF = seek(b, at, end, '\n')
		}
		stop := min(nextCR, nextLF)
		line := at
		at = stop + 1
		if line == stop {
			continue
		}
		if !m.begins(b[line:stop]) {
			from := line
			for from < stop && (b[from] == ' ' || b[from] == '\t') {
				from++
			}
			if from == stop {
				continue // a blank line
			}
			if from == line || !m.begins(b[from:stop]) {
				m.goOn(line, stop, wrapped)
				wrapped = true
				continue
			}
			m.note(codeBlank, model.Warning, string(b[from:from+3]), line, "blanks stand before a segment", "the sender should begin the segment right after the CR")
			line = from
		}
		wrapped = false
		if b[line] == 'M' && line > start && string(b[line:line+3]) == "MSH" {
			m.note(codeSecondHeader, model.Error, "MSH[2]", line, "another message begins inside this one", "the sender should frame each message by itself or send a batch with FHS and BHS")
		}
		if err := m.add(&glued, &seen, line, stop); err != nil {
			return err
		}
	}
	for _, g := range m.segs {
		if g.end-g.start > MaxFields && bytes.Count(b[g.start:g.end], []byte{m.d.Field}) > MaxFields {
			return headerFault(codeTooManyFields, string(b[g.start:g.start+3]), int(g.start), "the segment has more than %d fields; this is not a message any device sends", MaxFields)
		}
	}
	return nil
}

var cr = []byte{'\r'}

// fewSegments is for how many segments there is room from the start.
const fewSegments = 256

func seek(b []byte, at, end int, c byte) int {
	if i := bytes.IndexByte(b[at:end], c); i >= 0 {
		return at + i
	}
	return end
}

// begins tells whether a line begins like a segment.
func (m *Message) begins(line []byte) bool {
	return len(line) >= 3 && (len(line) == 3 || line[3] == m.d.Field) && segmentID(line)
}

// goOn makes a line part of the segment before it.
func (m *Message) goOn(line, stop int, again bool) {
	last := &m.segs[len(m.segs)-1]
	if !again && !m.full() {
		m.note(codeWrapped, model.Warning, m.PathAt(int(last.end)), line, "a line does not begin with a segment id; it was read as going on with the field before it", "the sender should write line ends inside a field as \\.br\\ or \\X0D\\")
	}
	last.end = uint32(stop)
	m.wrapped = true
}

// add puts one line into the index, cut where segments are glued together.
func (m *Message) add(glued *gluer, seen *census, from, stop int) error {
	for {
		id := m.scan[from : from+3]
		if len(m.segs) >= MaxSegments {
			return headerFault(codeTooManySegments, string(id), from, "the message has more than %d segments; send it in parts", MaxSegments)
		}
		cut, next := m.findGlue(glued, from, stop)
		if next == 0 {
			cut = stop
		}
		m.segs = append(m.segs, span{uint32(from), uint32(cut), seen.count(id)})
		if next == 0 {
			return nil
		}
		if !m.full() {
			m.note(codeGlued, model.Warning, m.PathAt(cut), next, "the segment "+string(m.scan[next:next+3])+" follows without a line end; it was read as a segment of its own", "the sender should end each segment with CR")
		}
		from = next
	}
}

// census counts segments by their id. Messages have few kinds of them, so a
// small table serves, and a map if somebody has thought up many.
type census struct {
	keys  [64]uint32 // 0: free
	seen  [64]uint32
	used  int
	last  uint32 // the slot of the segment before
	extra map[uint32]uint32
}

// count adds one segment and gives its number among those with its id.
func (c *census) count(id []byte) uint32 {
	key := 1<<24 | uint32(id[0])<<16 | uint32(id[1])<<8 | uint32(id[2])
	at := c.last
	if c.keys[at] != key {
		at = key * 0x9e3779b1 >> 26
		for c.keys[at] != key && c.keys[at] != 0 {
			at = (at + 1) % 64
		}
		if c.keys[at] == 0 {
			if c.used == 48 {
				if c.extra == nil {
					c.extra = map[uint32]uint32{}
				}
				c.extra[key]++
				return c.extra[key]
			}
			c.keys[at] = key
			c.used++
		}
		c.last = at
	}
	c.seen[at]++
	return c.seen[at]
}
