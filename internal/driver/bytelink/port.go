package bytelink

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"go.bug.st/serial"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// stream is an open link of any kind.
type stream interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// port is an open serial port with a read deadline.
type port struct {
	serial.Port
	writer   *os.File     // the same port, written with a deadline; nil: there is none here
	deadline atomic.Int64 // unix nanoseconds, 0: none
}

// longestWait is how long a read of a port may go on without looking at its
// deadline, which another goroutine may have moved.
const longestWait = 200 * time.Millisecond

// openPort opens the port of the settings. The path given back is the stable
// one, said is what is known of it, a line each.
func (s *Settings) openPort(root string) (p *port, path, said string, err error) {
	path = s.Port
	if id, ok := parseUSB(s.Port); ok {
		if path, err = findUSB(root, id); err != nil {
			return nil, s.Port, "", err
		}
	}
	mode := &serial.Mode{BaudRate: s.Baud, DataBits: s.DataBits, Parity: serial.Parity(slices.Index(model.Parities(), s.Parity))}
	switch s.StopBits {
	case "1.5":
		mode.StopBits = serial.OnePointFiveStopBits
	case "2":
		mode.StopBits = serial.TwoStopBits
	}
	control, err := controlFlow(path, s.Flow)
	if err != nil {
		return nil, path, "", openFault(path, err)
	}
	writer, err := openWriter(path)
	if err != nil {
		err = errors.Join(err, control(false))
		return nil, path, "", openFault(path, err)
	}
	open, err := serial.Open(path, mode)
	if err != nil {
		writer.Close()
		err = errors.Join(err, control(false))
		return nil, path, "", openFault(path, err)
	}
	if err := control(true); err != nil {
		writer.Close()
		open.Close()
		return nil, path, "", openFault(path, err)
	}
	stable := stablePath(root, path)
	said = "port: " + stable
	real, _ := filepath.EvalSymlinks(path)
	if id := usbOf(root, filepath.Base(real)); id.vendor != "" {
		said += "\nusb: " + id.String()
	}
	return &port{Port: open, writer: writer}, stable, said, nil
}

func openFault(path string, err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.ENODEV) {
		return fault.Wrap(err, fault.Transient, "serial.unplugged", "the port is not there").At(path)
	}
	var p *serial.PortError
	code := serial.PortErrorCode(-1)
	if errors.As(err, &p) {
		code = p.Code()
	}
	switch {
	case code == serial.PortNotFound:
		return fault.Wrap(err, fault.Transient, "serial.unplugged", "the port is not there").At(path)
	case code == serial.PortBusy, errors.Is(err, syscall.EBUSY):
		return fault.Wrap(err, fault.Transient, "serial.open", "another program has the port").At(path)
	case code == serial.PermissionDenied, errors.Is(err, os.ErrPermission):
		return fault.Wrap(err, fault.Transient, "serial.open", "this program may not open the port; its user must belong to the port's group, dialout on most systems").At(path)
	}
	return fault.Wrap(err, fault.Transient, "serial.open", "the port cannot be opened with these settings").At(path)
}

// Read waits for bytes until the read deadline.
func (p *port) Read(b []byte) (int, error) {
	for {
		wait := longestWait
		if at := p.deadline.Load(); at != 0 {
			left := time.Until(time.Unix(0, at))
			if left <= 0 {
				return 0, os.ErrDeadlineExceeded
			}
			wait = min(wait, left)
		}
		if err := p.Port.SetReadTimeout(max(wait, time.Millisecond)); err != nil {
			return 0, err
		}
		n, err := p.Port.Read(b)
		if n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err // unplugged or closed
		}
	}
}

// Write writes all of b until the write deadline. A device that holds its line up
// for ever, or is not there behind its adapter, would else hold the link, and
// whoever stops it.
func (p *port) Write(b []byte) (int, error) {
	if p.writer != nil {
		return p.writer.Write(b)
	}
	done := 0
	for done < len(b) {
		n, err := p.Port.Write(b[done:])
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Close ends reads and writes under way.
func (p *port) Close() error {
	if p.writer == nil {
		return p.Port.Close()
	}
	return errors.Join(p.writer.Close(), p.Port.Close())
}

func (p *port) SetReadDeadline(t time.Time) error {
	if t.IsZero() {
		p.deadline.Store(0)
	} else {
		p.deadline.Store(t.UnixNano())
	}
	return nil
}

// SetWriteDeadline says until when a write may take.
func (p *port) SetWriteDeadline(t time.Time) error {
	if p.writer == nil {
		return nil
	}
	return p.writer.SetWriteDeadline(t)
}
