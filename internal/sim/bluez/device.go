package bluez

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// device is one near the adapter.
type device struct {
	w       *Ward
	daemon  *daemon
	kind    string
	made    made
	bed     sim.Bed
	body    *vitals
	blood   *sim.Blood
	address string
	path    dbus.ObjectPath
	plan    *faults.Plan
	session time.Time // of continuous glucose
	number  uint16    // of the last record
	said    map[string][]byte

	link      sync.Mutex // held while the device comes or goes, until all is told of it
	mu        sync.Mutex
	paired    bool
	connected bool
	since     time.Time // of the connection
	used      time.Time // when something was last done over it
	told      map[string]bool
	telling   time.Time // its records, over the connection of then; zero: it does not
	stored    []record
	durable   int       // of these, as the other side's questions say
	away      time.Time // until when nobody can connect
	wrong     hostility
	met       int // how often others met what is wrong, or that it is away
}

// hostility is what a device does that none should.
type hostility struct {
	silent  bool // it answers no request for records
	deaf    bool // it lets nobody subscribe
	hasty   bool // it tells its newest record first
	babbles bool // it says that it told its records, then tells them
	tires   int  // it goes when it told so many records; 0: it does not
	flees   int  // so many times, it goes before its services are known
}

type record struct {
	number uint16
	value  []byte
}

// vitals are the body of one bed, which all devices there measure.
type vitals struct {
	mu   sync.Mutex
	body *sim.Physiology
}

func (v *vitals) next() sim.Vitals {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.body.Next()
}

// mostStored bounds what a device keeps.
const mostStored = 1000

const base = "-0000-1000-8000-00805f9b34fb"

func uuid(short string) string { return "0000" + short + base }

