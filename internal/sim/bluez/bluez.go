// Package bluez plays BlueZ on a D-Bus, with simulated Bluetooth LE health devices
// near its adapter (R8, R58): it has the objects, methods and signals of org.bluez
// that a program needs to find devices, pair with them, connect and take what they
// measure. There is no radio. It is written after BlueZ's descriptions of its D-Bus
// interface (doc/org.bluez.*.rst) and the Bluetooth SIG's of the services, and
// encodes values on its own, so that a mistake of the codec cannot hide itself.
//
// What a real one does and this one does too: devices are seen while somebody looks
// for them, their services once they are connected to; what is read, subscribed to
// or written of a device that is not paired is refused; pairing asks the agent; a
// meter tells its records only when it is asked, and goes to sleep.
package bluez

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"

	"thalamus/internal/fault"
)

const (
	name       = "org.bluez"
	adapter    = dbus.ObjectPath("/org/bluez/hci0")
	ifAdapter  = "org.bluez.Adapter1"
	ifManager  = "org.bluez.AgentManager1"
	ifAgent    = "org.bluez.Agent1"
	ifDevice   = "org.bluez.Device1"
	ifService  = "org.bluez.GattService1"
	ifChar     = "org.bluez.GattCharacteristic1"
	ifObjects  = "org.freedesktop.DBus.ObjectManager"
	ifProperty = "org.freedesktop.DBus.Properties"

	racp = "2a52"
)

// properties of an object by interface.
type properties map[string]map[string]dbus.Variant

// daemon is BlueZ as others see it.
type daemon struct {
	conn *dbus.Conn

	mu      sync.Mutex
	objects map[dbus.ObjectPath]properties
	agent   dbus.BusObject // whom pairing asks; nil: nobody
	looking map[dbus.Sender]bool
	devices map[dbus.ObjectPath]*device
	gate    chan struct{} // not nil: nothing is answered before it is closed
	asked   bool          // since then something was
}

// hang answers nothing any more until it is released; asked says that somebody
// waits.
func (d *daemon) hang() (asked func() bool, release func()) {
	gate := make(chan struct{})
	d.mu.Lock()
	d.gate, d.asked = gate, false
	d.mu.Unlock()
	asked = func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.asked }
	return asked, func() {
		d.mu.Lock()
		d.gate = nil
		d.mu.Unlock()
		close(gate)
	}
}

// wait waits while nothing is answered.
func (d *daemon) wait() {
	d.mu.Lock()
	gate := d.gate
	d.asked = d.asked || gate != nil
	d.mu.Unlock()
	if gate != nil {
		<-gate
	}
}

// open takes the place of BlueZ on a bus: "system", or the address of one.
func open(address string) (*daemon, error) {
	var conn *dbus.Conn
	var err error
	if address == "system" {
		conn, err = dbus.ConnectSystemBus()
	} else {
		conn, err = dbus.Connect(address)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "sim.bus", "the D-Bus cannot be reached").At("--bus")
	}
	d := &daemon{conn: conn, objects: map[dbus.ObjectPath]properties{}, looking: map[dbus.Sender]bool{}, devices: map[dbus.ObjectPath]*device{}}
	d.objects["/org/bluez"] = properties{ifManager: {}}
	d.objects[adapter] = properties{ifAdapter: {
		"Address": dbus.MakeVariant("00:12:EE:00:00:00"), "AddressType": dbus.MakeVariant("public"), "Name": dbus.MakeVariant("simulated"), "Alias": dbus.MakeVariant("simulated"),
		"Powered": dbus.MakeVariant(true), "Discovering": dbus.MakeVariant(false), "UUIDs": dbus.MakeVariant([]string{}),
	}}
	if err := d.export(); err != nil {
		conn.Close()
		return nil, fault.Wrap(err, fault.Broken, "sim.bus", "the objects of BlueZ cannot be put on the D-Bus").At("--bus")
	}
	reply, err := conn.RequestName(name, dbus.NameFlagDoNotQueue)
	if err == nil && reply != dbus.RequestNameReplyPrimaryOwner {
		conn.Close()
		return nil, fault.New(fault.Conflict, "sim.bus", "there is a BlueZ on this D-Bus already; use a bus of its own, such as dbus-daemon --session --print-address gives").At("--bus")
	}
	if err != nil {
		conn.Close()
		return nil, fault.Wrap(err, fault.Invalid, "sim.bus", "the D-Bus does not let this program play BlueZ; use a bus of its own, such as dbus-daemon --session --print-address gives").At("--bus")
	}
	return d, nil
}

