package gatt

import (
	"encoding/binary"
	"fmt"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

// reader goes through a value. The first error stays.
type reader struct {
	b   []byte
	at  int
	err error
}

func (r *reader) take(n int, what string) []byte {
	if r.err != nil {
		return make([]byte, n)
	}
	if n > len(r.b)-r.at {
		r.err = fault.New(fault.Invalid, "gatt.short", "the value ends before %s", what)
		return make([]byte, n)
	}
	r.at += n
	return r.b[r.at-n : r.at]
}

func (r *reader) left() int              { return len(r.b) - r.at }
func (r *reader) u8(what string) uint8   { return r.take(1, what)[0] }
func (r *reader) u16(what string) uint16 { return binary.LittleEndian.Uint16(r.take(2, what)) }
func (r *reader) u24(what string) uint32 {
	b := r.take(3, what)
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
}

func (r *reader) short(what string) sfloat.Number { return sfloat.Short(r.u16(what)) }
func (r *reader) long(what string) sfloat.Number {
	return sfloat.Long(binary.LittleEndian.Uint32(r.take(4, what)))
}

// scaled is an integer of two bytes times 10^exp times factor; 0xFFFF says that
// nothing was measured.
func (r *reader) scaled(what string, factor int64, exp int8) sfloat.Number {
	v := r.u16(what)
	if v == 0xFFFF {
		return sfloat.Number{Special: sfloat.NaN}
	}
	return sfloat.Number{Value: model.Decimal{Coef: int64(v) * factor, Exp: exp}}
}

// time reads a date time (characteristic 0x2A08): year, month, day, hour,
// minute, second; a year, month or day of 0 is not known. It has no zone.
func (r *reader) time(what string) model.Timestamp {
	year, b := r.u16(what), r.take(5, what)
	if r.err != nil || year == 0 || b[0] == 0 || b[1] == 0 {
		return model.Timestamp{}
	}
	return model.Timestamp{Original: fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d", year, b[0], b[1], b[2], b[3], b[4]), Format: "iso"}
}

func (r *reader) end() error {
	if r.err == nil && r.left() > 0 {
		r.err = fault.New(fault.Invalid, "gatt.long", "%d bytes follow what the flags of the value announce", r.left())
	}
	return r.err
}

// CRC is the checksum of continuous glucose monitoring (CGMS 1.0.2 §3.11):
// x^16 + x^12 + x^5 + 1, the least significant bit first, from 0xFFFF.
func CRC(b []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, c := range b {
		crc ^= uint16(c)
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0x8408
			} else {
				crc >>= 1
			}
		}
	}
	return crc
}