func (d *device) look(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// properties of the device as it is seen.
func (d *device) properties() properties {
	d.mu.Lock()
	defer d.mu.Unlock()
	return properties{ifDevice: {
		"Address": dbus.MakeVariant(d.address), "AddressType": dbus.MakeVariant("public"), "Name": dbus.MakeVariant(d.serial()), "Alias": dbus.MakeVariant(d.serial()),
		"Adapter": dbus.MakeVariant(adapter), "Paired": dbus.MakeVariant(d.paired), "Trusted": dbus.MakeVariant(false), "Connected": dbus.MakeVariant(d.connected),
		"ServicesResolved": dbus.MakeVariant(d.connected), "UUIDs": dbus.MakeVariant([]string{uuid("180a"), uuid("180f"), uuid(d.made.service)}), "RSSI": dbus.MakeVariant(int16(-50 - d.bed.Number%40)),
	}}
}

// pair asks the agent, as the device can: to compare a number, or to be content.
func (d *device) pair() *dbus.Error {
	if d.is(&d.paired) {
		return refused("AlreadyExists", "it is paired")
	}
	if err := d.connect(); err != nil && err.Name != "org.bluez.Error.AlreadyConnected" {
		return err
	}
	d.daemon.mu.Lock()
	agent := d.daemon.agent
	d.daemon.mu.Unlock()
	if agent == nil {
		return refused("AuthenticationFailed", "there is no agent")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ask := agent.CallWithContext(ctx, ifAgent+".RequestAuthorization", 0, d.path)
	if d.made.compares {
		ask = agent.CallWithContext(ctx, ifAgent+".RequestConfirmation", 0, d.path, d.passkey())
	}
	if ask.Err != nil {
		return refused("AuthenticationRejected", "nobody agreed")
	}
	d.look(func() { d.paired = true })
	d.w.note(func(c *Count) { c.Pairings++ })
	d.daemon.change(d.path, ifDevice, map[string]any{"Paired": true})
	return nil
}

// passkey is the number that the device shows.
func (d *device) passkey() uint32 { return uint32(100_000 + 7919*d.bed.Number%900_000) }

func (d *device) is(what *bool) (yes bool) {
	d.look(func() { yes = *what })
	return yes
}

func (d *device) connect() *dbus.Error {
	d.link.Lock()
	defer d.link.Unlock()
	var problem *dbus.Error
	d.look(func() {
		switch {
		case d.connected:
			problem = refused("AlreadyConnected", "it is connected")
		case time.Now().Before(d.away):
			problem = refused("Failed", "le-connection-abort-by-local")
			d.met++
		default:
			d.connected, d.since, d.used, d.told = true, time.Now(), time.Now(), map[string]bool{}
		}
	})
	if problem != nil {
		return problem
	}
	d.w.note(func(c *Count) { c.Connections++ })
	d.daemon.change(d.path, ifDevice, map[string]any{"Connected": true})
	flees := false
	d.look(func() {
		if flees = d.wrong.flees > 0; flees {
			d.wrong.flees--
			d.connected = false
		}
	})
	if flees {
		d.daemon.change(d.path, ifDevice, map[string]any{"Connected": false, "ServicesResolved": false})
		return nil
	}
	d.services()
	d.daemon.change(d.path, ifDevice, map[string]any{"ServicesResolved": true})
	return nil
}

// services puts what the device offers below it.
func (d *device) services() {
	own := d.path + dbus.ObjectPath("/service"+d.made.service)
	about := d.path + "/service180a"
	for path, id := range map[dbus.ObjectPath]string{own: d.made.service, about: "180a"} {
		d.daemon.add(path, properties{ifService: {"UUID": dbus.MakeVariant(uuid(id)), "Device": dbus.MakeVariant(d.path), "Primary": dbus.MakeVariant(true)}})
	}
	char := func(service dbus.ObjectPath, id string, flags ...string) {
		d.daemon.add(service+dbus.ObjectPath("/char"+id), properties{ifChar: {
			"UUID": dbus.MakeVariant(uuid(id)), "Service": dbus.MakeVariant(service), "Flags": dbus.MakeVariant(flags), "Notifying": dbus.MakeVariant(false), "Value": dbus.MakeVariant([]byte{})}})
	}
	for id := range d.said {
		char(about, id, "read")
	}
	how := "notify"
	if d.made.indicates {
		how = "indicate"
	}
	char(own, d.made.value, how)
	if d.made.records {
		char(own, racp, "write", "indicate")
	}
}

func (d *device) disconnect() *dbus.Error {
	if !d.is(&d.connected) {
		return refused("NotConnected", "it is not connected")
	}
	d.leave(0)
	return nil
}

// leave ends the connection; for a time nobody can connect.
func (d *device) leave(away time.Duration) {
	d.leaveIf(away, func() bool { return true })
}

// leaveIf is leave, if so; that is read under the lock.
func (d *device) leaveIf(away time.Duration, so func() bool) (left bool) {
	d.link.Lock()
	defer d.link.Unlock()
	was := false
	d.look(func() {
		if left = so(); left {
			was, d.connected, d.told, d.away = d.connected, false, nil, time.Now().Add(away)
		}
	})
	if was {
		d.daemon.change(d.path, ifDevice, map[string]any{"Connected": false, "ServicesResolved": false})
	}
	return left
}

func (d *device) forget() {
	d.look(func() { d.paired, d.connected, d.told = false, false, nil })
}

// usable says why a characteristic cannot be used now.
func (d *device) usable() *dbus.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !d.connected:
		return refused("NotConnected", "it is not connected")
	case !d.paired:
		return refused("NotPermitted", "it is not paired")
	}
	d.used = time.Now()
	return nil
}

func (d *device) read(char string) ([]byte, *dbus.Error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if b := d.said[char]; b != nil {
		return b, nil
	}
	return nil, refused("NotSupported", "it cannot be read")
}

