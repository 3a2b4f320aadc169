package gatt

import (
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

// specimens are the types of glucose by specimen and place (GLS 1.0.1 §3.1.1.6).
var specimens = []uint32{0, scada | 29112, scada | 29116, scada | 29120, scada | 29124, scada | 29128, scada | 29132, scada | 29292, scada | 29296, scada | 29140, scada | 29136}

// places a sample was taken from.
var places = []uint32{0, dm | 29240, dm | 29244, dm | 29248, dm | 29252}

var glucoseBits = []string{"device battery low", "sensor malfunction", "sample size insufficient", "strip insertion error", "strip type incorrect", "result too high", "result too low",
	"sensor temperature too high", "sensor temperature too low", "strip pulled too soon", "general device fault", "time fault"}

// codeGlucose is glucose without more said: MDC_CONC_GLU_GEN.
const codeGlucose = scada | 28948

func at(list []uint32, i uint8) uint32 {
	if int(i) < len(list) {
		return list[i]
	}
	return 0
}

// shift multiplies by 10^n exactly.
func shift(n sfloat.Number, by int8) sfloat.Number {
	if n.Special == sfloat.Finite {
		n.Value.Exp += by
	}
	return n
}

// glucose reads 0x2A18 (GLS 1.0.1 §3.1). Concentrations come in kg/L or mol/L
// and are given in mg/dL and mmol/L: the same digits.
func (d *decoder) glucose() {
	flags := d.r.u8("the flags")
	d.record(d.r.u16("the sequence number"))
	base := d.r.time("the time")
	if flags&1 != 0 {
		minutes := int16(d.r.u16("the time offset"))
		base = later(base, time.Duration(minutes)*time.Minute)
	}
	d.at = base
	var n sfloat.Number
	var kind uint8
	if flags&2 != 0 {
		n, kind = d.r.short("the concentration"), d.r.u8("the type and place")
	}
	var status uint16
	if flags&8 != 0 {
		status = d.r.u16("the status")
		if status&0x0800 != 0 { // time fault
			d.at = model.Timestamp{}
		}
	}
	code := at(specimens, kind&15)
	if code == 0 {
		code = codeGlucose
	}
	if flags&2 != 0 {
		unit := uint32(dimMgDl)
		if flags&4 != 0 {
			n, unit = shift(n, 3), dimMmolL
		} else {
			n = shift(n, 5)
		}
		o := d.number(code, "glucose", n, unit)
		o.BodySite = coding(at(places, kind>>4))
		o.Instance = d.m.ControlID
	}
	if flags&8 != 0 {
		d.bits(dm|29144, "sensor status", uint32(status), 4, glucoseBits).Instance = d.m.ControlID
	}
}

// record names the message by the number that the device gave the record.
func (d *decoder) record(sequence uint16) { d.m.ControlID = strconv.Itoa(int(sequence)) }

// later moves a local time.
func later(ts model.Timestamp, by time.Duration) model.Timestamp {
	const layout = "2006-01-02T15:04:05"
	head, zone := ts.Original, ""
	if len(head) > len(layout) {
		head, zone = head[:len(layout)], head[len(layout):]
	}
	t, err := time.Parse(layout, head)
	if err != nil {
		return model.Timestamp{}
	}
	ts.Original = t.Add(by).Format(layout) + zone
	return ts
}

// What a glucose context tells (GLS 1.0.1 §3.2).
var (
	carbohydrates = []uint32{0, dm | 29160, dm | 29164, dm | 29168, dm | 29172, dm | 29176, dm | 29180, dm | 29184}
	meals         = []uint32{0, dm | 29260, dm | 29264, dm | 29268, dm | 29272, dm | 29261}
	testers       = []uint32{0, dm | 29280, dm | 29284, dm | 29288}
	healths       = []uint32{0, dm | 29216, dm | 29220, dm | 29224, dm | 29228, dm | 29232}
	medications   = []uint32{0, dm | 29192, dm | 29196, dm | 29200, dm | 29204, dm | 29208}
)

// glucoseContext reads 0x2A34 (GLS 1.0.1 §3.2). It belongs to the measurement
// of the same number; the time is that measurement's.
func (d *decoder) glucoseContext() {
	flags := d.r.u8("the flags")
	d.record(d.r.u16("the sequence number"))
	if flags&128 != 0 {
		d.r.u8("the further flags")
	}
	if flags&1 != 0 {
		kind, n := d.r.u8("the carbohydrate"), d.r.short("the carbohydrate")
		code := at(carbohydrates, kind)
		if code == 0 {
			code = dm | 29156
		}
		d.number(code, "carbohydrate", shift(n, 3), dimGram)
	}
	if flags&2 != 0 {
		meal := d.r.u8("the meal")
		d.coded(dm|29256, at(meals, meal), "meal", "meal "+strconv.Itoa(int(meal)))
	}
	if flags&4 != 0 {
		b := d.r.u8("the tester and health")
		if v := at(testers, b&15); v != 0 {
			d.coded(dm|29276, v, "tester", "")
		}
		if v := at(healths, b>>4); v != 0 {
			d.coded(dm|29212, v, "health", "")
		}
	}
	if flags&8 != 0 {
		seconds, intensity := d.r.u16("the exercise"), d.r.u8("the exercise")
		n := sfloat.Number{Value: model.Decimal{Coef: int64(intensity)}}
		o := d.number(dm|29152, "exercise intensity", n, dimPercent)
		if seconds == 0xFFFF {
			o.Notes = append(o.Notes, "longer than 18 hours")
		} else {
			d.number(0, "exercise duration", whole(int64(seconds)), dimSecond)
		}
	}
	if flags&16 != 0 {
		kind, n := d.r.u8("the medication"), d.r.short("the medication")
		code, unit := at(medications, kind), uint32(dimMilliG)
		if code == 0 {
			code = dm | 29188
		}
		n = shift(n, 6) // kg to mg
		if flags&32 != 0 {
			n, unit = shift(n, -3), dimMilliL // L to mL
		}
		d.number(code, "medication", n, unit)
	}
	if flags&64 != 0 {
		d.number(scada|29148, "HbA1c", d.r.short("the HbA1c"), dimPercent)
	}
	for i := range d.m.Observations {
		d.m.Observations[i].Instance = d.m.ControlID
	}
}

// annunciationBits are the bits of the sensor status annunciation: status,
// calibration and temperature, warning (CGMS 1.0.2 §3.1.1.5).
var annunciationBits = []string{"session stopped", "device battery low", "sensor type incorrect", "sensor malfunction", "device specific alert", "general device fault", "", "",
	"time synchronisation required", "calibration not allowed", "calibration recommended", "calibration required", "sensor temperature too high", "sensor temperature too low", "calibration pending", "",
	"result below patient low", "result above patient high", "result below hypo", "result above hyper", "rate of decrease exceeded", "rate of increase exceeded", "result below sensor's range", "result above sensor's range"}

// crcFeature is the bit of the CGM feature that says that values carry a
// checksum (CGMS 1.0.2 §3.2.1.1).
const crcFeature = 1 << 12

// continuous reads 0x2AA7 (CGMS 1.0.2 §3.1): one record or several. Times count
// in minutes from the start of the session (0x2AAA).
func (d *decoder) continuous() {
	start := SessionStart(d.said["2aaa"])
	code, demanded := uint32(codeGlucose), false
	if f := d.said["2aa8"]; len(f) == 6 {
		demanded = (uint32(f[0])|uint32(f[1])<<8|uint32(f[2])<<16)&crcFeature != 0
		if c := at(specimens, f[3]&15); c != 0 {
			code = c
		}
	}
	if d.r.left() == 0 {
		d.r.u8("the first record")
	}
	for d.r.err == nil && d.r.left() > 0 {
		size := int(d.r.u8("the size of a record"))
		if size < 6 || size-1 > d.r.left() {
			d.r.err = fault.New(fault.Invalid, "gatt.short", "a record announces %d bytes and %d are there", size, d.r.left()+1)
			return
		}
		whole := d.r.b[d.r.at-1 : d.r.at-1+size]
		d.r.at += size - 1
		if err := d.glucoseRecord(whole, code, start, demanded); err != nil {
			d.r.err = err
			return
		}
	}
}

func (d *decoder) glucoseRecord(b []byte, code uint32, start model.Timestamp, demanded bool) error {
	r := reader{b: b, at: 1}
	flags := r.u8("the flags")
	n, minutes := r.short("the concentration"), r.u16("the time offset")
	var status uint32
	for i, bit := range [...]uint8{0x80, 0x40, 0x20} { // status, calibration and temperature, warning
		if flags&bit != 0 {
			status |= uint32(r.u8("the sensor status")) << (8 * i)
		}
	}
	var trend, quality sfloat.Number
	if flags&1 != 0 {
		trend = r.short("the trend")
	}
	if flags&2 != 0 {
		quality = r.short("the quality")
	}
	if r.err == nil && r.left() == 2 {
		if sum := uint16(b[len(b)-2]) | uint16(b[len(b)-1])<<8; sum != CRC(b[:len(b)-2]) {
			return fault.New(fault.Invalid, "gatt.crc", "the checksum of a record does not fit its content; nothing of the value was used")
		}
		r.at += 2
	} else if r.err == nil && demanded {
		return fault.New(fault.Invalid, "gatt.crc", "a record has no checksum, and the device says that its records have one; nothing of the value was used")
	}
	if err := r.end(); err != nil {
		return err
	}
	d.at = later(start, time.Duration(minutes)*time.Minute)
	if start.Original == "" {
		d.issueOnce("gatt.no-session", "when the session began is not known, so that the times of its values are not: when they arrived counts", "let the device tell its session start time")
	}
	id := strconv.Itoa(int(minutes))
	d.number(code, "glucose", n, dimMgDl).Instance = id
	if flags&1 != 0 {
		d.number(dm|29400, "trend", trend, dimTrend).Instance = id
	}
	if flags&2 != 0 {
		d.number(0, "quality", quality, dimPercent).Instance = id
	}
	if flags&0xE0 != 0 {
		d.bits(0, "sensor status", status, 6, annunciationBits).Instance = id
	}
	return nil
}

func (d *decoder) issueOnce(code, text, hint string) {
	for _, i := range d.m.Issues {
		if i.Code == code {
			return
		}
	}
	d.issue(code, model.Warning, "", "", text, hint)
}

// SessionStart reads 0x2AAA (CGMS 1.0.2 §3.4): local time, zone in quarters of
// an hour (-128: not known), daylight saving in quarters of an hour (255: not
// known).
func SessionStart(b []byte) model.Timestamp {
	if len(b) != 9 && len(b) != 11 { // with or without checksum
		return model.Timestamp{}
	}
	if len(b) == 11 && uint16(b[9])|uint16(b[10])<<8 != CRC(b[:9]) {
		return model.Timestamp{}
	}
	r := reader{b: b}
	ts := r.time("the time")
	zone, saving := int(int8(r.u8("the zone"))), int(r.u8("the daylight saving"))
	if ts.Original == "" || zone == -128 || zone < -48 || zone > 56 {
		return ts
	}
	if saving != 255 && saving <= 8 {
		zone += saving
	}
	sign := "+"
	if zone < 0 {
		sign, zone = "-", -zone
	}
	two := func(n int) string { return strings.Repeat("0", 2-len(strconv.Itoa(n))) + strconv.Itoa(n) }
	ts.Original += sign + two(zone/4) + ":" + two(zone%4*15)
	return ts
}
