package intellivue

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/intellivue"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

func decoded(f model.Frame) []model.Message {
	return intellivue.New().Decode(model.Entry{Frame: f}, codec.Context{})
}

// R6: a monitor that announces itself is associated with, says what it is, and is
// polled; its values know the patient.
func TestAnnounced(t *testing.T) {
	m := newScripted(t, nil)
	r := start(t, map[string]any{"listen": "127.0.0.1:0"}).begin(t)
	announce(t, r.Addr(), m.address())
	announce(t, r.Addr(), m.address()) // again: one association all the same
	drivertest.Until(t, "numbers came twice", func() bool { return m.count(intellivue.ClassNumeric) >= 2 })
	drivertest.Until(t, "a number was kept", func() bool {
		for _, one := range r.messages() {
			if len(one.Observations) == 1 && one.Patient != nil && one.Patient.Identifiers[0].Value == "4711" && one.Devices[0].Model == "M8007A" &&
				one.Observations[0].Received.Text == "MDC_ECG_HEART_RATE" && len(one.Issues) == 0 && one.Peer == m.address() {
				return true
			}
		}
		return false
	})
	if n := m.heard(intellivue.Connect); n != 1 || m.confirmed() != 1 {
		t.Errorf("%d associations, %d confirmations", n, m.confirmed())
	}
	if c := r.Connections(); len(c) != 1 || c[0].Peer != m.address() || r.Status().Peers != 1 {
		t.Errorf("%+v %+v", c, r.Status())
	}
	ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
	defer cancel()
	if err := r.Stop(ctx); err != nil {
		t.Error(err)
	}
	drivertest.Until(t, "the association was released", func() bool { return m.heard(intellivue.Finish) == 1 })
	if r.Status().State != "stopped" {
		t.Error(r.Status())
	}
}

// R23: the monitor's introduction is confirmed only once it is durable, and
// nothing more is asked for before the last answer is.
func TestDurableFirst(t *testing.T) {
	m := newScripted(t, nil)
	r := start(t, map[string]any{"listen": "", "monitors": []any{m.address()}})
	release := r.intake.Hold()
	r.begin(t)
	drivertest.Until(t, "intake was asked", func() bool { _, offers := r.intake.Count(); return offers == 1 })
	time.Sleep(50 * time.Millisecond)
	if m.confirmed() != 0 {
		t.Error("confirmed before it was durable")
	}
	release()
	drivertest.Until(t, "it was polled", func() bool { return m.confirmed() == 1 && m.count(intellivue.ClassNumeric) >= 1 })

	// The next answer waits: no further request goes out.
	release = r.intake.Hold()
	_, before := r.intake.Count()
	drivertest.Until(t, "intake was asked again", func() bool { _, offers := r.intake.Count(); return offers > before })
	m.mu.Lock()
	asked := len(m.asked)
	m.mu.Unlock()
	time.Sleep(1200 * time.Millisecond) // more than a poll's period
	m.mu.Lock()
	after := len(m.asked)
	m.mu.Unlock()
	if after != asked {
		t.Errorf("%d requests while the answer was not durable", after-asked)
	}
	release()
	drivertest.Until(t, "it is polled again", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return len(m.asked) > after })
}

// A disk that is full for a while: the answer is kept as soon as there is room.
func TestIntakeFails(t *testing.T) {
	m := newScripted(t, nil)
	r := start(t, map[string]any{"listen": "", "monitors": []any{m.address()}})
	r.intake.Fail(drivertest.Full)
	r.begin(t)
	drivertest.Until(t, "it was tried more than once", func() bool { _, offers := r.intake.Count(); return offers >= 3 })
	if n, _ := r.intake.Count(); n != 0 || m.confirmed() != 0 {
		t.Errorf("%d frames, %d confirmed", n, m.confirmed())
	}
	r.intake.Fail(nil)
	drivertest.Until(t, "values are kept", func() bool { n, _ := r.intake.Count(); return n > 4 })
	if m.heard(intellivue.Connect) != 1 {
		t.Errorf("%d associations", m.heard(intellivue.Connect))
	}

	// What can never be accepted is passed over.
	r.intake.Fail(func([]model.Frame) error { return fault.New(fault.Invalid, "intake.oversize", "too long") })
	drivertest.Until(t, "it was noted", func() bool { return r.noted("intellivue.not-accepted") })
}

