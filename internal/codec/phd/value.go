package phd

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"thalamus/internal/codec/mder"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

// Bits of a measurement status (MeasurementStatus, annex A.3).
const (
	statusInvalid      = 0x8000
	statusQuestionable = 0x4000
	statusNotAvailable = 0x2000
	statusCalibrating  = 0x1000
	statusTest         = 0x0800
	statusDemo         = 0x0400
	statusValidated    = 0x0080
	statusEarly        = 0x0040
	statusOngoing      = 0x0020
	statusAlarm        = 0x0002 // its value exceeds boundaries
	statusInhibited    = 0x0001 // its boundaries are not watched
)

func applyStatus(o *model.Observation, status uint16) {
	if status&(statusInvalid|statusCalibrating) != 0 {
		aside(o, "error")
	}
	if status&statusNotAvailable != 0 {
		aside(o, "not-performed")
	}
	if status&statusQuestionable != 0 {
		o.Flags = append(o.Flags, "questionable")
	}
	if status&statusCalibrating != 0 {
		o.Flags = append(o.Flags, "calibration-ongoing")
	}
	if status&statusValidated != 0 {
		o.Flags = append(o.Flags, "validated")
	}
	if status&(statusEarly|statusOngoing) != 0 {
		o.Status = model.StatusPreliminary
	}
	if status&statusEarly != 0 {
		o.Flags = append(o.Flags, "early-indication")
	}
	if status&statusOngoing != 0 {
		o.Flags = append(o.Flags, "measurement-ongoing")
	}
	if status&statusAlarm != 0 {
		o.Flags = append(o.Flags, "in-alarm")
	}
	if status&statusInhibited != 0 {
		o.Flags = append(o.Flags, "alarm-inhibited")
	}
	if status&(statusTest|statusDemo) != 0 {
		o.Simulated = true
	}
}

// aside puts a value that is not to be used beside the observation.
func aside(o *model.Observation, why string) {
	if o.Absent == "" {
		o.Absent = why
	}
	o.PutAside(o.Absent)
}

// coding of a context-free code.
func coding(code uint32) model.Coding {
	c := model.Coding{Code: strconv.FormatUint(uint64(code), 10), System: "MDC"}
	if t, ok := mdc.ByCode(code); ok {
		c.Text = t.RefID
	}
	return c
}

func unitCoding(unit uint16) model.Coding {
	if unit == 0 || unit == 512 { // none, MDC_DIM_DIMLESS
		return model.Coding{}
	}
	return coding(partDIM<<16 | uint32(unit))
}

func setNumber(o *model.Observation, n sfloat.Number) {
	if n.Special != sfloat.Finite {
		o.Absent = n.Special.Absent()
		o.ValueSent = &model.Value{Kind: model.ValueText, Text: n.Special.String()}
		return
	}
	o.Value = model.Value{Kind: model.ValueNumber, Number: n.Value}
}

// value reads one attribute that holds a value into observations of the object.
// known is false for an attribute that holds none.
func (s *scan) value(a Attribute) (known bool, err error) {
	r := read(a.Value)
	switch a.ID {
	case AttrNuBasic:
		s.number(s.code, s.unit, sfloat.Short(r.U16("the value")), 0)
	case AttrNuSimple:
		s.number(s.code, s.unit, sfloat.Long(r.U32("the value")), 0)
	case AttrNu:
		s.observed(r, "")
	case AttrNuCmpBasic, AttrNuCmpSimple:
		i, least := 0, 2
		if a.ID == AttrNuCmpSimple {
			least = 4
		}
		parts := s.parts
		r.List("the compound value", least, func(r *mder.Reader) {
			var n sfloat.Number
			if least == 2 {
				n = sfloat.Short(r.U16("a value"))
			} else {
				n = sfloat.Long(r.U32("a value"))
			}
			code := s.code
			if i < len(parts) {
				code = s.code&^0xFFFF | uint32(parts[i])
			}
			i++
			s.number(code, s.unit, n, i)
		})
	case AttrNuCompound:
		i := 0
		r.List("the compound value", 10, func(r *mder.Reader) {
			i++
			s.observed(r, "."+strconv.Itoa(i))
		})
	case AttrEnum:
		s.enumeration(r)
	case AttrEnumOID:
		s.coded(s.code, s.enumCode(r.U16("the value")))
	case AttrEnumText:
		o := s.blank(s.code, "")
		o.ValueType, o.Value = "string", model.Value{Kind: model.ValueText, Text: text(r.Octets("the value"))}
		s.add(o)
		return true, r.Err // some pad the text beyond its length
	case AttrEnumBits16:
		s.bitString(s.code, uint32(r.U16("the value")), 16)
	case AttrEnumBits32:
		s.bitString(s.code, r.U32("the value"), 32)
	case AttrSamplesValue:
		s.samples(r.Octets("the samples"))
		return true, r.Err
	default:
		return false, nil
	}
	return true, r.End("the value")
}

