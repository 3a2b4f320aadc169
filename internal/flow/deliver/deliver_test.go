package deliver_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

var ctx = context.Background()

func TestDeliversAtOnceInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr", "lake")
		defer w.shut()
		settle()
		began := time.Now()
		for range 3 {
			w.record.add("ann", "ehr")
			w.record.add("bob", "ehr", "lake")
		}
		settle()
		expect(t, "time until delivered", time.Since(began), 0)
		expect(t, "ehr", w.receivers["ehr"].count(), 6)
		expect(t, "lake", text(w.receivers["lake"].seqs()), "[2 4 6]")
		expect(t, "ann", text(w.receivers["ehr"].by["patient/ann"]), "[{1 0} {3 0} {5 0}]")
		pass(10 * time.Second)
		s := w.stat("ehr")
		expect(t, "delivered", s.Delivered, 6)
		expect(t, "queued", s.Queued, 0)
		expect(t, "cursor", s.Cursor, model.MessageRef{Seq: 6})
		expect(t, "cursor beyond what is owed to others", w.stat("lake").Cursor, model.MessageRef{Seq: 6})
		found, err := w.ByMessage(ctx, model.MessageRef{Seq: 2})
		if err != nil || len(found) != 2 || found[0].State != model.Delivered || found[0].Receipt != "AA" || found[1].Destination != "lake" {
			t.Errorf("%+v %v", found, err)
		}
	})
}

func TestPermanentFaultIsADeadLetterAndTheKeyGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer w.shut()
		w.script("ehr", failing(permanent, 2))
		for range 4 {
			w.record.add("ann", "ehr")
		}
		pass(time.Second)
		expect(t, "delivered", text(w.receivers["ehr"].seqs()), "[1 3 4]")
		letters, err := w.DeadLetters(ctx, deliver.DeadFilter{Destination: "ehr", Key: "patient/ann", Code: "test.refused"})
		if err != nil || len(letters) != 1 {
			t.Fatal(letters, err)
		}
		l := letters[0]
		expect(t, "dead letter", l.Ref.Seq, 2)
		expect(t, "reason", l.Reason, "never [test.refused]")
		// Retried under the same identity, behind what came meanwhile.
		w.script("ehr", nil)
		if err := w.Retry(ctx, l.ID); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		expect(t, "after retry", text(w.receivers["ehr"].takes), "[{1 0} {3 0} {4 0} {2 0}]")
		expect(t, "dead after retry", w.stat("ehr").Dead, 0)
		if err := w.Retry(ctx, l.ID); fault.CodeOf(err) != "deliver.no-letter" {
			t.Errorf("second retry: %v", err)
		}
		found, _ := w.ByMessage(ctx, l.Ref)
		if len(found) != 1 || found[0].State != model.Delivered || found[0].Attempts < 2 {
			t.Errorf("%+v", found)
		}
	})
}

func TestDiscard(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer w.shut()
		w.script("ehr", failing(permanent, 1))
		w.record.add("ann", "ehr")
		pass(time.Second)
		letters, _ := w.DeadLetters(ctx, deliver.DeadFilter{})
		if err := w.Discard(ctx, letters[0].ID, ""); fault.CodeOf(err) != "deliver.no-reason" {
			t.Errorf("without a reason: %v", err)
		}
		if err := w.Discard(ctx, letters[0].ID, "training patient"); err != nil {
			t.Fatal(err)
		}
		for _, again := range []error{w.Discard(ctx, letters[0].ID, "again"), w.Retry(ctx, letters[0].ID)} {
			if fault.KindOf(again) != fault.Absent {
				t.Errorf("again: %v", again)
			}
		}
		found, _ := w.ByMessage(ctx, model.MessageRef{Seq: 1})
		if len(found) != 1 || found[0].State != model.Discarded || !strings.HasPrefix(found[0].Reason, "training patient; it had failed: never") {
			t.Errorf("%+v", found)
		}
		s := w.stat("ehr")
		expect(t, "counters", text([]int64{s.Dead, s.Discarded, s.Queued}), "[0 1 0]")
		// Of a destination that is gone it works as well; a retry cannot.
		w.script("ehr", failing(permanent, 2))
		w.record.add("ann", "ehr")
		pass(time.Second)
		w.list = nil
		w.apply()
		letters, _ = w.DeadLetters(ctx, deliver.DeadFilter{})
		if err := w.Retry(ctx, letters[0].ID); fault.CodeOf(err) != "deliver.removed" {
			t.Errorf("retry without a destination: %v", err)
		}
		if err := w.Discard(ctx, letters[0].ID, "destination is gone"); err != nil {
			t.Error(err)
		}
	})
}

