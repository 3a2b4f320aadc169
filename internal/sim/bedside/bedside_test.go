package bedside

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"thalamus/internal/sim"
)

// echo answers what it hears, says "hello" first and hangs up when told.
type echo struct {
	Wire
	said, gone bool
}

func (e *echo) Connected(now time.Time) { e.Wire.Connected(now); e.said = false }

func (e *echo) Receive(now time.Time, b []byte) []byte {
	e.gone = strings.Contains(string(b), "bye")
	return e.Send(now, nil, b, "", -1)
}

func (e *echo) Tick(now time.Time) []byte {
	if e.said {
		return nil
	}
	e.said = true
	return e.Send(now, nil, []byte("hello"), "", -1)
}

func (e *echo) Cut() bool { g := e.gone; e.gone = false; return g }

func expect(t *testing.T, c net.Conn, want string) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("%q, %v; want %q", got, err, want)
	}
}

func TestWardServesOneLineAfterAnother(t *testing.T) {
	w := &Ward{Listen: "127.0.0.1:0", Beds: 2, Make: func(sim.Bed) Device { return &echo{} }}
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { w.Run(ctx, 0); close(done) }()
	defer func() { cancel(); <-done }()
	for range 2 {
		c, err := net.Dial("tcp", w.Addresses()[1].String())
		if err != nil {
			t.Fatal(err)
		}
		expect(t, c, "hello")
		if _, err := io.WriteString(c, "bye"); err != nil {
			t.Fatal(err)
		}
		expect(t, c, "bye")
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the device did not hang up")
		}
		c.Close()
	}
	if n := w.Count(); n.Connections != 2 || n.Messages != 4 {
		t.Errorf("%+v", n)
	}
}

func TestWardCalls(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := &Ward{To: l.Addr().String(), Beds: 1, Make: func(sim.Bed) Device { return &echo{} }}
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { w.Run(ctx, 0); close(done) }()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	expect(t, c, "hello")
	cancel()
	<-done
	c.Close()
}
