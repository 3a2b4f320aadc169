package bytelink

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
	"thalamus/internal/peertest"
)

// echo is a protocol for tests: each read is a frame, answered with itself.
func echo(ctx context.Context, s *Session) error {
	b := make([]byte, 4096)
	for {
		n, err := s.Read(b, time.Time{})
		if err != nil {
			return err
		}
		if err := s.Offer(ctx, s.Frame(b[:n])); err != nil {
			return err
		}
		if err := s.Write(b[:n]); err != nil {
			return err
		}
	}
}

type rig struct {
	*drivertest.Intake
	notes *drivertest.Notes
	d     driver.Driver
}

func settings(t *testing.T, given map[string]any) Settings {
	t.Helper()
	var s struct {
		Link Settings `yaml:"link"`
	}
	if err := conf.Decode(map[string]any{"link": given}, &s); err != nil {
		t.Fatal(err)
	}
	if err := s.Link.Check("link"); err != nil {
		t.Fatal(err)
	}
	return s.Link
}

func start(t *testing.T, given map[string]any) *rig {
	t.Helper()
	given["retry"] = "50ms"
	r := &rig{Intake: &drivertest.Intake{}, notes: &drivertest.Notes{}, d: New(model.Channel{ID: "lab", Codec: "raw"}, settings(t, given), echo)}
	if err := r.d.Start(t.Context(), driver.Host{Intake: r.Intake, Log: slog.New(slog.DiscardHandler), Note: r.notes.Note}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
		defer cancel()
		r.d.Stop(ctx)
	})
	return r
}

func (r *rig) state() string { return r.d.(driver.Reporter).Status().State }

// cable is a pair of pseudo terminals: the driver has the one end, the test
// the other. Unplug takes it away.
type cable struct {
	t          *testing.T
	ours, devs string
	socat      *exec.Cmd
}

func newCable(t *testing.T) *cable {
	t.Helper()
	if _, err := exec.LookPath("socat"); err != nil {
		peertest.Missing(t, "socat")
	}
	dir := t.TempDir()
	c := &cable{t: t, ours: filepath.Join(dir, "ours"), devs: filepath.Join(dir, "device")}
	t.Cleanup(c.unplug)
	return c
}

func (c *cable) plug() {
	c.t.Helper()
	c.socat = exec.Command("socat", "pty,raw,echo=0,link="+c.ours, "pty,raw,echo=0,link="+c.devs)
	if err := c.socat.Start(); err != nil {
		c.t.Fatal(err)
	}
	drivertest.Until(c.t, "the cable is there", func() bool {
		_, err1 := os.Stat(c.ours)
		_, err2 := os.Stat(c.devs)
		return err1 == nil && err2 == nil
	})
}

func (c *cable) unplug() {
	if c.socat == nil {
		return
	}
	c.socat.Process.Kill()
	c.socat.Wait()
	c.socat = nil
	os.Remove(c.ours)
	os.Remove(c.devs)
}

