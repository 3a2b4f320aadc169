// Package drivertest is the suite every listening driver passes: peers that
// send half a message and fall silent, reset the connection, flood, do not
// read their answers, send garbage, and an intake that fails, waits and is
// stopped under load. Two things hold throughout: nothing is acknowledged
// that intake did not take, and what intake took is what was sent, byte for
// byte (R23).
package drivertest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
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

func takes(t *testing.T, r *Rig) {
	p := r.Dial(t)
	before := time.Now().Add(-time.Second)
	for n := range 5 {
		p.Send(n)
		p.Want(n, true)
	}
	for n, f := range r.Intake.Taken() {
		if want := r.Suite.Message(n); !bytes.Equal(f.Bytes, want) {
			t.Errorf("frame %d is %q, sent was %q", n, f.Bytes, want)
		}
		if f.Channel != "test" || f.Codec != r.Suite.Kind.Codecs[0] || f.Peer != p.LocalAddr().String() || f.Arrived.Before(before) {
			t.Errorf("frame %d: channel %q codec %q peer %q arrived %s", n, f.Channel, f.Codec, f.Peer, f.Arrived)
		}
	}
}

func byteByByte(t *testing.T, r *Rig) {
	p := r.Dial(t)
	for _, b := range r.Suite.Wire(r.Suite.Message(0)) {
		if _, err := p.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	p.Want(0, true)
	r.taken(t, 1)
}

func pipelined(t *testing.T, r *Rig) {
	p := r.Dial(t)
	const many = 500
	var all []byte
	for n := range many {
		all = append(all, r.Suite.Wire(r.Suite.Message(n))...)
	}
	go p.Write(all)
	for n := range many {
		p.Want(n, true)
	}
	r.taken(t, many)
}

// taken checks that messages 0 to many-1 were taken, each once, unchanged.
func (r *Rig) taken(t *testing.T, many int) {
	t.Helper()
	frames := r.Intake.Taken()
	if len(frames) != many {
		t.Errorf("%d frames taken, want %d", len(frames), many)
	}
	for n := range many {
		if !r.Intake.Has(r.Suite.Message(n)) {
			t.Fatalf("message %d was not taken as it was sent", n)
		}
	}
}

func durableFirst(t *testing.T, r *Rig) {
	release := r.Intake.Hold()
	p := r.Dial(t)
	p.Send(0)
	Until(t, "intake was asked", func() bool { _, offers := r.Intake.Count(); return offers == 1 })
	p.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if b, err := p.r.Peek(1 + r.Suite.Early); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %q, %v before the message was durable", b, err)
	}
	release()
	p.SetReadDeadline(time.Now().Add(Patience))
	p.Want(0, true)
}

func halfAndSilence(t *testing.T, r *Rig) {
	silent := r.Dial(t)
	wire := r.Suite.Wire(r.Suite.Message(0))
	silent.Write(wire[:len(wire)/2])
	other := r.Dial(t)
	other.Send(1)
	other.Want(1, true)
	Until(t, "the half message was reported", func() bool { return len(r.Notes.Codes()) > 0 })
	if r.Intake.Has(wire) || len(r.Intake.Taken()) != 1 {
		t.Errorf("%d frames taken, want only the whole one", len(r.Intake.Taken()))
	}
	silent.SetReadDeadline(time.Now().Add(2 * time.Second)) // links without connections fall back to rest
	for {
		n, accepted, err := silent.answer()
		if err != nil {
			break // cut off
		}
		if accepted {
			t.Errorf("half of message %d was acknowledged", n)
		}
	}
}

func halfAndReset(t *testing.T, r *Rig) {
	p := r.Dial(t)
	wire := r.Suite.Wire(r.Suite.Message(0))
	p.Write(wire[:len(wire)/2])
	p.Conn.(*net.TCPConn).SetLinger(0)
	p.Close()
	Until(t, "the broken message was reported", func() bool { return len(r.Notes.Codes()) > 0 })
	again := r.Dial(t)
	again.Send(0)
	again.Want(0, true)
	r.taken(t, 1)
}

func garbage(t *testing.T, r *Rig) {
	p := r.Dial(t)
	p.Write(bytes.Repeat(r.Suite.Garbage, 1000))
	Until(t, "the garbage was reported", func() bool { return len(r.Notes.Codes()) > 0 })
	again := r.Dial(t)
	again.Send(0)
	again.Want(0, true)
	if !r.Intake.Has(r.Suite.Message(0)) {
		t.Error("the message after the garbage was not taken")
	}
}

