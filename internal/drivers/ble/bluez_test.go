package ble

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"thalamus/internal/codec"
	"thalamus/internal/codec/gatt"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// mock is BlueZ as python3-dbusmock plays it, on a D-Bus of its own. The GATT
// objects, which its template does not have, are added here.
type mock struct {
	t       *testing.T
	address string
	conn    *dbus.Conn
}

const (
	ifMock     = "org.bluez.Mock"
	ifDBusMock = "org.freedesktop.DBus.Mock"
	python     = "/usr/bin/python3"
	meter      = "C0:26:DA:00:12:34"
	meterPath  = dbus.ObjectPath("/org/bluez/hci0/dev_C0_26_DA_00_12_34")
)

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("peer missing: %s", what)
	}
	t.Skipf("peer missing: %s", what)
}

func startMock(t *testing.T) *mock {
	t.Helper()
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		missing(t, "dbus-daemon")
	}
	if exec.Command(python, "-c", "import dbusmock").Run() != nil {
		missing(t, "python3-dbusmock")
	}
	ctx, cancel := context.WithCancel(context.Background())
	daemon := exec.CommandContext(ctx, "dbus-daemon", "--session", "--nofork", "--print-address=1", "--address=unix:dir="+t.TempDir())
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	m := &mock{t: t, address: strings.TrimSpace(line)}
	bluez := exec.CommandContext(ctx, python, "-m", "dbusmock", "--system", "--template", "bluez5")
	bluez.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+m.address)
	if err := bluez.Start(); err != nil {
		t.Fatal(err)
	}
	if m.conn, err = dbus.Connect(m.address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.conn.Close()
		cancel()
		bluez.Wait()
		daemon.Wait()
	})
	drivertest.Until(t, "BlueZ is played", func() bool {
		var names []string
		return m.conn.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names) == nil && slices.Contains(names, service)
	})
	return m
}

func (m *mock) do(path dbus.ObjectPath, method string, args ...any) {
	m.t.Helper()
	if err := m.conn.Object(service, path).Call(method, 0, args...).Err; err != nil {
		m.t.Fatalf("%s of %s: %v", method, path, err)
	}
}

// method of a mocked object: name, types of arguments and result, Python.
type method struct{ Name, In, Out, Code string }

// add puts an object below the device.
func (m *mock) add(path dbus.ObjectPath, iface string, props map[string]any, methods ...method) {
	m.t.Helper()
	variants := map[string]dbus.Variant{}
	for k, v := range props {
		variants[k] = dbus.MakeVariant(v)
	}
	if methods == nil {
		methods = []method{}
	}
	m.do("/", ifDBusMock+".AddObject", path, iface, variants, methods)
}

func (m *mock) update(path dbus.ObjectPath, iface string, props map[string]any) {
	m.t.Helper()
	variants := map[string]dbus.Variant{}
	for k, v := range props {
		variants[k] = dbus.MakeVariant(v)
	}
	m.do(path, ifDBusMock+".UpdateProperties", iface, variants)
}

func uuid(s string) string { return "0000" + s + baseUUID }

// notify lets a characteristic tell a value.
func (m *mock) notify(char, value string) {
	m.t.Helper()
	b, _ := hex.DecodeString(value)
	m.do(charPath(char), ifDBusMock+".EmitSignal", ifProperty, "PropertiesChanged", "sa{sv}as",
		[]dbus.Variant{dbus.MakeVariant(ifChar), dbus.MakeVariant(map[string]dbus.Variant{"Value": dbus.MakeVariant(b)}), dbus.MakeVariant([]string{})})
}

func charPath(char string) dbus.ObjectPath {
	return meterPath + "/service0/char" + dbus.ObjectPath(char)
}

