// Package destinationtest is the suite every destination passes: receivers
// that stall, reset, answer garbage, answer late, repeat themselves, refuse,
// are busy and are down. Throughout: nothing counts as delivered that the
// receiver did not acknowledge, a repeat has the identity of the first
// attempt, and no error shows a patient's data (R25).
package destinationtest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Behaviour of a receiver.
type Behaviour string

// Behaviours.
const (
	Accept  Behaviour = "accept"  // takes everything
	Stall   Behaviour = "stall"   // reads and never answers
	Reset   Behaviour = "reset"   // reads the first message and resets the connection, then accepts
	Garbage Behaviour = "garbage" // answers something that is no answer
	Late    Behaviour = "late"    // answers the first message only after its sender gave up, then accepts
	Repeat  Behaviour = "repeat"  // answers every message, and all earlier ones again
	Refuse  Behaviour = "refuse"  // will never take it
	Busy    Behaviour = "busy"    // cannot take it now
	Down    Behaviour = "down"    // nothing listens
)

// Receiver is the other side.
type Receiver struct {
	Settings map[string]any  // of a destination that sends to it; patience of at most a second
	Got      func() []string // identities of what came, whole, in order, repeats included
}

// Suite says how to receive from a destination.
type Suite struct {
	Kind destination.Kind
	// Receive starts a receiver that stops when the test ends. Nil Receiver:
	// this destination knows no such behaviour.
	Receive func(t *testing.T, b Behaviour) *Receiver
}

// Patience is how long the suite waits for what must come.
const Patience = 20 * time.Second

// Patient is in every parcel and in no error, receipt or log.
const Patient = "Zzyzxson"

// Parcel number n, from monitor n%4. Each is another message.
func Parcel(n int) destination.Parcel {
	at := time.Date(2026, 11, 21, 9, 0, 0, n, time.UTC)
	id := fmt.Sprintf("M%d", n)
	raw := fmt.Sprintf("MSH|^~\\&|MON%d|ICU|THAL|HOSP|20261121090000+0000||ORU^R01^ORU_R01|%s|P|2.6\rPID|||4711^^^HOSP^MR||%s^Eva\rOBR|1||%s|X\rOBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.1.1|%d|262688^MDC_DIM_PERCENT^MDC|||||F|||20261121090000+0000\r", n%4, id, Patient, id, 90+n%10)
	return destination.Parcel{
		Raw: []byte(raw), Attempt: 1,
		Message: &model.Message{
			Ref: model.MessageRef{Seq: model.Seq(n + 1)}, Channel: "icu", Codec: "hl7v2", Type: "ORU^R01^ORU_R01", Version: "2.6",
			ControlID: id, Arrived: at, Recorded: at, DeviceTime: model.Timestamp{UTC: at},
			Patient: &model.Patient{ID: "p-1", Family: Patient, Given: []string{"Eva"}, Identifiers: []model.Identifier{{Value: "4711", System: "HOSP", Type: "MR"}}},
			Devices: []model.Device{{ID: "d-1", Identifiers: []model.Identifier{{Value: "0080C7FFFE000001", Type: "EUI-64"}}, Parent: -1}},
			Observations: []model.Observation{{
				Field: "OBX[1]", SubID: "1.1.1.1", Received: model.Coding{Code: "150456", Text: "MDC_PULS_OXIM_SAT_O2", System: "MDC"},
				Code:  model.Code{MDC: 150456, RefID: "MDC_PULS_OXIM_SAT_O2", LOINC: "59408-5", Name: "SpO2"},
				Value: model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: int64(90 + n%10)}}, UnitUCUM: "%",
				DeviceTime: model.Timestamp{UTC: at}, Status: model.StatusFinal,
			}},
		},
	}
}

// Host is what destinations under test are given.
func Host() destination.Host { return destination.Host{Log: slog.New(slog.DiscardHandler)} }

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	for _, c := range []struct {
		name      string
		behaviour Behaviour
		test      func(t *testing.T, d destination.Destination, r *Receiver)
	}{
		{"accepts", Accept, accepts},
		{"many keys at once", Accept, manyKeys},
		{"a repeat has the same identity", Accept, sameIdentity},
		{"receiver stalls", Stall, fails(fault.Transient)},
		{"the context ends", Stall, contextEnds},
		{"receiver resets", Reset, thenAccepts},
		{"receiver answers garbage", Garbage, fails(fault.Transient)},
		{"receiver answers late", Late, late},
		{"receiver repeats its answers", Repeat, accepts},
		{"receiver refuses", Refuse, fails(fault.Invalid, fault.Denied, fault.Absent, fault.Conflict)},
		{"receiver is busy", Busy, fails(fault.Transient)},
		{"receiver is down", Down, down},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.Receive(t, c.behaviour)
			if r == nil {
				t.Skipf("no receiver of this kind can %s", c.behaviour)
			}
			d, err := s.Kind.New(model.Destination{ID: "test", Kind: s.Kind.Name, Settings: r.Settings}, Host())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := d.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			c.test(t, d, r)
		})
	}
	t.Run("unknown setting", func(t *testing.T) {
		_, err := s.Kind.New(model.Destination{ID: "test", Settings: map[string]any{"no-such-setting": 1}}, Host())
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("error %v, want an invalid setting", err)
		}
	})
}

