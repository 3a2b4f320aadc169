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
		p.remember(func(r *remembered) { r.Session = session; delete(r.Last, uuid) })
	}
	if some && last == 0xFFFF {
		some = false // the device counts anew behind it
	}
	answers := p.queue.wait()
	ask := func(what []byte, patience time.Duration) (gatt.RacpAnswer, bool) {
		if err := p.d.bus.call(ctx, point, ifChar+".WriteValue", nil, what, map[string]dbus.Variant{"type": dbus.MakeVariant("request")}); err != nil {
			if !p.gone(ctx) {
				p.d.notes.Add(p.address, "ble.records", "a device cannot be asked for its records: "+nameOf(err), "It is asked again at its next connection.")
			}
			return gatt.RacpAnswer{}, false
		}
		return p.answer(ctx, answers, what[0], patience, over)
	}
	// A full memory of a meter takes minutes at one record per connection event.
	long := max(10*time.Minute, p.d.settings.Timeout)
	count := func() (int, bool) {
		a, ok := ask(gatt.RacpAsk(gatt.RacpCount, 0, true), p.d.settings.Timeout)
		return a.Number, ok && a.Result == gatt.RacpSuccess
	}
	// How many it has is asked first: what it measures then is behind the last number.
	was, knew := known.Stored[uuid]
	same := false
	if knew = knew && some; knew {
		var has int
		has, knew = count()
		same = knew && has == was
	}
	a, ok := ask(gatt.RacpAsk(gatt.RacpReport, last+1, !some), long)
	if ok && a.Result == gatt.RacpNoRecords && knew && !same {
		p.begunAnew(uuid)
		a, ok = ask(gatt.RacpAsk(gatt.RacpReport, 0, true), long)
	}
	if ok && uuid == "2a18" && (a.Result == gatt.RacpSuccess || a.Result == gatt.RacpNoRecords && !same) {
		if has, ok := count(); ok {
			p.remember(func(r *remembered) { r.Stored[uuid] = has })
		}
	}
	switch {
	case !ok:
	case a.Result == gatt.RacpSuccess || a.Result == gatt.RacpNoRecords:
		p.count(uuid, func(o *order, counted int) int { return o.told(counted) })
	default:
		p.d.notes.Add(p.address, "ble.records", "a device does not report its records", "It is asked again at its next connection.")
	}
}

// answer waits for what a device answers to a request of its record access; ok is
// false where it went or stays silent.
func (p *peer) answer(ctx context.Context, answers <-chan []byte, request uint8, patience time.Duration, over func() bool) (a gatt.RacpAnswer, ok bool) {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		var b []byte
		select {
		case <-wait.Done():
			return a, false
		case b = <-answers:
		case <-p.wake:
		case <-time.After(time.Second):
		}
		if b == nil {
			if over() {
				return a, false
			}
			continue
		}
		if a, err := gatt.ParseRacp(b); err == nil && a.Request == request {
			return a, true
		}
	}
}

// begunAnew forgets up to which number records count: a meter that has nothing
// behind that, and yet another number of records than when it had told all, has
// records with lower numbers, or was cleared.
func (p *peer) begunAnew(uuid string) {
	p.d.notes.Add(p.address, "ble.renumbered", "a meter counts its records anew, or some were deleted in it; all it has are asked for", "Nothing need be done: what is there already is recognised.")
	p.anew()
	p.remember(func(r *remembered) {
		delete(r.Last, uuid)
		delete(r.Stored, uuid)
		r.Anew = time.Now()
	})
}

// remember keeps what outlives a restart.
func (p *peer) remember(change func(r *remembered)) {
	if err := p.d.memory.put(p.address, change); err != nil {
		p.d.notes.Add(p.address, "ble.memory", "what a device told of its records could not be kept: "+err.Error(), "Make room; the device sends records again that are there already.")
	}
}
