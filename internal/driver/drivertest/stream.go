package drivertest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Stream says how to speak with a driver of devices that tell what they measure
// and wait for no answer: bedside monitors, oximeters, ventilators. What RunStream
// holds to is that every whole message becomes one frame, byte for byte and in
// order, that one which is not whole becomes none, and that nothing is lost while
// intake cannot store (R23).
type Stream struct {
	Kind     driver.Kind
	Settings map[string]any // of a listener on a free port, "link": {"listen": …}, with short patience
	// Message gives the n-th message as it comes over the link and is to be
	// journaled, each different.
	Message func(n int) []byte
	// End is what follows a message over the link and is not journaled.
	End     []byte
	Garbage []byte // something that is no message of this protocol
	// Greet is what a peer sends before its first message; nil: nothing.
	Greet []byte
}

// wire is the n-th message as it comes over the link.
func (s *Stream) wire(n int) []byte { return append(append([]byte(nil), s.Message(n)...), s.End...) }

func (s *Stream) start(t *testing.T) *Rig {
	t.Helper()
	return (&Suite{Kind: s.Kind, Settings: s.Settings, Listen: "link.listen"}).Start(t)
}

func (s *Stream) dial(t *testing.T, r *Rig) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", r.Addr, Patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(Patience))
	c.Write(s.Greet)
	return c
}

// RunStream runs the suite.
func RunStream(t *testing.T, s Stream) {
	for _, c := range []struct {
		name string
		test func(*Stream, *testing.T, *Rig)
	}{
		{"takes", (*Stream).takes},
		{"byte by byte", (*Stream).byteByByte},
		{"many in one write", (*Stream).pipelined},
		{"half a message and silence", (*Stream).halfAndSilence},
		{"half a message and the end", (*Stream).halfAndEnd},
		{"garbage", (*Stream).garbage},
		{"flood", (*Stream).flood},
		{"intake fails for a while", (*Stream).intakeFails},
		{"stop under load", (*Stream).stopUnderLoad},
		{"stop while intake hangs", (*Stream).stopWhileHanging},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(&s, t, s.start(t)) })
	}
	t.Run("unknown setting", func(t *testing.T) {
		_, err := s.Kind.New(model.Channel{ID: "test", Settings: map[string]any{"no-such-setting": 1}})
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("error %v, want an invalid setting", err)
		}
	})
}

// want waits for the messages from first on and no other.
func (s *Stream) want(t *testing.T, r *Rig, first, many int) {
	t.Helper()
	Until(t, fmt.Sprintf("%d frames were taken", many), func() bool { n, _ := r.Intake.Count(); return n >= many })
	taken := r.Intake.Taken()
	if len(taken) != many {
		t.Fatalf("%d frames taken, want %d", len(taken), many)
	}
	for i, f := range taken {
		if want := s.Message(first + i); !bytes.Equal(f.Bytes, want) {
			t.Fatalf("frame %d: %q, want %q", i, f.Bytes, want)
		}
	}
}

func (s *Stream) takes(t *testing.T, r *Rig) {
	c := s.dial(t, r)
	for n := range 5 {
		c.Write(s.wire(n))
		s.want(t, r, 0, n+1)
	}
	f := r.Intake.Taken()[0]
	if f.Arrived.IsZero() || f.Peer == "" || f.Codec != s.Kind.Codecs[0] || f.Channel != "test" {
		t.Errorf("the frame does not say where from, when or how to be read: %+v", f)
	}
}

func (s *Stream) byteByByte(t *testing.T, r *Rig) {
	c := s.dial(t, r)
	for _, b := range append(s.wire(0), s.wire(1)...) {
		c.Write([]byte{b})
	}
	s.want(t, r, 0, 2)
}

func (s *Stream) pipelined(t *testing.T, r *Rig) {
	var all []byte
	for n := range 200 {
		all = append(all, s.wire(n)...)
	}
	s.dial(t, r).Write(all)
	s.want(t, r, 0, 200)
}

