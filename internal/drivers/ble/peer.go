package ble

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"thalamus/internal/codec/gatt"
	"thalamus/internal/driver"
	"thalamus/internal/model"
)

// peer is one device near us. Its fields are guarded by Driver.mu but for those
// that only its worker uses.
type peer struct {
	d       *Driver
	path    dbus.ObjectPath
	address string
	random  bool
	name    string
	offers  []string // health services, four digits
	signal  int

	paired, connected, resolved bool
	ends                        int // of connections that BlueZ told of

	state   string // of the pairing
	since   time.Time
	passkey string
	text    string

	accepted bool
	running  bool // it has a worker
	ready    bool // subscribed
	end      context.CancelFunc
	wake     chan struct{} // something of it changed
	decision chan string   // a person's answer while keys are exchanged: "", "no" or the number typed

	chars      map[dbus.ObjectPath]characteristic
	properties string
	queue      queue

	counting sync.Mutex // guards orders
	orders   map[string]*order
}

// characteristic of a device.
type characteristic struct {
	uuid, service string
	flags         []string
}

func (c *characteristic) can(flags ...string) bool {
	return slices.ContainsFunc(flags, func(f string) bool { return slices.Contains(c.flags, f) })
}

// changed takes what BlueZ tells of a device. A device that offers nothing of
// ours, and that nobody accepted, is none of our business.
func (d *Driver) changed(path dbus.ObjectPath, props map[string]dbus.Variant) {
	if !strings.HasPrefix(string(path), string(d.adapter)+"/") {
		return
	}
	d.mu.Lock()
	p := d.peers[path]
	if p == nil {
		address := text(props, "Address")
		known := d.memory.get(address)
		offers := ours(texts(props, "UUIDs"))
		if address == "" || len(offers) == 0 && !known.Accepted || d.stopped {
			d.mu.Unlock()
			return
		}
		if !known.Accepted && d.strangers() >= mostStrangers {
			d.mu.Unlock()
			d.notes.Add("", "ble.crowd", fmt.Sprintf("%d devices that nobody accepted are near; further ones are not listed", mostStrangers), "See what advertises so many addresses; accepted devices go on.")
			return
		}
		p = &peer{d: d, path: path, address: address, accepted: known.Accepted, wake: make(chan struct{}, 1), decision: make(chan string, 1), since: time.Now().UTC(), orders: map[string]*order{}}
		p.queue.most, p.queue.more = d.settings.Waiting, make(chan struct{}, 1)
		switch {
		case known.Accepted:
			p.state = model.PairingAccepted
		case known.Refused:
			p.state = model.PairingRefused
		default:
			p.state = model.PairingWaits
		}
		d.peers[path] = p
	}
	p.take(props)
	start := p.accepted && !p.running && p.state != model.PairingFailed && !d.stopped
	if start {
		d.work(p)
	}
	d.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// mostStrangers bounds the devices that are listed although nobody accepted
// them: a sender in the waiting room may make up as many addresses as it likes.
const mostStrangers = 200

// strangers counts the devices that nobody accepted; d.mu is held.
func (d *Driver) strangers() (n int) {
	for _, p := range d.peers {
		if !p.accepted {
			n++
		}
	}
	return n
}

func (p *peer) take(props map[string]dbus.Variant) {
	for name := range props {
		switch name {
		case "AddressType":
			p.random = text(props, name) == "random"
		case "Alias", "Name":
			if s := text(props, name); s != "" {
				p.name = gatt.Text([]byte(s))
			}
		case "UUIDs":
			if offers := ours(texts(props, name)); len(offers) > 0 {
				p.offers = offers
			}
		case "RSSI":
			if v, ok := props[name].Value().(int16); ok {
				p.signal = int(v)
			}
		case "Paired":
			p.paired = yes(props, name)
		case "Connected":
			was := p.connected
			if p.connected = yes(props, name); !p.connected {
				p.resolved = false
				if was {
					p.ends++
				}
			}
		case "ServicesResolved":
			p.resolved = yes(props, name)
		}
	}
}

// ours are the health services among UUIDs.
func ours(uuids []string) (out []string) {
	for _, u := range uuids {
		if s := short(u); services[s] != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

// work starts a device's worker and the one that stores its values; d.mu is
// held.
func (d *Driver) work(p *peer) {
	p.running = true
	ctx, cancel := context.WithCancel(d.ctx)
	p.end = cancel
	d.working.Go(func() {
		p.serve(ctx)
		cancel() // the one that stores ends too, once all is stored
		d.mu.Lock()
		p.running, p.ready = false, false
		d.mu.Unlock()
	})
	d.working.Go(func() { p.store(ctx) })
}

// forget drops a device that BlueZ no longer has; d.mu is held.
func (d *Driver) forget(path dbus.ObjectPath, p *peer) {
	if p.end != nil {
		p.end()
	}
	delete(d.peers, path)
}

// look reads fields under the lock.
func (p *peer) look(f func()) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	f()
}

func (p *peer) enter(state, text string) {
	p.look(func() {
		if p.state != state || p.text != text {
			p.state, p.text, p.passkey, p.since = state, text, "", time.Now().UTC()
		}
	})
}

// serve connects to the device again and again, and takes what it measures.
func (p *peer) serve(ctx context.Context) {
	for ctx.Err() == nil {
		if !p.bond(ctx) {
			return
		}
		ends := p.ended()
		if p.reach(ctx, ends) {
			err := p.subscribe(ctx, ends)
			if err != nil && err != errGone && ctx.Err() == nil {
				p.d.notes.Add(p.address, "ble.subscribe", "a device does not let us subscribe to what it measures: "+nameOf(err), "It is tried again; if it stays so, remove the device in BlueZ and pair it anew.")
			}
			p.until(ctx, func() bool { return err == errGone || !p.connected || p.ends != ends })
			p.look(func() { p.ready = false })
		}
		p.pause(ctx)
	}
}

// bond pairs with the device where that was not done yet. false: it did not
// work, and a person must decide again.
func (p *peer) bond(ctx context.Context) bool {
	paired := false
	p.look(func() { paired = p.paired })
	if !paired {
		p.enter(model.PairingRuns, "keys are being exchanged")
		err := p.d.bus.with(p.d.settings.Confirm+p.d.settings.Timeout).call(ctx, p.path, ifDevice+".Pair", nil)
		if err != nil && nameOf(err) != "org.bluez.Error.AlreadyExists" {
			if ctx.Err() == nil {
				p.enter(model.PairingFailed, "pairing did not work ("+nameOf(err)+"); put the device into pairing mode and accept it again")
				p.d.notes.Add(p.address, "ble.pairing", "a device could not be paired: "+nameOf(err), "Put it into pairing mode, near the adapter, and accept it again.")
			}
			return false
		}
	}
	p.enter(model.PairingBonded, "")
	// BlueZ lets a trusted device connect by itself.
	if err := p.d.bus.set(ctx, p.path, ifDevice, "Trusted", true); err != nil && ctx.Err() == nil {
		p.d.notes.Add(p.address, "ble.trust", "BlueZ does not mark a device as trusted: "+nameOf(err), "It will not be able to connect by itself.")
	}
	return true
}

// ended is how many connections ended so far.
func (p *peer) ended() (n int) {
	p.look(func() { n = p.ends })
	return n
}

// reach connects and waits until the device's services are known, or it went again;
// ends is how many connections had ended before.
func (p *peer) reach(ctx context.Context, ends int) (ok bool) {
	connected := false
	p.look(func() { connected = p.connected })
	if !connected {
		err := p.d.bus.call(ctx, p.path, ifDevice+".Connect", nil)
		if err != nil && nameOf(err) != "org.bluez.Error.AlreadyConnected" {
			return false // it is not near, or asleep: most devices are, most of the time
		}
	}
	wait, cancel := context.WithTimeout(ctx, p.d.settings.Timeout)
	defer cancel()
	return p.until(wait, func() bool { ok = p.resolved; return ok || p.ends != ends }) && ok
}

// errGone says that a device went while it was asked.
var errGone = errors.New("the device is gone")

// gone says whether an error came because the device went. BlueZ has no one name
// for that.
func (p *peer) gone(ctx context.Context) bool {
	var v dbus.Variant
	err := p.d.bus.call(ctx, p.path, ifProperty+".Get", []any{&v}, ifDevice, "Connected")
	connected, _ := v.Value().(bool)
	return err != nil || !connected
}

// until waits for a condition, which is read under the lock.
func (p *peer) until(ctx context.Context, ok func() bool) bool {
	for {
		met := false
		p.look(func() { met = ok() })
		if met {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-p.wake:
		case <-time.After(time.Second): // a wake may have been taken by another wait
		}
	}
}

func (p *peer) pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(p.d.settings.Retry):
	}
}

