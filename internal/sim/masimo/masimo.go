// Package masimo simulates a Masimo Radical-7 on its serial port with the
// output ASCII 1: once a second a line with the time, the serial number and
// what is measured (R58).
//
// It is written from public descriptions: the operator's manuals of the Rad-8
// and Rad-87 (bits of the exceptions, serial settings) and the pattern by
// which OpenICE reads a real Radical-7. No hardware was seen. What the bits of
// ALARM mean these leave open, so it is always 0000.
package masimo

import (
	"cmp"
	"fmt"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/bedside"
	"thalamus/internal/sim/faults"
)

// Radical7 is one simulated pulse oximeter.
type Radical7 struct {
	bedside.Wire
	Bed    sim.Bed
	Serial string // ten digits; "": made of the bed's number

	body  *sim.Physiology
	next  time.Time
	clock time.Duration
	off   bool
}

// New makes the oximeter of a bed.
func New(bed sim.Bed, set faults.Set) *Radical7 {
	r := &Radical7{Bed: bed, body: bed.Body()}
	r.Plan = set.Plan()
	return r
}

// Receive implements bedside.Device: the oximeter takes no commands.
func (r *Radical7) Receive(time.Time, []byte) []byte { return nil }

// Bits of EXC.
const (
	excNoSensor     = 0x001
	excLowPerfusion = 0x004
	excSensorOff    = 0x020
)

// Tick implements bedside.Device: a line a second.
func (r *Radical7) Tick(now time.Time) []byte {
	if now.Before(r.next) || r.Quiet(now) {
		return nil
	}
	r.next = now.Truncate(time.Second).Add(time.Second)
	fault := r.Turn()
	switch fault {
	case faults.SensorOff:
		r.off = !r.off
	case faults.ClockJump:
		r.clock -= 26 * time.Hour
	}
	return r.Send(now, nil, []byte(r.line(now, fault)), fault, -1)
}

func (r *Radical7) line(now time.Time, fault string) string {
	v, b := r.body.Next(), r.body.Breathing()
	spo2, pulse, perfusion := fmt.Sprintf("%03d", v.SpO2Percent), fmt.Sprintf("%03d", v.PulsePerMin), fmt.Sprintf("%02d.%02d", b.PerfusionHundredth/100, b.PerfusionHundredth%100)
	exception := 0
	if b.PerfusionHundredth < 30 {
		exception |= excLowPerfusion
	}
	switch {
	case r.off:
		spo2, pulse, perfusion, exception = "---", "---", "--.--", excNoSensor|excSensorOff
	case fault == faults.OutOfRange:
		spo2 = "255"
	case fault == faults.NoNumber:
		pulse = "---"
	}
	return fmt.Sprintf("%s SN=%s SPO2=%s%% BPM=%s PI=%s%% SPCO=--.-%% SPMET=--.-%% DESAT=-- PIDELTA=+-- PVI=--- ALARM=0000 EXC=%06X\r\n",
		now.Add(r.clock).Format("01/02/06 15:04:05"), cmp.Or(r.Serial, fmt.Sprintf("%010d", 70900+r.Bed.Number)), spo2, pulse, perfusion, exception)
}