// A monitor that refuses, aborts, falls silent or lies is asked again, and
// nothing that it sends harms.
func TestAgain(t *testing.T) {
	var times atomic.Int32
	m := newScripted(t, func(m *scripted, from net.Addr, b []byte) bool {
		kind, ok := intellivue.SessionOf(b)
		if !ok || kind != intellivue.Connect {
			if a, err := intellivue.Parse(b); err == nil && a.Kind == intellivue.Invoke && times.Load() == 3 {
				m.send(from, intellivue.AbortMessage())
				return true
			}
			return false
		}
		switch times.Add(1) {
		case 1:
			m.send(from, intellivue.RefuseMessage())
			return true
		case 2:
			m.send(from, []byte("GET / HTTP/1.1\r\n"))
			m.send(from, intellivue.RefuseMessage()[:2])
			m.send(from, []byte{byte(intellivue.Accept), 0xFF})
			return true
		}
		return false
	})
	r := start(t, map[string]any{"listen": "", "monitors": []any{m.address()}}).begin(t)
	drivertest.Until(t, "numbers came after all", func() bool { return m.count(intellivue.ClassNumeric) >= 1 })
	for _, code := range []string{"intellivue.refused", "intellivue.malformed", "intellivue.ended"} {
		drivertest.Until(t, code+" was noted", func() bool { return r.noted(code) })
	}
	if times.Load() < 4 {
		t.Errorf("%d requests", times.Load())
	}
}

// Datagrams that are half, garbage, or too many do no harm within an association:
// they are kept and told of.
func TestHostile(t *testing.T) {
	m := newScripted(t, func(m *scripted, from net.Addr, b []byte) bool {
		a, err := intellivue.Parse(b)
		if err != nil || a.Kind != intellivue.Invoke || a.Command != intellivue.CommandAction {
			return false
		}
		q, err := intellivue.ParseRequest(a.Body)
		if err != nil || q.Class != intellivue.ClassNumeric {
			return false
		}
		good := answer(a.ID, q, 0, 72)
		m.send(from, good[:len(good)/2])
		m.send(from, []byte("garbage"))
		m.send(from, nil)
		for range 20 { // answers to nothing
			m.send(from, answer(a.ID+99, intellivue.Request{Number: 77, Class: 99}, 0, 1))
		}
		m.send(from, (&intellivue.APDU{Kind: intellivue.Failed, ID: a.ID + 500, Error: 2}).Bytes())
		return false
	})
	r := start(t, map[string]any{"listen": "", "monitors": []any{m.address()}}).begin(t)
	drivertest.Until(t, "it was noted", func() bool { return r.noted("intellivue.malformed") })
	drivertest.Until(t, "it goes on", func() bool { return m.count(intellivue.ClassNumeric) >= 2 })
	if m.heard(intellivue.Connect) != 1 {
		t.Errorf("%d associations", m.heard(intellivue.Connect))
	}
}

// A monitor that answers no more is given up after three requests, and connected
// again.
func TestSilent(t *testing.T) {
	var silent atomic.Bool
	m := newScripted(t, func(_ *scripted, _ net.Addr, b []byte) bool {
		_, session := intellivue.SessionOf(b)
		return silent.Load() && !session
	})
	r := start(t, map[string]any{"listen": "", "monitors": []any{m.address()}, "timing": map[string]any{"retry": "20ms", "response": "50ms"}}).begin(t)
	drivertest.Until(t, "it was polled", func() bool { return m.count(intellivue.ClassNumeric) >= 1 })
	silent.Store(true)
	drivertest.Until(t, "it was noted", func() bool { return r.noted("intellivue.lost") })
	silent.Store(false)
	drivertest.Until(t, "it is associated again", func() bool { return m.heard(intellivue.Connect) >= 2 })
	if m.heard(intellivue.Abort) == 0 {
		t.Error("the old association was not aborted")
	}
}

// Large answers come in parts; each is kept, and the poll is over with the last.
func TestLinked(t *testing.T) {
	m := newScripted(t, func(m *scripted, from net.Addr, b []byte) bool {
		a, err := intellivue.Parse(b)
		if err != nil || a.Kind != intellivue.Invoke || a.Command != intellivue.CommandAction {
			return false
		}
		q, err := intellivue.ParseRequest(a.Body)
		if err != nil || q.Class != intellivue.ClassNumeric {
			return false
		}
		whole, _ := intellivue.Parse(answer(a.ID, q, 0, 60))
		for i, state := range []uint8{intellivue.LinkedFirst, intellivue.LinkedMiddle, intellivue.LinkedLast} {
			m.send(from, (&intellivue.APDU{Kind: intellivue.Linked, State: state, Part: uint8(i + 1), ID: a.ID, Command: a.Command, Body: whole.Body}).Bytes())
		}
		m.send(from, answer(a.ID, q, 0, 61))
		return true
	})
	r := start(t, map[string]any{"listen": "", "monitors": []any{m.address()}, "poll": map[string]any{"alerts": "0s", "patient": "0s", "numerics": "1h"}}).begin(t)
	drivertest.Until(t, "all parts are kept", func() bool {
		n := 0
		for _, one := range r.messages() {
			n += len(one.Observations)
		}
		return n == 4
	})
}

