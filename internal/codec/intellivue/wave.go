package intellivue

import (
	"encoding/binary"
	"math/big"

	"thalamus/internal/codec/mder"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

// Fixed values of samples (SaFixedValId) that make a sample no measurement.
const fixedInvalid = 1 // SA_FIX_INVALID_MASK

const extendedRange = 0x1000 // SA_EXT_VAL_RANGE: bits beyond the significant ones mean something else

// sampling is how the samples of a wave are to be read.
type sampling struct {
	bytes    int
	mask     uint16
	invalid  uint16 // bits that mark a sample as invalid
	periodNS int64
	origin   model.Decimal
	scale    model.Decimal
	low      model.Decimal
	high     model.Decimal
	scaled   bool
}

func (m *metric) sampling() (s sampling, err error) {
	r := read(find(m.all, AttrSamples))
	if r.Left() == 0 {
		return s, fault.New(fault.Invalid, "intellivue.no-description", "the wave's samples are not described: neither by this message nor by what is known")
	}
	r.U16("the sample specification") // most samples at once
	size, significant, flags := r.U8("the sample specification"), r.U8("the sample specification"), r.U16("the sample specification")
	if err := r.End("the sample specification"); err != nil {
		return s, err
	}
	if size != 8 && size != 16 || significant == 0 || significant > size {
		return s, fault.New(fault.Invalid, "intellivue.samples", "samples of %d bits, %d of them significant, are not described", size, significant)
	}
	s.bytes, s.mask = int(size)/8, uint16(1<<size-1)
	if flags&extendedRange != 0 {
		s.mask = uint16(1<<significant - 1)
	}
	b := find(m.all, AttrSamplePeriod)
	if len(b) != 4 || binary.BigEndian.Uint32(b) == 0 {
		return s, fault.New(fault.Invalid, "intellivue.no-description", "the wave has no sample period: neither by this message nor by what is known")
	}
	s.periodNS = int64(binary.BigEndian.Uint32(b)) * int64(tick)
	if b := find(m.all, AttrFixedValues); b != nil {
		r := read(b)
		r.List("the fixed values", 4, func(r *mder.Reader) {
			id, value := r.U16("a fixed value"), r.U16("a fixed value")
			if id == fixedInvalid {
				s.invalid |= value
			}
		})
		if r.Err != nil {
			return s, r.Err
		}
	}
	return s, s.readScale(find(m.all, AttrScale))
}

// readScale reads a ScaleRangeSpec16. Where it gives no absolute values (NaN) the
// samples have no unit.
func (s *sampling) readScale(b []byte) error {
	s.scale = model.Decimal{Coef: 1}
	if b == nil {
		return nil
	}
	r := read(b)
	low, high := sfloat.Long(r.U32("the scale")), sfloat.Long(r.U32("the scale"))
	from, until := int64(r.U16("the scale")), int64(r.U16("the scale"))
	if err := r.End("the scale"); err != nil {
		return err
	}
	if low.Special != sfloat.Finite || high.Special != sfloat.Finite || from == until {
		return nil
	}
	step := new(big.Rat).Sub(rat(high.Value), rat(low.Value))
	step.Quo(step, big.NewRat(until-from, 1))
	s.scale, _ = model.DecimalOf(step)
	if s.scale.Coef == 0 {
		return fault.New(fault.Invalid, "intellivue.samples", "the scale of the samples cannot be used")
	}
	s.origin, _ = model.DecimalOf(new(big.Rat).Sub(rat(low.Value), new(big.Rat).Mul(rat(s.scale), big.NewRat(from, 1))))
	s.low, s.high, s.scaled = low.Value, high.Value, true
	return nil
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

// read gives the samples; an invalid one is a gap.
func (s *sampling) read(b []byte) []int32 {
	out := make([]int32, 0, len(b)/s.bytes)
	for ; len(b) >= s.bytes; b = b[s.bytes:] {
		v := uint16(b[0])
		if s.bytes == 2 {
			v = binary.BigEndian.Uint16(b)
		}
		if s.invalid != 0 && v&s.invalid == s.invalid {
			out = append(out, model.Gap)
			continue
		}
		out = append(out, int32(v&s.mask))
	}
	return out
}

// wave reads a SaObsValue: the samples of a quarter of a second.
func (m *metric) wave(r *mder.Reader, part string) {
	code, state, b := r.U16("the samples"), r.U16("the samples"), r.Octets("the samples")
	if r.Err != nil {
		return
	}
	how, err := m.sampling()
	if err != nil {
		m.d.fault(err, m.field+part)
		return
	}
	w := model.Waveform{Field: m.field + part, SubID: m.sub + part, Received: coding(partSCADA, code), DeviceTime: m.at,
		PeriodNS: how.periodNS, Origin: how.origin, Scale: how.scale, Samples: how.read(b), Status: model.StatusFinal,
		Simulated: m.d.demo || state&(stateTest|stateDemo) != 0}
	if how.scaled {
		w.Low, w.High = &how.low, &how.high
		if u := find(m.all, AttrUnit); len(u) == 2 {
			w.UnitSent = unitCoding(binary.BigEndian.Uint16(u))
		}
	}
	if m.off || state&(stateInvalid|stateUnavailable|stateCalibrating) != 0 {
		for i := range w.Samples { // "valid if the first octet of the state is all 0", but for what is only questionable, test or demonstration
			w.Samples[i] = model.Gap
		}
	}
	if state&(stateEarly|stateOngoing) != 0 {
		w.Status = model.StatusPreliminary
	}
	if len(w.Samples) > 0 {
		m.d.m.Waveforms = append(m.d.m.Waveforms, w)
	}
}
