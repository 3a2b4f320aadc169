package faults

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// shortest is the shortest write that counts as a frame: shorter ones are
// protocols' own characters.
const shortest = 16

const (
	oversize = 17 << 20        // bytes of an oversized frame
	hush     = 2 * time.Second // of silence, and of nobody being able to connect
	drip     = 400             // bytes that come one by one
)

// ErrOnPurpose is what a write gives after which there is no connection.
var ErrOnPurpose = errors.New("the link was broken on purpose")

// Dial connects, unless the device is unplugged, and gives a connection that
// has the plan's faults. secure nil means plain; over TLS what is encrypted has
// the faults. A nil plan connects as well.
func (p *Plan) Dial(ctx context.Context, network, address string, secure *tls.Config) (net.Conn, error) {
	if p != nil {
		p.mu.Lock()
		gone := p.gone
		p.mu.Unlock()
		if time.Now().Before(gone) {
			return nil, ErrOnPurpose
		}
	}
	c, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if secure != nil {
		over := tls.Client(c, secure)
		if err := over.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		c = over
	}
	return p.Conn(c), nil
}

// Conn gives a connection the plan's faults. Over TLS the encrypted connection
// is what is given.
func (p *Plan) Conn(c net.Conn) net.Conn {
	if p == nil || len(p.set) == 0 {
		return c
	}
	return &conn{Conn: c, plan: p, closed: make(chan struct{})}
}

type conn struct {
	net.Conn
	plan   *Plan
	held   []byte // a datagram that goes after the next
	end    sync.Once
	closed chan struct{}
}

// NetConn gives the connection below.
func (c *conn) NetConn() net.Conn { return c.Conn }

// Close implements net.Conn.
func (c *conn) Close() error {
	c.end.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// take gives the fault that a frame has.
func (p *Plan) take(n int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n < shortest || p.armed == "" {
		return ""
	}
	name := p.armed
	p.armed = ""
	if name == Unplugged {
		p.gone = time.Now().Add(hush)
	}
	return name
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	how := c.plan.take(len(b))
	if strings.HasPrefix(c.LocalAddr().Network(), "udp") {
		return c.datagram(how, b)
	}
	switch how {
	case Unplugged:
		return c.broken(0)
	case Reset:
		c.send(b[:len(b)/2])
		if t, ok := under(c.Conn).(*net.TCPConn); ok {
			_ = t.SetLinger(0) // a close without it is a fault as well
		}
		return c.broken(len(b) / 2)
	case HalfFrame:
		c.send(b[:len(b)/2])
		return c.broken(len(b) / 2)
	case Silence:
		c.send(b[:len(b)/2])
		select {
		case <-c.closed:
		case <-time.After(hush):
		}
		return c.broken(len(b) / 2)
	case Dropped:
		n, err := c.Conn.Write(b)
		c.Close()
		return n, err
	case SlowDrip:
		return c.dripping(b)
	case Garbage:
		c.send([]byte("\x00\xff\xfeGET / HTTP/1.1\r\n\r\n"))
	case WrongChecksum:
		b = slices.Clone(b)
		b[len(b)/2] ^= 1
	case Oversized:
		half := len(b) / 2
		c.send(b[:half])
		filler := slices.Repeat([]byte("x"), 64<<10)
		for range oversize / len(filler) {
			if c.send(filler) != nil {
				break // the other side had enough
			}
		}
		c.send(b[half:])
		return c.broken(half)
	}
	return c.Conn.Write(b)
}

// send writes part of a frame; what comes of it is the next exchange's matter.
func (c *conn) send(b []byte) error {
	_, err := c.Conn.Write(b)
	return err
}

func (c *conn) broken(n int) (int, error) {
	c.Close()
	return n, ErrOnPurpose
}

func (c *conn) dripping(b []byte) (int, error) {
	for i := range min(len(b), drip) {
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
		time.Sleep(time.Millisecond)
	}
	if len(b) <= drip {
		return len(b), nil
	}
	n, err := c.Conn.Write(b[drip:])
	return drip + n, err
}

// datagram sends one, or two, or none.
func (c *conn) datagram(how string, b []byte) (int, error) {
	switch how {
	case Unplugged:
		return c.broken(0)
	case HalfFrame:
		c.send(b[:len(b)/2])
		return len(b), nil
	case Dropped:
		return len(b), nil
	case Swapped:
		c.held = slices.Clone(b)
		return len(b), nil
	case Duplicate:
		c.send(b)
	case Garbage:
		c.send([]byte("\x00\xff\xfenoise"))
	}
	n, err := c.Conn.Write(b)
	if c.held != nil {
		c.send(c.held)
		c.held = nil
	}
	return n, err
}

// under gives the connection below all others.
func under(c net.Conn) net.Conn {
	for {
		w, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = w.NetConn()
	}
}