func TestHeldKeyWaitsForADecision(t *testing.T) {
	for _, restart := range []bool{false, true} {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, deliver.Options{LaneWindow: 4}, "ehr")
			defer func() { w.shut() }()
			w.list[0].Delivery.OnDead = "hold"
			w.apply()
			w.script("ehr", failing(permanent, 2, 4))
			for range 20 {
				w.record.add("ann", "ehr")
			}
			w.record.add("bob", "ehr")
			pass(time.Second)
			v := w.receivers["ehr"]
			expect(t, "bob goes on", len(v.by["patient/bob"]), 1)
			expect(t, "ann is held", text(v.of("ann")), "[1]")
			expect(t, "held", w.stat("ehr").HeldKeys, 1)
			if restart {
				w.reopen()
				pass(time.Minute)
				expect(t, "held after a restart", text(v.of("ann")), "[1]")
			}
			letters, _ := w.DeadLetters(ctx, deliver.DeadFilter{})
			if len(letters) != 1 || !letters[0].Holds {
				t.Fatalf("%+v", letters)
			}
			w.script("ehr", failing(permanent, 4))
			if err := w.Retry(ctx, letters[0].ID); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
			expect(t, "retried at its place", text(v.of("ann")), "[1 2 3]")
			letters, _ = w.DeadLetters(ctx, deliver.DeadFilter{})
			if err := w.Discard(ctx, letters[0].ID, "nobody needs it"); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
			expect(t, "after the decision", text(v.of("ann")), "[1 2 3 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20]")
		})
	}
}

func TestRulesThatStopHoldingLetGo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer w.shut()
		w.list[0].Delivery.OnDead = "hold"
		w.apply()
		w.script("ehr", failing(permanent, 1))
		w.record.add("ann", "ehr")
		w.record.add("ann", "ehr")
		pass(time.Second)
		expect(t, "held", w.receivers["ehr"].count(), 0)
		w.list[0].Delivery.OnDead = "continue"
		w.apply()
		pass(time.Second)
		expect(t, "let go", text(w.receivers["ehr"].seqs()), "[2]")
	})
}

func TestPoisonLimits(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{Random: func() float64 { return 0.5 }}, "few", "old")
		defer w.shut()
		w.list[0].Delivery.MaxAttempts = 5
		w.list[1].Delivery.MaxAgeHours = 24
		w.apply()
		for _, d := range w.list {
			w.script(d.ID, failing(transient, 1))
		}
		w.record.add("ann", "few", "old")
		w.record.add("ann", "few", "old")
		pass(time.Hour)
		expect(t, "the next one", text(w.receivers["few"].seqs()), "[2]")
		expect(t, "waits", w.receivers["old"].count(), 0)
		w.reopen() // age counts on
		pass(22 * time.Hour)
		expect(t, "still waits", w.stat("old").Dead, 0)
		pass(2 * time.Hour)
		expect(t, "goes on", text(w.receivers["old"].seqs()), "[2]")
		letters, _ := w.DeadLetters(ctx, deliver.DeadFilter{})
		expect(t, "letters", len(letters), 2)
		expect(t, "old", letters[0].Reason, "given up after failing for 24h0m0s: come again [test.busy]")
		expect(t, "few", letters[1].Reason, "given up after 5 failures: come again [test.busy]")
		expect(t, "attempts", letters[1].Attempts, 6) // one in a batch with the other
	})
}

func TestBackOffGrowsWithinBounds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{Random: func() float64 { return 0.999999 }}, "ehr")
		defer w.shut()
		var at []time.Time
		w.script("ehr", func(context.Context, int, []destination.Parcel) error {
			at = append(at, time.Now())
			return transient()
		})
		w.record.add("ann", "ehr")
		pass(10 * time.Minute)
		var gaps []time.Duration
		for i := range at[1:] {
			gaps = append(gaps, at[i+1].Sub(at[i]).Round(time.Millisecond))
		}
		want := "[250ms 500ms 1s 2s 4s 8s 16s 32s 1m0s 1m0s"
		if !strings.HasPrefix(text(gaps), want) {
			t.Errorf("gaps %v", gaps)
		}
		found, _ := w.ByMessage(ctx, model.MessageRef{Seq: 1})
		if len(found) != 1 || found[0].State != model.Queued || found[0].Attempts != len(at) || found[0].FaultCode != "test.busy" || !found[0].NextTry.After(time.Now()) {
			t.Errorf("%+v", found)
		}
		expect(t, "state", w.stat("ehr").State, deliver.Waiting)
	})
}

