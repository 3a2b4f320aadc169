package bluez

import (
	"encoding/binary"
	"fmt"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Kinds of devices.
const (
	Thermometer = "thermometer"
	Pressure    = "pressure"
	Oximeter    = "oximeter"
	Glucose     = "glucose"
	Continuous  = "cgm"
	Heart       = "heart"
	Scale       = "scale"
	Composition = "composition"
)

// Kinds lists them.
func Kinds() []string {
	return []string{Thermometer, Pressure, Oximeter, Glucose, Continuous, Heart, Scale, Composition}
}

// made says what a kind of device offers.
type made struct {
	model, service string
	value          string // characteristic of what it measures
	indicates      bool   // it is confirmed to the device
	compares       bool   // a person compares a number while it is paired
	records        bool   // it has a record access control point
}

var kinds = map[string]made{
	Thermometer: {"SIM-TM", "1809", "2a1c", true, false, false},
	Pressure:    {"SIM-BP", "1810", "2a35", true, true, false},
	Oximeter:    {"SIM-PO", "1822", "2a5f", false, false, false},
	Glucose:     {"SIM-GM", "1808", "2a18", false, true, true},
	Continuous:  {"SIM-CG", "181f", "2aa7", false, false, true},
	Heart:       {"SIM-HR", "180d", "2a37", false, false, false},
	Scale:       {"SIM-WS", "181d", "2a9d", true, false, false},
	Composition: {"SIM-BC", "181b", "2a9c", true, false, false},
}

// Values that are none or beyond all (IEEE 11073-20601 annex F.7).
const (
	shortNaN = 0x07FF
	longNaN  = 0x007FFFFF
)

// sfloat is tenths as an SFLOAT: a mantissa of 12 bits and the exponent, which is
// -1 where the mantissa holds tenths.
func sfloat(tenths int) uint16 {
	if tenths > 2045 || tenths < -2046 || tenths%10 == 0 {
		return uint16(tenths/10) & 0x0FFF
	}
	return 0xF000 | uint16(tenths)&0x0FFF
}

// stamp is a date and time of the Bluetooth SIG (GSS §3.73), local as devices have
// it.
func stamp(t time.Time) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(t.Year()))
	return append(b, byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()), byte(t.Second()))
}

// crc is the checksum of CGM values: CRC-CCITT, D5=1, reflected, from 0xFFFF
// (CGMS 1.0.2 §3.11).
func crc(b []byte) uint16 {
	sum := uint16(0xFFFF)
	for _, c := range b {
		sum ^= uint16(c)
		for range 8 {
			if sum&1 != 0 {
				sum = sum>>1 ^ 0x8408
			} else {
				sum >>= 1
			}
		}
	}
	return sum
}

// summed ends a value with its checksum.
func summed(b []byte) []byte { return binary.LittleEndian.AppendUint16(b, crc(b)) }

// measure makes the next value of a device, with what is wrong about it.
func (d *device) measure(v sim.Vitals, turn faults.Turn, now time.Time) []byte {
	v = v.With(turn)
	at := turn.Clock(now)
	none := turn.Is(faults.NaN)
	short := func(tenths int) []byte {
		n := sfloat(tenths)
		if none {
			n = shortNaN
		}
		return binary.LittleEndian.AppendUint16(nil, n)
	}
	switch d.kind {
	case Thermometer: // HTS 1.0 §3.1: with time
		n := 0xFF000000 | uint32(v.TempTenthCel)&0xFFFFFF
		if none {
			n = longNaN
		}
		return append(binary.LittleEndian.AppendUint32([]byte{2}, n), stamp(at)...)
	case Pressure: // BLS 1.1.1 §3.1: mmHg, time, pulse rate
		b := []byte{2 | 4}
		for _, p := range []int{v.SysMmHg, v.DiaMmHg, v.MeanMmHg} {
			b = append(b, short(10*p)...)
		}
		return append(append(b, stamp(at)...), short(10*v.PulsePerMin)...)
	case Oximeter: // PLXS 1.0.1 §3.2: the plain pair
		return append(append([]byte{0}, short(10*v.SpO2Percent)...), short(10*v.PulsePerMin)...)
	case Heart: // HRS 1.0 §3.1: eight bits, contact, one interval
		rate := min(v.HeartPerMin, 255)
		return binary.LittleEndian.AppendUint16([]byte{2 | 4 | 16, byte(rate)}, uint16(60*1024/max(rate, 1)))
	case Scale: // WSS 1.0.1 §3.2: kg in steps of 5 g, time
		return append(binary.LittleEndian.AppendUint16([]byte{2}, uint16(d.grams()/5)), stamp(at)...)
	case Composition: // BCS 1.0 §3.2: fat, time, weight
		b := binary.LittleEndian.AppendUint16([]byte{2, 4}, uint16(180+v.RespPerMin))
		return binary.LittleEndian.AppendUint16(append(b, stamp(at)...), uint16(d.grams()/5))
	case Glucose: // GLS 1.0.1 §3.1: mol/L, capillary whole blood of a finger
		d.number++
		b := binary.LittleEndian.AppendUint16([]byte{2 | 4}, d.number)
		return append(append(append(b, stamp(at)...), d.molar(none, turn.Is(faults.OutOfRange))...), 1<<4|1)
	}
	return d.monitor(now, none, turn)
}

func (d *device) grams() int { return 68_000 + 1500*(d.bed.Number%9) }

// molar is glucose in mol/L: mmol/L with one digit, and four places on.
func (d *device) molar(none, beyond bool) []byte {
	n := uint16(d.blood.Sample().GlucoseMmolL*10+0.5) | 0xC000 // tenths of mmol/L: exponent -4
	switch {
	case none:
		n = shortNaN
	case beyond:
		n = 1900 | 0xC000
	}
	return binary.LittleEndian.AppendUint16(nil, n)
}

// monitor is a record of continuous glucose (CGMS 1.0.2 §3.1): mg/dL, minutes
// since the session began, a checksum.
func (d *device) monitor(now time.Time, none bool, turn faults.Turn) []byte {
	n := uint16(d.blood.Sample().GlucoseMmolL*18 + 0.5)
	switch {
	case none:
		n = shortNaN
	case turn.Is(faults.OutOfRange):
		n = 1900
	}
	d.number = uint16(now.Sub(d.session) / time.Minute)
	b := binary.LittleEndian.AppendUint16([]byte{8, 0}, n)
	b = summed(binary.LittleEndian.AppendUint16(b, d.number))
	if turn.Is(faults.WrongChecksum) {
		b[len(b)-1] ^= 1
	}
	return b
}

// facts are what the device says of itself, by characteristic.
func (d *device) facts() map[string][]byte {
	all := map[string][]byte{
		"2a29": []byte("Thalamus"), "2a24": []byte(d.made.model), "2a25": []byte(d.serial()), "2a28": []byte("1.0"), "2a19": {87},
	}
	switch d.kind {
	case Thermometer:
		all["2a1d"] = []byte{2} // of the body
	case Continuous:
		all["2aa8"] = summed([]byte{0, 0x10, 0, 0x59})             // with checksums; interstitial fluid below the skin
		all["2aaa"] = summed(append(stamp(d.session.UTC()), 0, 0)) // UTC, no daylight saving
	}
	return all
}

func (d *device) serial() string {
	return fmt.Sprintf("%s-%s%d", d.made.model, d.bed.Ward, d.bed.Number)
}
