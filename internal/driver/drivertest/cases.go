package drivertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
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
