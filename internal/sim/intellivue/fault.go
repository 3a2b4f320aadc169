package intellivue

import (
	"slices"
	"time"

	"thalamus/internal/sim/faults"
)

// silence is how long a cable is out: longer than the shortest association
// lives.
const silence = 12 * time.Second

// spoil makes what is sent from begin on go wrong. Unplugged, the cable is out
// longer than an association lives; reset, the monitor ends it; begun anew, the
// monitor is switched off and on.
func (m *Monitor) spoil(now time.Time, out []Packet, begin int, fault string) []Packet {
	last := len(out) - 1
	switch fault {
	case faults.SensorOff:
		m.off = !m.off
	case faults.HalfFrame:
		out[last].Bytes = out[last].Bytes[:len(out[last].Bytes)/2]
	case faults.Garbage:
		out = slices.Insert(out, begin, Packet{m.client, []byte("\xe1\x00\x00\x02\xff\xff\xff\xffGET / HTTP/1.1\r\n\r\n")})
	case faults.Dropped:
		out = out[:last]
	case faults.Duplicate:
		out = append(out, out[last])
	case faults.Unplugged:
		m.silent = now.Add(silence)
		out = out[:begin]
		m.end()
	case faults.Reset:
		out = m.abort(out)
	case faults.BegunAnew:
		out = m.abort(out)
		m.boot(now)
	case faults.ClockJump:
		m.clock -= 26 * time.Hour
	}
	return out
}
