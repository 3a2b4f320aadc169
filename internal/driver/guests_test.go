package driver

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/fault"
)

// visitor reads until its deadline or its end.
type visitor struct {
	net    net.Conn
	usable atomic.Bool
}

func (v *visitor) Hurry()                         { v.net.SetReadDeadline(time.Unix(1, 0)) }
func (v *visitor) Cut()                           { v.net.Close() }
func (v *visitor) Connection() (Connection, bool) { return Connection{Peer: "a"}, v.usable.Load() }

func pipe(t *testing.T) *visitor {
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	return &visitor{net: a}
}

func TestGuests(t *testing.T) {
	g := Guests[*visitor]{Most: 2}
	read := func(v *visitor) func() { return func() { v.net.Read(make([]byte, 1)) } }
	first, second, third := pipe(t), pipe(t), pipe(t)
	if !g.Serve(first, read(first)) || !g.Serve(second, read(second)) || g.Serve(third, read(third)) {
		t.Fatal("two may come, a third may not")
	}
	first.usable.Store(true)
	if got := g.Connections(); len(got) != 1 || g.Len() != 2 || !g.Here(second) || g.Here(third) {
		t.Fatalf("%v of %d", got, g.Len())
	}
	g.Stop(t.Context(), func() {})
	if g.Len() != 0 || !g.Stopping() {
		t.Error("they were hurried and have left")
	}
	if g.Serve(third, read(third)) || g.ServeHere(third, read(third)) {
		t.Error("nobody comes after the end")
	}
	g.Go(func() { t.Error("nothing runs after the end") })
	g.Stop(t.Context(), func() {})
}

// Whoever does not heed being hurried is cut when patience ends.
func TestGuestsAreCut(t *testing.T) {
	var g Guests[*visitor]
	v := pipe(t)
	g.Serve(v, func() {
		for {
			if _, err := v.net.Read(make([]byte, 1)); err == nil {
				continue
			}
			v.net.SetReadDeadline(time.Time{})
			if _, err := v.net.Read(make([]byte, 1)); err != nil {
				return // closed
			}
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	given := false
	g.Stop(ctx, func() { given = true })
	if !given || g.Len() != 0 {
		t.Error("offers are given up and the connection is closed")
	}
}

func TestAcceptUntilClosed(t *testing.T) {
	l, err := Listen(t.Context(), "127.0.0.1:0", "x.listen", "listen")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Listen(t.Context(), l.Addr().String(), "x.listen", "listen")
	if fault.CodeOf(err) != "x.listen" || fault.KindOf(err) != fault.Conflict {
		t.Errorf("a port that is taken: %v", err)
	}
	came := make(chan net.Conn, 1)
	var g Guests[*visitor]
	g.Go(func() {
		Accept(l, func(err error) { t.Error(err) }, func(c net.Conn) { came <- c })
	})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	(<-came).Close()
	l.Close()
	g.Stop(t.Context(), func() {})
}
