package hl7v2

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/destination/destinationtest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

func kindOf(err error) string {
	if err == nil {
		return ""
	}
	return string(fault.KindOf(err))
}

func open(t *testing.T, settings map[string]any) *Destination {
	t.Helper()
	d, err := New(model.Destination{ID: "x", Settings: settings}, destinationtest.Host())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func one(t *testing.T, d *Destination, p destination.Parcel) (destination.Receipt, error) {
	t.Helper()
	return d.Deliver(t.Context(), []destination.Parcel{p})
}

func field(message string, n int) string {
	return strings.Split(strings.Split(message, "\r")[0], "|")[n-1]
}

// TestAsReceived: byte for byte, except for the fields that belong to the link.
func TestAsReceived(t *testing.T) {
	r := listen(t, say("AA", ""))
	p := destinationtest.Parcel(7)
	t.Run("unchanged", func(t *testing.T) {
		if _, err := one(t, open(t, r.settings(nil)), p); err != nil {
			t.Fatal(err)
		}
		if got := r.last(); got != string(p.Raw) {
			t.Errorf("sent %q, received was %q", got, p.Raw)
		}
	})
	t.Run("receiver named", func(t *testing.T) {
		d := open(t, r.settings(map[string]any{"receiving_application": "EHR|1", "receiving_facility": "H2"}))
		if _, err := one(t, d, p); err != nil {
			t.Fatal(err)
		}
		want := strings.Replace(string(p.Raw), "|THAL|HOSP|", `|EHR\F\1|H2|`, 1)
		if got := r.last(); got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	})
	t.Run("MSH-15 would forbid the answer", func(t *testing.T) {
		q := p
		q.Raw = []byte(strings.Replace(string(p.Raw), "|P|2.6\r", "|P|2.6|||NE|NE\r", 1))
		d := open(t, r.settings(map[string]any{"acknowledgement": "application"}))
		if _, err := one(t, d, q); err != nil {
			t.Fatal(err)
		}
		if got := r.last(); !strings.Contains(got, "|P|2.6|||AL|AL\r") {
			t.Errorf("sent %q", got)
		}
	})
	t.Run("no control id", func(t *testing.T) {
		q := p
		q.Raw = []byte(strings.Replace(string(p.Raw), "|M7|P|", "||P|", 1))
		if _, err := one(t, open(t, r.settings(nil)), q); err != nil {
			t.Fatal(err)
		}
		if id := field(r.last(), 10); id != controlID(q.ID()) || len(id) != 20 {
			t.Errorf("control id %q, want %q", id, controlID(q.ID()))
		}
	})
	t.Run("second of a batch", func(t *testing.T) {
		q := destinationtest.Parcel(8)
		m := *q.Message
		m.Ref.Part = 1
		q.Raw = []byte("BHS|^~\\&|A\r" + string(destinationtest.Parcel(7).Raw) + string(q.Raw) + "BTS|2\r")
		q.Message = &m
		if _, err := one(t, open(t, r.settings(nil)), q); err != nil {
			t.Fatal(err)
		}
		if got, want := r.last(), string(destinationtest.Parcel(8).Raw); got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	})
}

// TestCannotBeSent: permanent, with what to do.
func TestCannotBeSent(t *testing.T) {
	r := listen(t, say("AA", ""))
	d := open(t, r.settings(nil))
	for code, change := range map[string]func(p *destination.Parcel){
		"hl7v2dest.no-raw":  func(p *destination.Parcel) { p.Raw = nil },
		"hl7v2dest.not-hl7": func(p *destination.Parcel) { p.Raw = []byte("hello") },
		"hl7v2dest.framing": func(p *destination.Parcel) { p.Raw = append(p.Raw, "NTE|1||\x1cx\r"...) },
		"hl7v2dest.no-part": func(p *destination.Parcel) { p.Message.Ref.Part = 3; p.Raw = append(p.Raw, p.Raw...) },
	} {
		p := destinationtest.Parcel(1)
		change(&p)
		_, err := one(t, d, p)
		if fault.CodeOf(err) != code || fault.KindOf(err) == fault.Transient {
			t.Errorf("%s: error %v", code, err)
		}
	}
	if got := r.got(); len(got) > 0 {
		t.Errorf("sent %q", got)
	}
}

func TestRebuilt(t *testing.T) {
	r := listen(t, say("AA", ""))
	d := open(t, r.settings(map[string]any{"mode": "rebuilt", "receiving_application": "EHR"}))
	p := destinationtest.Parcel(3)
	p.Raw = nil
	receipt, err := one(t, d, p)
	if err != nil {
		t.Fatal(err)
	}
	got := r.last()
	for _, want := range []string{"|THALAMUS||EHR||", "|" + controlID(p.ID()) + "|P|2.6|||AL|NE|", "OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC^59408-5^SpO2^LN|1.1.1.1|93|%^^UCUM|"} {
		if !strings.Contains(got, want) {
			t.Errorf("sent lacks %q:\n%s", want, strings.ReplaceAll(got, "\r", "\n"))
		}
	}
	if receipt.Text != "AA "+controlID(p.ID()) {
		t.Errorf("receipt %q", receipt.Text)
	}
	p.Replay = 4
	if _, err := one(t, d, p); err != nil {
		t.Fatal(err)
	}
	if ids := r.got(); ids[0] == ids[1] {
		t.Error("a replay has the identity of the first delivery")
	}
	t.Run("patient event goes as received", func(t *testing.T) {
		p := destinationtest.Parcel(4)
		p.Message.Observations, p.Message.Event = nil, &model.PatientEvent{Trigger: "A01"}
		if _, err := one(t, d, p); err != nil || field(r.last(), 10) != "M4" {
			t.Errorf("error %v, sent %q", err, r.last())
		}
	})
}

// TestApplicationAcknowledgement: CA is not enough where AA is asked for.
func TestApplicationAcknowledgement(t *testing.T) {
	r := listen(t, func(_ *receiver, c net.Conn, _ []byte, ids []string) {
		c.Write(ack("CA", ids[len(ids)-1], ""))
		if len(ids) > 1 {
			c.Write(ack("AA", ids[len(ids)-1], ""))
		}
	})
	if _, err := one(t, open(t, r.settings(nil)), destinationtest.Parcel(1)); err != nil {
		t.Errorf("accept: %v", err)
	}
	d := open(t, r.settings(map[string]any{"acknowledgement": "application", "connections": 1}))
	if _, err := one(t, d, destinationtest.Parcel(1)); fault.CodeOf(err) != "hl7v2dest.timeout" {
		t.Errorf("CA alone: %v", err)
	}
	d.settings.Acknowledgement = ackAccept
	if _, err := one(t, d, destinationtest.Parcel(2)); err != nil {
		t.Error(err)
	}
	d.settings.Acknowledgement = ackApplication
	if receipt, err := one(t, d, destinationtest.Parcel(3)); err != nil || receipt.Text != "AA M3" {
		t.Errorf("receipt %q, %v", receipt.Text, err)
	}
}

// TestSameIDOtherMessage: two devices use the same control id; the repeated
// answer to the first message must not be taken for one to the second.
func TestSameIDOtherMessage(t *testing.T) {
	r := listen(t, func(r *receiver, c net.Conn, _ []byte, ids []string) {
		if len(r.got()) == 1 {
			c.Write(ack("AA", ids[0], ""))
			return
		}
		if len(ids) > 1 { // on the same connection: repeat the old answer, then fall silent
			c.Write(ack("AA", ids[0], ""))
		}
	})
	d := open(t, r.settings(map[string]any{"connections": 1}))
	if _, err := one(t, d, destinationtest.Parcel(1)); err != nil {
		t.Fatal(err)
	}
	other := destinationtest.Parcel(1)
	other.Raw = []byte(strings.Replace(string(other.Raw), "|MON1|", "|MON9|", 1))
	if _, err := one(t, d, other); fault.CodeOf(err) != "hl7v2dest.timeout" {
		t.Errorf("error %v, want no answer", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns != 2 {
		t.Errorf("%d connections, want another for the second message", r.conns)
	}
}

// TestDeadConnection: one that the receiver closed meanwhile is replaced
// without an error.
func TestDeadConnection(t *testing.T) {
	r := listen(t, func(_ *receiver, c net.Conn, _ []byte, ids []string) {
		c.Write(ack("AA", ids[len(ids)-1], ""))
		c.Close()
	})
	d := open(t, r.settings(map[string]any{"connections": 1}))
	for n := range 20 {
		if _, err := one(t, d, destinationtest.Parcel(n)); err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
	}
	want := []string{}
	for n := range 20 {
		want = append(want, "M"+string(destinationtest.Parcel(n).Message.ControlID[1:]))
	}
	if got := slices.Compact(r.got()); !slices.Equal(got, want) {
		t.Errorf("came %q", got)
	}
}

func TestWaitingForAConnection(t *testing.T) {
	r := listen(t, behave(destinationtest.Stall))
	d := open(t, r.settings(map[string]any{"connections": 1, "timeout": "20s"}))
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := d.Deliver(ctx, []destination.Parcel{destinationtest.Parcel(1)}); first <- err }()
	for len(r.got()) == 0 {
		time.Sleep(time.Millisecond)
	}
	waiting := make(chan error, 1)
	go func() { _, err := d.Deliver(ctx, []destination.Parcel{destinationtest.Parcel(2)}); waiting <- err }()
	cancel()
	if err := <-waiting; fault.KindOf(err) != fault.Transient {
		t.Errorf("error %v", err)
	}
	if err := <-first; fault.KindOf(err) != fault.Transient {
		t.Errorf("error %v", err)
	}
}

func TestSettings(t *testing.T) {
	for place, settings := range map[string]map[string]any{
		"address":         {"address": "ehr"},
		"mode":            {"address": "a:1", "mode": "both"},
		"acknowledgement": {"address": "a:1", "acknowledgement": "none"},
		"connections":     {"address": "a:1", "connections": 0},
		"timeout":         {"address": "a:1", "timeout": "0s"},
		"connect_timeout": {"address": "a:1", "connect_timeout": "0s"},
		"tls.min_version": {"address": "a:1", "tls": map[string]any{"enabled": true, "min_version": "1.0"}},
		"tls.key":         {"address": "a:1", "tls": map[string]any{"enabled": true, "certificate": "x"}},
		"tls.enabled":     {"address": "a:1", "tls": map[string]any{"roots": "x"}},
		"tls.roots":       {"address": "a:1", "tls": map[string]any{"enabled": true, "roots": "/no/such"}},
		"tls.certificate": {"address": "a:1", "tls": map[string]any{"enabled": true, "certificate": "/no/such", "key": "/no/such"}},
	} {
		_, err := New(model.Destination{ID: "x", Settings: settings}, destinationtest.Host())
		if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), place+":") {
			t.Errorf("%s: error %v", place, err)
		}
	}
}
