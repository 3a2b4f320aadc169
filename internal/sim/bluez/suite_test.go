package bluez

import (
	"encoding/binary"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/drivers/ble"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/peertest"
	"thalamus/internal/sim"
)

// meter is a glucose meter near a played BlueZ, as the suite of those who look
// asks: what it measures lies in its memory until it is asked for what comes
// behind. It goes to sleep when nothing is asked of it, and in the midst of its
// records when they are many.
type meter struct {
	t *testing.T
	*device
	address string
	asleep  chan struct{}
}

func newMeter(t *testing.T) *meter { return meterOn(t, bus(t)) }

func meterOn(t *testing.T, address string) *meter {
	w := &Ward{Bus: address, Every: time.Hour}
	d, err := open(w.Bus)
	if err != nil {
		t.Fatal(err)
	}
	bed := sim.Beds("SIM", 1)[0]
	m := &meter{t: t, address: w.Bus, device: &device{w: w, daemon: d, kind: Glucose, made: kinds[Glucose], bed: bed, address: "00:12:EE:04:00:01", plan: w.Faults.Plan()}}
	m.made.compares = false
	m.wrong.tires = 40
	m.path = pathFor(m.device.address)
	m.said = m.facts()
	delete(m.said, "2a19") // its charge would be told at each connection
	d.mu.Lock()
	d.devices[m.path] = m.device
	d.mu.Unlock()
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
				m.leaveIf(0, func() bool { return m.connected && time.Since(m.used) >= 150*time.Millisecond })
			}
		}
	}()
	t.Cleanup(func() { close(end); <-done; d.conn.Close() })
	return m
}

// value is a record: its number stands in it, mg/dL (GLS 1.0.1 §3.1).
func value(n int) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{2}, uint16(n))
	return append(append(b, stamp(time.Date(2026, 11, 21, 10, n/60, n%60, 0, time.UTC))...), 0x78, 0xB0, 0x11)
}

func (m *meter) put(_ int, b []byte) {
	number := binary.LittleEndian.Uint16(b[1:])
	m.look(func() {
		for _, r := range m.stored {
			if r.number == number {
				return // a meter has a record once
			}
		}
		m.stored = append(m.stored, record{number, b})
	})
}

func (m *meter) has(n int) (yes bool) {
	m.look(func() { yes = m.durable <= n })
	return yes
}

