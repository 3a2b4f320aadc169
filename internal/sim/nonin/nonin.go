// Package nonin simulates a Nonin pulse oximeter module on its serial line in
// the data formats 2, 7 and 8, and the commands that choose a format and ask
// for the serial number (R58).
//
// It is written from the public specifications of the OEM III, Xpod, Onyx II
// 9560 and WristOx2 3150 and from how OpenICE reads a real one. No hardware was
// seen.
package nonin

import (
	"fmt"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/bedside"
	"thalamus/internal/sim/faults"
)

// Formats lists what the oximeter can send.
func Formats() []int { return []int{2, 7, 8} }

const (
	framesPerPacket = 25
	framesPerSecond = 75
	firmware        = 45
	missingRate     = 511 // no pulse
	missingSpO2     = 127
)

// Bits of the status byte of formats 2 and 7.
const (
	statusSet    = 0x80
	statusSensor = 0x08
	statusTrack  = 0x10
	statusGreen  = 0x02
	statusSync   = 0x01
)

// Oximeter is one simulated module.
type Oximeter struct {
	bedside.Wire
	Bed    sim.Bed
	Format int

	body    *sim.Physiology
	began   time.Time
	frames  int // sent since it began
	seconds int // of the body's life since then
	now     sim.Vitals
	off     bool
	fault   string // of the packet that is under way
	rate    int    // that this packet tells
	spo2    int
	held    []byte // of a command
	last    int    // sample before
	pulse   int    // frames that still mark a pulse
	timer   int
}

// New makes the module of a bed.
func New(bed sim.Bed, format int, set faults.Set) *Oximeter {
	o := &Oximeter{Bed: bed, Format: format, body: bed.Body()}
	o.now = o.body.Next()
	o.Plan = set.Plan()
	return o
}

// Connected implements bedside.Device.
func (o *Oximeter) Connected(now time.Time) {
	o.Wire.Connected(now)
	o.began, o.frames, o.seconds, o.held = now, 0, 0, nil
}

// Receive implements bedside.Device: STX, operation, length, content, ETX.
func (o *Oximeter) Receive(_ time.Time, b []byte) (out []byte) {
	o.held = append(o.held, b...)
	for len(o.held) > 0 {
		if o.held[0] != 0x02 {
			o.held = o.held[1:]
			continue
		}
		if len(o.held) < 3 || len(o.held) < int(o.held[2])+4 {
			break
		}
		size := int(o.held[2]) + 4
		command := o.held[:size]
		o.held = o.held[size:]
		o.Did.Requests++
		out = append(out, o.command(command)...)
	}
	if len(o.held) > 300 {
		o.held = nil
	}
	return out
}

const (
	ack = 0x06
	nak = 0x15
)

func (o *Oximeter) command(c []byte) []byte {
	if c[len(c)-1] != 0x03 {
		return []byte{nak}
	}
	content := c[3 : len(c)-1]
	switch {
	case c[1] == 0x70 && len(content) >= 2: // choose a format
		for _, f := range Formats() {
			if int(content[1]) == f {
				o.Format, o.frames, o.began = f, 0, time.Time{}
				return []byte{ack}
			}
		}
	case c[1] == 0x74 && len(content) == 2: // serial number
		answer := append([]byte{content[0]}, fmt.Sprintf("%09d", 501100+o.Bed.Number)...)
		sum := byte(0xF4)
		for _, b := range answer {
			sum += b
		}
		return append(append([]byte{0x02, 0xF4, byte(len(answer) + 1)}, answer...), sum, 0x03)
	}
	return []byte{nak}
}

// most bounds what is caught up after a pause of the machine: a second.
const most = framesPerSecond

// Tick implements bedside.Device.
func (o *Oximeter) Tick(now time.Time) (out []byte) {
	if o.began.IsZero() {
		o.began, o.frames, o.seconds = now, 0, 0
	}
	passed := now.Sub(o.began)
	for ; o.seconds < int(passed/time.Second); o.seconds++ {
		if int(passed/time.Second)-o.seconds > 60 {
			o.seconds = int(passed/time.Second) - 60
		}
		o.now = o.body.Next()
		o.timer++
	}
	due := int(passed * framesPerSecond / time.Second)
	if o.Format == 8 {
		due = int(passed / time.Second)
	}
	if due-o.frames > most {
		o.frames = due - most
		o.frames -= o.frames % framesPerPacket
	}
	for ; o.frames < due; o.frames++ {
		if o.Format != 8 && o.frames%framesPerPacket != 0 {
			out = o.send(now, out, o.frame(o.frames%framesPerPacket), "")
			continue
		}
		o.fault = o.Turn()
		if o.fault == faults.SensorOff {
			o.off = !o.off
		}
		o.look()
		if o.Format == 8 {
			out = o.send(now, out, o.second(), o.fault)
		} else {
			out = o.send(now, out, o.frame(0), o.fault)
		}
	}
	return out
}

func (o *Oximeter) send(now time.Time, out, message []byte, fault string) []byte {
	if o.Quiet(now) {
		return out
	}
	return o.Send(now, out, message, fault, 2)
}

// look takes pulse rate and saturation for the next packet.
func (o *Oximeter) look() {
	switch {
	case o.off:
		o.rate, o.spo2 = missingRate, missingSpO2
	case o.fault == faults.OutOfRange:
		o.rate, o.spo2 = 333, 101
	default:
		o.rate, o.spo2 = o.now.PulsePerMin, o.now.SpO2Percent
	}
}

// frame is one of the 25 frames of a packet in format 2 or 7.
func (o *Oximeter) frame(n int) []byte {
	sample := o.body.Pleth(1, framesPerSecond)[0]
	status := byte(statusSet)
	if n == 0 {
		status |= statusSync
	}
	if sample > 500 && o.last <= 500 {
		o.pulse = 12 // a pulse is marked for 12 frames
	}
	o.last = sample
	if o.pulse > 0 {
		status |= statusGreen
		o.pulse--
	}
	if o.off {
		sample, status = 0, status&^statusGreen|statusSensor|statusTrack
	}
	high, low := byte(o.rate>>7&3), byte(o.rate&0x7F)
	value := byte(0)
	switch n {
	case 0, 13, 19, 21:
		value = high
	case 1, 14, 20, 22:
		value = low
	case 2, 8, 9, 10, 15, 16:
		value = byte(o.spo2)
	case 3:
		value = firmware
	case 5:
		value = byte(o.timer >> 7 & 0x7F)
	case 6:
		value = byte(o.timer & 0x7F)
	}
	var f []byte
	if o.Format == 7 {
		wide := sample * 65535 / 1000
		f = []byte{status, byte(wide >> 8), byte(wide), value}
	} else {
		f = []byte{0x01, status, byte(sample * 254 / 1000), value}
	}
	return append(f, f[0]+f[1]+f[2]+f[3])
}

// second is the packet of format 8, one a second.
func (o *Oximeter) second() []byte {
	o.body.Pleth(framesPerSecond, framesPerSecond) // the heart beats on
	status := byte(0x80) | byte(o.rate>>7&3)
	if o.off {
		status |= 0x40 | 0x20 // sensor disconnected, out of track
	}
	return []byte{status, byte(o.rate & 0x7F), byte(o.spo2 & 0x7F), 0}
}
