package phdagent

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"thalamus/internal/codec/phd"
	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

var errRefused = errors.New("the manager refused a part of a stored segment")

// Vitals are what the devices measure, in tenths of the units.
type Vitals struct {
	SpO2, Pulse      int64 // %, /min
	Sys, Dia, Mean   int64 // mmHg
	Temp             int64 // °C
	WeightKg, FatPct int64
	GlucoseMgDl      int64
}

// Device is one kind of simulated device.
type Device struct {
	Kind    string // oximeter pressure thermometer scale glucose composition
	Model   string
	Profile uint16 // MDC_DEV_SPEC_PROFILE_…
	config  uint16
	objects func() []phd.Object
	// values are those of one measurement, object by object, without times.
	values func(v Vitals) [][]byte
}

// none are readings of sensors that see nothing, beyond those of no living body.
var (
	none   = Vitals{nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing}
	beyond = Vitals{SpO2: 1400, Pulse: 2000, Sys: 2040, Dia: 2030, Mean: 2035, Temp: 980, WeightKg: 99000, FatPct: 1300, GlucoseMgDl: 2047}
)

// nothing is a reading that is none.
const nothing = math.MinInt64

func short(tenths int64) []byte {
	if tenths == nothing {
		return []byte{0x07, 0xFF} // NaN: IEEE 11073-20601 §F.8
	}
	b, _ := sfloat.AppendShort(nil, model.Decimal{Coef: tenths, Exp: -1})
	return b
}

func long(tenths int64) []byte {
	if tenths == nothing {
		return []byte{0x00, 0x7F, 0xFF, 0xFF} // NaN
	}
	b, _ := sfloat.AppendLong(nil, model.Decimal{Coef: tenths, Exp: -1})
	return b
}

// Devices are the kinds there are: five with standard configurations and one,
// the composition analyser, that tells its own.
func Devices() []Device {
	simple := []phd.MapEntry{{ID: phd.AttrNuSimple, Length: 4}, {ID: phd.AttrStampAbs, Length: 8}}
	return []Device{
		{Kind: "oximeter", Model: "PO-1", Profile: 4100, config: 401, values: func(v Vitals) [][]byte { return [][]byte{short(v.SpO2), short(v.Pulse)} }},
		{Kind: "pressure", Model: "BP-1", Profile: 4103, config: 700, values: func(v Vitals) [][]byte {
			cmp := append([]byte{0, 3, 0, 6}, short(v.Sys)...)
			return [][]byte{append(append(cmp, short(v.Dia)...), short(v.Mean)...), short(v.Pulse)}
		}},
		{Kind: "thermometer", Model: "TM-1", Profile: 4104, config: 800, values: func(v Vitals) [][]byte { return [][]byte{long(v.Temp)} }},
		{Kind: "scale", Model: "WS-1", Profile: 4111, config: 1500, values: func(v Vitals) [][]byte { return [][]byte{long(v.WeightKg)} }},
		{Kind: "glucose", Model: "GM-1", Profile: 4113, config: 1700, values: func(v Vitals) [][]byte { return [][]byte{short(v.GlucoseMgDl)} }},
		{Kind: "composition", Model: "BC-1", Profile: 4116, config: 0x4001, values: func(v Vitals) [][]byte { return [][]byte{long(v.WeightKg), long(v.FatPct)} },
			objects: func() []phd.Object {
				return []phd.Object{phd.Numeric(1, 57664, 0xF040, 1731, simple), phd.Numeric(2, 57676, 0xF040, 544, simple)}
			}},
	}
}

// DeviceOf finds a kind.
func DeviceOf(kind string) (Device, bool) {
	for _, d := range Devices() {
		if d.Kind == kind {
			return d, true
		}
	}
	return Device{}, false
}

// configuration of the device; one with a store is no standard one.
func (d *Device) configuration(stored bool) *phd.Configuration {
	c := phd.Standard(d.config)
	if c == nil {
		c = &phd.Configuration{ID: d.config, Objects: d.objects()}
	}
	if stored {
		c.ID = 0x4000 + d.config%0x1000
		c.Objects = append(c.Objects, phd.Object{Class: phd.ClassStore, Handle: storeHandle, Attributes: []phd.Attribute{{ID: phd.AttrStoreCapable, Value: phd.U16(0x0100)}, {ID: phd.AttrSegments, Value: phd.U16(1)}}})
	}
	return c
}

// report is a fixed report of one measurement.
func (d *Device) report(v Vitals, at time.Time) (event uint16, info []byte) {
	rep := &phd.Report{Request: phd.AgentInitiated, Persons: []phd.PersonReport{{}}}
	values := d.values(v)
	for i, o := range d.configuration(false).Objects {
		b := values[i]
		if m, err := phd.ValueMap(o.Get(phd.AttrValueMap)); err == nil && m[len(m)-1].ID == phd.AttrStampAbs {
			b = append(b, phd.AbsoluteTime(at.UTC())...)
		}
		rep.Persons[0].Scans = append(rep.Persons[0].Scans, phd.Scan{Handle: o.Handle, Values: b})
	}
	return phd.NotiFixed, rep.Bytes(phd.NotiFixed)
}

// SystemID is an EUI-64 made up for simulation.
func SystemID(kind string, n int) (id [8]byte) {
	h := uint32(2166136261)
	for _, c := range kind {
		h = (h ^ uint32(c)) * 16777619
	}
	binary.BigEndian.PutUint16(id[:], 0x0012)
	id[2] = 0xEE
	binary.BigEndian.PutUint16(id[3:], uint16(h))
	id[5] = byte(n >> 16)
	binary.BigEndian.PutUint16(id[6:], uint16(n))
	return id
}
