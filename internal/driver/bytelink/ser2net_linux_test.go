package bytelink

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"thalamus/internal/driver/drivertest"
	"thalamus/internal/peertest"
)

// TestSer2net calls a real terminal server, whose port is a pseudo terminal: it
// is told the port's settings, and every byte comes and goes as it is (R6).
func TestSer2net(t *testing.T) {
	program, err := exec.LookPath("ser2net")
	if err != nil {
		program = "/usr/sbin/ser2net" // not on everybody's path
	}
	if _, err := os.Stat(program); err != nil {
		peertest.Missing(t, "ser2net")
	}
	c := newCable(t)
	c.plug()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().(*net.TCPAddr)
	free.Close()
	file := filepath.Join(t.TempDir(), "ser2net.yaml")
	text := fmt.Sprintf("%%YAML 1.1\n---\nconnection: &lab\n  accepter: telnet(rfc2217),tcp,127.0.0.1,%d\n  connector: serialdev(nouucplock),%s,9600n81,local\n", address.Port, c.ours)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(program, "-n", "-c", file)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })

	r := start(t, map[string]any{"connect": address.String(), "telnet": "rfc2217", "baud": 19200, "stop_bits": "2", "flow": "rts-cts"})
	drivertest.Until(t, "the link is open", func() bool { return r.state() == "connected" })
	drivertest.Until(t, "the port is as it was asked for", func() bool {
		fd, err := unix.Open(c.ours, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err == unix.EBUSY {
			return true // only root may look at a port that another program has
		}
		if err != nil {
			return false
		}
		defer unix.Close(fd)
		port, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		return err == nil && port.Cflag&unix.CBAUD == unix.B19200 && port.Cflag&unix.CSTOPB != 0 && port.Cflag&unix.CRTSCTS != 0
	})
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	c.talk(string(all))
	var got []byte
	for _, f := range r.Taken() {
		got = append(got, f.Bytes...)
	}
	if string(got) != string(all) {
		t.Errorf("% x came", got)
	}
	if slices.Contains(r.notes.Codes(), "serial.telnet") {
		t.Error("the terminal server was not understood:", r.notes.Codes())
	}
}
