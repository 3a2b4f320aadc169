// Package mder reads and writes bytes by the medical device encoding rules (MDER):
// ISO/IEEE 11073-20101 annex A, which ISO/IEEE 11073-20601 annex F gives again for
// personal health devices. Philips' Data Export interface, of the same descent,
// uses the same forms. The standards were not at hand: the forms are those of open
// implementations and of the messages they recorded.
//
//	INT-U8, INT-U16, INT-U32   the number, most significant byte first; nothing is
//	                           padded or aligned
//	OCTET STRING, ANY          a length of two bytes and as many bytes
//	CHOICE                     its tag and a length, of two bytes each, and the content
//	SEQUENCE                   its parts one after the other
//	SEQUENCE OF                a count and a length, of two bytes each, and the elements,
//	                           which fill the length exactly
//
// Package sfloat reads the numbers FLOAT and SFLOAT; bits and times are read where
// it is known what they mean.
//
// # Promises
//
// A Reader never reads beyond its bytes, allocates nothing but the element of a
// list it is at, and gives parts of the bytes, not copies. A count that its length
// cannot hold is refused before the first element is read, so work is bounded by
// the bytes. The first error stays: after it everything read is zero, and nothing
// is guessed.
package mder

import (
	"encoding/binary"

	"thalamus/internal/fault"
)

// Faults are the codes that a protocol has for bytes that cannot be read.
type Faults struct {
	Short  string // the bytes end before what is announced
	Length string // lengths or counts contradict each other
}

// Ends is the fault of bytes that end, at byte at, in the middle of what.
func (f Faults) Ends(at int, what string) error {
	return fault.New(fault.Invalid, f.Short, "the message ends in the middle of %s, at byte %d", what, at)
}

// Contradicts is the fault of lengths or counts that contradict each other at byte at.
func (f Faults) Contradicts(at int, format string, args ...any) error {
	return fault.New(fault.Invalid, f.Length, format+", at byte %d", append(args, at)...)
}

// Reader goes through bytes.
type Reader struct {
	Err error // the first one; whoever finds another fault sets it, if none is set

	b      []byte
	at     int
	faults Faults
}

// Read goes through b from byte at on.
func Read(b []byte, at int, faults Faults) *Reader { return &Reader{b: b, at: at, faults: faults} }

// At is the place of the next byte in what the reader was made of.
func (r *Reader) At() int { return r.at }

// Left is how many bytes follow.
func (r *Reader) Left() int { return len(r.b) - r.at }

// Rest are the bytes that follow; they stay where they are.
func (r *Reader) Rest() []byte { return r.b[r.at:] }

// Take reads n bytes; nil where they are not there. what names them for the
// fault, here and below.
func (r *Reader) Take(n int, what string) []byte {
	if r.Err != nil {
		return nil
	}
	if n < 0 || n > r.Left() {
		r.Err = r.faults.Ends(r.at, what)
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at : r.at]
}

// U8 reads an INT-U8.
func (r *Reader) U8(what string) uint8 {
	if b := r.Take(1, what); b != nil {
		return b[0]
	}
	return 0
}

// U16 reads an INT-U16.
func (r *Reader) U16(what string) uint16 {
	if b := r.Take(2, what); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// U32 reads an INT-U32.
func (r *Reader) U32(what string) uint32 {
	if b := r.Take(4, what); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// Octets reads an OCTET STRING or ANY, or what follows the tag of a CHOICE: a
// length and as many bytes.
func (r *Reader) Octets(what string) []byte { return r.Take(int(r.U16(what)), what) }

// List reads a SEQUENCE OF: count, length, elements, each of them by each, and
// gives the count. least is the fewest bytes that one takes.
func (r *Reader) List(what string, least int, each func(r *Reader)) (count int) {
	count, length := int(r.U16(what)), int(r.U16(what))
	start := r.at
	body := r.Take(length, what)
	if r.Err != nil {
		return 0
	}
	if count*least > length {
		r.Err = r.faults.Contradicts(start, "%s has %d elements in %d bytes", what, count, length)
		return 0
	}
	in := Reader{b: r.b[:start+len(body)], at: start, faults: r.faults}
	for range count {
		each(&in)
		if in.Err != nil {
			r.Err = in.Err
			return 0
		}
	}
	if in.Left() != 0 {
		r.Err = r.faults.Contradicts(in.at, "%s has %d bytes more than its %d elements take", what, in.Left(), count)
		return 0
	}
	return count
}

// End says that nothing may follow, and gives the first error.
func (r *Reader) End(what string) error {
	if r.Err == nil && r.Left() != 0 {
		r.Err = r.faults.Contradicts(r.at, "%d bytes follow %s", r.Left(), what)
	}
	return r.Err
}

// Writer makes bytes. What is longer than its length can say (65,535 bytes or
// elements) must not be written: the protocols have no such messages.
type Writer struct {
	B []byte // what is written so far
}

// U8 writes an INT-U8.
func (w *Writer) U8(v uint8) { w.B = append(w.B, v) }

// U16 writes an INT-U16.
func (w *Writer) U16(v uint16) { w.B = binary.BigEndian.AppendUint16(w.B, v) }

// U32 writes an INT-U32.
func (w *Writer) U32(v uint32) { w.B = binary.BigEndian.AppendUint32(w.B, v) }

// Raw writes bytes as they are.
func (w *Writer) Raw(b []byte) { w.B = append(w.B, b...) }

// Octets writes an OCTET STRING or ANY.
func (w *Writer) Octets(b []byte) {
	w.U16(uint16(len(b)))
	w.Raw(b)
}

// Sized writes what body writes behind its length.
func (w *Writer) Sized(body func()) {
	at := len(w.B)
	w.U16(0)
	body()
	binary.BigEndian.PutUint16(w.B[at:], uint16(len(w.B)-at-2))
}

// List writes a SEQUENCE OF of count elements.
func (w *Writer) List(count int, body func(i int)) {
	w.U16(uint16(count))
	w.Sized(func() {
		for i := range count {
			body(i)
		}
	})
}
