package phd

import (
	"encoding/binary"

	"thalamus/internal/codec/mder"
)

// Standard configurations: what a device measures that names one by number
// instead of telling it. Each stands as in public sources: those of the pulse
// oximeter, the blood pressure monitor, the scale and the glucose meter as in
// antidote (src/specializations), the thermometer's as an open agent of a chip
// maker sends it. The numbers of the other specialisations are known and their
// content is not, so a device that names one is asked for its configuration,
// as IEEE 11073-20601 §8.8.2 provides for.

// Spec names the numbers of a device specialisation.
type Spec struct {
	Standard    string // IEEE 11073-…
	Profile     uint16 // MDC_DEV_SPEC_PROFILE_…, in partition 8
	Name        string
	From, Until uint16 // its standard configurations
}

// Specs are the specialisations this package was made for. Each has the
// hundred numbers zz×100 … zz×100+99 of 104zz.
func Specs() []Spec {
	return []Spec{
		{"10404", 4100, "pulse oximeter", 400, 499},
		{"10406", 4102, "basic ECG", 600, 699},
		{"10407", 4103, "blood pressure monitor", 700, 799},
		{"10408", 4104, "thermometer", 800, 899},
		{"10415", 4111, "weighing scale", 1500, 1599},
		{"10417", 4113, "glucose meter", 1700, 1799},
		{"10419", 4115, "insulin pump", 1900, 1999},
		{"10420", 4116, "body composition analyser", 2000, 2099},
		{"10425", 4121, "continuous glucose monitor", 2500, 2599},
		{"10441", 4137, "cardiovascular fitness and activity monitor", 4100, 4199},
		{"10442", 4138, "strength fitness equipment", 4200, 4299},
	}
}

// Nomenclature of the standard configurations: partition 2 (SCADA) and 4 (DIM).
const (
	partSCADA = 2
	partDIM   = 4
	partInfra = 8

	dimPercent = 544
	dimBeats   = 2720
	dimMmHg    = 3872
	dimCelsius = 6048
	dimKilo    = 1731
	dimMgPerDl = 2130

	modalitySpot = 19516

	specStored       = 0x4040 // stored, agent initiated
	specIntermittent = 0xF040 // also intermittent, aperiodic
)

// Numeric makes a numeric object as configurations have it.
func Numeric(handle, code, spec, unit uint16, values []MapEntry, more ...Attribute) Object {
	o := Object{Class: ClassNumeric, Handle: handle, Attributes: []Attribute{
		{AttrType, TypeValue(partSCADA, code)}, {AttrSpec, U16(spec)}, {AttrUnit, U16(unit)},
	}}
	w := &mder.Writer{}
	writeValueMap(w, values)
	o.Attributes = append(o.Attributes, Attribute{AttrValueMap, w.B})
	o.Attributes = append(o.Attributes, more...)
	return o
}

// U16 is the value of an attribute of two bytes.
func U16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }

// TypeValue is the value of an attribute that names a term: partition, code.
func TypeValue(partition, code uint16) []byte {
	return binary.BigEndian.AppendUint16(U16(partition), code)
}

// Compound is the attributes that make a numeric one of several parts, in the
// order in which their values stand (MS_STRUCT_COMPOUND_FIX).
func Compound(codes ...uint16) []Attribute {
	w := &mder.Writer{}
	w.List(len(codes), func(i int) { w.U16(codes[i]) })
	return []Attribute{{AttrStructure, []byte{3, byte(len(codes))}}, {AttrMetricIDs, w.B}}
}

// Supplemental is the attribute that narrows what a term means.
func Supplemental(partition uint16, codes ...uint16) Attribute {
	w := &mder.Writer{}
	w.List(len(codes), func(i int) { w.Raw(TypeValue(partition, codes[i])) })
	return Attribute{AttrSupplemental, w.B}
}

// Standard gives a standard configuration, nil where it is not known.
func Standard(id uint16) *Configuration {
	basic := []MapEntry{{AttrNuBasic, 2}}
	basicAt := []MapEntry{{AttrNuBasic, 2}, {AttrStampAbs, 8}}
	simpleAt := []MapEntry{{AttrNuSimple, 4}, {AttrStampAbs, 8}}
	switch id {
	case 400: // 0x0190
		return &Configuration{id, []Object{Numeric(1, 19384, specStored, dimPercent, basic), Numeric(10, 18458, specStored, dimBeats, basic)}}
	case 401: // 0x0191
		return &Configuration{id, []Object{
			Numeric(1, 19384, specStored, dimPercent, basicAt, Supplemental(partSCADA, modalitySpot)),
			Numeric(10, 18458, specStored, dimBeats, basicAt, Supplemental(partSCADA, modalitySpot)),
		}}
	case 700: // 0x02BC
		return &Configuration{id, []Object{
			Numeric(1, 18948, specIntermittent, dimMmHg, []MapEntry{{AttrNuCmpBasic, 10}, {AttrStampAbs, 8}}, Compound(18949, 18950, 18951)...),
			Numeric(2, 18474, specIntermittent, dimBeats, basicAt),
		}}
	case 800: // 0x0320
		return &Configuration{id, []Object{Numeric(1, 19292, specIntermittent, dimCelsius, simpleAt)}}
	case 1500: // 0x05DC
		return &Configuration{id, []Object{Numeric(1, 57664, specIntermittent, dimKilo, simpleAt)}}
	case 1700: // 0x06A4
		return &Configuration{id, []Object{Numeric(1, 29112, specIntermittent, dimMgPerDl, basicAt)}}
	}
	return nil
}
