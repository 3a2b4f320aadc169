package bedside

import "time"

// Faults that every device on a line of bytes can have, each fifth message, by
// turns; what a device's values can have it adds itself.
const (
	HalfFrame     = "half-frame"     // the line drops in the middle of a message
	Reset         = "reset"          // the line drops after a message
	Garbage       = "garbage"        // bytes that mean nothing come before a message
	Silence       = "silence"        // half a message, then nothing for a while
	Dropped       = "dropped"        // a message is lost
	Duplicate     = "duplicate"      // a message comes twice
	WrongChecksum = "wrong-checksum" // a byte in the middle is another one
	Unplugged     = "unplugged"      // the sensor is off for a while
	OutOfRange    = "out-of-range"   // a value nobody has
	NotANumber    = "nan"            // no number where one is due
	ClockJump     = "clock-jump"     // the clock is an hour behind from here on
)

// Line are the faults of the line alone.
func Line() []string {
	return []string{HalfFrame, Reset, Garbage, Silence, Dropped, Duplicate, WrongChecksum}
}

// Wire is what a device on a line keeps of its faults and its work.
type Wire struct {
	Turns Turns
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
	f := w.Turns.Next()
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
	case HalfFrame:
		w.cut = true
		return append(out, message[:len(message)/2]...)
	case Reset:
		w.cut = true
	case Garbage:
		out = append(out, "\x00\xffGET / HTTP/1.1\r\n\x1b\x1b"...)
	case Silence:
		w.quiet = now.Add(silence)
		return append(out, message[:len(message)/2]...)
	case Dropped:
		return out
	case Duplicate:
		out = append(out, message...)
	case WrongChecksum:
		message = append([]byte(nil), message...)
		if at >= 0 && at < len(message) {
			message[at] ^= 0x01
		}
	}
	return append(out, message...)
}
