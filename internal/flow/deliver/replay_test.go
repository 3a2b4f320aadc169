package deliver_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

func (w *world) replay(q deliver.ReplayRequest) uint64 {
	w.t.Helper()
	q.Reason = "the receiver lost it"
	id, err := w.Replay(ctx, q)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func TestReplayByEntrySpanAndDevice(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr", "lake")
		defer w.shut()
		began := time.Now()
		for range 5 {
			w.record.add("ann", "ehr")
			w.record.add("bob", "ehr", "lake")
			pass(time.Minute)
		}
		ehr, lake := w.receivers["ehr"], w.receivers["lake"]
		expect(t, "first", ehr.count()+lake.count(), 15)
		id := w.replay(deliver.ReplayRequest{Entries: []model.Seq{4, 2}, Refs: []model.MessageRef{{Seq: 4}}})
		expect(t, "number", id, 1)
		pass(time.Second)
		expect(t, "entries at ehr", text(ehr.takes[10:]), "[{2 1} {4 1}]")
		expect(t, "entries at lake", text(lake.takes[5:]), "[{2 1} {4 1}]")
		w.replay(deliver.ReplayRequest{From: began.Add(time.Minute), Until: began.Add(3 * time.Minute)})
		pass(time.Second)
		expect(t, "span, ann", text(ehr.by["patient/ann"][5:]), "[{3 2} {5 2}]")
		expect(t, "span, bob", text(ehr.by["patient/bob"][7:]), "[{4 2} {6 2}]")
		w.replay(deliver.ReplayRequest{Device: "monitor-ann", Destinations: []model.DestinationID{"ehr"}})
		pass(time.Second)
		expect(t, "device", text(ehr.by["patient/ann"][7:]), "[{1 3} {3 3} {5 3} {7 3} {9 3}]")
		// What no route named for a destination goes there when somebody says so.
		w.replay(deliver.ReplayRequest{Entries: []model.Seq{1}})
		w.replay(deliver.ReplayRequest{Entries: []model.Seq{1}, Destinations: []model.DestinationID{"lake"}})
		pass(time.Second)
		expect(t, "forced", text(lake.takes[len(lake.takes)-1]), "{1 5}")
		all, err := w.Replays(ctx, 0, 10)
		if err != nil || len(all) != 5 {
			t.Fatal(len(all), err)
		}
		first := all[4]
		expect(t, "reason", first.Reason, "the receiver lost it")
		expect(t, "jobs", text([]any{first.Jobs[0].Done, first.Jobs[0].Queued, first.Jobs[0].Refused}), "[true 2 0]")
		expect(t, "not owed", text([]any{all[1].Jobs[1].Destination, all[1].Jobs[1].Queued, all[1].Jobs[1].Refused}), "[lake 0 1]")
		found, _ := w.ByMessage(ctx, model.MessageRef{Seq: 4})
		expect(t, "deliveries of a message", len(found), 6)
	})
}

func TestReplayRefusals(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer w.shut()
		w.record.addRouted("ann", model.Decision{Route: "all", Destination: "ehr", Refused: "simulated"})
		w.replay(deliver.ReplayRequest{Entries: []model.Seq{1}, Destinations: []model.DestinationID{"ehr"}})
		pass(time.Second)
		expect(t, "refused by a decision", w.receivers["ehr"].count(), 0)
		for _, c := range []struct {
			q    deliver.ReplayRequest
			code string
		}{
			{deliver.ReplayRequest{Entries: []model.Seq{1}}, "deliver.no-reason"},
			{deliver.ReplayRequest{Reason: "x"}, "deliver.replay-what"},
			{deliver.ReplayRequest{Reason: "x", Channel: "icu"}, "deliver.replay-what"},
			{deliver.ReplayRequest{Reason: "x", Entries: []model.Seq{1}, Device: "d"}, "deliver.replay-what"},
			{deliver.ReplayRequest{Reason: "x", Entries: []model.Seq{9}}, "record.absent"},
			{deliver.ReplayRequest{Reason: "x", Device: "d", Destinations: []model.DestinationID{"nowhere"}}, "deliver.removed"},
		} {
			if _, err := w.Replay(ctx, c.q); fault.CodeOf(err) != c.code {
				t.Errorf("%+v: %v", c.q, err)
			}
		}
	})
}

// TestReplayComesBehindWhatIsOwed replays while the destination is down and
// much is owed, and goes through restarts while the replay is under way.
func TestReplayComesBehindWhatIsOwed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{WindowMessages: 64, LaneWindow: 8}, "ehr")
		defer func() { w.shut() }()
		v := w.receivers["ehr"]
		w.script("ehr", func(context.Context, int, []destination.Parcel) error { return down() })
		for i := range 1000 {
			w.record.add("p"+text(i%9), "ehr")
		}
		pass(time.Second)
		w.replay(deliver.ReplayRequest{From: time.Now().Add(-time.Hour)})
		pass(time.Second)
		for i := range 1000 {
			w.record.add("p"+text(i%9), "ehr")
		}
		pass(time.Minute)
		w.reopen()
		var n atomic.Int32
		w.script("ehr", func(context.Context, int, []destination.Parcel) error {
			time.Sleep(time.Millisecond)
			if n.Add(1)%7 == 0 {
				return transient()
			}
			return nil
		})
		for range 20 {
			pass(30 * time.Second)
			w.reopen()
		}
		pass(10 * time.Minute)
		expect(t, "taken", v.count(), 3000)
		inOrder(t, v, 0)
		inOrder(t, v, 1)
		for key, all := range v.by {
			owed := 0
			for _, s := range all {
				if s.seq <= 1000 && s.replay == 0 {
					owed++
				}
				if s.replay == 1 && owed < 1000/9 {
					t.Errorf("%s: replayed %d before what was owed", key, s.seq)
					break
				}
			}
		}
		expect(t, "queued", w.stat("ehr").Queued, 0)
		expect(t, "delivered", w.stat("ehr").Delivered, 3000)
	})
}

// TestReplayStaysBehindAfterARestart: what lies only in memory when a replay
// comes must come before it also when it is read again from the record.
func TestReplayStaysBehindAfterARestart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer func() { w.shut() }()
		w.record.add("ann", "ehr")
		pass(time.Second)
		w.list[0].Disabled = true
		w.apply()
		w.record.add("ann", "ehr")
		w.record.add("ann", "ehr")
		pass(time.Second)
		w.replay(deliver.ReplayRequest{Entries: []model.Seq{1}})
		pass(time.Second)
		w.reopen()
		w.record.add("ann", "ehr")
		pass(time.Second)
		w.list[0].Disabled = false
		w.apply()
		pass(time.Second)
		expect(t, "taken", text(w.receivers["ehr"].takes), "[{1 0} {2 0} {3 0} {1 1} {4 0}]")
	})
}