// glucometer puts a glucose meter near the adapter: with facts, measurements
// and record access that answers with three records.
func (m *mock) glucometer() {
	m.t.Helper()
	m.do("/org/bluez", ifMock+".AddAdapter", "hci0", "thalamus")
	m.do("/org/bluez", ifMock+".AddDevice", "hci0", meter, "Meter 7")
	m.add(meterPath+"/service0", ifService, map[string]any{"UUID": uuid("1808"), "Device": meterPath, "Primary": true})
	char := func(id string, flags []string, value string, methods ...method) {
		b, _ := hex.DecodeString(value)
		all := append(methods, method{"ReadValue", "a{sv}", "ay", fmt.Sprintf("ret = dbus.ByteArray(bytes.fromhex('%x'))", b)}, method{"StartNotify", "", "", ""}, method{"StopNotify", "", "", ""})
		m.add(charPath(id), ifChar, map[string]any{"UUID": uuid(id), "Service": meterPath + "/service0", "Flags": flags}, all...)
	}
	char("2a29", []string{"read"}, "41636d65")
	char("2a24", []string{"read"}, "474d2d31")
	char("2a25", []string{"read"}, "3437")
	char("2a19", []string{"read", "notify"}, "50")
	char("2a18", []string{"notify"}, "")
	char("2a34", []string{"notify"}, "")
	say := func(char, value string) string {
		return fmt.Sprintf("objects['%s'].EmitSignal('%s','PropertiesChanged','sa{sv}as',['%s',dbus.Dictionary({'Value':dbus.ByteArray(bytes.fromhex('%s'),variant_level=1)},signature='sv'),dbus.Array([],signature='s')]); ", charPath(char), ifProperty, ifChar, value)
	}
	record := func(n int) string { return fmt.Sprintf("02%02x00ea070b150a%02x0078b011", n, n) }
	racpCode := "asked = bytes(args[0]).hex()\n" +
		"if asked == '0101':\n  " + say("2a18", record(1)) + say("2a18", record(2)) + say("2a18", record(3)) + say("2a52", "06000101") + "\n" +
		"elif asked[:2] == '04':\n  " + say("2a52", "05000300") + "\n" +
		"else:\n  " + say("2a52", "06000106")
	char("2a52", []string{"write", "indicate"}, "", method{"WriteValue", "aya{sv}", "", racpCode})
	m.update(meterPath, ifDevice, map[string]any{"UUIDs": []string{uuid("1808")}})
}

// adapterDevice is the path of a made-up device.
func (m *mock) adapterDevice(n int) dbus.ObjectPath {
	return dbus.ObjectPath(fmt.Sprintf("/org/bluez/hci0/dev_DE_AD_00_00_%02X_%02X", n>>8, n&255))
}

// connected says that the device is there and its services are known.
func (m *mock) connected(yes bool) {
	m.t.Helper()
	m.update(meterPath, ifDevice, map[string]any{"Connected": yes, "ServicesResolved": yes})
}

type rig struct {
	*Driver
	intake *drivertest.Intake
	notes  *drivertest.Notes
}

func (m *mock) start(folder string) *rig {
	m.t.Helper()
	d, err := New(model.Channel{ID: "ward", Settings: map[string]any{"bus": m.address, "retry": "300ms", "timeout": "20s"}})
	if err != nil {
		m.t.Fatal(err)
	}
	r := &rig{d, &drivertest.Intake{}, &drivertest.Notes{}}
	h := driver.Host{Intake: r.intake, Log: slog.New(slog.DiscardHandler), Note: r.notes.Note, Folder: func(model.ChannelID) (string, error) { return folder, nil }}
	if err := d.Start(m.t.Context(), h); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(r.stop)
	return r
}

func (r *rig) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
	defer cancel()
	r.Stop(ctx)
}

func (r *rig) state() string {
	all := r.Pairings()
	if len(all) != 1 {
		return ""
	}
	return all[0].State
}

// read says what intake took, as the server would understand it.
func (r *rig) read() (out []string) {
	for _, f := range r.intake.Taken() {
		m := gatt.New().Decode(model.Entry{Frame: f}, codec.Context{})[0]
		s := m.Type + " " + m.ControlID
		for _, o := range m.Observations {
			s += " " + o.Value.Number.String()
		}
		for _, i := range m.Issues {
			s += " " + i.Code
		}
		out = append(out, strings.TrimSpace(s))
	}
	return out
}

