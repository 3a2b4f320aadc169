package bedside

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// Device is one simulated device on a line of bytes. It has no clock of its own
// and is never used by two goroutines at once.
type Device interface {
	// Connected tells that somebody is at the other end now.
	Connected(now time.Time)
	// Receive takes bytes as they come, in whatever pieces, and gives what the
	// device answers.
	Receive(now time.Time, b []byte) []byte
	// Tick gives what the device sends by itself.
	Tick(now time.Time) []byte
	// Cut tells, once, that the device drops the line now.
	Cut() bool
	// Count is what the device did.
	Count() Count
}

// Count is what devices did.
type Count struct {
	Connections int `json:"connections"`
	Requests    int `json:"requests"` // commands taken
	Messages    int `json:"messages"` // sent
	Faults      int `json:"faults"`
}

func (c *Count) add(o Count) {
	c.Connections += o.Connections
	c.Requests += o.Requests
	c.Messages += o.Messages
	c.Faults += o.Faults
}

// rhythm is how often a device is asked what it sends.
const rhythm = 20 * time.Millisecond

// Talk lets a device speak over a line until the line ends, the device drops it
// or ctx ends. A line that is an io.Closer is closed then; one that is not
// keeps a goroutine until its Read returns.
func Talk(ctx context.Context, line io.ReadWriter, d Device) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c, ok := line.(io.Closer); ok {
		stop := context.AfterFunc(ctx, func() { c.Close() })
		defer stop()
		defer c.Close()
	}
	came := make(chan []byte)
	ended := make(chan error, 1)
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := line.Read(buffer)
			if n > 0 {
				select {
				case came <- append([]byte(nil), buffer[:n]...):
				case <-ctx.Done():
					return
				}
			}
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				ended <- err
				return
			}
		}
	}()
	d.Connected(time.Now())
	ticker := time.NewTicker(rhythm)
	defer ticker.Stop()
	for {
		var out []byte
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case b := <-came:
			out = d.Receive(time.Now(), b)
		case <-ticker.C:
			out = d.Tick(time.Now())
		}
		if len(out) > 0 {
			if _, err := line.Write(out); err != nil {
				return err
			}
		}
		if d.Cut() {
			return nil
		}
	}
}
