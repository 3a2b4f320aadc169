package deliver_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

func TestApplyChecksAllBeforeItChangesAnything(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer w.shut()
		w.receivers["new"] = newReceiver("new")
		err := w.Apply(ctx, []model.Destination{
			{ID: "new", Kind: "test"},
			{ID: "a", Kind: "fax"},
			{ID: "b", Kind: "test", Settings: map[string]any{"wrong": 1}},
			{ID: "c", Kind: "test", Delivery: model.DeliveryRules{Batch: 11}},
			{ID: "d", Kind: "test", Delivery: model.DeliveryRules{OnDead: "panic"}},
			{ID: "e", Kind: "test", Delivery: model.DeliveryRules{Concurrency: 1000}},
			{ID: "f", Kind: "test", Delivery: model.DeliveryRules{TimeoutSeconds: -1}},
			{ID: "g", Kind: "test", Delivery: model.DeliveryRules{MaxAgeHours: 9999}},
			{ID: "h", Kind: "test", Delivery: model.DeliveryRules{MaxAttempts: -1}},
			{ID: "new", Kind: "test"},
		})
		for _, want := range []string{
			`destination a: kind: there is no kind of destination called "fax"`,
			"destination b: the settings are refused: wrong: unknown key",
			"destination c: delivery.batch: expected", "destination d: delivery.on_dead: expected continue or hold",
			"destination e: delivery.concurrency", "destination f: delivery.timeout_seconds", "destination g: delivery.max_age_hours",
			"destination h: delivery.max_attempts", "destination new: a destination needs an id of its own",
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("missing %q in %v", want, err)
			}
		}
		described := map[string]bool{"conf.unknown-key": true}
		for _, d := range fault.Catalogue() {
			described[d.Code] = true
		}
		for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
			if !described[fault.CodeOf(one)] {
				t.Errorf("%s is not in the catalogue", fault.CodeOf(one))
			}
		}
		expect(t, "made and closed again", w.receivers["new"].closed, 1)
		expect(t, "destinations", text(w.Destinations()), "[ehr]")
		w.record.add("ann", "ehr")
		settle()
		expect(t, "the old one goes on", w.receivers["ehr"].count(), 1)
	})
}

func TestPauseChangeRemoveAndBack(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr", "lake")
		defer w.shut()
		v := w.receivers["ehr"]
		w.record.add("ann", "ehr", "lake")
		settle()
		w.list[0].Disabled = true
		w.apply()
		w.record.add("ann", "ehr", "lake")
		pass(time.Hour)
		expect(t, "paused", v.count(), 1)
		expect(t, "the other goes on", w.receivers["lake"].count(), 2)
		expect(t, "not made again", v.closed, 0)
		w.list[0].Disabled = false
		w.apply()
		settle()
		expect(t, "goes on", text(v.seqs()), "[1 2]")

		// A change waits for the calls under way; a second one before that
		// takes the place of the first.
		v.set(func(context.Context, int, []destination.Parcel) error { time.Sleep(2 * time.Second); return nil })
		w.record.add("ann", "ehr")
		settle()
		for i := range 3 {
			w.list[0].Settings = map[string]any{"n": i}
			w.apply()
		}
		w.record.add("ann", "ehr")
		settle()
		if calls, _ := v.called(); calls != 3 {
			t.Errorf("%s: %d", "while a call is under way", calls)
		}
		pass(time.Second * 10)
		expect(t, "after the change", text(v.seqs()), "[1 2 3 4]")
		expect(t, "old ones closed", v.closed, 3)

		// A call that does not end is ended after the grace and made again.
		v.set(func(ctx context.Context, _ int, _ []destination.Parcel) error { <-ctx.Done(); return ctx.Err() })
		w.record.add("ann", "ehr")
		settle()
		w.list[0].Settings = map[string]any{"n": 9}
		w.apply()
		settle()
		v.set(nil)
		pass(6 * time.Second)
		expect(t, "made again", text(v.seqs()), "[1 2 3 4 5]")
		expect(t, "no failure of the message", w.stat("ehr").WaitingKeys, 0)

		// What is owed to one that is gone is there when it comes back.
		v.set(func(context.Context, int, []destination.Parcel) error { return transient() })
		for range 3 {
			w.record.add("bob", "ehr")
		}
		pass(time.Minute)
		whole := w.list
		w.list = whole[1:]
		w.apply()
		expect(t, "destinations", text(w.Destinations()), "[lake]")
		v.set(nil)
		pass(time.Minute)
		expect(t, "gone", v.count(), 5)
		w.list = whole
		w.apply()
		pass(2 * time.Minute)
		expect(t, "back", text(v.of("bob")), "[6 7 8]")
		if err := w.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if err := w.Apply(ctx, whole); fault.CodeOf(err) != "deliver.closed" {
			t.Errorf("apply after close: %v", err)
		}
	})
}

func TestNewDestinationBeginsAtTheHead(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer func() { w.shut() }()
		w.record.add("ann", "ehr", "late")
		w.receivers["late"] = newReceiver("late")
		w.list = append(w.list, model.Destination{ID: "late", Kind: "test", Disabled: true})
		w.apply()
		w.record.add("ann", "ehr", "late")
		w.reopen()
		w.list[1].Disabled = false
		w.apply()
		settle()
		expect(t, "late", text(w.receivers["late"].seqs()), "[2]")
	})
}

func TestHangingCallDoesNotKeepTheServerFromStopping(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		v := w.receivers["ehr"]
		never := make(chan struct{})
		v.set(func(context.Context, int, []destination.Parcel) error { <-never; return nil })
		w.record.add("ann", "ehr")
		settle()
		if err := w.Close(ctx); fault.CodeOf(err) != "deliver.stuck" {
			t.Errorf("close: %v", err)
		}
		close(never)
		pass(time.Second)
		w.store.Close()
		v.set(nil)
		w.open()
		settle()
		expect(t, "sent again", text(v.seqs()), "[1 1]")
		w.shut()
	})
}

func TestRawBytes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{Raw: raw{}, Part: func(e model.Entry, part int) []byte { return e.Bytes[part:] }})
		defer w.shut()
		var mu sync.Mutex
		var got []string
		w.wantsRaw = true
		w.receivers["ehr"] = newReceiver("ehr")
		w.receivers["ehr"].set(func(_ context.Context, _ int, p []destination.Parcel) error {
			mu.Lock()
			defer mu.Unlock()
			for _, one := range p {
				got = append(got, string(one.Raw))
			}
			return nil
		})
		w.Close(ctx)
		w.store.Close()
		w.list = []model.Destination{{ID: "ehr", Kind: "test"}}
		w.open()
		for range 3 {
			w.record.add("ann", "ehr")
		}
		pass(time.Minute)
		expect(t, "raw", strings.Join(got, ","), "frame 1,,frame 3") // the second one is redacted
		letters, _ := w.DeadLetters(ctx, deliver.DeadFilter{})
		expect(t, "letters", len(letters), 0)
	})
}

type raw struct{}

func (raw) Read(seq model.Seq) (model.Entry, error) {
	e := model.Entry{Seq: seq, Frame: model.Frame{Bytes: []byte("frame " + text(seq))}}
	if seq == 2 {
		e.Redacted, e.Bytes = true, nil
	}
	return e, nil
}
