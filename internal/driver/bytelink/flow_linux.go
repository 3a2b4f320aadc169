package bytelink

import "golang.org/x/sys/unix"

// flowHere says that ports of this system can have flow control.
const flowHere = true

// controlFlow prepares flow control of a port. The library that opens ports
// cannot set it and lets nobody else open the port after itself, so the port is
// opened before; what is set lasts, because it belongs to the port and not to
// who opened it. done(true) sets it once the library has set the rest;
// done(false) gives it up.
func controlFlow(path, flow string) (done func(set bool) error, err error) {
	if flow == "none" {
		return func(bool) error { return nil }, nil
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return func(set bool) error {
		defer unix.Close(fd)
		if !set {
			return nil
		}
		t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return err
		}
		if flow == "rts-cts" {
			t.Cflag |= unix.CRTSCTS
		} else {
			t.Iflag |= unix.IXON | unix.IXOFF
		}
		return unix.IoctlSetTermios(fd, unix.TCSETS, t)
	}, nil
}
