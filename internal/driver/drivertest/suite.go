// Package drivertest is the suite every driver passes. Run is for those that
// listen and answer: peers that send half a message and fall silent, reset the
// connection, flood, do not read their answers, send garbage, and an intake that
// fails, waits and is stopped under load. RunStream is for those whose devices
// wait for no answer, RunLooker for those that look by themselves at a folder or
// an address. Two things hold throughout: nothing is acknowledged that intake did
// not take, and what intake took is what was sent, byte for byte (R23).
package drivertest

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"maps"
	"net"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Suite says how to speak with a driver.
type Suite struct {
	Kind driver.Kind
	// Settings of a listener on a free port of the loopback interface, with
	// short patience where the driver has settings for it. Where no case waits
	// for it to end, the suite gives stall_timeout and receive_timeout a long
	// one: a test on a busy machine is slow, and that is not what is tested.
	Settings map[string]any
	// Listen is the key of the address in Settings; "link.listen" in a group.
	Listen string

	// Message gives the n-th message, each different; about 500 bytes.
	Message func(n int) []byte
	// Wire is how it goes over the link.
	Wire func(message []byte) []byte
	// Answer reads one answer and gives the number of the message it answers.
	// accepted is false for an answer that asks to send again or refuses.
	Answer func(r *bufio.Reader) (n int, accepted bool, err error)
	// Unnumbered says that answers do not tell what they answer: they come in
	// order, and the number that Answer gives does not count.
	Unnumbered bool
	// Early is how many bytes of an answer come before the message is whole.
	Early int
	// Garbage is something that is no message of this protocol.
	Garbage []byte
	// Greet is what a peer says and hears before its first message, where the
	// protocol has such a thing; nil: nothing.
	Greet func(w io.Writer, r *bufio.Reader) error
}

// Patience is how long the suite waits for what must come.
const Patience = 60 * time.Second

// Rig is a driver under test.
type Rig struct {
	Suite  *Suite
	Intake *Intake
	Notes  *Notes
	Driver driver.Driver
	Addr   string
}

// Start makes and starts a driver; it is stopped when the test ends.
func (s *Suite) Start(t *testing.T) *Rig {
	t.Helper()
	d, err := s.Kind.New(model.Channel{ID: "test", Driver: s.Kind.Name, Codec: s.Kind.Codecs[0], Settings: s.Settings})
	if err != nil {
		t.Fatal(err)
	}
	r := &Rig{Suite: s, Intake: &Intake{}, Notes: &Notes{}, Driver: d}
	if err := d.Start(t.Context(), driver.Host{Intake: r.Intake, Log: slog.New(slog.DiscardHandler), Note: r.Notes.Note}); err != nil {
		t.Fatal(err)
	}
	r.Addr = d.(driver.Listener).Addr().String()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		d.Stop(ctx)
	})
	return r
}

// Peer is a sender.
type Peer struct {
	t *testing.T
	s *Suite
	net.Conn
	r     *bufio.Reader
	first int // of the messages it sends one after another
	began bool
	taken int // of these
}

// answer reads one answer.
func (p *Peer) answer() (n int, accepted bool, err error) {
	n, accepted, err = p.s.Answer(p.r)
	if p.s.Unnumbered {
		if n = p.first + p.taken; accepted {
			p.taken++
		}
	}
	return n, accepted, err
}

// from says which message the peer sends first.
func (p *Peer) from(n int) {
	if !p.began {
		p.first, p.began = n, true
	}
}

// Dial connects a peer.
func (r *Rig) Dial(t *testing.T) *Peer {
	t.Helper()
	c, err := net.DialTimeout("tcp", r.Addr, Patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(Patience))
	p := &Peer{t: t, s: r.Suite, Conn: c, r: bufio.NewReader(c)}
	if r.Suite.Greet != nil {
		if err := r.Suite.Greet(c, p.r); err != nil {
			t.Fatalf("greeting: %v", err)
		}
	}
	return p
}

// Send writes message n.
func (p *Peer) Send(n int) {
	p.t.Helper()
	p.from(n)
	if _, err := p.Write(p.s.Wire(p.s.Message(n))); err != nil {
		p.t.Fatalf("sending message %d: %v", n, err)
	}
}

// Want reads one answer: to message n, accepted or not.
func (p *Peer) Want(n int, accepted bool) {
	p.t.Helper()
	got, ok, err := p.answer()
	if err != nil {
		p.t.Fatalf("waiting for the answer to message %d: %v", n, err)
	}
	if got != n || ok != accepted {
		p.t.Fatalf("answer to message %d, accepted %v; want %d, %v", got, ok, n, accepted)
	}
}

// Until waits for a condition.
func Until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain until %s", Patience, what)
		}
	}
}

// unhurried gives the settings with a long patience inside of messages.
func unhurried(settings map[string]any) map[string]any {
	out := maps.Clone(settings)
	for name, v := range out {
		switch group, ok := v.(map[string]any); {
		case ok:
			out[name] = unhurried(group)
		case name == "stall_timeout" || name == "receive_timeout":
			out[name] = (2 * Patience).String()
		}
	}
	return out
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	for _, c := range []struct {
		name  string
		test  func(t *testing.T, r *Rig)
		hasty bool // it waits until the driver's own patience ends
	}{
		{name: "takes and answers", test: takes},
		{name: "byte by byte", test: byteByByte},
		{name: "many in one write", test: pipelined},
		{name: "answers only what is durable", test: durableFirst},
		{name: "half a message and silence", test: halfAndSilence, hasty: true},
		{name: "half a message and reset", test: halfAndReset},
		{name: "garbage", test: garbage, hasty: true},
		{name: "flood", test: flood},
		{name: "peer that does not read", test: slowReader, hasty: true},
		{name: "intake fails for a while", test: intakeFails},
		{name: "stop under load", test: stopUnderLoad},
		{name: "stop while intake hangs", test: stopWhileHanging},
		{name: "port in use", test: portInUse},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := s
			if !c.hasty {
				s.Settings = unhurried(s.Settings)
			}
			c.test(t, s.Start(t))
		})
	}
	t.Run("unknown setting", func(t *testing.T) {
		_, err := s.Kind.New(model.Channel{ID: "test", Settings: map[string]any{"no-such-setting": 1}})
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("error %v, want an invalid setting", err)
		}
	})
}
