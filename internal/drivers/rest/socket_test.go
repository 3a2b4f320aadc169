package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
)

// stream is a peer on a WebSocket.
type peer struct {
	t    *testing.T
	conn *websocket.Conn
	ctx  context.Context
}

func (r *rig) dial(stream string) *peer {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
	r.t.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, strings.Replace(r.url, "http", "ws", 1)+"?stream="+stream, &websocket.DialOptions{Subprotocols: []string{Protocol}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.CloseNow() })
	if conn.Subprotocol() != Protocol {
		r.t.Errorf("subprotocol %q", conn.Subprotocol())
	}
	return &peer{r.t, conn, ctx}
}

func (p *peer) send(seq int, body string) {
	p.t.Helper()
	if err := p.conn.Write(p.ctx, websocket.MessageText, fmt.Appendf(nil, "{\"seq\":%d}\n%s", seq, body)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) hear() reply {
	p.t.Helper()
	_, b, err := p.conn.Read(p.ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	var out reply
	if err := json.Unmarshal(b, &out); err != nil {
		p.t.Fatalf("%s: %v", b, err)
	}
	return out
}

func (p *peer) hello() *hello {
	p.t.Helper()
	h := p.hear().Hello
	if h == nil {
		p.t.Fatal("no hello")
	}
	return h
}

// acknowledged reads until a message is acknowledged.
func (p *peer) acknowledged(seq uint64) {
	p.t.Helper()
	for {
		if r := p.hear(); r.Ack >= seq {
			return
		} else if r.Error != nil {
			p.t.Fatalf("%+v", r.Error)
		}
	}
}

// R3, R18, R23: acknowledged after durability, and a stream goes on where it
// was acknowledged, over connections, restarts and the loss of the log.
func TestSocket(t *testing.T) {
	r := newRig(t, nil)
	p := r.dial("a")
	if h := p.hello(); h.Last != 0 || h.Window != 64 || h.MaxMessage != 8<<20 {
		t.Errorf("%+v", h)
	}
	release := r.intake.Hold()
	p.send(1, `{"v":1}`)
	drivertest.Until(t, "intake was asked", func() bool { _, offers := r.intake.Count(); return offers == 1 })
	p.send(2, `{"v":2}`)
	if n, _ := r.intake.Count(); n != 0 {
		t.Error("taken before it was durable")
	}
	release()
	p.acknowledged(2)
	p.send(2, `{"v":2}`) // again
	p.acknowledged(2)
	p.conn.CloseNow()
	for _, how := range []string{"another connection", "a stop"} {
		if how == "a stop" {
			r.stop()
			r.start(nil)
		}
		q := r.dial("a")
		if h := q.hello(); h.Last != 2 {
			t.Errorf("after %s: %+v", how, h)
		}
		q.conn.CloseNow()
	}
	if h := r.dial("b").hello(); h.Last != 0 {
		t.Errorf("another stream: %+v", h)
	}
	if n, _ := r.intake.Count(); n != 2 {
		t.Errorf("%d entries", n)
	}
	for i := range 300 {
		if i == 0 {
			p = r.dial("many")
			p.hello()
		}
		p.send(i+1, fmt.Sprintf(`{"v":%d}`, i))
	}
	p.acknowledged(300)
	if n, _ := r.intake.Count(); n != 302 {
		t.Errorf("%d entries", n)
	}
}

func TestSocketRefuses(t *testing.T) {
	r := newRig(t, nil)
	p := r.dial("a")
	p.hello()
	p.send(1, `{broken`)
	if a := p.hear(); a.Refused != 1 || a.Code != "rest.not-json" || a.Place == "" {
		t.Errorf("%+v", a)
	}
	p.acknowledged(1)
	p.send(2, `{}`)
	p.acknowledged(2)
	p.send(9, `{}`)
	for {
		a := p.hear()
		if a.Error != nil {
			if a.Error.Code != "rest.sequence" {
				t.Errorf("%+v", a.Error)
			}
			break
		}
	}
	q := r.dial("a")
	q.hello()
	if err := q.conn.Write(q.ctx, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if a := q.hear(); a.Error == nil || a.Error.Code != "rest.head" {
		t.Errorf("%+v", a)
	}
	// A full disk: nothing is acknowledged, the sender comes again.
	s := r.dial("a")
	s.hello()
	r.intake.Fail(drivertest.Full)
	s.send(3, `{}`)
	if a := s.hear(); a.Error == nil || a.Error.Code != "journal.full" {
		t.Errorf("%+v", a)
	}
	if _, _, err := s.conn.Read(s.ctx); websocket.CloseStatus(err) != websocket.StatusTryAgainLater {
		t.Errorf("closed with %v", err)
	}
	r.intake.Fail(nil)
	s = r.dial("a")
	if h := s.hello(); h.Last != 2 {
		t.Errorf("%+v", h)
	}
	// One stream has one connection: the newer goes on.
	u := r.dial("a")
	u.hello()
	// The older hears why where there is time for it, and is closed in any case.
	if _, b, err := s.conn.Read(s.ctx); err == nil && !strings.Contains(string(b), "rest.stream-taken") {
		t.Errorf("%s", b)
	}
	u.send(3, `{}`)
	u.acknowledged(3)
	// Larger than a message may be.
	big := r.dial("big")
	big.hello()
	big.conn.Write(big.ctx, websocket.MessageText, []byte("{\"seq\":1}\n\""+strings.Repeat("x", 9<<20)+"\""))
	if _, _, err := big.conn.Read(big.ctx); err == nil {
		if _, _, err = big.conn.Read(big.ctx); err == nil {
			t.Error("a message of 9 MiB was taken")
		}
	}
	drivertest.Until(t, "the memory is given back", func() bool { return r.d.budget.Load() == bodies })
}

// What is revoked ends at once; the idle are asked whether they live.
func TestSocketEnds(t *testing.T) {
	r := &rig{t: t, folder: t.TempDir(), intake: &drivertest.Intake{}, notes: &drivertest.Notes{}}
	ended := make(chan struct{})
	r.admit = func(driver.Credentials) (driver.Admission, error) {
		return driver.Admission{Identity: "a", Ended: ended}, nil
	}
	r.start(map[string]any{"idle_timeout": "50ms", "stall_timeout": "5s", "max_sockets": 1})
	p := r.dial("a")
	p.hello()
	if got := r.d.Connections(); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if _, _, err := websocket.Dial(p.ctx, strings.Replace(r.url, "http", "ws", 1), nil); err == nil {
		t.Error("more sockets than max_sockets")
	}
	close(ended)
	if a := p.hear(); a.Error == nil || a.Error.Code != "rest.denied" {
		t.Errorf("%+v", a)
	}
}
