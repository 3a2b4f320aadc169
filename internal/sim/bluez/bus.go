package bluez

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"thalamus/internal/fault"
)

// Bus is a D-Bus of this program's own: a dbus-daemon with a socket that is for this
// user alone, and that starts no services. It ends with Close, and on Linux with the
// program, however that ends.
type Bus struct {
	address string
	folder  string // goes with it
	daemon  *exec.Cmd
	ended   chan struct{}
}

const busDaemon = "dbus-daemon"

// longestSocket is how long the path of a socket may be on every system.
const longestSocket = 100

// StartBus starts a D-Bus whose socket lies in a folder, which is made and is gone
// after Close; it is a temporary one where the path would be too long for a socket. A
// fault of the kind Absent says that this machine has no dbus-daemon.
func StartBus(folder string) (*Bus, error) {
	program, err := exec.LookPath(busDaemon)
	if err != nil {
		return nil, fault.New(fault.Absent, "sim.no-dbus", "there is no dbus-daemon on this machine, over which simulated Bluetooth devices are reached")
	}
	broken := func(err error) error {
		return fault.Wrap(err, fault.Broken, "sim.bus", "no D-Bus of its own can be started")
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return nil, broken(err)
	}
	if len(folder) > longestSocket-len("/bus") {
		if folder, err = os.MkdirTemp("", "thalamus-bus-"); err != nil {
			return nil, broken(err)
		}
	}
	b := &Bus{folder: folder, ended: make(chan struct{})}
	ready, err := b.start(program)
	if err != nil {
		os.RemoveAll(folder)
		return nil, broken(err)
	}
	select {
	case b.address = <-ready:
	case <-time.After(10 * time.Second):
	}
	if b.address == "" {
		b.Close()
		return nil, broken(errors.New("dbus-daemon does not tell its address"))
	}
	return b, nil
}

// start starts the daemon and gives where it tells its address; "" when it ended.
func (b *Bus) start(program string) (<-chan string, error) {
	_ = os.RemoveAll(b.folder) // of a run that was killed; what stays is said below
	if err := os.MkdirAll(b.folder, 0o700); err != nil {
		return nil, err
	}
	var socket bytes.Buffer
	if err := xml.EscapeText(&socket, []byte(escape(filepath.Join(b.folder, "bus")))); err != nil {
		return nil, err
	}
	conf := filepath.Join(b.folder, "bus.conf")
	text := fmt.Sprintf(`<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
`, socket.String())
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	b.daemon = exec.Command(program, "--nofork", "--nopidfile", "--nosyslog", "--print-address=1", "--config-file="+conf)
	endWithUs(b.daemon)
	out, err := b.daemon.StdoutPipe()
	if err != nil {
		return nil, err
	}
	ready, started := make(chan string, 1), make(chan error, 1)
	go func() { // the daemon ends with the thread that started it
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := b.daemon.Start()
		if started <- err; err != nil {
			return
		}
		line, _ := bufio.NewReader(out).ReadString('\n') // it ended: ""
		ready <- strings.TrimSpace(line)
		_ = b.daemon.Wait() // how it ended is of no interest
		close(b.ended)
	}()
	return ready, <-started
}

// escape writes a path as addresses of a D-Bus have it (D-Bus specification, Server
// Addresses).
func escape(path string) string {
	var out strings.Builder
	for _, c := range []byte(path) {
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', strings.IndexByte(`-_/.*`, c) >= 0:
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02x", c)
		}
	}
	return out.String()
}

// Address is where others reach it.
func (b *Bus) Address() string { return b.address }

// Close ends it and removes its folder.
func (b *Bus) Close() {
	_ = b.daemon.Process.Kill() // it may have ended by itself
	<-b.ended
	_ = os.RemoveAll(b.folder)
}
