package rest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// unread finds connections that end after bytes came of which no request could
// be made: no HTTP, or half a head. The HTTP server answers those, where it can,
// and says nothing of them. Below TLS only the first request of a connection is
// looked at: what comes later may be TLS saying goodbye.
type unread struct {
	tell func(peer string)
	all  sync.Map // net.Conn -> *phase
}

// phase of a connection.
type phase struct{ atomic.Int32 }

const (
	quietNow = iota
	begun    // bytes came, and no request of them yet
	asked    // a request is under way
)

type unreadKey struct{}

// listener lets the bytes of its connections be seen.
func (u *unread) listener(l net.Listener) net.Listener { return heardListener{l} }

type heardListener struct{ net.Listener }

func (l heardListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &heardConn{Conn: c}, nil
}

// heardConn notes in its phase that bytes came.
type heardConn struct {
	net.Conn
	phase phase
}

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.phase.CompareAndSwap(quietNow, begun)
	}
	return n, err
}

// context gives requests of a connection what they set right.
func (u *unread) context(ctx context.Context, c net.Conn) context.Context {
	p := &phase{}
	if heard, ok := c.(*heardConn); ok {
		p = &heard.phase
	}
	u.all.Store(c, p)
	return context.WithValue(ctx, unreadKey{}, p)
}

// request says that one was made of what came.
func (u *unread) request(r *http.Request) {
	if p, ok := r.Context().Value(unreadKey{}).(*phase); ok {
		p.Store(asked)
	}
}

// state follows a connection.
func (u *unread) state(c net.Conn, s http.ConnState) {
	is, ok := u.all.Load(c)
	if !ok {
		return
	}
	p := is.(*phase)
	switch s {
	case http.StateActive:
		p.CompareAndSwap(quietNow, begun)
	case http.StateIdle:
		p.Store(quietNow)
	case http.StateClosed, http.StateHijacked:
		u.all.Delete(c)
		if s == http.StateClosed && p.Load() == begun {
			u.tell(c.RemoteAddr().String())
		}
	}
}
