package medibus

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/bedside"
	"thalamus/internal/sim/faults"
)

// Frames: a command begins with ESC, an answer with SOH; both end with two
// hexadecimal digits, the sum of all bytes before, and CR.
const (
	esc = 0x1B
	soh = 0x01
	cr  = 0x0D

	cmdCorrupt     = 0x15
	cmdMeasured1   = 0x24
	cmdLow1        = 0x25
	cmdHigh1       = 0x26
	cmdAlarms1     = 0x27
	cmdTime        = 0x28
	cmdSettings    = 0x29
	cmdTexts       = 0x2A
	cmdMeasured2   = 0x2B
	cmdLow2        = 0x2C
	cmdHigh2       = 0x2D
	cmdAlarms2     = 0x2E
	cmdNothing     = 0x30
	cmdTimeChanged = 0x49
	cmdConfigure   = 0x4A
	cmdInitialise  = 0x51
	cmdIdentify    = 0x52
	cmdCurves      = 0x53
	cmdChoose      = 0x54
	cmdStop        = 0x55
)

// Realtime bytes have their highest bit set and may stand anywhere, even
// within a slow frame.
const (
	syncByte   = 0xD0
	syncEnd    = 0xC0
	syncFirst  = 0xC1 // streams 1 to 4 are switched on and off
	syncCycle  = 0xC6 // a phase of the breath begins
	syncBit    = 0x80
	syncFilled = 0xC0
)

// Ventilator is one simulated ventilator.
type Ventilator struct {
	bedside.Wire
	Bed      sim.Bed
	Number   string // four hexadecimal digits of its kind; "": 8F51
	Name     string // "": Simulated Ventilator
	Revision string // eleven characters; "": 01.03:06.00

	body    *sim.Physiology
	breath  sim.Breathing
	began   time.Time
	seconds int
	clock   time.Duration
	apart   bool // the patient's tubes are off

	up     bool      // initialised
	heard  time.Time // last byte of the other end
	asked  time.Time // last command of our own
	frame  []byte    // slow frame that comes in
	fast   []byte    // realtime command that comes in
	chosen []chosen
	on     byte // streams that are switched on
	sent   int  // samples since it began
	air    sim.Airway
	in     bool // the breath goes in
}

type chosen struct {
	curve      curve
	multiplier int
}

// New makes the ventilator of a bed.
func New(bed sim.Bed, set faults.Set) *Ventilator {
	v := &Ventilator{Bed: bed, body: bed.Body()}
	v.Plan = set.Plan()
	v.live()
	return v
}

func (v *Ventilator) live() {
	v.body.Next()
	v.breath = v.body.Breathing()
}

// Connected implements bedside.Device.
func (v *Ventilator) Connected(now time.Time) {
	v.Wire.Connected(now)
	v.reset(now)
}

func (v *Ventilator) reset(now time.Time) {
	v.began, v.seconds, v.up, v.heard, v.asked = now, 0, false, now, time.Time{}
	v.frame, v.fast, v.chosen, v.on, v.sent = nil, nil, nil, 0, 0
}

// whole puts the sum and CR behind a frame.
func whole(begin, command byte, content []byte) []byte {
	f := append([]byte{begin, command}, content...)
	sum := byte(0)
	for _, b := range f {
		sum += b
	}
	return append(fmt.Appendf(f, "%02X", sum), cr)
}

// longest is how long a command may be: 251 bytes of content.
const longest = 256

// Receive implements bedside.Device.
func (v *Ventilator) Receive(now time.Time, b []byte) (out []byte) {
	if v.Quiet(now) {
		return nil
	}
	v.heard = now
	for _, one := range b {
		switch {
		case one&0x80 != 0:
			v.realtime(one)
		case one == esc || one == soh:
			v.frame = []byte{one}
		case len(v.frame) == 0 || len(v.frame) > longest:
			v.frame = nil
		case one == cr:
			out = v.take(now, out, v.frame)
			v.frame = nil
		default:
			v.frame = append(v.frame, one)
		}
	}
	return out
}

// take takes a whole frame.
func (v *Ventilator) take(now time.Time, out, f []byte) []byte {
	if len(f) < 4 {
		return out
	}
	body, digits := f[:len(f)-2], string(f[len(f)-2:])
	sum := byte(0)
	for _, b := range body {
		sum += b
	}
	if want, err := strconv.ParseUint(digits, 16, 8); err != nil || byte(want) != sum {
		return append(out, whole(soh, cmdCorrupt, nil)...)
	}
	if f[0] == soh { // an answer to a command of ours
		if f[1] == cmdInitialise {
			v.up = true
		}
		return out
	}
	v.Did.Requests++
	command, argument := body[1], body[2:]
	if !v.up && command != cmdInitialise {
		return out // nothing is answered before communication is initialised
	}
	fault := v.Turn()
	switch fault {
	case faults.SensorOff:
		v.apart = !v.apart
	case faults.ClockJump:
		v.clock -= 26 * time.Hour
	}
	out = v.Send(now, out, whole(soh, command, v.answer(now, command, argument, fault)), fault, 3)
	if fault == faults.ClockJump {
		out = append(out, whole(esc, cmdTimeChanged, nil)...)
	}
	return out
}