// R8, R23: a meter waits for a person; once accepted it is bonded and
// connected, tells what it is, gives its records, and measures; after a restart
// only what is new is asked for.
func TestGlucoseMeter(t *testing.T) {
	m := startMock(t)
	m.glucometer()
	folder := t.TempDir()
	r := m.start(folder)
	drivertest.Until(t, "the meter waits", func() bool { return r.state() == model.PairingWaits })
	if p := r.Pairings()[0]; p.ID != meter || p.Name != "Meter 7" || len(p.Services) != 1 || p.Services[0] != "glucose" {
		t.Errorf("%+v", p)
	}
	if n, _ := r.intake.Count(); n != 0 {
		t.Error("something came of a device that nobody accepted")
	}
	if err := r.Decide(t.Context(), "00:00:00:00:00:00", true, ""); fault.KindOf(err) != fault.Absent {
		t.Errorf("a device that is not there: %v", err)
	}
	if err := r.Decide(t.Context(), meter, true, ""); err != nil {
		t.Fatal(err)
	}
	drivertest.Until(t, "the meter is bonded", func() bool { return r.state() == model.PairingBonded })
	m.connected(true)
	drivertest.Until(t, "its records are there", func() bool { n, _ := r.intake.Count(); return n >= 4 })
	want := []string{"battery level", "glucose measurement 1 120", "glucose measurement 2 120", "glucose measurement 3 120"}
	if got := r.read(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	dev := gatt.New().Decode(model.Entry{Frame: r.intake.Taken()[1]}, codec.Context{})[0].Devices[0]
	if dev.Manufacturer != "Acme" || dev.Model != "GM-1" || dev.Serial != "47" || dev.Battery != "80 %" || dev.Identifiers[0].Value != meter {
		t.Errorf("%+v", dev)
	}

	// A full disk: values wait and none is lost.
	r.intake.Fail(drivertest.Full)
	m.notify("2a18", "020400ea070b150a040078b011")
	drivertest.Until(t, "it was tried", func() bool { return slices.Contains(r.notes.Codes(), "ble.not-stored") })
	m.notify("2a18", "020500ea070b150a050078b011")
	r.intake.Fail(nil)
	drivertest.Until(t, "both are there", func() bool { n, _ := r.intake.Count(); return n >= 6 })
	if last := r.read()[5]; last != "glucose measurement 5 120" {
		t.Errorf("the last is %q", last)
	}
	drivertest.Until(t, "the last is remembered", func() bool { return r.memory.get(meter).Last["2a18"] == 5 })

	// Unplugged and back.
	m.connected(false)
	drivertest.Until(t, "it is gone", func() bool { return r.Status().Peers == 0 })
	m.connected(true)
	drivertest.Until(t, "it is back", func() bool { return r.Status().Peers == 1 })
	r.stop()

	again := m.start(folder)
	m.connected(true)
	drivertest.Until(t, "it is one of ours after a restart", func() bool { return again.state() == model.PairingBonded && again.Status().Peers == 1 })
	m.notify("2a18", "020600ea070b150a060078b011")
	drivertest.Until(t, "it measures", func() bool { return slices.Contains(again.read(), "glucose measurement 6 120") })
	if got := again.read(); slices.Contains(got, "glucose measurement 1 120") {
		t.Errorf("old records were asked for again: %q", got)
	}
	if err := again.Decide(t.Context(), meter, false, ""); err != nil {
		t.Fatal(err)
	}
	drivertest.Until(t, "it is refused", func() bool { return again.state() == model.PairingRefused })
}

// R9, R23: what a broken or hostile device tells does no harm: every value is
// kept as it came, those of nobody are passed over, and a crowd of addresses is
// bounded while an accepted device goes on.
func TestHostileDevices(t *testing.T) {
	m := startMock(t)
	m.glucometer()
	folder := t.TempDir()
	r := m.start(folder)
	drivertest.Until(t, "the meter waits", func() bool { return r.state() == model.PairingWaits })
	if err := r.Decide(t.Context(), meter, true, ""); err != nil {
		t.Fatal(err)
	}
	m.connected(true)
	drivertest.Until(t, "its records are there", func() bool { n, _ := r.intake.Count(); return n >= 4 })

	// A crowd: only so many strangers are listed, and somebody is told.
	for n := range mostStrangers + 20 {
		path := m.adapterDevice(n)
		r.changed(path, map[string]dbus.Variant{
			"Address": dbus.MakeVariant(fmt.Sprintf("DE:AD:00:00:%02X:%02X", n>>8, n&255)), "Alias": dbus.MakeVariant(strings.Repeat("x", 5000)),
			"UUIDs": dbus.MakeVariant([]string{uuid("1808"), "not a uuid", ""}), "RSSI": dbus.MakeVariant("loud"), "Paired": dbus.MakeVariant(7),
		})
	}
	if n := len(r.Pairings()); n > mostStrangers+1 || !slices.Contains(r.notes.Codes(), "ble.crowd") {
		t.Errorf("%d devices are listed, told %v", n, r.notes.Codes())
	}

	// Values of every wrong kind, of nobody's characteristics, and signals that
	// are none.
	taken := len(r.intake.Taken())
	hostile := []string{"", "02", "ffffffffffffffffffffffffffffffffffff", strings.Repeat("a5", 512), "06000101", "06"}
	for _, v := range hostile {
		m.notify("2a18", v)
	}
	m.notify("2a52", "06000101") // an answer that nobody asked for
	m.notify("2a52", "")
	r.value(charPath("2aff"), []byte{0})                              // no such characteristic
	r.value("/org/bluez/hci0/dev_DE_AD/service0/char0", []byte{0, 1}) // no such device
	for _, s := range []*dbus.Signal{
		{Name: ifProperty + ".PropertiesChanged", Path: meterPath, Body: []any{7, "x"}},
		{Name: ifProperty + ".PropertiesChanged", Path: charPath("2a18"), Body: []any{ifChar, map[string]dbus.Variant{"Value": dbus.MakeVariant("text")}}},
		{Name: ifProperty + ".PropertiesChanged"}, {Name: ifObjects + ".InterfacesAdded", Body: []any{1, 2}}, {Name: ifObjects + ".InterfacesRemoved", Body: []any{"x", "y"}}, {},
	} {
		r.signal(s)
	}
	m.notify("2a18", "020900ea070b150a090078b011") // and it still measures
	drivertest.Until(t, "it still measures", func() bool { return slices.Contains(r.read(), "glucose measurement 9 120") })
	kept := map[string]int{}
	for _, f := range r.intake.Taken()[taken:] {
		kept[hex.EncodeToString(f.Bytes)]++
	}
	for _, v := range hostile {
		if v != "" && kept[v] == 0 {
			t.Errorf("the value %.20s was not kept as it came: %v", v, kept)
		}
	}
	if r.Status().State != "connected" {
		t.Errorf("%+v", r.Status())
	}
}

// R8: the agent says yes to nothing that no person agreed to, and a number
// is confirmed by a person only.
func TestAgent(t *testing.T) {
	m := startMock(t)
	m.glucometer()
	r := m.start(t.TempDir())
	drivertest.Until(t, "the meter waits", func() bool { return r.state() == model.PairingWaits })
	a := &agent{r.Driver}
	if err := a.RequestConfirmation(meterPath, 4711); err == nil {
		t.Error("confirmed without a person")
	}
	if err := a.RequestAuthorization(meterPath); err == nil {
		t.Error("authorised without a person")
	}
	if err := a.AuthorizeService("/org/bluez/hci0/dev_00", "x"); err == nil {
		t.Error("a stranger was authorised")
	}
	if _, err := a.RequestPinCode(meterPath); err == nil {
		t.Error("a PIN was given")
	}
	if err := r.Decide(t.Context(), meter, true, ""); err != nil {
		t.Fatal(err)
	}
	drivertest.Until(t, "the meter is bonded", func() bool { return r.state() == model.PairingBonded })
	for _, accept := range []bool{true, false} {
		answered := make(chan *dbus.Error, 1)
		go func() { answered <- a.RequestConfirmation(meterPath, 4711) }()
		drivertest.Until(t, "a person is asked", func() bool { return r.state() == model.PairingConfirm })
		if p := r.Pairings()[0]; p.Passkey != "004711" {
			t.Errorf("the number is %q", p.Passkey)
		}
		if err := r.Decide(t.Context(), meter, accept, ""); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-answered:
			if (err == nil) != accept {
				t.Errorf("accepted %v: %v", accept, err)
			}
		case <-time.After(drivertest.Patience):
			t.Fatal("not answered")
		}
	}
	if err := r.Decide(t.Context(), meter, true, "12x"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a passkey of letters: %v", err)
	}
}

// R8: an adapter that is not there is waited for, and said.
func TestWithoutAdapter(t *testing.T) {
	m := startMock(t)
	r := m.start(t.TempDir())
	drivertest.Until(t, "it is said", func() bool { return strings.Contains(r.Status().Text, "no adapter") })
	m.glucometer()
	drivertest.Until(t, "the adapter was found", func() bool { return r.state() == model.PairingWaits })
}

func TestSettings(t *testing.T) {
	for _, s := range []map[string]any{{"adapter": "../x"}, {"retry": "0s"}, {"bus": ""}, {"bus": "systemd"}, {"nonsense": 1}} {
		if _, err := New(model.Channel{ID: "x", Settings: s}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v: %v", s, err)
		}
	}
	d, err := New(model.Channel{ID: "x", Settings: map[string]any{"bus": "unix:path=/nowhere"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(t.Context(), driver.Host{Intake: &drivertest.Intake{}, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	defer d.Stop(t.Context())
	drivertest.Until(t, "it is said that there is no bus", func() bool { s := d.Status(); return s.State == "trying" && s.Code == "ble.bus" })
}