func TestBreakerOpensProbesAndCloses(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{Random: func() float64 { return 0.5 }}, "ehr")
		defer w.shut()
		v := w.receivers["ehr"]
		var mu sync.Mutex
		var at []time.Duration
		began := time.Now()
		w.script("ehr", func(context.Context, int, []destination.Parcel) error {
			mu.Lock()
			at = append(at, time.Since(began))
			mu.Unlock()
			time.Sleep(time.Millisecond)
			return down()
		})
		for _, who := range []string{"ann", "bob", "cyd", "dan", "eve", "fay"} {
			w.record.add(who, "ehr")
			w.record.add(who, "ehr")
		}
		pass(10 * time.Millisecond)
		s := w.stat("ehr")
		expect(t, "state", s.State, deliver.Down)
		if calls, _ := v.called(); calls != 4 {
			t.Errorf("%s: %d", "calls before it opened", calls)
		}
		expect(t, "code", s.LastCode, "test.down")
		pass(time.Hour)
		for i := 5; i < len(at); i++ { // one probe after the other
			gap := at[i] - at[i-1]
			if gap < time.Second || gap > time.Minute+10*time.Millisecond {
				t.Errorf("probe %d after %v", i, gap)
			}
		}
		expect(t, "dead", w.stat("ehr").Dead, 0)
		expect(t, "parked", w.stat("ehr").Parked, 0)
		w.script("ehr", nil)
		pass(time.Minute)
		expect(t, "delivered", v.count(), 12)
		expect(t, "state after", w.stat("ehr").State, deliver.Running)
		// One outage after another begins with the shortest interval again.
		w.script("ehr", func(context.Context, int, []destination.Parcel) error { return down() })
		w.record.add("ann", "ehr")
		settle()
		expect(t, "open until", w.stat("ehr").OpenUntil, time.Now().Add(time.Second).UTC().Local())
	})
}

func TestBatchIsSplitWhenItFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer w.shut()
		v := w.receivers["ehr"]
		w.list[0].Disabled = true
		w.apply()
		for range 25 {
			w.record.add("ann", "ehr")
		}
		settle()
		expect(t, "paused", w.stat("ehr").State, deliver.Paused)
		expect(t, "queued", w.stat("ehr").Queued, 25)
		w.script("ehr", failing(permanent, 4))
		w.list[0].Disabled = false
		w.apply()
		pass(time.Second)
		if _, biggest := v.called(); biggest != 10 {
			t.Errorf("%s: %d", "biggest", biggest)
		}
		// one batch of ten, ten alone, a batch of ten and one of five
		if calls, _ := v.called(); calls != 13 {
			t.Errorf("%s: %d", "calls", calls)
		}
		expect(t, "delivered", text(v.seqs()), "[1 2 3 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25]")
	})
}

func TestStuckKeyHoldsNoOtherAndIsParked(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{LaneWindow: 8, WindowMessages: 64}, "ehr")
		defer func() { w.shut() }()
		v := w.receivers["ehr"]
		var stuck atomic.Bool
		stuck.Store(true)
		w.script("ehr", func(_ context.Context, _ int, p []destination.Parcel) error {
			if stuck.Load() && p[0].Message.Patient.ID == "ann" {
				return transient()
			}
			return nil
		})
		for range 500 {
			w.record.add("ann", "ehr")
			w.record.add("bob", "ehr")
		}
		pass(10 * time.Second)
		expect(t, "bob", len(v.by["patient/bob"]), 500)
		s := w.stat("ehr")
		expect(t, "cursor", s.Cursor, model.MessageRef{Seq: 1000})
		expect(t, "parked", s.Parked, 500)
		expect(t, "queued", s.Queued, 500)
		if s.InMemory > 64 {
			t.Errorf("%d messages in memory", s.InMemory)
		}
		expect(t, "age is that of the stuck one", time.Since(s.Oldest) >= 10*time.Second, true)
		w.reopen()
		stuck.Store(false)
		w.record.add("ann", "ehr")
		pass(2 * time.Minute)
		inOrder(t, v, 0)
		expect(t, "ann", len(v.by["patient/ann"]), 501)
		expect(t, "queued at the end", w.stat("ehr").Queued, 0)
	})
}

