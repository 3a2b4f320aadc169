package gatt

import (
	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

// Codes of IEEE 11073-10101: partition << 16 | term.
const (
	scada = 2 << 16
	dim   = 4 << 16
	dm    = 128 << 16
	hf    = 129 << 16

	dimPercent = dim | 544
	dimBeats   = dim | 2720
	dimMmHg    = dim | 3872
	dimKPa     = dim | 3843
	dimCelsius = dim | 6048
	dimFahr    = dim | 4416
	dimMillis  = dim | 2194
	dimJoule   = dim | 3968
	dimKilo    = dim | 1731
	dimPound   = dim | 1760
	dimCentiM  = dim | 1297
	dimMetre   = dim | 1280
	dimInch    = dim | 1376
	dimBMI     = dim | 1952
	dimOhm     = dim | 4288
	dimGram    = dim | 1728
	dimMilliG  = dim | 1746
	dimMilliL  = dim | 1618
	dimMgDl    = dim | 2130
	dimMmolL   = dim | 4722
	dimSecond  = dim | 2176
	dimTrend   = dim | 4724

	codeSpO2  = scada | 19384
	codePulse = scada | 18458
)

// sites are the temperatures by where they are taken (0x2A1D).
var sites = []uint32{0, scada | 57380, scada | 19292, scada | 57356, scada | 57360, scada | 57384, scada | 57352, scada | 57348, scada | 57376, scada | 19320}

const nameIntermediate = "intermediate temperature"

// temperature reads 0x2A1C and 0x2A1E (HTS 1.0 §3.1).
func (d *decoder) temperature() {
	flags := d.r.u8("the flags")
	n, unit := d.r.long("the temperature"), uint32(dimCelsius)
	if flags&1 != 0 {
		unit = dimFahr
	}
	if flags&2 != 0 {
		d.at = d.r.time("the time")
	}
	site := uint8(0)
	if flags&4 != 0 {
		site = d.r.u8("the place of measurement")
	} else if b := d.said["2a1d"]; len(b) == 1 {
		site = b[0]
	}
	code := uint32(scada | 19292) // MDC_TEMP_BODY
	if int(site) < len(sites) && sites[site] != 0 {
		code = sites[site]
	}
	if d.m.Type == nameIntermediate {
		d.stat = model.StatusPreliminary
	}
	d.number(code, "temperature", n, unit)
}

// bloodPressureBits are the bits of the measurement status but for the range of
// the pulse rate, which takes two (BLS 1.1.1 §3.1.1.6).
var bloodPressureBits = []string{"body movement", "cuff too loose", "irregular pulse", "pulse rate above its range", "pulse rate below its range", "improper position"}

// pressure reads 0x2A35 (BLS 1.1.1 §3.1).
func (d *decoder) pressure() {
	flags, unit := d.pressureUnit()
	systolic, diastolic, mean := d.r.short("the systolic pressure"), d.r.short("the diastolic pressure"), d.r.short("the mean pressure")
	pulse, status, more := d.pressureRest(flags)
	for i, n := range []sfloat.Number{systolic, diastolic, mean} {
		if n.Special == sfloat.NaN && i == 2 {
			continue // most devices have no mean and say so this way
		}
		o := d.number(uint32(scada|18949+i), [...]string{"systolic", "diastolic", "mean"}[i], n, unit)
		o.SubID, o.Parent = "1."+o.SubID, "1"
	}
	if flags&4 != 0 {
		d.number(scada|18474, "pulse rate", pulse, dimBeats)
	}
	if more {
		d.bits(dm|22000, "measurement status", uint32(status), 4, bloodPressureBits)
	}
}

// cuff reads 0x2A36 (BLS 1.1.1 §3.2): the pressure while it is measured.
func (d *decoder) cuff() {
	flags, unit := d.pressureUnit()
	n := d.r.short("the pressure")
	d.r.take(4, "the unused pressures")
	pulse, status, more := d.pressureRest(flags)
	d.stat = model.StatusPreliminary
	d.number(0, "cuff pressure", n, unit)
	if flags&4 != 0 {
		d.number(scada|18474, "pulse rate", pulse, dimBeats)
	}
	if more {
		d.bits(dm|22000, "measurement status", uint32(status), 4, bloodPressureBits)
	}
}

func (d *decoder) pressureUnit() (flags uint8, unit uint32) {
	flags, unit = d.r.u8("the flags"), dimMmHg
	if flags&1 != 0 {
		unit = dimKPa
	}
	return flags, unit
}

func (d *decoder) pressureRest(flags uint8) (pulse sfloat.Number, status uint16, more bool) {
	if flags&2 != 0 {
		d.at = d.r.time("the time")
	}
	if flags&4 != 0 {
		pulse = d.r.short("the pulse rate")
	}
	if flags&8 != 0 {
		d.user(d.r.u8("the user"))
	}
	if flags&16 != 0 {
		status, more = d.r.u16("the measurement status"), true
	}
	return pulse, status, more
}

// heartRate reads 0x2A37 (HRS 1.0 §3.1). Intervals come in 1/1024 seconds.
func (d *decoder) heartRate() {
	flags := d.r.u8("the flags")
	var rate int64
	if flags&1 != 0 {
		rate = int64(d.r.u16("the heart rate"))
	} else {
		rate = int64(d.r.u8("the heart rate"))
	}
	if flags&4 != 0 && flags&2 == 0 {
		d.flags = []string{"no skin contact"}
	}
	d.number(hf|114, "heart rate", whole(rate), dimBeats) // MDC_HF_HR: by a chest strap or wrist, not of an ECG
	if flags&8 != 0 {
		o := d.number(hf|119, "energy expended", whole(int64(d.r.u16("the energy"))*1000), dimJoule)
		o.Status = model.StatusPreliminary // it goes on counting
	}
	if flags&16 == 0 {
		return
	}
	for d.r.err == nil && d.r.left() >= 2 {
		ticks := int64(d.r.u16("an interval"))
		d.number(scada|16168, "RR interval", sfloat.Number{Value: model.Decimal{Coef: ticks * 9765625, Exp: -7}}, dimMillis)
	}
}

func whole(n int64) sfloat.Number { return sfloat.Number{Value: model.Decimal{Coef: n}} }

// Names of the bits of a pulse oximeter's device and sensor status, the least
// significant first (PLXS 1.0.1 §3.2.1.5).
var sensorBits = []string{"extended display update ongoing", "equipment malfunction", "signal processing irregularity", "inadequate signal", "poor signal", "low perfusion",
	"erratic signal", "non-pulsatile signal", "questionable pulse", "signal analysis ongoing", "sensor interference", "sensor unconnected to user", "unknown sensor connected",
	"sensor displaced", "sensor malfunctioning", "sensor disconnected"}

// measurementStatus applies a measurement status, whose bits are those of
// MDC_ATTR_MSMT_STAT (PLXS 1.0.1 §3.2.1.4).
func (d *decoder) measurementStatus(s uint16) {
	if s&0x9000 != 0 { // invalid, calibration ongoing
		d.gone = "error"
	} else if s&0x2000 != 0 {
		d.gone = "unknown" // measurement unavailable
	}
	for bit, word := range map[uint16]string{0x4000: "questionable", 0x0200: "from storage", 0x0100: "fully qualified", 0x0080: "validated"} {
		if s&bit != 0 {
			d.flags = append(d.flags, word)
		}
	}
	sortStrings(d.flags)
	if s&0x0060 != 0 { // ongoing, early estimate
		d.stat = model.StatusPreliminary
	}
	d.sim = d.sim || s&0x0C00 != 0 // demonstration, testing
}

// saturation is one pair of values of an oximeter.
type saturation struct {
	spo2, pulse sfloat.Number
	modality    uint32
}

func (d *decoder) pair(modality uint32) saturation {
	return saturation{d.r.short("the saturation"), d.r.short("the pulse rate"), modality}
}

// spot reads 0x2A5E (PLXS 1.0.1 §3.1).
func (d *decoder) spot() {
	flags := d.r.u8("the flags")
	pairs := []saturation{d.pair(scada | 19516)}
	if flags&1 != 0 {
		d.at = d.r.time("the time")
	}
	if flags&16 != 0 {
		d.at = model.Timestamp{} // the device's clock was never set
	}
	d.oximeter(pairs, flags&2 != 0, flags&4 != 0, flags&8 != 0)
}

// oximetry reads 0x2A5F (PLXS 1.0.1 §3.2).
func (d *decoder) oximetry() {
	flags := d.r.u8("the flags")
	pairs := []saturation{d.pair(0)}
	if flags&1 != 0 {
		pairs = append(pairs, d.pair(scada|19508))
	}
	if flags&2 != 0 {
		pairs = append(pairs, d.pair(scada|19512))
	}
	d.oximeter(pairs, flags&4 != 0, flags&8 != 0, flags&16 != 0)
}

func (d *decoder) oximeter(pairs []saturation, status, sensor, amplitude bool) {
	if status {
		d.measurementStatus(d.r.u16("the measurement status"))
	}
	var bits uint32
	if sensor {
		bits = d.r.u24("the sensor status")
	}
	for _, p := range pairs {
		d.number(codeSpO2, "saturation", p.spo2, dimPercent).Method = coding(p.modality)
		d.number(codePulse, "pulse rate", p.pulse, dimBeats).Method = coding(p.modality)
	}
	if amplitude {
		d.number(0, "pulse amplitude index", d.r.short("the pulse amplitude index"), dimPercent)
	}
	if sensor {
		d.bits(scada|19532, "sensor status", bits, 6, sensorBits)
	}
}