func (m *meter) place() *drivertest.Place {
	// while lets something be wrong until it is mended.
	while := func(name string, says []string, wrong, mend func()) drivertest.Hostile {
		return drivertest.Hostile{Name: name, Says: says, Do: func() func() { wrong(); return mend }}
	}
	// until lets a device be wrong until somebody met that.
	until := func(name string, says []string, wrong, mend func()) drivertest.Hostile {
		return while(name, says, func() {
			m.look(func() { m.met = 0 })
			wrong()
			drivertest.Until(m.t, "it is met", func() (yes bool) { m.look(func() { yes = m.met > 1 }); return yes })
		}, mend)
	}
	beside := func(name string, frames int, does func()) drivertest.Hostile {
		return drivertest.Hostile{Name: name, Frames: frames, Do: func() func() { does(); return nil }}
	}
	tell := func(char string, b []byte) func() {
		return func() {
			drivertest.Until(m.t, "somebody hears", func() bool { return m.tell(char, b) })
		}
	}
	emit := func(path dbus.ObjectPath, signal string, body ...any) func() {
		return func() {
			if err := m.daemon.conn.Emit(path, signal, body...); err != nil {
				m.t.Error(err)
			}
		}
	}
	adapterThere := func(there bool) func() {
		return func() {
			m.daemon.mu.Lock()
			defer m.daemon.mu.Unlock()
			if delete(m.daemon.objects, adapter); there {
				m.daemon.objects[adapter] = properties{ifAdapter: {"Powered": dbus.MakeVariant(true), "Discovering": dbus.MakeVariant(false)}}
			}
		}
	}
	wrongly := func(set func(h *hostility, on bool)) (on, off func()) {
		do := func(yes bool) func() { return func() { m.look(func() { set(&m.wrong, yes) }); m.leave(0) } }
		return do(true), do(false)
	}
	silent, speaks := wrongly(func(h *hostility, on bool) { h.silent = on })
	deaf, hears := wrongly(func(h *hostility, on bool) { h.deaf = on })
	babbling, sober := wrongly(func(h *hostility, on bool) { h.babbles = on })
	return &drivertest.Place{
		Settings: map[string]any{"bus": m.address, "retry": "100ms", "timeout": "1s"}, Codec: "gatt",
		Message: value, Put: m.put, Has: m.has, Unreached: []string{"ble.adapter"}, Unstored: "ble.not-stored",
		Away: func() func() {
			adapterThere(false)()
			m.leave(time.Hour)
			return func() { adapterThere(true)(); m.leave(0) }
		},
		Hang: m.daemon.hang,
		Beside: func(d driver.Driver) {
			for _, p := range d.(*ble.Driver).Pairings() {
				if p.ID == m.device.address && p.State == model.PairingWaits {
					if err := d.(*ble.Driver).Decide(m.t.Context(), p.ID, true, ""); err != nil {
						m.t.Error(err)
					}
				}
			}
		},
		Hostile: []drivertest.Hostile{
			beside("value that is none", 1, tell("2a18", []byte{2})),
			beside("value longer than any", 1, tell("2a18", make([]byte, 5000))),
			beside("empty value", 1, tell("2a18", []byte{})),
			beside("answer that nobody asked for", 0, tell(racp, []byte{response, 0, report, success})),
			beside("answer that is none", 0, tell(racp, []byte{99})),
			beside("signal of nobody", 0, emit(adapter+"/dev_DE_AD/service1808/char2a18", ifProperty+".PropertiesChanged", ifChar, map[string]dbus.Variant{"Value": dbus.MakeVariant([]byte{1})}, []string{})),
			beside("signal that is none", 0, emit(m.path, ifProperty+".PropertiesChanged", 7, "x")),
			beside("value that is no bytes", 0, emit(m.path+"/service1808/char2a18", ifProperty+".PropertiesChanged", ifChar, map[string]dbus.Variant{"Value": dbus.MakeVariant("text")}, []string{})),
			beside("device with no word right", 0, emit("/", ifObjects+".InterfacesAdded", adapter+"/dev_X", properties{ifDevice: {"Address": dbus.MakeVariant(7), "UUIDs": dbus.MakeVariant("all"), "RSSI": dbus.MakeVariant("loud")}})),
			beside("crowd", 0, func() {
				for n := range 300 {
					emit("/", ifObjects+".InterfacesAdded", pathFor(addressFor(200, "", n)), properties{ifDevice: {"Address": dbus.MakeVariant(addressFor(200, "", n)), "Alias": dbus.MakeVariant(strings.Repeat("x", 5000)), "UUIDs": dbus.MakeVariant([]string{uuid("1808")})}})()
				}
			}),
			beside("removed and there again", 0, func() {
				m.daemon.remove(m.path)
				m.daemon.add(m.path, m.properties())
				m.look(func() { m.paired = true })
			}),
			until("away in mid sentence", nil, func() { m.leave(time.Hour) }, func() { m.leave(0) }),
			until("record access that never answers", nil, silent, speaks),
			until("lets nobody subscribe", []string{"ble.subscribe"}, deaf, hears),
			until("answers before it told", nil, babbling, sober),
			while("no adapter", []string{"ble.adapter"}, adapterThere(false), adapterThere(true)),
			while("BlueZ ends and begins again", []string{"ble.adapter"}, func() {
				m.leave(0)
				m.daemon.conn.ReleaseName(name)
			}, func() {
				if _, err := m.daemon.conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
					m.t.Error(err)
				}
			}),
		},
	}
}

// R23: a meter that tells its newest record first, and goes in the midst of the
// others, loses none of them.
func TestNewestFirst(t *testing.T) {
	t.Parallel()
	m := newMeter(t)
	p := m.place()
	const many = 200
	for n := range many {
		p.Put(n, value(n))
	}
	m.look(func() { m.wrong.hasty = true })
	intake := &drivertest.Intake{}
	d := listen(t, m.address, intake, &drivertest.Notes{})
	drivertest.Until(t, "all records are there", func() bool {
		p.Beside(d)
		for n := range many {
			if !intake.Has(value(n)) {
				return false
			}
		}
		return true
	})
}

// R8, R23: the driver holds against devices and a BlueZ that do what none should.
func TestConformance(t *testing.T) {
	t.Parallel()
	drivertest.RunLooker(t, drivertest.Looker{Kind: ble.Kind(), Open: func(t *testing.T) *drivertest.Place { return newMeter(t).place() }})
}

// takes waits until a record is there.
func (m *meter) takes(d *ble.Driver, intake *drivertest.Intake, n int) {
	m.t.Helper()
	p := m.place()
	p.Put(n, value(n))
	drivertest.Until(m.t, "a record is there", func() bool { p.Beside(d); return intake.Has(value(n)) })
}

