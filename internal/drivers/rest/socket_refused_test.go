package rest

import (
	"fmt"
	"testing"

	"github.com/coder/websocket"
)

// A message of a stream that was refused is done with, over connections and
// restarts: who goes on behind it is not told that one is missing, for ever.
func TestRefusedMessageIsDoneWith(t *testing.T) {
	r := newRig(t, nil)
	p := r.dial("a")
	p.hello()
	p.send(1, `{"v":1}`)
	p.acknowledged(1)
	p.send(2, `{bad`)
	for {
		if p.hear().Refused == 2 {
			break
		}
	}
	p.conn.CloseNow()
	for i, how := range []string{"another connection", "a stop"} {
		if how == "a stop" {
			r.stop()
			r.start(nil)
		}
		q := r.dial("a")
		if h := q.hello(); h.Last != uint64(2+i) {
			t.Errorf("after %s it goes on behind %d", how, h.Last)
		}
		q.send(3+i, `{"v":3}`)
		q.acknowledged(uint64(3 + i))
		q.conn.CloseNow()
	}
	r.checkCount(3)
}

// A message that holds nothing but a byte order mark is refused like an empty
// one; it ends no connection.
func TestMessageOfNothing(t *testing.T) {
	r := newRig(t, nil)
	p := r.dial("a")
	p.hello()
	p.sendAs(1, "application/x-ndjson", "\ufeff\n")
	if a := p.hear(); a.Refused != 1 || a.Code != "rest.nothing" {
		t.Errorf("%+v", a)
	}
	p.send(2, `{"v":2}`)
	p.acknowledged(2)
	r.checkCount(1)
}

func (p *peer) sendAs(seq int, kind, body string) {
	p.t.Helper()
	if err := p.conn.Write(p.ctx, websocket.MessageText, fmt.Appendf(nil, "{\"seq\":%d,\"type\":%q}\n%s", seq, kind, body)); err != nil {
		p.t.Fatal(err)
	}
}

func (r *rig) checkCount(want int) {
	r.t.Helper()
	if n, _ := r.intake.Count(); n != want {
		r.t.Errorf("%d entries, want %d", n, want)
	}
}