// device opens the other end.
func (c *cable) device() *os.File {
	c.t.Helper()
	f, err := os.OpenFile(c.devs, os.O_RDWR, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	return f
}

// talk says a word at the other end until it comes back.
func (c *cable) talk(word string) {
	c.t.Helper()
	f := c.device()
	defer f.Close()
	if _, err := f.WriteString(word); err != nil {
		c.t.Fatal(err)
	}
	got := ""
	b := make([]byte, 64)
	for got != word {
		n, err := f.Read(b)
		if err != nil {
			c.t.Fatalf("heard %q, %v", got, err)
		}
		got += string(b[:n])
	}
}

// TestPort unplugs a serial port and plugs it in again (R6): nothing is done
// by hand.
func TestPort(t *testing.T) {
	c := newCable(t)
	r := start(t, map[string]any{"port": c.ours, "baud": 115200, "parity": "even", "stop_bits": "2"})
	drivertest.Until(t, "the missing port is reported", func() bool { return slices.Contains(r.notes.Codes(), "serial.unplugged") })
	if s := r.d.(driver.Reporter).Status(); s.State != "trying" || !strings.Contains(s.Text, "not there") {
		t.Errorf("%+v", s)
	}
	for _, word := range []string{"one", "two"} {
		c.plug()
		drivertest.Until(t, "the port is open", func() bool { return r.state() == "connected" })
		c.talk(word)
		c.unplug()
		drivertest.Until(t, "the port is gone", func() bool { return r.state() == "trying" })
	}
	var got string
	for _, f := range r.Taken() {
		got += string(f.Bytes)
		if f.Peer != c.ours || f.Properties != "port: "+c.ours {
			t.Errorf("peer %q, properties %q", f.Peer, f.Properties)
		}
	}
	if got != "onetwo" {
		t.Errorf("%q came", got)
	}
}

// TestPortStops while nothing comes.
func TestPortStops(t *testing.T) {
	c := newCable(t)
	c.plug()
	r := start(t, map[string]any{"port": c.ours})
	drivertest.Until(t, "the port is open", func() bool { return r.state() == "connected" })
	if n := len(r.d.(driver.Connected).Connections()); n != 1 {
		t.Errorf("%d connections", n)
	}
	if err := r.d.Stop(t.Context()); err != nil || r.state() != "stopped" {
		t.Errorf("%v, %s", err, r.state())
	}
}

// TestPortHeldUp: a device that takes nothing ends its link after the stall, and does
// not keep the channel from stopping.
func TestPortHeldUp(t *testing.T) {
	for _, stall := range []string{"300ms", "1h"} {
		c := newCable(t)
		c.plug()
		ended := make(chan error, 100)
		flood := func(_ context.Context, s *Session) error {
			for {
				if err := s.Write(make([]byte, 4096)); err != nil {
					ended <- err
					return err
				}
			}
		}
		d := New(model.Channel{ID: "lab", Codec: "raw"}, settings(t, map[string]any{"port": c.ours, "retry": "50ms", "stall_timeout": stall}), flood)
		if err := d.Start(t.Context(), driver.Host{Intake: &drivertest.Intake{}, Log: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
		drivertest.Until(t, "the port is open", func() bool { return d.(driver.Reporter).Status().State == "connected" })
		if stall != "1h" {
			select {
			case err := <-ended:
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
			case <-time.After(drivertest.Patience):
				t.Fatal("the write never ended")
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		stopped := make(chan struct{})
		go func() { d.Stop(ctx); close(stopped) }()
		select {
		case <-stopped:
		case <-time.After(5 * time.Second):
			t.Fatal("the channel did not stop")
		}
		cancel()
	}
}

// TestConnect calls a terminal server that goes away and comes back.
func TestConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := start(t, map[string]any{"connect": l.Addr().String()})
	for range 2 {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(drivertest.Patience))
		c.Write([]byte("hello"))
		b := make([]byte, 5)
		if n, err := c.Read(b); err != nil || string(b[:n]) != "hello" {
			t.Fatalf("%q, %v", b[:n], err)
		}
		c.Close()
	}
	if got, _ := r.Count(); got != 2 {
		t.Errorf("%d frames", got)
	}
}

// machine is a file tree like that of a Linux machine with USB adapters.
func machine(t *testing.T, adapters map[string]usbID) string {
	t.Helper()
	root := t.TempDir()
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, at string) {
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, at); err != nil {
			t.Fatal(err)
		}
	}
	for tty, id := range adapters {
		usb := filepath.Join(root, "sys/devices/pci0/usb1/1-"+tty)
		write(filepath.Join(usb, "idVendor"), id.vendor+"\n")
		write(filepath.Join(usb, "idProduct"), id.product+"\n")
		write(filepath.Join(usb, "serial"), id.serial+"\n")
		write(filepath.Join(usb, "1-1:1.0", tty, "port_number"), "0\n")
		link(filepath.Join(usb, "1-1:1.0", tty), filepath.Join(root, "sys/class/tty", tty, "device"))
		write(filepath.Join(root, "dev", tty), "")
		link(filepath.Join(root, "dev", tty), filepath.Join(root, "dev/serial/by-id", "usb-"+id.serial+"-if00"))
	}
	write(filepath.Join(root, "sys/class/tty/tty0/dev"), "4:0")
	return root
}

func TestUSB(t *testing.T) {
	ftdi := usbID{"0403", "6001", "A600XYZ"}
	root := machine(t, map[string]usbID{"ttyUSB0": ftdi, "ttyUSB1": {"0403", "6001", "B7"}, "ttyACM0": {"1a86", "7523", ""}})
	for port, want := range map[string]string{
		"usb:0403:6001:A600XYZ": "ttyUSB0", "usb:0403:6001:B7": "ttyUSB1", "usb:1A86:7523": "ttyACM0", "usb:0403:6001": "serial.ambiguous", "usb:ffff:0000": "serial.unplugged",
	} {
		id, ok := parseUSB(port)
		if !ok {
			t.Fatal(port)
		}
		got, err := findUSB(root, id)
		if err != nil {
			if !strings.Contains(err.Error(), "USB device") || !strings.HasPrefix(want, "serial.") {
				t.Errorf("%s: %v, want %s", port, err, want)
			}
			continue
		}
		if filepath.Base(got) != want {
			t.Errorf("%s: %s, want %s", port, got, want)
		}
	}
	if got := usbOf(root, "ttyUSB0"); got != ftdi || got.String() != "0403:6001:A600XYZ" {
		t.Errorf("%+v", got)
	}
	if got := stablePath(root, filepath.Join(root, "dev/ttyUSB0")); filepath.Base(got) != "usb-A600XYZ-if00" {
		t.Errorf("%s", got)
	}
	if got := usbOf(root, "tty0"); got.vendor != "" {
		t.Errorf("%+v", got)
	}
}