func (s *scan) number(code uint32, unit uint16, n sfloat.Number, part int) {
	sub := ""
	if part > 0 {
		sub = "." + strconv.Itoa(part)
	}
	o := s.blank(code, sub)
	o.ValueType, o.UnitSent = "number", unitCoding(unit)
	setNumber(&o, n)
	applyStatus(&o, s.status)
	s.add(o)
}

// observed reads a NuObsValue: metric, status, unit, value.
func (s *scan) observed(r *mder.Reader, sub string) {
	code, status, unit, n := r.U16("a value"), r.U16("a value"), r.U16("a value"), sfloat.Long(r.U32("a value"))
	if r.Err != nil {
		return
	}
	o := s.blank(s.code&^0xFFFF|uint32(code), sub)
	o.ValueType, o.UnitSent = "number", unitCoding(unit)
	setNumber(&o, n)
	applyStatus(&o, status|s.status)
	s.add(o)
}

// enumCode gives an enumerated object identifier its partition: the object's
// own for enumerations, else that of its type.
func (s *scan) enumCode(v uint16) uint32 {
	if b := s.get(AttrEnumPart); len(b) == 2 {
		return uint32(binary.BigEndian.Uint16(b))<<16 | uint32(v)
	}
	return s.code&^0xFFFF | uint32(v)
}

func (s *scan) coded(code, value uint32) {
	o := s.blank(code, "")
	o.ValueType = "coded"
	o.Value = model.Value{Kind: model.ValueCoded, Coding: coding(value)}
	if t, ok := mdc.ByCode(value); ok {
		o.Value.Code = t.Meaning()
	}
	applyStatus(&o, s.status)
	s.add(o)
}

// bitString keeps the bits as sent and names those that are set.
func (s *scan) bitString(code, value uint32, width int) {
	o := s.blank(code, "")
	o.ValueType = "bits"
	names := namesOf(code, value, width)
	if names == "" {
		names = "none"
	}
	o.Value = model.Value{Kind: model.ValueCoded, Coding: model.Coding{Code: fmt.Sprintf("0x%0*X", width/4, value), Text: names, System: SystemBits}}
	applyStatus(&o, s.status)
	s.add(o)
}

// SystemBits is the system of coded values that are bit strings.
const SystemBits = "IEEE 11073 bits"

// enumeration reads an EnumObsValue: metric, status, and a choice of value.
func (s *scan) enumeration(r *mder.Reader) {
	code, status, choice := r.U16("a value"), r.U16("a value"), r.U16("a value")
	in := read(r.Octets("a value"))
	if r.Err != nil {
		return
	}
	full, before := s.code&^0xFFFF|uint32(code), s.status
	s.status |= status
	switch choice {
	case 0x0001:
		s.coded(full, s.enumCode(in.U16("a value")))
	case 0x0002:
		o := s.blank(full, "")
		o.ValueType, o.Value = "string", model.Value{Kind: model.ValueText, Text: text(in.Octets("a value"))}
		applyStatus(&o, s.status)
		s.add(o)
	case 0x0010:
		s.bitString(full, in.U32("a value"), 32)
	default:
		in.Err = unreadable.Contradicts(0, "an enumeration has the choice %#04x", choice)
	}
	s.status, r.Err = before, in.Err
}

func (s *scan) samples(b []byte) {
	how, err := samplingOf(s.object)
	if err != nil {
		s.d.fault(err, s.field())
		return
	}
	w := model.Waveform{Field: s.field(), SubID: s.sub(), Received: coding(s.code), UnitSent: unitCoding(s.unit), DeviceTime: s.at,
		PeriodNS: how.periodNS, Origin: how.origin, Scale: how.scale, Samples: how.read(b), Status: model.StatusFinal, Simulated: s.status&(statusTest|statusDemo) != 0}
	if how.scaled {
		w.Low, w.High = &how.low, &how.high
	}
	s.d.m.Waveforms = append(s.d.m.Waveforms, w)
}
