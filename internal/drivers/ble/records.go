package ble

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"

	"thalamus/internal/codec/gatt"
)

// measured is the characteristic of a service whose records are numbered.
var measured = map[string]string{"1808": "2a18", "181f": "2aa7"}

// records asks a glucose device for the records behind the last one that is
// durable (GLS 1.0.1 §3.4). The answer comes behind the records, and counts once
// they are durable.
func (p *peer) records(ctx context.Context, service string, point dbus.ObjectPath, session string, ends int) {
	uuid := measured[service]
	if uuid == "" {
		return
	}
	over := func() (yes bool) {
		p.look(func() { yes = !p.connected || p.ends != ends })
		return yes
	}
	// What it told over the last connection is not asked for while it waits to be
	// stored.
	for !p.queue.empty() {
		if over() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
	known := p.d.memory.get(p.address)
	last, some := known.Last[uuid]
	if uuid == "2aa7" && session != "" && session != known.Session {
		// Another session: its offsets begin anew (CGMS 1.0.2 §3.4).
		some = false
		if err := p.d.memory.put(p.address, func(r *remembered) { r.Session = session; delete(r.Last, uuid) }); err != nil {
			p.d.notes.Add(p.address, "ble.memory", "the session of a device could not be kept: "+err.Error(), "Make room; the device sends records again that are there already.")
		}
	}
	if some && last == 0xFFFF {
		some = false // the device counts anew behind it
	}
	answers := p.queue.wait()
	ask := gatt.RacpAsk(gatt.RacpReport, last+1, !some)
	if err := p.d.bus.call(ctx, point, ifChar+".WriteValue", nil, ask, map[string]dbus.Variant{"type": dbus.MakeVariant("request")}); err != nil {
		if p.gone(ctx) {
			return
		}
		p.d.notes.Add(p.address, "ble.records", "a device cannot be asked for its records: "+nameOf(err), "It is asked again at its next connection.")
		return
	}
	// A full memory of a meter takes minutes at one record per connection event.
	wait, cancel := context.WithTimeout(ctx, max(10*time.Minute, p.d.settings.Timeout))
	defer cancel()
	for {
		var b []byte
		select {
		case <-wait.Done():
			return
		case b = <-answers:
		case <-p.wake:
		case <-time.After(time.Second):
		}
		if b == nil {
			if over() {
				return
			}
			continue
		}
		a, err := gatt.ParseRacp(b)
		if err != nil || a.Request != gatt.RacpReport {
			continue
		}
		switch a.Result {
		case gatt.RacpSuccess, gatt.RacpNoRecords:
			p.count(uuid, func(o *order, counted int) int { return o.told(counted) })
		default:
			p.d.notes.Add(p.address, "ble.records", "a device does not report its records", "It is asked again at its next connection.")
		}
		return
	}
}
