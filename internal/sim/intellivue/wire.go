package intellivue

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
	"unicode/utf16"
)

// Everything is big endian; lengths count what follows them (PIPG p. 35, 286).

func u16(vs ...uint16) (out []byte) {
	for _, v := range vs {
		out = binary.BigEndian.AppendUint16(out, v)
	}
	return out
}

func u32(vs ...uint32) (out []byte) {
	for _, v := range vs {
		out = binary.BigEndian.AppendUint32(out, v)
	}
	return out
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

// sized puts a length before.
func sized(b []byte) []byte { return append(u16(uint16(len(b))), b...) }

// list is count, length and the entries, as every list of the protocol is.
func list(entries ...[]byte) []byte {
	all := join(entries...)
	return append(u16(uint16(len(entries)), uint16(len(all))), all...)
}

func attribute(id uint16, value []byte) []byte { return append(u16(id), sized(value)...) }

// object is a ManagedObjectId without context.
func object(class, handle uint16) []byte { return u16(class, 0, handle) }

// text is a String: UTF-16 with an end of its own (PIPG p. 40).
func text(s string) []byte { return sized(u16(append(utf16.Encode([]rune(s)), 0)...)) }

// label is a VariableLabel: bytes with an end, of even length.
func label(s string) []byte {
	b := append([]byte(s), 0)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	return sized(b)
}

// notANumber is the FLOAT-Type that stands for no number.
const notANumber = 0x007FFFFF

// float writes mantissa × 10^exponent as FLOAT-Type (PIPG p. 40).
func float(mantissa int, exponent int) []byte {
	return u32(uint32(uint8(int8(exponent)))<<24 | uint32(mantissa)&0x00FFFFFF)
}

// absolute is an AbsoluteTime in BCD; the zero time is "not supported".
func absolute(t time.Time) []byte {
	if t.IsZero() {
		return []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
	}
	bcd := func(n int) byte { return byte(n/10%10<<4 | n%10) }
	return []byte{bcd(t.Year() / 100), bcd(t.Year() % 100), bcd(int(t.Month())), bcd(t.Day()), bcd(t.Hour()), bcd(t.Minute()), bcd(t.Second()), bcd(t.Nanosecond() / 10_000_000)}
}

// export puts the session in front of remote operations.
func export(kind uint16, body []byte) []byte {
	return join([]byte{sessionExport, 0}, u16(2, kind), sized(body))
}

func invoke(id, command uint16, argument []byte) []byte {
	return export(roInvoke, join(u16(id, command), sized(argument)))
}

func result(id, command uint16, argument []byte) []byte {
	return export(roResult, join(u16(id, command), sized(argument)))
}

func linked(state, count byte, id, command uint16, argument []byte) []byte {
	return export(roLinked, join([]byte{state, count}, u16(id, command), sized(argument)))
}

func failed(id, why uint16) []byte { return export(roError, u16(id, why, 0)) }

// reader takes what a client sent apart; after the first shortage it gives
// zeros and bad is set.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return make([]byte, min(n, math.MaxUint16))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

// attributes reads an AttributeList.
func (r *reader) attributes() map[uint16][]byte {
	count := r.u16()
	all := reader{b: r.take(int(r.u16()))}
	out := map[uint16][]byte{}
	for range count {
		id := all.u16()
		value := all.take(int(all.u16()))
		if all.bad {
			r.bad = true
			break
		}
		out[id] = value
	}
	return out
}
