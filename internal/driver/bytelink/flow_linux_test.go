package bytelink

import (
	"testing"

	"golang.org/x/sys/unix"
)

// flowOf reads what flow control a port has.
func flowOf(t *testing.T, path string) string {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("the port cannot be opened a second time:", err) // only root may
	}
	defer unix.Close(fd)
	got, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case got.Cflag&unix.CRTSCTS != 0:
		return "rts-cts"
	case got.Iflag&(unix.IXON|unix.IXOFF) != 0:
		return "xon-xoff"
	}
	return "none"
}