// Waves are asked for with the labels that are wanted, and come by themselves; the
// number of a lost answer is missed.
func TestWaves(t *testing.T) {
	sent := make(chan struct{})
	m := newScripted(t, func(m *scripted, from net.Addr, b []byte) bool {
		a, err := intellivue.Parse(b)
		if err != nil || a.Kind != intellivue.Invoke {
			return false
		}
		if a.Command == intellivue.CommandConfirmedSet {
			m.send(from, (&intellivue.APDU{Kind: intellivue.Result, ID: a.ID, Command: a.Command}).Bytes())
			return true
		}
		q, err := intellivue.ParseRequest(a.Body)
		if err != nil || q.Class != intellivue.ClassWave || !q.Extended {
			return false
		}
		for _, sequence := range []uint16{0, 1, 3} {
			m.send(from, answer(a.ID, q, sequence, 0))
		}
		select {
		case <-sent:
		default:
			close(sent)
		}
		return true
	})
	r := start(t, map[string]any{"listen": "", "monitors": []any{m.address()}, "poll": map[string]any{"waves": true, "wave_labels": []any{"MDC_ECG_ELEC_POTL_II"}}}).begin(t)
	drivertest.Until(t, "a lost answer was noted", func() bool { return r.noted("intellivue.gap") })
	<-sent
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range m.asked {
		if q.Class == intellivue.ClassWave && q.Extended && q.Period != extendedFor {
			t.Errorf("%+v", q)
		}
	}
}

// Monitors of other networks are not connected to, nor more than are meant.
func TestStrangers(t *testing.T) {
	m := newScripted(t, nil)
	r := start(t, map[string]any{"listen": "127.0.0.1:0", "networks": []any{"192.0.2.0/24"}}).begin(t)
	announce(t, r.Addr(), m.address())
	drivertest.Until(t, "the stranger was noted", func() bool { return r.noted("intellivue.stranger") })
	c, _ := net.Dial("udp4", r.Addr().String())
	c.Write([]byte("garbage"))
	c.Close()
	drivertest.Until(t, "the garbage was noted", func() bool { return r.noted("intellivue.announcement") })

	two := start(t, map[string]any{"listen": "127.0.0.1:0", "max_monitors": 1}).begin(t)
	announce(t, two.Addr(), m.address())
	drivertest.Until(t, "it is connected", func() bool { return two.Status().Peers == 1 })
	announce(t, two.Addr(), newScripted(t, nil).address())
	drivertest.Until(t, "the second was noted", func() bool { return two.noted("intellivue.too-many") })
}

// Stop does not wait for an intake that hangs.
func TestStopWhileHanging(t *testing.T) {
	m := newScripted(t, nil)
	r := start(t, map[string]any{"listen": "", "monitors": []any{m.address()}})
	release := r.intake.Hold()
	defer release()
	r.begin(t)
	drivertest.Until(t, "intake was asked", func() bool { _, offers := r.intake.Count(); return offers == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.Stop(ctx) }()
	select {
	case <-done:
	case <-time.After(drivertest.Patience):
		t.Fatal("Stop did not return after its context ended")
	}
	if m.confirmed() != 0 {
		t.Error("confirmed although intake took nothing")
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []map[string]any{
		{"listen": ""}, {"listen": "x"}, {"group": "192.0.2.1"}, {"networks": []any{"x"}}, {"max_monitors": 0}, {"poll": map[string]any{"numerics": "100ms"}},
		{"poll": map[string]any{"wave_labels": []any{"II"}}}, {"timing": map[string]any{"retry": "0s"}}, {"monitors": []any{":24105"}}, {"unknown": 1},
	} {
		if _, err := New(model.Channel{ID: "ward", Settings: s}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v: %v", s, err)
		}
	}
	d, err := New(model.Channel{ID: "ward", Settings: map[string]any{"monitors": []any{"192.0.2.1", "192.0.2.2:4000"}}})
	if err != nil || d.settings.Monitors[0] != "192.0.2.1:24105" || d.settings.Monitors[1] != "192.0.2.2:4000" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestPortInUse(t *testing.T) {
	r := start(t, map[string]any{"listen": "127.0.0.1:0"}).begin(t)
	d, err := New(model.Channel{ID: "second", Settings: map[string]any{"listen": r.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(t.Context(), r.host); fault.KindOf(err) != fault.Conflict {
		t.Errorf("%v", err)
	}
}
