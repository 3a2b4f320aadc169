package bedside

import (
	"time"

	"thalamus/internal/sim/faults"
)

// Wire is what a device on a line keeps of its faults and its work.
type Wire struct {
	Plan  *faults.Plan // nil: nothing goes wrong
	Did   Count
	cut   bool
	quiet time.Time
}

// Connected counts a line.
func (w *Wire) Connected(time.Time) {
	w.Did.Connections++
	w.cut, w.quiet = false, time.Time{}
}

// Count is what was done.
func (w *Wire) Count() Count { return w.Did }

// Cut tells once that the line is to be dropped.
func (w *Wire) Cut() bool {
	was := w.cut
	w.cut = false
	return was
}

// Quiet tells whether the device says nothing now.
func (w *Wire) Quiet(now time.Time) bool { return now.Before(w.quiet) }

// Turn gives the fault of the next message, "" for most.
func (w *Wire) Turn() string {
	f := string(w.Plan.Next())
	if f != "" {
		w.Did.Faults++
	}
	return f
}

// silence is how long a device says nothing.
const silence = 8 * time.Second

// Send appends a message as a fault leaves it. at is a place in the message
// that a wrong checksum may change.
func (w *Wire) Send(now time.Time, out, message []byte, fault string, at int) []byte {
	w.Did.Messages++
	switch fault {
	case faults.HalfFrame:
		w.cut = true
		return append(out, message[:len(message)/2]...)
	case faults.Reset:
		w.cut = true
	case faults.Garbage:
		out = append(out, "\x00\xffGET / HTTP/1.1\r\n\x1b\x1b"...)
	case faults.Silence:
		w.quiet = now.Add(silence)
		return append(out, message[:len(message)/2]...)
	case faults.Dropped:
		return out
	case faults.Duplicate:
		out = append(out, message...)
	case faults.WrongChecksum:
		message = append([]byte(nil), message...)
		if at >= 0 && at < len(message) {
			message[at] ^= 0x01
		}
	}
	return append(out, message...)
}
