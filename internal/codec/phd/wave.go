package phd

import (
	"encoding/binary"
	"math"
	"math/big"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

// sampling is how the samples of an object are to be read (SaSpec,
// ScaleRangeSpec, annex A.3).
type sampling struct {
	bytes    int
	bits     int  // that count
	signed   bool // sample values are two's complement
	origin   model.Decimal
	scale    model.Decimal
	low      model.Decimal
	high     model.Decimal
	scaled   bool
	periodNS int64
}

func samplingOf(o *Object) (s sampling, err error) {
	r := read(o.Get(AttrSamples))
	r.U16("the sample specification")
	size, significant := r.U8("the sample specification"), r.U8("the sample specification")
	r.U16("the sample specification")
	if err := r.End("the sample specification"); err != nil {
		return s, err
	}
	if size != 8 && size != 16 && size != 32 {
		return s, fault.New(fault.Invalid, "phd.samples", "samples of %d bits are none of IEEE 11073-20601", size)
	}
	s.bytes, s.bits = int(size)/8, int(significant)
	if significant == 255 { // SAMPLE_TYPE_SIGNIFICANT_BITS_SIGNED_SAMPLES
		s.signed, s.bits = true, int(size)
	}
	if s.bits > int(size) {
		s.bits = int(size)
	}
	period := read(o.Get(AttrSamplePeriod))
	ticks := period.U32("the sample period")
	if period.Err != nil || ticks == 0 {
		return s, fault.New(fault.Invalid, "phd.samples", "the configuration gives no sample period")
	}
	s.periodNS = int64(ticks) * int64(tick)
	return s, s.readScale(o)
}

func (s *sampling) readScale(o *Object) error {
	s.scale = model.Decimal{Coef: 1}
	for id, width := range map[uint16]int{AttrScale8: 1, AttrScale16: 2, AttrScale32: 4} {
		b := o.Get(id)
		if b == nil {
			continue
		}
		r := read(b)
		low, high := sfloat.Long(r.U32("the scale")), sfloat.Long(r.U32("the scale"))
		from, until := s.extend(r.Take(width, "the scale")), s.extend(r.Take(width, "the scale"))
		if err := r.End("the scale"); err != nil {
			return err
		}
		if low.Special != sfloat.Finite || high.Special != sfloat.Finite || from == until {
			return fault.New(fault.Invalid, "phd.samples", "the scale of the samples cannot be used")
		}
		step := new(big.Rat).Sub(rat(high.Value), rat(low.Value))
		step.Quo(step, big.NewRat(until-from, 1))
		s.scale, _ = model.DecimalOf(step)
		s.origin, _ = model.DecimalOf(new(big.Rat).Sub(rat(low.Value), new(big.Rat).Mul(rat(s.scale), big.NewRat(from, 1))))
		if s.scale.Coef == 0 && step.Sign() != 0 {
			return fault.New(fault.Invalid, "phd.samples", "the scale of the samples cannot be used")
		}
		s.low, s.high, s.scaled = low.Value, high.Value, true
		return nil
	}
	return nil
}

// extend reads one sample.
func (s *sampling) extend(b []byte) int64 {
	var v uint64
	for _, one := range b {
		v = v<<8 | uint64(one)
	}
	width := len(b) * 8
	if s.signed {
		return int64(v<<(64-width)) >> (64 - width)
	}
	if s.bits < width {
		v &= 1<<s.bits - 1
	}
	return int64(v)
}

// read gives the samples of a value; one beyond 32 bits is a gap.
func (s *sampling) read(b []byte) []int32 {
	out := make([]int32, 0, len(b)/s.bytes)
	for ; len(b) >= s.bytes; b = b[s.bytes:] {
		v := s.extend(b[:s.bytes])
		if v > math.MaxInt32 || v <= math.MinInt32 {
			v = model.Gap
		}
		out = append(out, int32(v))
	}
	return out
}

// rat is a decimal as a fraction. Exponents beyond ±60 are of no use here and
// would only cost.
func rat(d model.Decimal) *big.Rat {
	r := new(big.Rat).SetInt64(d.Coef)
	exp := max(min(int64(d.Exp), 60), -60)
	power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(max(exp, -exp)), nil))
	if exp < 0 {
		return r.Quo(r, power)
	}
	return r.Mul(r, power)
}

// octetsOf reads the value of an attribute that is an OCTET STRING.
func octetsOf(b []byte) ([]byte, bool) {
	if len(b) < 2 || int(binary.BigEndian.Uint16(b)) > len(b)-2 {
		return nil, false
	}
	return b[2 : 2+int(binary.BigEndian.Uint16(b))], true
}
