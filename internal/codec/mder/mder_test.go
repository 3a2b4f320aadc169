package mder

import (
	"bytes"
	"testing"

	"thalamus/internal/fault"
)

var faults = Faults{Short: "phd.short", Length: "phd.length"}

type element struct {
	id    uint16
	value []byte
}

func elements(r *Reader) (all []element) {
	r.List("the list", 4, func(r *Reader) {
		all = append(all, element{r.U16("an element"), r.Octets("an element")})
	})
	return all
}

// Every form is written as it is read.
func TestForms(t *testing.T) {
	w := &Writer{}
	w.U8(0x7F)
	w.U16(0x0102)
	w.U32(0x03040506)
	w.Octets([]byte("ab"))
	w.List(2, func(i int) {
		w.U16(uint16(i + 1))
		w.Octets([]byte{byte(i)})
	})
	w.Raw([]byte{9})
	want := []byte{0x7F, 1, 2, 3, 4, 5, 6, 0, 2, 'a', 'b', 0, 2, 0, 10, 0, 1, 0, 1, 0, 0, 2, 0, 1, 1, 9}
	if !bytes.Equal(w.B, want) {
		t.Fatalf("% x\nwant\n% x", w.B, want)
	}
	r := Read(w.B, 0, faults)
	if a, b, c := r.U8("a"), r.U16("b"), r.U32("c"); a != 0x7F || b != 0x0102 || c != 0x03040506 {
		t.Errorf("%x %x %x", a, b, c)
	}
	if b := r.Octets("d"); string(b) != "ab" || cap(b) != 2 {
		t.Errorf("%q, with room for %d", b, cap(b))
	}
	all := elements(r)
	if len(all) != 2 || all[1].id != 2 || !bytes.Equal(all[1].value, []byte{1}) {
		t.Errorf("%+v", all)
	}
	if r.At() != len(want)-1 || r.Left() != 1 || !bytes.Equal(r.Rest(), []byte{9}) {
		t.Errorf("at %d, %d left", r.At(), r.Left())
	}
	if r.U8("the end"); r.End("all") != nil {
		t.Error(r.Err)
	}
}

// What contradicts itself is refused where it does, by the protocol's own code,
// and all that is read after it is nothing.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		b    []byte
		code string
		at   string
	}{
		{"empty", nil, "phd.short", "the message ends in the middle of the list, at byte 0"},
		{"half a number", []byte{0}, "phd.short", "the message ends in the middle of the list, at byte 0"},
		{"a list longer than the bytes", []byte{0, 1, 0, 9, 0, 1, 0, 0}, "phd.short", "the message ends in the middle of the list, at byte 4"},
		{"more elements than the length holds", []byte{0xFF, 0xFF, 0, 4, 0, 1, 0, 0}, "phd.length", "the list has 65535 elements in 4 bytes, at byte 4"},
		{"fewer elements than the length holds", []byte{0, 1, 0, 6, 0, 1, 0, 0, 8, 8}, "phd.length", "the list has 2 bytes more than its 1 elements take, at byte 8"},
		{"an element beyond its list", []byte{0, 1, 0, 4, 0, 1, 0, 2, 8, 8}, "phd.short", "the message ends in the middle of an element, at byte 8"},
		{"bytes behind the list", []byte{0, 0, 0, 0, 8}, "phd.length", "1 bytes follow the message, at byte 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Read(c.b, 0, faults)
			elements(r)
			err := r.End("the message")
			if fault.CodeOf(err) != c.code || err == nil || !bytes.Contains([]byte(err.Error()), []byte(c.at)) {
				t.Fatalf("%v", err)
			}
			if len(c.b) < 5 || c.b[1] != 0 {
				if r.U8("more") != 0 || r.U16("more") != 0 || r.U32("more") != 0 || r.Octets("more") != nil || r.Take(1, "more") != nil || r.End("the message") != err {
					t.Error("something was read after the first fault, or another one is told")
				}
			}
		})
	}
	if r := Read([]byte{1, 2}, 0, faults); r.Take(-1, "a part") != nil || fault.CodeOf(r.Err) != "phd.short" {
		t.Error("a length below 0 was taken")
	}
}

// Whatever comes: reading ends within its bytes, gives parts of them, and the
// elements of a list, written again, are the list.
func FuzzList(f *testing.F) {
	f.Add([]byte{0, 2, 0, 10, 0, 1, 0, 1, 0, 0, 2, 0, 1, 1, 9})
	f.Add([]byte{0xFF, 0xFF, 0, 4, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := Read(b, 0, faults)
		all := elements(r)
		if r.Err != nil {
			if fault.CodeOf(r.Err) == "" {
				t.Fatalf("no code: %v", r.Err)
			}
			return
		}
		if 4*len(all) > len(b) || r.At() > len(b) || r.Left() < 0 {
			t.Fatalf("%d elements of %d bytes, at %d", len(all), len(b), r.At())
		}
		w := &Writer{}
		w.List(len(all), func(i int) {
			w.U16(all[i].id)
			w.Octets(all[i].value)
		})
		if !bytes.Equal(w.B, b[:r.At()]) {
			t.Fatalf("% x becomes % x", b[:r.At()], w.B)
		}
	})
}