// subscribe reads the device's facts, subscribes to what it measures and asks
// for what it stored. ends is how many connections had ended before this one.
func (p *peer) subscribe(ctx context.Context, ends int) error {
	all, err := p.d.bus.managed(ctx)
	if err != nil {
		return err
	}
	chars := map[dbus.ObjectPath]characteristic{}
	for path, ifaces := range all {
		c, ok := ifaces[ifChar]
		if !ok || !strings.HasPrefix(string(path), string(p.path)+"/") {
			continue
		}
		parent, _ := c["Service"].Value().(dbus.ObjectPath)
		chars[path] = characteristic{uuid: short(text(c, "UUID")), service: short(text(all[parent][ifService], "UUID")), flags: texts(c, "Flags")}
	}
	lines := []string{"address-type: public"}
	p.look(func() {
		if p.random {
			lines[0] = "address-type: random"
		}
	})
	session := ""
	type told struct {
		path  dbus.ObjectPath
		value []byte
		at    time.Time
	}
	var first []told // what is worth an entry of its own
	for path, c := range chars {
		if !facts[c.uuid] || !c.can("read") {
			continue
		}
		var v []byte
		if err := p.d.bus.call(ctx, path, ifChar+".ReadValue", []any{&v}, map[string]dbus.Variant{}); err != nil && p.gone(ctx) {
			return errGone // what it measures is not told without what it is
		} else if err != nil || len(v) == 0 || len(v) > 512 {
			continue // a fact that a device does not tell is no fault
		}
		read := time.Now()
		lines = append(lines, c.uuid+": "+hex.EncodeToString(v))
		switch c.uuid {
		case "2aaa":
			session = hex.EncodeToString(v)
		case "2a19":
			first = append(first, told{path, v, read})
		case "2a2b": // how far its clock is off
			lines = append(lines, gatt.ClockHeard+": "+strconv.FormatInt(read.UnixMilli(), 10))
			first = append(first, told{path, v, read})
		}
	}
	slices.Sort(lines[1:])
	if has := offered(chars); len(has) > 0 {
		lines = append(lines, gatt.Services+": "+strings.Join(has, " "))
	}
	p.look(func() { p.chars, p.properties = chars, strings.Join(lines, "\n") })
	for _, t := range first { // so that the register knows the device before it measures
		p.heard(t.path, t.value, t.at)
	}
	p.anew()
	var failed error
	points := map[string]dbus.ObjectPath{} // record access by service
	for _, path := range sorted(chars) {
		c := chars[path]
		if c.uuid == racp {
			points[c.service] = path
		}
		if (gatt.Known(c.uuid) || c.uuid == racp) && c.can("notify", "indicate") {
			if err := p.d.bus.call(ctx, path, ifChar+".StartNotify", nil); err != nil && nameOf(err) != "org.bluez.Error.InProgress" {
				if failed = err; p.gone(ctx) {
					return errGone
				}
			}
		}
	}
	p.look(func() { p.ready = true })
	if p.d.host.Met != nil {
		p.d.host.Met(p.d.channel, driver.Connection{Peer: p.address, Local: p.d.settings.Adapter, Encrypted: true})
	}
	if p.d.settings.Records {
		for service, path := range points {
			p.records(ctx, service, path, session, ends)
		}
	}
	return failed
}

