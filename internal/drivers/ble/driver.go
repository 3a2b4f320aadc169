// Package ble takes measurements of Bluetooth LE devices through BlueZ (R8):
// it looks for devices that offer health services, takes in those that a person
// agreed to, connects to them again when they are near, subscribes to what they
// measure and asks glucose devices for the records they stored.
//
// # What durability means here
//
// BlueZ confirms an indication to the device before it hands it on, so that a
// value can be lost between BlueZ and the journal where the machine dies in that
// moment; nothing on our side can change that. A value that cannot be stored is
// held and offered again. Glucose devices keep their records: the number of the
// last one that is durable is remembered, and the next connection asks for those
// behind it (R23).
package ble

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "ble",
		Doc:      "Takes measurements of Bluetooth LE health devices through BlueZ, each taken in with a person's consent.",
		Codecs:   []string{"gatt"},
		Settings: &Settings{},
		New:      func(ch model.Channel) (driver.Driver, error) { return New(ch) },
	}
}

// Driver is one adapter.
type Driver struct {
	channel  model.ChannelID
	codec    string
	settings Settings

	host    driver.Host
	notes   driver.Notes
	bus     *bus
	adapter dbus.ObjectPath
	memory  *memory
	ctx     context.Context // of the work; ends with Stop
	cancel  context.CancelFunc
	offers  context.Context // of offers; ends when Stop's patience does
	cut     context.CancelFunc
	working sync.WaitGroup

	mu      sync.Mutex
	peers   map[dbus.ObjectPath]*peer
	values  uint64
	problem string // why the adapter does nothing
	code    string // of that
	stopped bool
}

var (
	_ driver.Reporter  = (*Driver)(nil)
	_ driver.Encrypter = (*Driver)(nil)
	_ driver.Pairer    = (*Driver)(nil)
)

// New checks the channel's settings.
func New(ch model.Channel) (*Driver, error) {
	d := &Driver{channel: ch.ID, codec: ch.Codec, peers: map[dbus.ObjectPath]*peer{}}
	if d.codec == "" {
		d.codec = "gatt"
	}
	if err := conf.Decode(ch.Settings, &d.settings); err != nil {
		return nil, err
	}
	d.adapter = dbus.ObjectPath("/org/bluez/" + d.settings.Adapter)
	return d, nil
}

// Start begins to look for BlueZ. A D-Bus or an adapter that is not there yet is
// waited for: USB adapters come and go.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host = host
	d.notes.Begin(host, d.channel)
	file := ""
	if host.Folder != nil {
		folder, err := host.Folder(d.channel)
		if err != nil {
			return err
		}
		file = filepath.Join(folder, "devices.json")
	}
	var err error
	if d.memory, err = openMemory(file); err != nil {
		return fault.Wrap(err, fault.Broken, "ble.memory", "what is remembered of the channel's devices cannot be read; restore %s from a backup, or remove it and accept the devices again", file)
	}
	if host.Recent != nil {
		host.Recent(d.channel, d.memory.recent())
	}
	d.bus = newBus(d.settings.Timeout)
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.offers, d.cut = context.WithCancel(context.WithoutCancel(ctx))
	d.working.Go(d.run)
	return nil
}