func TestSlowCallDoesNotHoldTheCursorBackForever(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{Spread: 100}, "ehr")
		defer w.shut()
		v := w.receivers["ehr"]
		w.script("ehr", func(ctx context.Context, _ int, p []destination.Parcel) error {
			if p[0].Message.Patient.ID == "ann" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		w.record.add("ann", "ehr")
		for range 1000 {
			w.record.add("bob", "ehr")
		}
		pass(10 * time.Second)
		expect(t, "bob", v.count(), 1000)
		expect(t, "cursor", w.stat("ehr").Cursor.Seq, 1001)
		expect(t, "parked", w.stat("ehr").Parked, 1)
		pass(51 * time.Second)
		expect(t, "code", w.stat("ehr").LastCode, "deliver.timeout")
		w.script("ehr", nil)
		pass(time.Minute)
		expect(t, "ann", len(v.by["patient/ann"]), 1)
		expect(t, "parked", w.stat("ehr").Parked, 0)
	})
}

func TestStuckDestinationHoldsNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{WindowMessages: 100}, "gone", "ehr", "slow")
		defer w.shut()
		w.script("gone", func(context.Context, int, []destination.Parcel) error { return down() })
		w.script("slow", func(ctx context.Context, _ int, _ []destination.Parcel) error {
			<-ctx.Done()
			return ctx.Err()
		})
		for i := range 5000 {
			w.record.add("p"+text(i%7), "gone", "ehr", "slow")
		}
		settle()
		expect(t, "ehr", w.receivers["ehr"].count(), 5000)
		s := w.stat("gone")
		expect(t, "queued", s.Queued, 5000)
		expect(t, "parked", s.Parked, 0)
		if s.InMemory > 100 {
			t.Errorf("%d in memory", s.InMemory)
		}
		w.script("gone", nil)
		w.script("slow", nil)
		pass(3 * time.Minute)
		expect(t, "gone", w.receivers["gone"].count(), 5000)
		expect(t, "slow", w.receivers["slow"].count(), 5000)
		for _, v := range w.receivers {
			inOrder(t, v, 0)
		}
	})
}

func TestDefectsAndWhatIsGone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer func() { w.shut() }()
		w.script("ehr", func(_ context.Context, call int, _ []destination.Parcel) error {
			if call == 1 {
				panic("defect")
			}
			if call == 2 {
				return errors.New("https://user:secret@host/")
			}
			return nil
		})
		w.record.add("ann", "ehr")
		settle()
		expect(t, "code", w.stat("ehr").LastCode, "deliver.panic")
		pass(time.Second)
		expect(t, "no secret", w.stat("ehr").LastReason, "an error that is not classified (*errors.errorString)")
		pass(time.Minute)
		expect(t, "delivered", w.receivers["ehr"].count(), 1)
		// A parked message that the record lost meanwhile is a dead letter.
		w.script("ehr", func(context.Context, int, []destination.Parcel) error { return transient() })
		w.record.add("ann", "ehr")
		pass(time.Minute)
		w.shut()
		w.record.messages[1] = nil
		w.open()
		pass(2 * time.Minute)
		letters, _ := w.DeadLetters(ctx, deliver.DeadFilter{})
		if len(letters) != 1 || letters[0].Code != "record.absent" {
			t.Errorf("%+v", letters)
		}
	})
}

func TestRecordThatFailsIsReadAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer w.shut()
		w.record.err = fault.New(fault.Broken, "record.damaged", "bad sector")
		w.record.add("ann", "ehr")
		pass(time.Second)
		s := w.stat("ehr")
		expect(t, "state", s.State, deliver.Waiting)
		expect(t, "code", s.LastCode, "record.damaged")
		w.record.mu.Lock()
		w.record.err = nil
		w.record.mu.Unlock()
		pass(10 * time.Second)
		expect(t, "delivered", w.receivers["ehr"].count(), 1)
		expect(t, "state", w.stat("ehr").State, deliver.Running)
	})
}

// inOrder looks whether the first effects of each key came in order, without a
// hole within what came.
func inOrder(t testing.TB, v *receiver, replay uint64) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, all := range v.by {
		last := model.Seq(0)
		seen := map[model.Seq]bool{}
		for _, s := range all {
			if s.replay != replay || seen[s.seq] {
				continue
			}
			seen[s.seq] = true
			if s.seq < last {
				t.Errorf("%s of %s: %d came after %d", key, v.id, s.seq, last)
				return
			}
			last = s.seq
		}
	}
}
