package bluez

import (
	"encoding/binary"
	"time"

	"github.com/godbus/dbus/v5"

	"thalamus/internal/sim/faults"
)

// Codes of the record access control point (GLS 1.0.1 §3.4).
const (
	report      = 1
	howMany     = 4
	number      = 5
	response    = 6
	allRecords  = 1
	fromNumber  = 3
	success     = 1
	unsupported = 2
	noRecords   = 6
)

// write takes what is asked of the record access control point.
func (d *device) write(char string, b []byte) *dbus.Error {
	if err := d.usable(); err != nil {
		return err
	}
	if !d.made.records || char != racp {
		return refused("NotSupported", "it cannot be written")
	}
	if len(b) < 2 || len(b) > 20 {
		return refused("InvalidValueLength", "no request has this length")
	}
	from := uint16(0)
	switch {
	case b[0] == howMany && b[1] == allRecords:
		go func() {
			n := 0
			d.look(func() { n = len(d.stored) })
			d.tell(racp, binary.LittleEndian.AppendUint16([]byte{number, 0}, uint16(n)))
		}()
		return nil
	case b[0] != report:
		go d.tell(racp, []byte{response, 0, b[0], unsupported})
		return nil
	case b[1] == fromNumber && len(b) == 5 && b[2] == 1:
		from = binary.LittleEndian.Uint16(b[3:])
	case b[1] != allRecords:
		go d.tell(racp, []byte{response, 0, report, unsupported})
		return nil
	}
	since, busy := time.Time{}, false
	d.look(func() {
		since = d.since
		if busy = d.telling == since; !busy {
			d.telling = since
		}
	})
	if busy {
		return refused("InProgress", "it tells its records already") // GLS 1.0.1 §1.6: 0xFE
	}
	go func() { // the answer comes as indications
		d.report(from, since)
		d.look(func() {
			if d.telling == since {
				d.telling = time.Time{}
			}
		})
	}()
	return nil
}

// report tells the records from a number on, one after another, to who asked over
// the connection of that time.
func (d *device) report(from uint16, since time.Time) {
	var some, kept []record
	var wrong hostility
	d.look(func() {
		durable := 0
		for _, r := range d.stored {
			if r.number >= from {
				some = append(some, r)
				continue
			}
			if durable++; durable > d.durable {
				kept = append(kept, r)
			}
		}
		d.durable = max(d.durable, durable)
		if wrong = d.wrong; wrong.silent || wrong.babbles {
			d.met++
		}
	})
	for _, r := range kept {
		if d.w.Acknowledged != nil {
			d.w.Acknowledged(r.value)
		}
	}
	if wrong.silent {
		return
	}
	if wrong.babbles {
		d.tell(racp, []byte{response, 0, report, success})
	}
	if len(some) == 0 {
		d.tell(racp, []byte{response, 0, report, noRecords})
		return
	}
	if wrong.hasty {
		d.tell(d.made.value, some[len(some)-1].value)
	}
	broken := d.plan.Next().Is(faults.Reset)
	for i, r := range some {
		over := false
		if d.look(func() { over, d.used = !d.connected || d.since != since, time.Now() }); over {
			return // whoever asked is gone
		}
		if broken && i == len(some)/2 || wrong.tires > 0 && i == wrong.tires {
			d.leave(0)
			return
		}
		if d.tell(d.made.value, r.value) {
			d.w.note(func(c *Count) { c.Values++ })
		}
		time.Sleep(5 * time.Millisecond) // a connection event
	}
	d.tell(racp, []byte{response, 0, report, success})
}