// answer is the content of an answer; a command without one is echoed.
func (v *Ventilator) answer(now time.Time, command byte, argument []byte, fault string) []byte {
	switch command {
	case cmdInitialise:
		v.up, v.chosen, v.on = true, nil, 0
	case cmdStop:
		v.up, v.on = false, 0
	case cmdIdentify:
		return fmt.Appendf(nil, "%s'%s'%-11.11s", cmp.Or(v.Number, "8F51"), cmp.Or(v.Name, "Simulated Ventilator"), cmp.Or(v.Revision, "01.03:06.00"))
	case cmdMeasured1:
		return v.measured(fault)
	case cmdLow1:
		return lowLimits()
	case cmdHigh1:
		return highLimits()
	case cmdAlarms1:
		return v.alarms()
	case cmdMeasured2, cmdLow2, cmdHigh2, cmdAlarms2:
		return nil // page 2 is empty
	case cmdTime:
		return v.time(now)
	case cmdSettings:
		return v.settings()
	case cmdTexts:
		return texts()
	case cmdCurves:
		return offered()
	case cmdChoose:
		v.choose(argument)
	}
	return nil
}

// time is the clock as older ventilators write it, with German months.
func (v *Ventilator) time(now time.Time) []byte {
	at := now.Add(v.clock)
	months := []string{"JAN", "FEB", "MAR", "APR", "MAI", "JUN", "JUL", "AUG", "SEP", "OKT", "NOV", "DEZ"}
	return fmt.Appendf(nil, "%s%2d-%s-%02d", at.Format("15:04:05"), at.Day(), months[at.Month()-1], at.Year()%100)
}

// choose takes the curves that are wanted: code and multiplier, two
// hexadecimal digits each.
func (v *Ventilator) choose(argument []byte) {
	v.chosen, v.on = nil, 0
	for ; len(argument) >= 4 && len(v.chosen) < 4; argument = argument[4:] {
		code, err1 := strconv.ParseUint(string(argument[:2]), 16, 8)
		multiplier, err2 := strconv.ParseUint(string(argument[2:4]), 16, 8)
		for _, c := range curves() {
			if err1 == nil && err2 == nil && c.code == byte(code) {
				v.chosen = append(v.chosen, chosen{c, max(1, int(multiplier))})
			}
		}
	}
}

// realtime takes a byte of the command that switches streams on.
func (v *Ventilator) realtime(b byte) {
	if b&0xF0 == syncByte {
		v.fast = nil
		return
	}
	if v.fast = append(v.fast, b); len(v.fast) == 2 {
		if v.fast[0] == syncFirst {
			v.on = v.fast[1] & 0x0F
		}
		v.fast = nil
	}
}

// Rhythms of the protocol.
const (
	initialiseEvery = 5 * time.Second // until the other end answers
	nothingEvery    = 2 * time.Second // a sign of life when nothing else is said
	lostAfter       = 10 * time.Second
	curvesPerSecond = 1_000_000 / float64(curveInterval)
)

// Tick implements bedside.Device: it begins communication by itself, shows
// that it lives, and sends curves.
func (v *Ventilator) Tick(now time.Time) (out []byte) {
	passed := int(now.Sub(v.began) / time.Second)
	if passed-v.seconds > 60 {
		v.seconds = passed - 60
	}
	for ; v.seconds < passed; v.seconds++ {
		v.live()
	}
	if v.Quiet(now) {
		v.sent = int(now.Sub(v.began).Seconds() * curvesPerSecond)
		return nil
	}
	if v.up && now.Sub(v.heard) > lostAfter {
		v.up, v.on = false, 0
	}
	switch {
	case !v.up && now.Sub(v.asked) >= initialiseEvery:
		v.asked = now
		out = append(out, whole(esc, cmdInitialise, nil)...)
	case v.up && now.Sub(v.heard) >= nothingEvery && now.Sub(v.asked) >= nothingEvery:
		v.asked = now
		out = append(out, whole(esc, cmdNothing, nil)...)
	}
	return v.curve(now, out)
}

// mostSamples bounds what is caught up after a pause.
const mostSamples = 128

// curve sends the samples that are due of the streams that are on.
func (v *Ventilator) curve(now time.Time, out []byte) []byte {
	due := int(now.Sub(v.began).Seconds() * curvesPerSecond)
	if v.on == 0 || len(v.chosen) == 0 {
		v.sent = due
		return out
	}
	v.sent = max(v.sent, due-mostSamples)
	if due == v.sent {
		return out
	}
	v.air = v.body.Airway(due-v.sent, curvesPerSecond)
	for i := range due - v.sent {
		var streams byte
		var values []byte
		for k, c := range v.chosen {
			if v.on>>k&1 == 0 || (v.sent+i)%c.multiplier != 0 {
				continue
			}
			streams |= 1 << k
			share := (c.curve.value(v, i) - float64(c.curve.low)) / float64(c.curve.high-c.curve.low)
			raw := max(0, min(fullScale, int(share*fullScale+0.5)))
			values = append(values, syncBit|byte(raw&0x3F), syncBit|byte(raw>>6))
		}
		if streams == 0 {
			continue
		}
		out = append(out, syncByte|streams)
		if in := v.air.FlowMlPerSecond[i] > 0; in != v.in {
			v.in = in
			phase := byte(syncFilled)
			if !in {
				phase |= 1
			}
			out = append(out, syncCycle, phase)
		}
		out = append(out, values...)
	}
	v.sent = due
	return out
}