func flood(t *testing.T, r *Rig) {
	const peers, each = 8, 400
	done := make(chan error, peers)
	for k := range peers {
		p := r.Dial(t)
		p.from(k * each)
		go func() {
			for n := range each {
				if _, err := p.Write(r.Suite.Wire(r.Suite.Message(k*each + n))); err != nil {
					done <- err
					return
				}
			}
		}()
		go func() {
			for n := range each {
				got, ok, err := p.answer()
				if err != nil || got != k*each+n || !ok {
					done <- fmt.Errorf("answer to %d, accepted %v, error %v; want %d accepted", got, ok, err, k*each+n)
					return
				}
			}
			done <- nil
		}()
	}
	for range peers {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := r.Intake.Count(); got != peers*each {
		t.Errorf("%d frames taken, want %d", got, peers*each)
	}
}

func slowReader(t *testing.T, r *Rig) {
	p := r.Dial(t)
	p.Conn.(*net.TCPConn).SetReadBuffer(4096)
	wire := r.Suite.Wire(r.Suite.Message(0))
	p.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	for n := 0; n < 20000; n++ { // until the way back is full
		if _, err := p.Write(wire); err != nil {
			break
		}
	}
	other := r.Dial(t)
	other.Send(1)
	other.Want(1, true)
	r.stop(t)
}

func (r *Rig) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := r.Driver.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
	if c, err := net.DialTimeout("tcp", r.Addr, time.Second); err == nil {
		c.Close()
		t.Error("the port is still open after Stop")
	}
}

func intakeFails(t *testing.T, r *Rig) {
	r.Intake.Fail(Full)
	p := r.Dial(t)
	p.Send(0)
	_, accepted, err := p.answer()
	if err == nil && accepted {
		t.Fatal("acknowledged although intake took nothing")
	}
	if err != nil { // links without a negative answer end the connection
		p = r.Dial(t)
	}
	r.Intake.Fail(nil)
	p.Send(0)
	p.Want(0, true)
	r.taken(t, 1)
}

func stopUnderLoad(t *testing.T, r *Rig) {
	const peers = 6
	type result struct{ answered []int }
	results := make(chan result, peers)
	for k := range peers {
		p := r.Dial(t)
		p.from(k * 1_000_000)
		go func() {
			for n := k * 1_000_000; ; n++ {
				if _, err := p.Write(r.Suite.Wire(r.Suite.Message(n))); err != nil {
					return
				}
			}
		}()
		go func() {
			var got result
			for {
				n, ok, err := p.answer()
				if err != nil {
					break
				}
				if ok {
					got.answered = append(got.answered, n)
				}
			}
			results <- got
		}()
	}
	Until(t, "a hundred were taken", func() bool { n, _ := r.Intake.Count(); return n > 100 })
	r.stop(t)
	taken := map[string]bool{}
	for _, f := range r.Intake.Taken() {
		taken[string(f.Bytes)] = true
	}
	for range peers {
		for _, n := range (<-results).answered {
			if !taken[string(r.Suite.Message(n))] {
				t.Errorf("message %d was acknowledged and not taken", n)
			}
		}
	}
}

func stopWhileHanging(t *testing.T, r *Rig) {
	release := r.Intake.Hold()
	defer release()
	p := r.Dial(t)
	p.Send(0)
	Until(t, "intake was asked", func() bool { _, offers := r.Intake.Count(); return offers == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.Driver.Stop(ctx) }()
	select {
	case <-done:
	case <-time.After(Patience):
		t.Fatal("Stop did not return after its context ended")
	}
	if _, accepted, err := p.answer(); err == nil && accepted {
		t.Error("acknowledged although intake took nothing")
	}
}

func portInUse(t *testing.T, r *Rig) {
	if r.Suite.Listen == "" {
		t.Skip("the driver has no address of its own")
	}
	settings := map[string]any{}
	for k, v := range r.Suite.Settings {
		settings[k] = v
	}
	if group, key, nested := strings.Cut(r.Suite.Listen, "."); nested {
		inner := map[string]any{}
		for k, v := range settings[group].(map[string]any) {
			inner[k] = v
		}
		inner[key], settings[group] = r.Addr, inner
	} else {
		settings[r.Suite.Listen] = r.Addr
	}
	d, err := r.Suite.Kind.New(model.Channel{ID: "second", Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Start(t.Context(), driver.Host{Intake: r.Intake, Log: slog.New(slog.DiscardHandler), Note: r.Notes.Note})
	if err == nil {
		d.Stop(t.Context())
		t.Fatal("two drivers have one port")
	}
	if !slices.Contains([]fault.Kind{fault.Conflict, fault.Invalid}, fault.KindOf(err)) {
		t.Errorf("error %v, want a conflict that names the setting", err)
	}
}