// deliver delivers one parcel with the suite's patience.
func deliver(t *testing.T, d destination.Destination, p destination.Parcel) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	receipt, err := d.Deliver(ctx, []destination.Parcel{p})
	if err == nil && receipt.Text == "" {
		t.Error("delivered without a receipt")
	}
	silent(t, receipt.Text)
	if err != nil {
		silent(t, err.Error())
	}
	return err
}

func silent(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, Patient) || strings.Contains(text, "4711^") {
		t.Errorf("a patient's data is shown: %s", text)
	}
}

// counts gives how often each identity came.
func counts(r *Receiver) map[string]int {
	m := map[string]int{}
	for _, id := range r.Got() {
		m[id]++
	}
	return m
}

func accepts(t *testing.T, d destination.Destination, r *Receiver) {
	for n := range 20 {
		if err := deliver(t, d, Parcel(n)); err != nil {
			t.Fatalf("parcel %d: %v", n, err)
		}
		if got := r.Got(); len(got) != n+1 {
			t.Fatalf("parcel %d counts as delivered, the receiver has %d", n, len(got))
		}
	}
	if got := counts(r); len(got) != 20 {
		t.Errorf("20 parcels have %d identities", len(got))
	}
}

func manyKeys(t *testing.T, d destination.Destination, r *Receiver) {
	const keys, each = 12, 10
	var wait sync.WaitGroup
	for k := range keys {
		wait.Go(func() {
			for n := range each {
				if err := deliver(t, d, Parcel(k*each+n)); err != nil {
					t.Errorf("parcel %d: %v", k*each+n, err)
				}
			}
		})
	}
	wait.Wait()
	got := counts(r)
	if len(got) != keys*each {
		t.Errorf("%d parcels came, want %d", len(got), keys*each)
	}
	for id, n := range got {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
}

// sameIdentity delivers twice, as after a lost acknowledgement. A destination
// that knows what it has done need not do it again.
func sameIdentity(t *testing.T, d destination.Destination, r *Receiver) {
	p := Parcel(1)
	for p.Attempt = 1; p.Attempt <= 2; p.Attempt++ {
		if err := deliver(t, d, p); err != nil {
			t.Fatal(err)
		}
	}
	if got := counts(r); len(got) != 1 {
		t.Errorf("two attempts have the identities %v", got)
	}
}

func fails(kinds ...fault.Kind) func(*testing.T, destination.Destination, *Receiver) {
	return func(t *testing.T, d destination.Destination, r *Receiver) {
		err := deliver(t, d, Parcel(1))
		for _, k := range kinds {
			if err != nil && fault.KindOf(err) == k {
				return
			}
		}
		t.Errorf("error %v, want one of kind %v", err, kinds)
	}
}

func contextEnds(t *testing.T, d destination.Destination, _ *Receiver) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := d.Deliver(ctx, []destination.Parcel{Parcel(1)})
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("delivered although nobody answered")
		}
	case <-time.After(Patience):
		t.Fatal("Deliver did not return after its context ended")
	}
}

func thenAccepts(t *testing.T, d destination.Destination, r *Receiver) {
	if err := deliver(t, d, Parcel(1)); err != nil {
		if fault.KindOf(err) != fault.Transient {
			t.Errorf("error %v, want a transient one", err)
		}
		if err := deliver(t, d, Parcel(1)); err != nil {
			t.Fatalf("second attempt: %v", err)
		}
	}
	if got := counts(r); len(got) != 1 {
		t.Errorf("two attempts have the identities %v", got)
	}
}

// late: the answer to the first message must not be taken for one to the
// second.
func late(t *testing.T, d destination.Destination, r *Receiver) {
	if err := deliver(t, d, Parcel(1)); fault.KindOf(err) != fault.Transient {
		t.Errorf("error %v, want a transient one", err)
	}
	if err := deliver(t, d, Parcel(2)); err != nil {
		t.Errorf("second message: %v", err)
	}
	if got := counts(r); len(got) != 2 {
		t.Errorf("two messages have the identities %v", got)
	}
}

func down(t *testing.T, d destination.Destination, _ *Receiver) {
	err := deliver(t, d, Parcel(1))
	if fault.KindOf(err) != fault.Transient || !destination.IsDown(err) {
		t.Errorf("error %v (%T), want a transient one that says the destination is down", err, err)
	}
}
