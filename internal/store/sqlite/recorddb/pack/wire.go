package pack

import (
	"encoding/binary"
	"time"

	"thalamus/internal/model"
)

// What is written: numbers as varints (signed ones zigzag), texts and lists
// with their length before them (lists: length + 1, 0 is nil), times as
// seconds and nanoseconds beside a base.

func putUint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }
func putInt(b []byte, v int64) []byte   { return binary.AppendVarint(b, v) }

func putText(b []byte, s string) []byte {
	if len(s) < 0x80 {
		b = append(b, byte(len(s)))
	} else {
		b = binary.AppendUvarint(b, uint64(len(s)))
	}
	return append(b, s...)
}

func putTexts(b []byte, list []string) []byte {
	b = putLen(b, len(list), list == nil)
	for _, s := range list {
		b = putText(b, s)
	}
	return b
}

func putLen(b []byte, n int, isNil bool) []byte {
	if isNil {
		return append(b, 0)
	}
	return putUint(b, uint64(n)+1)
}

// putBits packs up to eight booleans into a byte.
func putBits(b []byte, bits ...bool) []byte {
	var v byte
	for i, bit := range bits {
		if bit {
			v |= 1 << i
		}
	}
	return append(b, v)
}

func putDecimal(b []byte, d model.Decimal) []byte {
	return append(putInt(b, d.Coef), byte(d.Exp))
}

// putTime writes a time that is not zero. Most are whole milliseconds near the
// base.
func putTime(b []byte, t time.Time, base int64) []byte {
	b = putInt(b, t.Unix()-base)
	n := uint64(t.Nanosecond())
	if n%1e6 == 0 {
		return putUint(b, n/1e6<<1)
	}
	return putUint(b, n<<1|1)
}

// reader reads what put wrote. After a failure it gives zeroes and stays
// failed. Its memory is bounded by its input.
type reader struct {
	s   string
	bad bool
}

func (r *reader) fail() { r.bad, r.s = true, "" }

func (r *reader) byte() byte {
	if len(r.s) == 0 {
		r.bad = true
		return 0
	}
	c := r.s[0]
	r.s = r.s[1:]
	return c
}

func (r *reader) uint() uint64 {
	if len(r.s) > 0 && r.s[0] < 0x80 {
		c := r.s[0]
		r.s = r.s[1:]
		return uint64(c)
	}
	var v uint64
	for i := 0; i < len(r.s) && i < binary.MaxVarintLen64; i++ {
		c := r.s[i]
		if c < 0x80 {
			if i == binary.MaxVarintLen64-1 && c > 1 {
				break
			}
			r.s = r.s[i+1:]
			return v | uint64(c)<<(7*i)
		}
		v |= uint64(c&0x7f) << (7 * i)
	}
	r.fail()
	return 0
}

func (r *reader) int() int64 {
	u := r.uint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) text() string {
	n := r.uint()
	if n > uint64(len(r.s)) {
		r.fail()
		return ""
	}
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

// len gives the length of a list whose elements take at least a byte each.
func (r *reader) len() (n int, isNil bool) {
	u := r.uint()
	if u == 0 {
		return 0, true
	}
	if u-1 > uint64(len(r.s)) {
		r.fail()
		return 0, true
	}
	return int(u - 1), false
}

func (r *reader) texts() []string {
	n, isNil := r.len()
	if isNil {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.text()
	}
	return list
}

func (r *reader) decimal() model.Decimal {
	c := r.int()
	return model.Decimal{Coef: c, Exp: int8(r.byte())}
}

func (r *reader) time(base int64) time.Time {
	sec := r.int() + base
	n := r.uint()
	if n&1 == 0 {
		n = n / 2 * 1e6
	} else {
		n /= 2
	}
	if n >= 1e9 {
		r.fail()
		return time.Time{}
	}
	return time.Unix(sec, int64(n)).UTC()
}