// offered are the health services that a device has.
func offered(chars map[dbus.ObjectPath]characteristic) (out []string) {
	for _, c := range chars {
		if services[c.service] != "" && !slices.Contains(out, c.service) {
			out = append(out, c.service)
		}
	}
	slices.Sort(out)
	return out
}

func sorted(chars map[dbus.ObjectPath]characteristic) []dbus.ObjectPath {
	out := make([]dbus.ObjectPath, 0, len(chars))
	for path := range chars {
		out = append(out, path)
	}
	slices.Sort(out)
	return out
}

// heard puts a value into the queue of what is to be stored.
func (p *peer) heard(path dbus.ObjectPath, v []byte, at time.Time) {
	var c characteristic
	var ok bool
	var properties string
	p.look(func() {
		c, ok = p.chars[path]
		properties = p.properties
		p.d.values++
	})
	if !ok || !gatt.Known(c.uuid) && c.uuid != racp {
		return
	}
	it := value{uuid: c.uuid, frame: model.Frame{Channel: p.d.channel, Codec: p.d.codec, Peer: p.address, Arrived: at,
		Bytes: append([]byte(nil), v...), Topic: gatt.Topic(p.address, c.service, c.uuid), Properties: properties}}
	if c.uuid == racp {
		it.answer = true
	}
	if !p.queue.put(it) {
		p.d.notes.Add(p.address, "ble.lost", fmt.Sprintf("a value was lost: %d values wait to be stored", p.d.settings.Waiting), "See why nothing can be stored; glucose devices are asked for their records again.")
	}
}

// with is the bus with another patience.
func (b *bus) with(timeout time.Duration) *bus { return &bus{b.conn, timeout} }