func (d *device) notify(char string, on bool) *dbus.Error {
	if err := d.usable(); err != nil {
		return err
	}
	if char != d.made.value && !(d.made.records && char == racp) {
		return refused("NotSupported", "it does not tell")
	}
	deaf := false
	d.look(func() {
		if deaf = d.wrong.deaf; deaf {
			d.met++
		} else if d.told != nil {
			d.told[char] = on
		}
	})
	if deaf {
		return refused("NotPermitted", "it lets nobody subscribe")
	}
	return nil
}

// tell lets a characteristic tell a value, if somebody subscribed to it.
func (d *device) tell(char string, value []byte) bool {
	heard := false
	d.look(func() { heard = d.connected && d.told[char] })
	if heard {
		path := d.path + dbus.ObjectPath("/service"+d.made.service+"/char"+char)
		d.daemon.change(path, ifChar, map[string]any{"Value": value})
	}
	return heard
}

// hush is for how long a device is away that was unplugged.
const hush = 2 * time.Second

// keep stores a record.
func (d *device) keep(value []byte) {
	d.look(func() {
		if len(d.stored) == mostStored {
			d.stored = d.stored[1:]
		}
		d.stored = append(d.stored, record{d.number, value})
	})
	d.w.note(func(c *Count) { c.Records++ })
}

// memory fills a meter's memory with what it measured before.
func (d *device) memory(now time.Time) {
	d.session = now.Add(-(before + 1) * time.Minute).Truncate(time.Second)
	if !d.made.records {
		return
	}
	// A meter goes on counting (GLS 1.0.1 §3.1.1.1): it has higher numbers than when
	// the program ran before, unless it measured more often than every ten seconds.
	d.number = uint16(now.Unix() / 10 % 60_000)
	for n := range before {
		d.keep(d.measure(d.body.next(), d.plan.Next(), now.Add(time.Duration(n-before)*time.Minute)))
	}
}

// before is how many records a meter has at the start, a minute apart.
const before = 10

// work measures until ctx ends. Meters measure while they sleep.
func (d *device) work(ctx context.Context) {
	for d.plan.Pause(ctx, d.w.Every) {
		if d.made.records {
			d.wake()
			continue
		}
		turn := d.plan.Next()
		value := d.measure(d.body.next(), turn, time.Now())
		times := 1
		switch turn {
		case faults.Unplugged:
			d.leave(hush)
			continue
		case faults.HalfFrame:
			value = value[:len(value)/2]
		case faults.Garbage:
			value = []byte("\xff\xfe noise")
		case faults.Duplicate:
			times = 2
		}
		for range times {
			if d.tell(d.made.value, value) {
				d.w.note(func(c *Count) { c.Values++ })
			}
		}
	}
}

// wake lets a meter measure: a continuous one once a minute, the other one when
// nobody is connected to it. It goes to sleep when nothing was asked of it for a
// while.
func (d *device) wake() {
	now := time.Now()
	if d.kind == Continuous {
		if uint16(now.Sub(d.session)/time.Minute) > d.number {
			value := d.measure(d.body.next(), d.plan.Next(), now)
			d.keep(value)
			if d.tell(d.made.value, value) {
				d.w.note(func(c *Count) { c.Values++ })
			}
		}
		return
	}
	if d.sleep(2 * d.w.Every) {
		d.keep(d.measure(d.body.next(), d.plan.Next(), now))
	}
}

// sleep ends the connection when nothing was done over it for a while; false: it is
// in use.
func (d *device) sleep(idle time.Duration) bool {
	return d.leaveIf(0, func() bool { return !d.connected || time.Since(d.used) >= idle })
}

func pathFor(address string) dbus.ObjectPath {
	return adapter + dbus.ObjectPath("/dev_"+strings.ReplaceAll(address, ":", "_"))
}

// addressFor is another one for each kind, ward and bed.
func addressFor(kind int, ward string, bed int) string {
	h := fnv.New32a()
	h.Write([]byte(ward))
	at := uint16(h.Sum32()) + uint16(bed)
	return fmt.Sprintf("00:12:EE:%02X:%02X:%02X", kind+1, at>>8, at&0xFF)
}