func (s *Stream) noted(t *testing.T, r *Rig, what string) {
	t.Helper()
	Until(t, what+" was reported", func() bool { return len(r.Notes.Codes()) > 0 })
}

func (s *Stream) halfAndSilence(t *testing.T, r *Rig) {
	half := s.wire(7)
	s.dial(t, r).Write(half[:len(half)/2])
	s.dial(t, r).Write(s.wire(0))
	s.noted(t, r, "the half message")
	s.want(t, r, 0, 1)
}

func (s *Stream) halfAndEnd(t *testing.T, r *Rig) {
	c := s.dial(t, r)
	half := s.wire(7)
	c.Write(half[:len(half)/2])
	Until(t, "the peer is there", func() bool { return len(r.Driver.(driver.Connected).Connections()) == 1 })
	// An orderly end: after a reset a driver that asks something may see that its
	// link is broken before it has read what came, and then there is no half
	// message to report.
	if w, ok := c.(interface{ CloseWrite() error }); ok {
		w.CloseWrite()
	} else {
		c.Close()
	}
	s.noted(t, r, "the half message")
	c.Close()
	s.dial(t, r).Write(s.wire(0))
	s.want(t, r, 0, 1)
}

func (s *Stream) garbage(t *testing.T, r *Rig) {
	s.dial(t, r).Write(bytes.Repeat(s.Garbage, 1000))
	s.noted(t, r, "the garbage")
	s.dial(t, r).Write(s.wire(0))
	s.want(t, r, 0, 1)
}

func (s *Stream) flood(t *testing.T, r *Rig) {
	const peers, each = 4, 300
	for k := range peers {
		c := s.dial(t, r)
		go func() {
			for n := range each {
				if _, err := c.Write(s.wire(k*each + n)); err != nil {
					return
				}
			}
		}()
	}
	Until(t, "all were taken", func() bool { n, _ := r.Intake.Count(); return n >= peers*each })
	place := map[string]int{}
	for i, f := range r.Intake.Taken() {
		place[string(f.Bytes)] = i + 1
	}
	for k := range peers {
		last := 0
		for n := range each {
			at := place[string(s.Message(k*each+n))]
			if at <= last {
				t.Fatalf("message %d of peer %d is missing or out of order", n, k)
			}
			last = at
		}
	}
}

func (s *Stream) intakeFails(t *testing.T, r *Rig) {
	r.Intake.Fail(Full)
	c := s.dial(t, r)
	for n := range 5 {
		c.Write(s.wire(n))
	}
	Until(t, "intake was asked", func() bool { _, offers := r.Intake.Count(); return offers > 1 })
	r.Intake.Fail(nil)
	s.want(t, r, 0, 5)
}

func (s *Stream) stopUnderLoad(t *testing.T, r *Rig) {
	c := s.dial(t, r)
	go func() {
		for n := 0; ; n++ {
			if _, err := c.Write(s.wire(n)); err != nil {
				return
			}
		}
	}()
	Until(t, "a hundred were taken", func() bool { n, _ := r.Intake.Count(); return n > 100 })
	r.stop(t)
	for i, f := range r.Intake.Taken() {
		if !bytes.Equal(f.Bytes, s.Message(i)) {
			t.Fatalf("frame %d: %q, want %q", i, f.Bytes, s.Message(i))
		}
	}
}

func (s *Stream) stopWhileHanging(t *testing.T, r *Rig) {
	release := r.Intake.Hold()
	defer release()
	s.dial(t, r).Write(append(s.wire(0), s.wire(1)...))
	Until(t, "intake was asked", func() bool { _, offers := r.Intake.Count(); return offers >= 1 })
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	done := make(chan struct{})
	go func() {
		r.Driver.Stop(ctx)
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(Patience):
		t.Fatal("Stop did not return after its context ended")
	}
}
