package intellivue

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"thalamus/internal/fault"
)

// reader goes through a message: numbers with the most significant byte first,
// no padding. The first error stays.
type reader struct {
	b   []byte
	at  int
	err error
}

func short(at int, what string) error {
	return fault.New(fault.Invalid, "intellivue.short", "the message ends in the middle of %s, at byte %d", what, at)
}

func contradiction(at int, format string, args ...any) error {
	return fault.New(fault.Invalid, "intellivue.length", format+", at byte %d", append(args, at)...)
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

// octets reads a length and as many bytes.
func (r *reader) octets(what string) []byte { return r.take(int(r.u16(what)), what) }

// list reads count, length and elements, which must fill the length exactly;
// least is the fewest bytes of one.
func (r *reader) list(what string, least int, each func(r *reader)) {
	count, length := int(r.u16(what)), int(r.u16(what))
	start := r.at
	body := r.take(length, what)
	if r.err != nil {
		return
	}
	if count*least > length {
		r.err = contradiction(start, "%s has %d elements in %d bytes", what, count, length)
		return
	}
	in := reader{b: r.b[:start+len(body)], at: start}
	for range count {
		each(&in)
		if in.err != nil {
			r.err = in.err
			return
		}
	}
	if in.left() != 0 {
		r.err = contradiction(in.at, "%s has %d bytes more than its %d elements take", what, in.left(), count)
	}
}

// end says that nothing may follow.
func (r *reader) end(what string) error {
	if r.err == nil && r.left() != 0 {
		r.err = contradiction(r.at, "%d bytes follow %s", r.left(), what)
	}
	return r.err
}

// writer makes messages.
type writer struct{ b []byte }

func (w *writer) u8(v uint8)   { w.b = append(w.b, v) }
func (w *writer) u16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) raw(b []byte) { w.b = append(w.b, b...) }

// sized writes what body writes behind its length.
func (w *writer) sized(body func()) {
	at := len(w.b)
	w.u16(0)
	body()
	binary.BigEndian.PutUint16(w.b[at:], uint16(len(w.b)-at-2))
}

// list writes count, length and elements.
func (w *writer) list(count int, body func(i int)) {
	w.u16(uint16(count))
	w.sized(func() {
		for i := range count {
			body(i)
		}
	})
}

func (w *writer) object(o Object) {
	w.u16(o.Class)
	w.u16(o.Context)
	w.u16(o.Handle)
}

func (w *writer) attributes(all []Attribute) {
	w.list(len(all), func(i int) {
		w.u16(all[i].ID)
		w.sized(func() { w.raw(all[i].Value) })
	})
}

// Object names an object of a monitor (ManagedObjectId).
type Object struct{ Class, Context, Handle uint16 }

// Attribute is one attribute of an object as it came (AVAType).
type Attribute struct {
	ID    uint16
	Value []byte
}

func (r *reader) object(what string) Object {
	return Object{Class: r.u16(what), Context: r.u16(what), Handle: r.u16(what)}
}

func (r *reader) attributes(what string) (all []Attribute) {
	r.list(what, 4, func(r *reader) {
		all = append(all, Attribute{ID: r.u16(what), Value: r.octets(what)})
	})
	return all
}

func find(all []Attribute, id uint16) []byte {
	for i := range all {
		if all[i].ID == id {
			return all[i].Value
		}
	}
	return nil
}

// plain is an 8-bit text as monitors pad it: with NUL or blanks
// (VariableLabel).
func plain(b []byte) string {
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return clean(s)
}

// wide is a text of 16-bit units behind its length (String, STRFMT_UNICODE_NT).
func wide(value []byte) string {
	r := &reader{b: value}
	b := r.octets("a text")
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		u := binary.BigEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return clean(string(utf16.Decode(units)))
}

// clean takes away what is no text: control characters, as some labels have
// them for subscripts, and blanks around.
func clean(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7F || c >= 0xE000 && c <= 0xF8FF {
			return -1
		}
		return c
	}, s)
	if s = strings.TrimSpace(s); len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}

// Wide writes a text as String.
func Wide(s string) []byte {
	w := &writer{}
	units := append(utf16.Encode([]rune(s)), 0)
	w.sized(func() {
		for _, u := range units {
			w.u16(u)
		}
	})
	return w.b
}