func (d *daemon) export() error {
	tables := []struct {
		path    dbus.ObjectPath
		iface   string
		below   bool
		methods map[string]any
	}{
		{"/", ifObjects, false, map[string]any{"GetManagedObjects": d.managed}},
		{"/org/bluez", ifManager, false, map[string]any{"RegisterAgent": d.register, "UnregisterAgent": d.unregister, "RequestDefaultAgent": func(dbus.ObjectPath) *dbus.Error { return nil }}},
		{adapter, ifAdapter, false, map[string]any{"StartDiscovery": d.look, "StopDiscovery": d.lookNoMore, "RemoveDevice": d.remove,
			"SetDiscoveryFilter": func(map[string]dbus.Variant) *dbus.Error { return nil }}},
		{adapter, ifProperty, true, map[string]any{"Get": d.get, "GetAll": d.getAll, "Set": d.set}},
		{adapter, ifDevice, true, map[string]any{
			"Connect": d.of((*device).connect), "Disconnect": d.of((*device).disconnect), "Pair": d.of((*device).pair), "CancelPairing": d.of(func(*device) *dbus.Error { return nil })}},
		{adapter, ifChar, true, map[string]any{"ReadValue": d.read, "WriteValue": d.write, "StartNotify": d.notify(true), "StopNotify": d.notify(false)}},
	}
	for _, t := range tables {
		export := d.conn.ExportMethodTable
		if t.below {
			export = d.conn.ExportSubtreeMethodTable
		}
		if err := export(t.methods, t.path, t.iface); err != nil {
			return err
		}
	}
	return nil
}

func refused(kind, text string) *dbus.Error {
	return dbus.NewError("org.bluez.Error."+kind, []any{text})
}

func pathOf(m dbus.Message) dbus.ObjectPath {
	path, _ := m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	return path
}

func (d *daemon) managed() (map[dbus.ObjectPath]properties, *dbus.Error) {
	d.wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make(map[dbus.ObjectPath]properties, len(d.objects))
	for path, p := range d.objects {
		out[path] = p.clone()
	}
	return out, nil
}

func (p properties) clone() properties {
	out := make(properties, len(p))
	for k, v := range p {
		out[k] = maps.Clone(v)
	}
	return out
}

func (d *daemon) get(m dbus.Message, iface, property string) (dbus.Variant, *dbus.Error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v, ok := d.objects[pathOf(m)][iface][property]
	if !ok {
		return dbus.Variant{}, dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", nil)
	}
	return v, nil
}

func (d *daemon) getAll(m dbus.Message, iface string) (map[string]dbus.Variant, *dbus.Error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.objects[pathOf(m)][iface]), nil
}

// settable are the properties that others may set.
var settable = []string{"Powered", "Trusted", "Blocked", "Alias"}

func (d *daemon) set(m dbus.Message, iface, property string, v dbus.Variant) *dbus.Error {
	if !slices.Contains(settable, property) {
		return dbus.NewError("org.freedesktop.DBus.Error.PropertyReadOnly", nil)
	}
	d.change(pathOf(m), iface, map[string]any{property: v.Value()})
	return nil
}

// change changes properties of an object and tells.
func (d *daemon) change(path dbus.ObjectPath, iface string, values map[string]any) {
	told := map[string]dbus.Variant{}
	d.mu.Lock()
	have := d.objects[path][iface]
	for k, v := range values {
		told[k] = dbus.MakeVariant(v)
		if have != nil {
			have[k] = told[k]
		}
	}
	d.mu.Unlock()
	if have != nil {
		_ = d.conn.Emit(path, ifProperty+".PropertiesChanged", iface, told, []string{}) // a bus that is gone hears nothing
	}
}