// R8: a device that goes before its services are known is connected to again at
// once, not after the patience for what BlueZ does.
func TestGoesBeforeItsServicesAreKnown(t *testing.T) {
	t.Parallel()
	m := newMeter(t)
	intake := &drivertest.Intake{}
	d := listen(t, m.address, intake, &drivertest.Notes{})
	m.takes(d, intake, 0)
	m.look(func() { m.wrong.flees = 3 })
	m.leave(0)
	began := time.Now()
	m.takes(d, intake, 1)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
}

// R8, R23: a D-Bus that is not there yet, or goes, is waited for, and said.
func TestBusGoneAndBack(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath(busDaemon); err != nil {
		peertest.Missing(t, busDaemon)
	}
	folder := filepath.Join(t.TempDir(), "b")
	intake, notes := &drivertest.Intake{}, &drivertest.Notes{}
	d := listen(t, "unix:path="+escape(filepath.Join(folder, "bus")), intake, notes)
	said := func() {
		drivertest.Until(t, "it is said", func() bool { s := d.Status(); return s.State == "trying" && s.Code == "ble.bus" })
	}
	for n := range 2 {
		said()
		b, err := StartBus(folder)
		if err != nil {
			t.Fatal(err)
		}
		m := meterOn(t, b.Address())
		m.takes(d, intake, n)
		if s := d.Status(); s.Code != "" {
			t.Errorf("%+v", s)
		}
		away := &Ward{Bus: b.Address(), Beds: 1, Every: time.Hour}
		if n == 1 {
			m.daemon.conn.ReleaseName(name)
			if err := away.Open(); err != nil {
				t.Fatal(err)
			}
		}
		b.Close()
		if n == 1 {
			if away.Run(t.Context(), 0); !away.Gone() {
				t.Error("the devices do not know that their bus is gone")
			}
		}
	}
	said()
}

// R42: consent is withdrawn also from a device that is not there now, as one that
// was stolen.
func TestRefusedWhileItIsNotThere(t *testing.T) {
	t.Parallel()
	m := newMeter(t)
	intake := &drivertest.Intake{}
	d := listen(t, m.address, intake, &drivertest.Notes{})
	m.takes(d, intake, 0)
	m.daemon.conn.ReleaseName(name)
	drivertest.Until(t, "it is not there", func() bool { return len(d.Pairings()) == 0 })
	if err := d.Decide(t.Context(), m.device.address, true, ""); fault.CodeOf(err) != "ble.no-device" {
		t.Errorf("accepted what is not there: %v", err)
	}
	if err := d.Decide(t.Context(), "00:12:EE:FF:00:00", false, ""); fault.CodeOf(err) != "ble.no-device" {
		t.Errorf("refused what nobody knows: %v", err)
	}
	if err := d.Decide(t.Context(), strings.ToLower(m.device.address), false, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := m.daemon.conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	drivertest.Until(t, "it is refused", func() bool { p := d.Pairings(); return len(p) == 1 && p[0].State == model.PairingRefused })
}

// R23: a meter that counts its records anew, after its battery was changed, is
// asked for all it has: it would have been asked for what comes behind the last
// number for ever.
func TestCountsAnew(t *testing.T) {
	t.Parallel()
	m := newMeter(t)
	p := m.place()
	for n := range 9 {
		p.Put(n, value(n+1))
	}
	intake, notes := &drivertest.Intake{}, &drivertest.Notes{}
	d := listen(t, m.address, intake, notes)
	all := func(from, to int, made func(int) []byte) {
		t.Helper()
		drivertest.Until(t, "all records are there", func() bool {
			p.Beside(d)
			for n := from; n <= to; n++ {
				if !intake.Has(made(n)) {
					return false
				}
			}
			return true
		})
	}
	all(1, 9, value)
	drivertest.Until(t, "it is asked for what comes behind", func() bool { return !m.has(8) })
	anew := func(n int) []byte { return append(value(n)[:10], 0x50, 0xB0, 0x11) }
	m.look(func() { m.stored, m.durable = nil, 0 })
	for n := 1; n <= 4; n++ {
		p.Put(n, anew(n))
	}
	all(1, 4, anew)
	if !slices.Contains(notes.Codes(), "ble.renumbered") {
		t.Error(notes.Codes())
	}
	p.Put(5, anew(5)) // it goes on from there
	all(5, 5, anew)
	told := slices.DeleteFunc(notes.Codes(), func(c string) bool { return c != "ble.renumbered" })
	if len(told) != 1 {
		t.Errorf("told %d times", len(told))
	}
}
