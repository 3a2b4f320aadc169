package phd

import (
	"encoding/binary"

	"thalamus/internal/fault"
)

// reader goes through MDER bytes (IEEE 11073-20601 annex F): numbers with the
// most significant byte first, no padding. The first error stays.
type reader struct {
	b   []byte
	at  int
	err error
}

func short(at int, what string) error {
	return fault.New(fault.Invalid, "phd.short", "the message ends in the middle of %s, at byte %d", what, at)
}

func contradiction(at int, format string, args ...any) error {
	return fault.New(fault.Invalid, "phd.length", format+", at byte %d", append(args, at)...)
}

func (r *reader) left() int { return len(r.b) - r.at }

func (r *reader) take(n int, what string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > r.left() {
		r.err = short(r.at, what)
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at : r.at]
}

func (r *reader) u8(what string) uint8 {
	if b := r.take(1, what); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16(what string) uint16 {
	if b := r.take(2, what); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32(what string) uint32 {
	if b := r.take(4, what); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// octets reads an OCTET STRING or ANY: a length and as many bytes.
func (r *reader) octets(what string) []byte { return r.take(int(r.u16(what)), what) }

// list reads a SEQUENCE OF: count, length, elements (annex F.6). each reads one
// element. The elements must fill the length exactly; least is the fewest bytes
// of one, which bounds what is allocated for the count.
func (r *reader) list(what string, least int, each func(r *reader)) (count int) {
	count, length := int(r.u16(what)), int(r.u16(what))
	start := r.at
	body := r.take(length, what)
	if r.err != nil {
		return 0
	}
	if count*least > length {
		r.err = contradiction(start, "%s has %d elements in %d bytes", what, count, length)
		return 0
	}
	in := reader{b: r.b[:start+len(body)], at: start}
	for range count {
		each(&in)
		if in.err != nil {
			r.err = in.err
			return 0
		}
	}
	if in.left() != 0 {
		r.err = contradiction(in.at, "%s has %d bytes more than its %d elements take", what, in.left(), count)
		return 0
	}
	return count
}

// end says that nothing may follow.
func (r *reader) end(what string) error {
	if r.err == nil && r.left() != 0 {
		r.err = contradiction(r.at, "%d bytes follow %s", r.left(), what)
	}
	return r.err
}

// writer makes MDER bytes.
type writer struct{ b []byte }

func (w *writer) u8(v uint8)   { w.b = append(w.b, v) }
func (w *writer) u16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) raw(b []byte) { w.b = append(w.b, b...) }

func (w *writer) octets(b []byte) {
	w.u16(uint16(len(b)))
	w.raw(b)
}

// sized writes what body writes behind its length.
func (w *writer) sized(body func()) {
	at := len(w.b)
	w.u16(0)
	body()
	binary.BigEndian.PutUint16(w.b[at:], uint16(len(w.b)-at-2))
}

// list writes a SEQUENCE OF.
func (w *writer) list(count int, body func(i int)) {
	w.u16(uint16(count))
	w.sized(func() {
		for i := range count {
			body(i)
		}
	})
}