// add puts an object there, and tells.
func (d *daemon) add(path dbus.ObjectPath, p properties) {
	d.mu.Lock()
	_, had := d.objects[path]
	if !had {
		d.objects[path] = p
	}
	copied := p.clone()
	d.mu.Unlock()
	if !had {
		_ = d.conn.Emit("/", ifObjects+".InterfacesAdded", path, copied)
	}
}

func (d *daemon) register(from dbus.Sender, path dbus.ObjectPath, _ string) *dbus.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agent = d.conn.Object(string(from), path)
	return nil
}

func (d *daemon) unregister(dbus.ObjectPath) *dbus.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agent = nil
	return nil
}

// look lets the devices be seen.
func (d *daemon) look(from dbus.Sender) *dbus.Error {
	d.mu.Lock()
	if d.looking[from] {
		d.mu.Unlock()
		return refused("InProgress", "discovery is under way")
	}
	clear(d.looking) // who asked before is gone, or shares what is seen
	d.looking[from] = true
	d.mu.Unlock()
	d.change(adapter, ifAdapter, map[string]any{"Discovering": true})
	d.seen()
	return nil
}

// seen puts the devices where whoever looks sees them.
func (d *daemon) seen() {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.devices))
	looked := len(d.looking) > 0
	d.mu.Unlock()
	for _, one := range all {
		if looked {
			d.add(one.path, one.properties())
		}
	}
}

func (d *daemon) lookNoMore(from dbus.Sender) *dbus.Error {
	d.mu.Lock()
	was := d.looking[from]
	delete(d.looking, from)
	d.mu.Unlock()
	if !was {
		return refused("Failed", "no discovery was started")
	}
	d.change(adapter, ifAdapter, map[string]any{"Discovering": false})
	return nil
}

func (d *daemon) remove(path dbus.ObjectPath) *dbus.Error {
	d.mu.Lock()
	one := d.devices[path]
	d.mu.Unlock()
	if one == nil {
		return refused("DoesNotExist", "there is no such device")
	}
	one.link.Lock()
	defer one.link.Unlock()
	var gone []dbus.ObjectPath
	d.mu.Lock()
	for p := range d.objects {
		if p == path || strings.HasPrefix(string(p), string(path)+"/") {
			gone = append(gone, p)
			delete(d.objects, p)
		}
	}
	d.mu.Unlock()
	one.forget()
	for _, p := range gone {
		_ = d.conn.Emit("/", ifObjects+".InterfacesRemoved", p, []string{ifDevice, ifService, ifChar})
	}
	return nil
}

// find gives the device to which an object belongs.
func (d *daemon) find(path dbus.ObjectPath) *device {
	d.wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	for p, one := range d.devices {
		if _, seen := d.objects[p]; seen && (p == path || strings.HasPrefix(string(path), string(p)+"/")) {
			return one
		}
	}
	return nil
}

func (d *daemon) of(does func(one *device) *dbus.Error) func(m dbus.Message) *dbus.Error {
	return func(m dbus.Message) *dbus.Error {
		if one := d.find(pathOf(m)); one != nil {
			return does(one)
		}
		return refused("DoesNotExist", "there is no such device")
	}
}

// charOf is the characteristic that a path ends with.
func charOf(path dbus.ObjectPath) string {
	_, char, _ := strings.Cut(string(path), "/char")
	return char
}

func (d *daemon) read(m dbus.Message, _ map[string]dbus.Variant) ([]byte, *dbus.Error) {
	if one := d.find(pathOf(m)); one != nil {
		return one.read(charOf(pathOf(m)))
	}
	return nil, refused("DoesNotExist", "there is no such device")
}

func (d *daemon) write(m dbus.Message, value []byte, _ map[string]dbus.Variant) *dbus.Error {
	if one := d.find(pathOf(m)); one != nil {
		return one.write(charOf(pathOf(m)), value)
	}
	return refused("DoesNotExist", "there is no such device")
}

func (d *daemon) notify(on bool) func(m dbus.Message) *dbus.Error {
	return func(m dbus.Message) *dbus.Error {
		if one := d.find(pathOf(m)); one != nil {
			return one.notify(charOf(pathOf(m)), on)
		}
		return refused("DoesNotExist", "there is no such device")
	}
}
