package bytelink

import (
	"os"

	"golang.org/x/sys/unix"
)

// openWriter opens a port once more, to write with a deadline: the library that
// opens ports waits in the system until the device takes what is written, which it
// may never do, and lets nobody else open the port after itself.
func openWriter(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
}
