package hl7v2

import (
	"bytes"

	"thalamus/internal/fault"
)

// Editor changes a message that was read. What is not changed keeps its
// bytes, line ends and deviations included.
type Editor struct {
	d     Delimiters
	cs    *charset
	shift bool
	parts []part
	head  []byte // what stands before the first segment
	err   error
}

// part is a segment and the bytes between it and the next.
type part struct{ seg, end []byte }

// Edit begins to change m. m itself stays as it is, and must live as long as
// the editor.
func Edit(m *Message) *Editor {
	e := &Editor{d: m.d, cs: m.cs, shift: m.shift, parts: make([]part, len(m.segs))}
	if len(m.segs) == 0 {
		return e
	}
	e.head = m.raw[:m.segs[0].start]
	for i, g := range m.segs {
		next := len(m.raw)
		if i+1 < len(m.segs) {
			next = int(m.segs[i+1].start)
		}
		e.parts[i] = part{m.raw[g.start:g.end:g.end], m.raw[g.end:next:next]}
	}
	return e
}

// Set puts text at a path, escaped and converted, filling up what is missing
// on the way: fields, repetitions, components.
func (e *Editor) Set(path, text string) *Editor {
	raw, ok := e.cs.encode(nil, string(e.d.AppendEscaped(nil, text)))
	if !ok {
		return e.fail(codeUnencodable, "the text has a character that the character set "+e.cs.name+" does not have", path)
	}
	return e.SetRaw(path, raw)
}

// Null puts the null value "" at a path.
func (e *Editor) Null(path string) *Editor { return e.SetRaw(path, []byte(`""`)) }

// SetRaw puts bytes at a path as they are. Line ends are refused.
func (e *Editor) SetRaw(path string, raw []byte) *Editor {
	p, err := ParsePath(path)
	if err != nil || p.Field == 0 {
		return e.fail(codePath, "the path is not understood; write it like PID-3[2].1", path)
	}
	if bytes.IndexByte(raw, '\r') >= 0 || bytes.IndexByte(raw, '\n') >= 0 {
		return e.fail(codeBuild, "the text holds a line end", path)
	}
	i := e.find(p.Segment, p.Occurrence)
	if i < 0 {
		return e.fail(codePath, "the message has no such segment", path)
	}
	seg := e.parts[i].seg
	n := p.Field
	if headerID(seg[:3]) {
		if n < 3 {
			return e.fail(codeBuild, "the delimiters of a message cannot be edited; build it anew", path)
		}
		n--
	}
	if n > MaxFields || p.Rep > MaxFields || p.Component > MaxFields || p.Sub > MaxFields {
		return e.fail(codePath, "the path counts further than any message goes", path)
	}
	if p.Rep > 1 && e.d.Repetition == 0 || p.Sub > 1 && e.d.Sub == 0 {
		return e.fail(codePath, "the message has no delimiter for what the path names", path)
	}
	if len(seg) == 3 {
		seg = append(seg[:3:3], e.d.Field)
	}
	scan := append([]byte(nil), seg...)
	e.cs.hide(scan, e.shift, e.d.Escape)
	from, to := 4, len(seg)
	var fill []byte // delimiters that are missing on the way
	for _, step := range [...]struct {
		n   int
		sep byte
	}{{n, e.d.Field}, {p.Rep, e.d.Repetition}, {p.Component, e.d.Component}, {p.Sub, e.d.Sub}} {
		if step.n == 0 && (p.Component == 0 || step.sep != e.d.Repetition) {
			break
		}
		from, to, fill = narrow(scan, from, to, max(step.n, 1), step.sep, fill)
	}
	out := make([]byte, 0, len(seg)+len(fill)+len(raw))
	out = append(append(append(out, seg[:from]...), fill...), raw...)
	e.parts[i].seg = append(out, seg[to:]...)
	return e
}

// narrow gives the range of the nth part (from 1) of from…to. When there are
// fewer, it is the empty range at the end, and fill grows by the delimiters
// that must stand before it.
func narrow(scan []byte, from, to, n int, sep byte, fill []byte) (int, int, []byte) {
	for ; n > 1; n-- {
		i := bytes.IndexByte(scan[from:to], sep)
		if i < 0 {
			from = to
			fill = append(fill, sep)
			continue
		}
		from += i + 1
	}
	if sep != 0 {
		if i := bytes.IndexByte(scan[from:to], sep); i >= 0 {
			to = from + i
		}
	}
	return from, to, fill
}

// Insert puts a segment, given as a builder wrote it, after the nth segment
// with the id after; n = 0 stands for the last one.
func (e *Editor) Insert(after string, n int, segment []byte) *Editor {
	segment = bytes.TrimRight(segment, "\r\n")
	if !segmentID(segment) || bytes.IndexByte(segment, '\r') >= 0 || bytes.IndexByte(segment, '\n') >= 0 {
		return e.fail(codeBuild, "what is to be inserted is not one segment", after)
	}
	i := e.find(after, n)
	if i < 0 {
		return e.fail(codePath, "the message has no such segment", after)
	}
	end := e.parts[i].end
	if len(end) == 0 {
		e.parts[i].end = []byte{'\r'}
	}
	e.parts = append(e.parts, part{})
	copy(e.parts[i+2:], e.parts[i+1:])
	e.parts[i+1] = part{segment, end}
	return e
}

// Delete takes away the nth segment with the id. MSH cannot be taken away.
func (e *Editor) Delete(id string, n int) *Editor {
	i := e.find(id, n)
	if i <= 0 {
		return e.fail(codePath, "the message has no such segment that could be deleted", id)
	}
	e.parts = append(e.parts[:i], e.parts[i+1:]...)
	return e
}

// find gives the place of the nth segment with the id; n = 0: the last one.
func (e *Editor) find(id string, n int) int {
	last := -1
	for i, p := range e.parts {
		if len(p.seg) >= 3 && string(p.seg[:3]) == id {
			if last = i; n == 1 {
				return i
			}
			n--
		}
	}
	if n < 0 {
		return last
	}
	return -1
}

func (e *Editor) fail(code, text, path string) *Editor {
	if e.err == nil {
		e.err = fault.New(fault.Invalid, code, "%s", text).At(path)
	}
	return e
}

// Bytes gives the changed message, or the first mistake.
func (e *Editor) Bytes() ([]byte, error) {
	if e.err != nil {
		return nil, e.err
	}
	n := len(e.head)
	for _, p := range e.parts {
		n += len(p.seg) + len(p.end)
	}
	out := append(make([]byte, 0, n), e.head...)
	for _, p := range e.parts {
		out = append(append(out, p.seg...), p.end...)
	}
	return out, nil
}
