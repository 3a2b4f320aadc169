package intellivue

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"thalamus/internal/codec/mder"
)

// Messages are encoded by the medical device encoding rules.
var unreadable = mder.Faults{Short: "intellivue.short", Length: "intellivue.length"}

func read(b []byte) *mder.Reader { return mder.Read(b, 0, unreadable) }

func writeObject(w *mder.Writer, o Object) {
	w.U16(o.Class)
	w.U16(o.Context)
	w.U16(o.Handle)
}

func writeAttributes(w *mder.Writer, all []Attribute) {
	w.List(len(all), func(i int) {
		w.U16(all[i].ID)
		w.Sized(func() { w.Raw(all[i].Value) })
	})
}

// Object names an object of a monitor (ManagedObjectId).
type Object struct{ Class, Context, Handle uint16 }

// Attribute is one attribute of an object as it came (AVAType).
type Attribute struct {
	ID    uint16
	Value []byte
}

func readObject(r *mder.Reader, what string) Object {
	return Object{Class: r.U16(what), Context: r.U16(what), Handle: r.U16(what)}
}

func readAttributes(r *mder.Reader, what string) (all []Attribute) {
	r.List(what, 4, func(r *mder.Reader) {
		all = append(all, Attribute{ID: r.U16(what), Value: r.Octets(what)})
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
	r := read(value)
	b := r.Octets("a text")
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
	w := &mder.Writer{}
	units := append(utf16.Encode([]rune(s)), 0)
	w.Sized(func() {
		for _, u := range units {
			w.U16(u)
		}
	})
	return w.B
}