// join connects to the D-Bus and listens there; the connection ends with leave.
func (d *Driver) join() (signals chan *dbus.Signal, leave func(), err error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(d.ctx))
	hurry := context.AfterFunc(d.ctx, cancel) // not once we are there: farewells are said over it
	defer hurry()
	patience := time.AfterFunc(d.settings.Timeout, cancel)
	defer patience.Stop()
	conn, err := connect(ctx, d.settings.Bus)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	leave = func() {
		d.bus.conn.Store(nil)
		conn.Close()
		cancel()
	}
	signals = make(chan *dbus.Signal, 64)
	conn.Signal(signals)
	for _, rule := range [][]dbus.MatchOption{
		{dbus.WithMatchSender(service), dbus.WithMatchInterface(ifObjects)},
		{dbus.WithMatchSender(service), dbus.WithMatchInterface(ifProperty), dbus.WithMatchPathNamespace("/org/bluez")},
		{dbus.WithMatchInterface("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, service)},
	} {
		if err := conn.AddMatchSignalContext(ctx, rule...); err != nil {
			leave()
			return nil, nil, err
		}
	}
	if err := conn.Export(&agent{d}, d.agentPath(), ifAgent); err != nil {
		leave()
		return nil, nil, err
	}
	d.bus.conn.Store(conn)
	return signals, leave, nil
}

func (d *Driver) agentPath() dbus.ObjectPath {
	return dbus.ObjectPath("/thalamus/agent/" + d.settings.Adapter)
}

// Stop ends all connections that we made and waits for what is being stored.
func (d *Driver) Stop(ctx context.Context) error {
	if d.bus == nil {
		return nil
	}
	d.mu.Lock()
	d.stopped = true
	d.mu.Unlock()
	d.cancel()
	end := context.AfterFunc(ctx, d.cut)
	defer end()
	d.working.Wait()
	d.cut()
	return nil
}

// Status says how the link is.
func (d *Driver) Status() driver.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := driver.Status{State: "trying"}
	waiting := 0
	for _, p := range d.peers {
		switch {
		case p.ready:
			s.Peers++
		case p.state == model.PairingWaits:
			waiting++
		}
	}
	switch {
	case d.stopped:
		s.State = "stopped"
	case s.Peers > 0:
		s.State = "connected"
	}
	s.Counts = model.Counts{{Of: "values received", N: uint64(d.values)}}
	if waiting > 0 {
		s.Counts = append(s.Counts, model.Count{Of: "devices wait for consent", N: uint64(waiting)})
	}
	s.Text, s.Code = d.problem, d.code
	return s
}

// Encrypted implements driver.Encrypter: devices are bonded, and BlueZ encrypts
// the links of bonded devices.
func (d *Driver) Encrypted() bool { return true }

// run joins the D-Bus, again where it went away.
func (d *Driver) run() {
	for d.ctx.Err() == nil {
		signals, leave, err := d.join()
		if err == nil {
			d.listen(signals)
			leave()
			err = dbus.ErrClosed
		}
		if d.ctx.Err() == nil {
			d.failed("ble.bus", "the D-Bus cannot be reached: "+err.Error(), "See that it runs and that this user may use it; it is tried again.")
			d.forgetAll()
		}
		select {
		case <-d.ctx.Done():
		case <-time.After(d.settings.Retry):
		}
	}
}

// listen keeps the picture of BlueZ's objects and wakes the devices, until the
// driver stops or the D-Bus goes away.
func (d *Driver) listen(signals <-chan *dbus.Signal) {
	d.refresh()
	every := time.NewTicker(d.settings.Retry)
	defer every.Stop()
	for {
		select {
		case <-d.ctx.Done():
			d.farewell()
			return
		case s, ok := <-signals:
			if !ok {
				return
			}
			d.signal(s)
		case <-every.C:
			d.refresh()
		}
	}
}

// failed says why nothing can be done, and what to do about it.
func (d *Driver) failed(code, why, hint string) {
	d.mu.Lock()
	new := d.problem != why
	d.problem, d.code = why, code
	d.mu.Unlock()
	if new {
		d.notes.Add("", code, why, hint)
	}
}

// without says that the adapter cannot be used.
func (d *Driver) without(why string) {
	d.failed("ble.adapter", why, "See that bluetoothd runs and that the adapter is there and switched on.")
}

func (d *Driver) well() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.problem, d.code = "", ""
}

func (d *Driver) forgetAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, p := range d.peers {
		d.forget(path, p)
	}
}

// refresh reads all objects of BlueZ anew: at the start, when BlueZ came back,
// and now and then, so that a signal that was missed does no harm.
func (d *Driver) refresh() {
	all, err := d.bus.managed(d.ctx)
	if err != nil {
		d.without("BlueZ does not answer: " + nameOf(err))
		return
	}
	a, ok := all[d.adapter][ifAdapter]
	switch {
	case !ok:
		d.without("BlueZ has no adapter " + d.settings.Adapter)
		return
	case !yes(a, "Powered"):
		if err := d.bus.set(d.ctx, d.adapter, ifAdapter, "Powered", true); err != nil {
			d.without("the adapter is switched off and cannot be switched on: " + nameOf(err))
			return
		}
	}
	d.well()
	d.register()
	if d.settings.Discover && !yes(a, "Discovering") {
		d.discover()
	}
	for path, ifaces := range all {
		if props, ok := ifaces[ifDevice]; ok {
			d.changed(path, props)
		}
	}
	d.mu.Lock()
	for path, p := range d.peers {
		if _, ok := all[path][ifDevice]; !ok {
			d.forget(path, p)
		}
	}
	d.mu.Unlock()
}

