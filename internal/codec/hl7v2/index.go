package hl7v2

import (
	"bytes"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// index finds the segments between start and end. CR, LF and CRLF end a
// segment. A line that does not begin like a segment goes on with the one
// before it.
func (m *Message) index(start, end int) error {
	b := m.scan
	nextCR, nextLF := start-1, start-1 // the first of each at or after the line, or end
	glued := newGluer(b, m.d.Field, start, end)
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
		if err := m.add(&glued, line, stop); err != nil {
			return err
		}
	}
	return nil
}

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
	if !again {
		m.note(codeWrapped, model.Warning, m.PathAt(int(last.end)), line, "a line does not begin with a segment id; it was read as going on with the field before it", "the sender should write line ends inside a field as \\.br\\ or \\X0D\\")
	}
	last.end = uint32(stop)
	m.wrapped = true
}

// add puts one line into the index, cut where segments are glued together.
func (m *Message) add(glued *gluer, from, stop int) error {
	for {
		if len(m.segs) >= MaxSegments {
			return headerFault(codeTooManySegments, string(m.scan[from:from+3]), from, "the message has more than %d segments; send it in parts", MaxSegments)
		}
		cut, next := m.findGlue(glued, from, stop)
		if next == 0 {
			cut = stop
		}
		if cut-from > MaxFields && bytes.Count(m.scan[from:cut], []byte{m.d.Field}) > MaxFields {
			return fault.New(fault.Invalid, codeTooManyFields, "the segment has more than %d fields; this is not a message any device sends", MaxFields).
				At(placeAt(string(m.scan[from:from+3]), from))
		}
		m.segs = append(m.segs, span{uint32(from), uint32(cut)})
		if next == 0 {
			return nil
		}
		m.note(codeGlued, model.Warning, m.PathAt(cut), next, "the segment "+string(m.scan[next:next+3])+" follows without a line end; it was read as a segment of its own", "the sender should end each segment with CR")
		from = next
	}
}
