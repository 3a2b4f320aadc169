package sim

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"thalamus/internal/codec/mllpframe"
	"thalamus/internal/sim/faults"
)

// Link is a device's MLLP connection: it sends a message, waits for its
// acknowledgement and sends again until there is one, over a new connection if
// need be, as a device with a buffer does.
type Link struct {
	Address string
	TLS     *tls.Config // nil: plain
	Ledger  *Ledger
	// Patience is how long to wait for an acknowledgement; 0 means 10 s.
	Patience time.Duration
	// Acknowledged, when set, is called for each message once.
	Acknowledged func(m Message)
	// Plan is what goes wrong on the link; nil: nothing.
	Plan *faults.Plan

	conn    net.Conn
	scanner mllpframe.Scanner
	in      []byte
	out     []byte
}

var errNotAccepted = errors.New("not accepted")

// Send returns when the message is acknowledged (AA or CA) or ctx ends.
// A refusal (AE, AR, CE, CR) is counted and the message sent again after a
// pause: a device does not forget what nobody took.
func (l *Link) Send(ctx context.Context, m Message) error {
	pause := 20 * time.Millisecond
	for attempt := 0; ; attempt++ {
		l.Ledger.send(m, attempt > 0)
		began := time.Now()
		err := l.exchange(ctx, m)
		if err == nil {
			l.Ledger.accept(m, time.Since(began))
			if l.Acknowledged != nil {
				l.Acknowledged(m)
			}
			return nil
		}
		if !errors.Is(err, errNotAccepted) {
			l.Close()
			l.Ledger.fail(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Second)
	}
}

// Close ends the connection; the next Send opens another.
func (l *Link) Close() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
	l.in, l.scanner = l.in[:0], mllpframe.Scanner{Max: 1 << 20}
}

func (l *Link) dial(ctx context.Context) error {
	l.Close()
	conn, err := l.Plan.Dial(ctx, "tcp", l.Address, l.TLS)
	if err != nil {
		return err
	}
	l.conn = conn
	return nil
}

func (l *Link) exchange(ctx context.Context, m Message) error {
	if l.conn == nil {
		if err := l.dial(ctx); err != nil {
			return err
		}
	}
	patience := l.Patience
	if patience == 0 {
		patience = 10 * time.Second
	}
	conn := l.conn // by the time ctx ends the link may have another, or none
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := l.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	l.out = append(l.out[:0], mllpframe.VT)
	l.out = append(l.out, m.Bytes...)
	l.out = append(l.out, mllpframe.FS, mllpframe.CR)
	if _, err := l.conn.Write(l.out); err != nil {
		return err
	}
	for {
		frame, err := l.read()
		if err != nil {
			return err
		}
		code, control := acknowledgement(frame)
		if control != m.ControlID {
			continue // late or repeated: matched by control id, never by order
		}
		if code == "AA" || code == "CA" {
			return nil
		}
		l.Ledger.refuse(code)
		return errNotAccepted
	}
}

// read gives the next frame.
func (l *Link) read() ([]byte, error) {
	for {
		n, token := l.scanner.Next(l.in, false)
		if token.Kind == mllpframe.Frame {
			frame := bytes.Clone(token.Bytes)
			l.in = append(l.in[:0], l.in[n:]...)
			return frame, nil
		}
		l.in = append(l.in[:0], l.in[n:]...)
		if token.Kind != mllpframe.More {
			continue
		}
		var buf [4096]byte
		got, err := l.conn.Read(buf[:])
		l.in = append(l.in, buf[:got]...)
		if err != nil {
			return nil, err
		}
	}
}

// acknowledgement gives MSA-1 and MSA-2. The simulators read it on their own,
// so that a mistake of the codec cannot hide itself.
func acknowledgement(frame []byte) (code, control string) {
	for _, line := range strings.FieldsFunc(string(frame), func(r rune) bool { return r == '\r' || r == '\n' }) {
		if f := strings.Split(line, "|"); f[0] == "MSA" && len(f) > 2 {
			return f[1], f[2]
		}
	}
	return "", ""
}
