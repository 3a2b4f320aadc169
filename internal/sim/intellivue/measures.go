package intellivue

import (
	"time"

	"thalamus/internal/sim"
)

// numeric is a Numeric object of the monitor; with parts it is a compound.
type numeric struct {
	handle uint16
	phys   uint16
	text   string
	unit   uint16
	digits int      // behind the point
	parts  []uint16 // systolic, diastolic, mean
	cuff   bool     // measured now and then, not all the time
}

func numerics() []numeric {
	return []numeric{
		{handle: 0x0101, phys: physHR, text: "HR", unit: unitBeats},
		{handle: 0x0102, phys: physRR, text: "RR", unit: unitBreaths},
		{handle: 0x0103, phys: physSpO2, text: "SpO₂", unit: unitPercent},
		{handle: 0x0104, phys: physPulse, text: "Pulse", unit: unitBeats},
		{handle: 0x0105, phys: physPerf, text: "Perf", unit: unitNone, digits: 1},
		{handle: 0x0106, phys: physABP, text: "ABP", unit: unitMmHg, parts: []uint16{physABP + 1, physABP + 2, physABP + 3}},
		{handle: 0x0107, phys: physNBP, text: "NBP", unit: unitMmHg, parts: []uint16{physNBP + 1, physNBP + 2, physNBP + 3}, cuff: true},
		{handle: 0x0108, phys: physTemp, text: "Temp", unit: unitCelsius, digits: 1},
	}
}

// labelOf is the TextId of what is measured: its code in partition SCADA.
func labelOf(phys uint16) uint32 { return partSCADA<<16 | uint32(phys) }

// wave is a Real-Time Sample Array object.
type wave struct {
	handle    uint16
	phys      uint16
	text      string
	unit      uint16
	perSecond float64
	block     int // samples in 256 ms
	bits      byte
	flags     uint16
	low, high int    // of the scale, in the exponent's unit
	exponent  int    // of both
	noScale   bool   // the wave stands for no absolute value
	from, to  uint16 // raw values of low and high
	samples   func(p *sim.Physiology, n int, perSecond float64) []int
	raw       func(v int) uint16
}

func within(v, low, high int) uint16 { return uint16(max(low, min(high, v))) }

// waves at their rates and array sizes (PIPG p. 286).
func waves() []wave {
	return []wave{
		{handle: 0x0201, phys: physECG, text: "II", unit: unitMV, perSecond: 500, block: 128, bits: 14, flags: 0x3000,
			low: -40960, high: 40955, exponent: -3, from: 0, to: 0x3FFF, samples: (*sim.Physiology).ECG, raw: func(uv int) uint16 { return within(8192+uv/5, 0, 0x3FFF) }},
		{handle: 0x0202, phys: physPleth, text: "Pleth", unit: unitNone, perSecond: 125, block: 32, bits: 12, flags: 0x8000,
			noScale: true, from: 0, to: 0x0FFF, samples: (*sim.Physiology).Pleth, raw: func(v int) uint16 { return within(v*4095/1000, 0, 0x0FFF) }},
		{handle: 0x0203, phys: physABP, text: "ABP", unit: unitMmHg, perSecond: 125, block: 32, bits: 14, flags: 0x3000,
			low: -40, high: 520, exponent: 0, from: 0x00A0, to: 0x23A0, samples: (*sim.Physiology).Artery, raw: func(v int) uint16 { return within(0xA0+(v+400)*(0x23A0-0xA0)/5600, 0, 0x3FFF) }},
		{handle: 0x0204, phys: physResp, text: "Resp", unit: unitOhm, perSecond: 62.5, block: 16, bits: 12, flags: 0x8000,
			low: -6, high: 19, exponent: -1, from: 0, to: 0x0FFF, samples: (*sim.Physiology).Impedance, raw: func(v int) uint16 { return within((v+600)*4095/2500, 0, 0x0FFF) }},
	}
}

// scale is the ScaleRangeSpec16 (PIPG p. 86).
func (w wave) scale() []byte {
	if w.noScale {
		return join(u32(notANumber, notANumber), u16(w.from, w.to))
	}
	return join(float(w.low, w.exponent), float(w.high, w.exponent), u16(w.from, w.to))
}

func (w wave) static() [][]byte {
	period := uint32(ticksSecond / w.perSecond)
	return [][]byte{
		attribute(attrHandle, u16(w.handle)), attribute(attrType, u16(partSCADA, w.phys)),
		attribute(attrMetricSpec, metricSpec(blockTicks, 0x4000, 1)),
		attribute(attrSampleSpec, join(u16(uint16(w.block)), []byte{16, w.bits}, u16(w.flags))),
		attribute(attrSamplePd, u32(period)),
		attribute(attrFixed, list(u16(1, 0x8000))), // this bit marks a sample as invalid
	}
}

func (w wave) dynamic() [][]byte {
	return [][]byte{
		attribute(attrLabel, u32(labelOf(w.phys))), attribute(attrLabelString, text(w.text)), attribute(attrMetricState, u16(0)),
		attribute(attrUnit, u16(w.unit)), attribute(attrScale, w.scale()),
	}
}

// metricSpec says how often and how something is measured (PIPG p. 77).
func metricSpec(ticks uint32, access, category uint16) []byte {
	return join(u32(ticks), u16(category, access), []byte{0, 0}, u16(0x4000))
}

func (n numeric) static() [][]byte {
	access, ticks := uint16(0x4000), uint32(ticksSecond)
	if n.cuff {
		access, ticks = 0xB000, 0
	}
	return [][]byte{attribute(attrHandle, u16(n.handle)), attribute(attrType, u16(partSCADA, n.phys)), attribute(attrMetricSpec, metricSpec(ticks, access, 1))}
}

func (n numeric) dynamic() [][]byte {
	return [][]byte{
		attribute(attrLabel, u32(labelOf(n.phys))), attribute(attrLabelString, text(n.text)), attribute(attrMetricState, u16(0)),
		attribute(attrUnit, u16(n.unit)), attribute(attrResolution, []byte{3, byte(n.digits)}),
	}
}

// reading is what a numeric shows, in its last digit.
type reading struct {
	values []int
	state  uint16
	at     time.Time // of a cuff
	nan    bool
}

func (n numeric) value(r reading) [][]byte {
	one := func(phys uint16, v int) []byte {
		f := float(v, -n.digits)
		if r.nan {
			f = u32(notANumber)
		}
		return join(u16(phys, r.state, n.unit), f)
	}
	if n.parts == nil {
		return [][]byte{attribute(attrNumeric, one(n.phys, r.values[0]))}
	}
	var parts [][]byte
	for i, phys := range n.parts {
		parts = append(parts, one(phys, r.values[i]))
	}
	out := [][]byte{attribute(attrCompound, list(parts...))}
	if !r.at.IsZero() {
		out = append(out, attribute(attrStampAbs, absolute(r.at)))
	}
	return out
}
