// Package sfloat reads and writes the two decimal floating point types of IEEE
// 11073-20601 (annex F.7, §F.8), which personal health devices and Bluetooth
// health services share: SFLOAT, a mantissa of 12 bits and an exponent of 4,
// and FLOAT, 24 and 8 bits, all two's complement, value = mantissa ×
// 10^exponent. A few mantissas with exponent 0 are no numbers but say why there
// is none. Significant digits are kept: 0xF170 is 36.8, 0xFF00016C is 36.4.
//
// Some open libraries read the exponent with a bias; that is wrong, and the
// vectors of the tests show it.
package sfloat

import "thalamus/internal/model"

// Special says why there is no number.
type Special uint8

const (
	Finite   Special = iota // there is a number
	NaN                     // not a number: measured, no result
	NRes                    // not at this resolution
	PosInf                  // above what can be shown
	NegInf                  // below what can be shown
	Reserved                // reserved for future use
)

// Absent is the reason in FHIR's words (data-absent-reason); empty for a
// number. NRes and the reserved value are called errors, as the PHD guide of
// HL7 does.
func (s Special) Absent() string {
	switch s {
	case NaN:
		return "not-a-number"
	case PosInf:
		return "positive-infinity"
	case NegInf:
		return "negative-infinity"
	case NRes, Reserved:
		return "error"
	}
	return ""
}

// String names the special value as the standard does.
func (s Special) String() string {
	return [...]string{"", "NaN", "NRes", "+INFINITY", "-INFINITY", "reserved"}[min(s, Reserved)]
}

// Number is a value or the reason why there is none.
type Number struct {
	Value   model.Decimal
	Special Special
}

// Short reads an SFLOAT (IEEE 11073-20601 annex F.7).
func Short(raw uint16) Number {
	switch raw {
	case 0x07FF:
		return Number{Special: NaN}
	case 0x0800:
		return Number{Special: NRes}
	case 0x07FE:
		return Number{Special: PosInf}
	case 0x0802:
		return Number{Special: NegInf}
	case 0x0801:
		return Number{Special: Reserved}
	}
	return Number{Value: model.Decimal{Coef: int64(int16(raw<<4) >> 4), Exp: int8(int16(raw) >> 12)}}
}

// Long reads a FLOAT (IEEE 11073-20601 annex F.7).
func Long(raw uint32) Number {
	switch raw {
	case 0x007FFFFF:
		return Number{Special: NaN}
	case 0x00800000:
		return Number{Special: NRes}
	case 0x007FFFFE:
		return Number{Special: PosInf}
	case 0x00800002:
		return Number{Special: NegInf}
	case 0x00800001:
		return Number{Special: Reserved}
	}
	return Number{Value: model.Decimal{Coef: int64(int32(raw<<8) >> 8), Exp: int8(raw >> 24)}}
}

// AppendShort adds d as an SFLOAT, the most significant byte first; ok is
// false where it does not fit, and then NRes is added.
func AppendShort(b []byte, d model.Decimal) (out []byte, ok bool) {
	raw, ok := ShortOf(d)
	return append(b, byte(raw>>8), byte(raw)), ok
}

// AppendLong adds d as a FLOAT, the most significant byte first; ok is false
// where it does not fit, and then NRes is added.
func AppendLong(b []byte, d model.Decimal) (out []byte, ok bool) {
	raw, ok := LongOf(d)
	return append(b, byte(raw>>24), byte(raw>>16), byte(raw>>8), byte(raw)), ok
}

// ShortOf is d as an SFLOAT; NRes and false where d does not fit exactly.
func ShortOf(d model.Decimal) (uint16, bool) {
	d, ok := fit(d, -8, 7, 1<<11-1, 2045) // 2046 … and -2046 … with exponent 0 are no numbers
	if !ok {
		return 0x0800, false
	}
	return uint16(d.Coef)&0x0FFF | uint16(d.Exp)<<12, true
}

// LongOf is d as a FLOAT; NRes and false where d does not fit exactly.
func LongOf(d model.Decimal) (uint32, bool) {
	d, ok := fit(d, -128, 127, 1<<23-1, 1<<23-3)
	if !ok {
		return 0x00800000, false
	}
	return uint32(d.Coef)&0x00FFFFFF | uint32(uint8(d.Exp))<<24, true
}

// fit brings d into the exponents and mantissas there are, without loss.
func fit(d model.Decimal, low, high int8, most, mostAtZero int64) (model.Decimal, bool) {
	for d.Exp > high {
		if d.Coef > most/10 || d.Coef < -most/10 {
			return d, false
		}
		d.Coef, d.Exp = d.Coef*10, d.Exp-1
	}
	for d.Exp < low || d.Coef > most || d.Coef < -most {
		if d.Coef%10 != 0 || d.Exp >= high {
			return d, false
		}
		d.Coef, d.Exp = d.Coef/10, d.Exp+1
	}
	if d.Exp == 0 && (d.Coef > mostAtZero || d.Coef < -mostAtZero) {
		return d, false
	}
	return d, true
}
