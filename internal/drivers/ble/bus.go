package ble

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"
)

// Names of BlueZ on D-Bus (doc/org.bluez.*.rst of BlueZ).
const (
	service    = "org.bluez"
	ifAdapter  = "org.bluez.Adapter1"
	ifDevice   = "org.bluez.Device1"
	ifService  = "org.bluez.GattService1"
	ifChar     = "org.bluez.GattCharacteristic1"
	ifAgent    = "org.bluez.Agent1"
	ifManager  = "org.bluez.AgentManager1"
	ifObjects  = "org.freedesktop.DBus.ObjectManager"
	ifProperty = "org.freedesktop.DBus.Properties"
)

// objects are all objects of BlueZ: path, interface, property.
type objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant

// bus is how we speak to BlueZ: over one connection after another, none while the
// D-Bus is not there.
type bus struct {
	conn    *atomic.Pointer[dbus.Conn]
	timeout time.Duration
}

func newBus(timeout time.Duration) *bus { return &bus{new(atomic.Pointer[dbus.Conn]), timeout} }

// connect connects to a D-Bus; the connection ends with ctx.
func connect(ctx context.Context, address string) (*dbus.Conn, error) {
	// Signals stay in order and none is dropped.
	how := []dbus.ConnOption{dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()), dbus.WithContext(ctx)}
	if address == "system" {
		return dbus.ConnectSystemBus(how...)
	}
	return dbus.Connect(address, how...)
}

// call calls a method and stores what it gives.
func (b *bus) call(ctx context.Context, path dbus.ObjectPath, method string, out []any, args ...any) error {
	conn := b.conn.Load()
	if conn == nil {
		return dbus.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	c := conn.Object(service, path).CallWithContext(ctx, method, 0, args...)
	if c.Err != nil || len(out) == 0 {
		return c.Err
	}
	return c.Store(out...)
}

func (b *bus) managed(ctx context.Context) (objects, error) {
	var out objects
	err := b.call(ctx, "/", ifObjects+".GetManagedObjects", []any{&out})
	return out, err
}

func (b *bus) set(ctx context.Context, path dbus.ObjectPath, iface, name string, value any) error {
	return b.call(ctx, path, ifProperty+".Set", nil, iface, name, dbus.MakeVariant(value))
}

func text(p map[string]dbus.Variant, name string) string {
	s, _ := p[name].Value().(string)
	return s
}

func yes(p map[string]dbus.Variant, name string) bool {
	v, _ := p[name].Value().(bool)
	return v
}

func texts(p map[string]dbus.Variant, name string) []string {
	s, _ := p[name].Value().([]string)
	return s
}

// baseUUID ends the UUIDs of the Bluetooth SIG.
const baseUUID = "-0000-1000-8000-00805f9b34fb"

// short is a UUID of the Bluetooth SIG as four digits; others as they are.
func short(uuid string) string {
	uuid = strings.ToLower(uuid)
	if head, ok := strings.CutSuffix(uuid, baseUUID); ok && len(head) == 8 && strings.HasPrefix(head, "0000") {
		return head[4:]
	}
	return uuid
}

// services are those whose values are taken, by name.
var services = map[string]string{
	"1808": "glucose", "1809": "thermometer", "180d": "heart rate", "1810": "blood pressure", "181b": "body composition",
	"181d": "weight scale", "181f": "continuous glucose", "1822": "pulse oximeter",
}

// facts are characteristics that are read once after connecting; they go with
// every value.
var facts = map[string]bool{
	"2a29": true, "2a24": true, "2a25": true, "2a26": true, "2a27": true, "2a28": true, "2a23": true, // device information
	"2a19": true, "2a1d": true, "2aa8": true, "2aaa": true, "2a2b": true,
}

const racp = "2a52"

// name of an error of BlueZ.
func nameOf(err error) string {
	if e, ok := err.(dbus.Error); ok {
		return e.Name
	}
	return ""
}