// register makes us the agent that is asked when devices are paired. BlueZ
// answers AlreadyExists where it knows us.
func (d *Driver) register() {
	err := d.bus.call(d.ctx, "/org/bluez", ifManager+".RegisterAgent", nil, d.agentPath(), "KeyboardDisplay")
	if err == nil {
		d.bus.call(d.ctx, "/org/bluez", ifManager+".RequestDefaultAgent", nil, d.agentPath())
	}
}

func (d *Driver) discover() {
	var uuids []string
	for s := range services {
		uuids = append(uuids, "0000"+s+baseUUID)
	}
	slices.Sort(uuids)
	filter := map[string]dbus.Variant{"Transport": dbus.MakeVariant("le"), "UUIDs": dbus.MakeVariant(uuids)}
	if err := d.bus.call(d.ctx, d.adapter, ifAdapter+".SetDiscoveryFilter", nil, filter); err != nil {
		d.notes.Add("", "ble.discovery", "BlueZ does not take a filter for what to look for: "+nameOf(err), "See the journal of bluetoothd.")
	}
	if err := d.bus.call(d.ctx, d.adapter, ifAdapter+".StartDiscovery", nil); err != nil && nameOf(err) != "org.bluez.Error.InProgress" {
		d.notes.Add("", "ble.discovery", "BlueZ does not look for devices: "+nameOf(err), "See the journal of bluetoothd.")
	}
}

// farewell ends discovery and our connections.
func (d *Driver) farewell() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if d.settings.Discover {
		d.bus.call(ctx, d.adapter, ifAdapter+".StopDiscovery", nil)
	}
	d.bus.call(ctx, "/org/bluez", ifManager+".UnregisterAgent", nil, d.agentPath())
	for _, path := range d.connected() {
		d.bus.call(ctx, path, ifDevice+".Disconnect", nil)
	}
}

// connected lists the devices of ours that are.
func (d *Driver) connected() (out []dbus.ObjectPath) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, p := range d.peers {
		if p.accepted && p.connected {
			out = append(out, path)
		}
	}
	return out
}

// signal acts on one signal of BlueZ.
func (d *Driver) signal(s *dbus.Signal) {
	switch {
	case s.Name == "org.freedesktop.DBus.NameOwnerChanged" && len(s.Body) == 3:
		if owner, _ := s.Body[2].(string); owner == "" {
			d.without("BlueZ ended")
			d.forgetAll()
		} else {
			d.refresh()
		}
	case s.Name == ifObjects+".InterfacesAdded" && len(s.Body) == 2:
		path, _ := s.Body[0].(dbus.ObjectPath)
		ifaces, _ := s.Body[1].(map[string]map[string]dbus.Variant)
		if props, ok := ifaces[ifDevice]; ok {
			d.changed(path, props)
		}
		if path == d.adapter {
			d.refresh()
		}
	case s.Name == ifObjects+".InterfacesRemoved" && len(s.Body) == 2:
		path, _ := s.Body[0].(dbus.ObjectPath)
		if gone, _ := s.Body[1].([]string); slices.Contains(gone, ifDevice) {
			d.mu.Lock()
			if p := d.peers[path]; p != nil {
				d.forget(path, p)
			}
			d.mu.Unlock()
		}
	case s.Name == ifProperty+".PropertiesChanged" && len(s.Body) >= 2:
		iface, _ := s.Body[0].(string)
		props, _ := s.Body[1].(map[string]dbus.Variant)
		switch iface {
		case ifDevice:
			d.changed(s.Path, props)
		case ifChar:
			if v, ok := props["Value"].Value().([]byte); ok {
				d.value(s.Path, v)
			}
		}
	}
}

// value hands a value to its device.
func (d *Driver) value(path dbus.ObjectPath, v []byte) {
	at := time.Now()
	d.mu.Lock()
	var owner *peer
	for p, one := range d.peers {
		if strings.HasPrefix(string(path), string(p)+"/") {
			owner = one
		}
	}
	d.mu.Unlock()
	if owner != nil {
		owner.heard(path, v, at)
	}
}
