package intellivue

import (
	"slices"
	"time"

	"thalamus/internal/sim/bedside"
)

// Ways in which a monitor misbehaves, every fifth result, by turns.
const (
	FaultUnplugged  = "unplugged"    // the oximeter's sensor is off for a while
	FaultHalfFrame  = "half-frame"   // a datagram ends in its middle
	FaultGarbage    = "garbage"      // a datagram that means nothing comes before
	FaultDropped    = "dropped"      // a datagram is lost
	FaultDuplicate  = "duplicate"    // a datagram comes twice
	FaultSilence    = "silence"      // the cable is out for longer than an association lives
	FaultAbort      = "abort"        // the monitor ends the association
	FaultRestart    = "restart"      // it is switched off and on: its relative time begins again
	FaultClockJump  = "clock-jump"   // its clock is an hour behind from here on
	FaultOutOfRange = "out-of-range" // a heart rate of 999
	FaultNaN        = "nan"          // a value that is no number, though its state is good
	FaultWrongUnit  = "wrong-unit"   // a temperature in Fahrenheit that says Celsius
)

// FaultNames lists them.
func FaultNames() []string {
	return []string{FaultUnplugged, FaultHalfFrame, FaultGarbage, FaultDropped, FaultDuplicate, FaultSilence, FaultAbort, FaultRestart,
		FaultClockJump, FaultOutOfRange, FaultNaN, FaultWrongUnit}
}

// Faults takes turns among the faults of a monitor.
type Faults struct{ bedside.Turns }

// NewFaults makes the turns of some faults; none: nil, no faults.
func NewFaults(names []string) *Faults {
	if len(names) == 0 {
		return nil
	}
	return &Faults{bedside.Turns{Names: names}}
}

func (f *Faults) turn() string {
	if f == nil {
		return ""
	}
	return f.Next()
}

// silence is how long a cable is out: longer than the shortest association
// lives.
const silence = 12 * time.Second

// spoil makes what is sent from begin on go wrong.
func (m *Monitor) spoil(now time.Time, out []Packet, begin int, fault string) []Packet {
	last := len(out) - 1
	switch fault {
	case FaultUnplugged:
		m.off = !m.off
	case FaultHalfFrame:
		out[last].Bytes = out[last].Bytes[:len(out[last].Bytes)/2]
	case FaultGarbage:
		out = slices.Insert(out, begin, Packet{m.client, []byte("\xe1\x00\x00\x02\xff\xff\xff\xffGET / HTTP/1.1\r\n\r\n")})
	case FaultDropped:
		out = out[:last]
	case FaultDuplicate:
		out = append(out, out[last])
	case FaultSilence:
		m.silent = now.Add(silence)
		out = out[:begin]
		m.end()
	case FaultAbort:
		out = m.abort(out)
	case FaultRestart:
		out = m.abort(out)
		m.boot(now)
	case FaultClockJump:
		m.clock -= time.Hour
	}
	return out
}
