package deliver_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

// TestReplayReadsAgain: the new reading is what goes out, to whom it is owed
// now, the same at every destination and after a restart; the old one stays.
func TestReplayReadsAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var readings atomic.Int64
		var gone model.Seq = 4
		o := deliver.Options{Reread: func(_ context.Context, old *model.Message) (*model.Message, error) {
			n := readings.Add(1)
			if n%5 == 1 {
				return nil, transient()
			}
			if old.Ref.Seq == gone {
				return nil, nil
			}
			m := *old
			m.ControlID = "reading " + text(n)
			m.Routed = []model.Decision{{Destination: "ehr"}, {Destination: "new"}}
			if old.Ref.Seq == 5 {
				m.Routed[0].Refused = "simulated"
			}
			return &m, nil
		}}
		w := newWorld(t, o, "ehr", "old", "new")
		defer func() { w.shut() }()
		sent := map[model.DestinationID]map[model.Seq][]string{}
		for id := range w.receivers {
			sent[id] = map[model.Seq][]string{}
			w.script(id, func(_ context.Context, _ int, parcels []destination.Parcel) error {
				for _, p := range parcels {
					if p.Replay > 0 {
						sent[id][p.Message.Ref.Seq] = append(sent[id][p.Message.Ref.Seq], p.Message.ControlID)
					}
				}
				return nil
			})
		}
		for range 6 {
			w.record.add("ann", "ehr", "old")
		}
		pass(time.Second)
		w.list[2].Disabled = true // the new destination is paused meanwhile
		w.apply()
		id := w.replay(deliver.ReplayRequest{Entries: []model.Seq{2, 3, 4, 5}, Reread: true})
		pass(time.Minute)
		w.reopen()
		w.list[2].Disabled = false
		w.apply()
		pass(time.Minute)
		expect(t, "not owed any more", len(sent["old"]), 0)
		expect(t, "at ehr", len(sent["ehr"]), 2)
		expect(t, "at the new one", len(sent["new"]), 3)
		for seq, texts := range sent["ehr"] {
			if len(texts) != 1 || !slices.Equal(texts, sent["new"][seq]) || texts[0] == "" {
				t.Errorf("%d: %v and %v", seq, texts, sent["new"][seq])
			}
		}
		all, err := w.Versions(ctx, model.MessageRef{Seq: 2})
		if err != nil || len(all) != 1 || all[0].Replay != id || all[0].Message.ControlID != sent["ehr"][2][0] {
			t.Errorf("%+v %v", all, err)
		}
		m, _ := w.record.Message(ctx, model.MessageRef{Seq: 2})
		expect(t, "the record", m.ControlID, "")
		replays, _ := w.Replays(ctx, 0, 1)
		expect(t, "jobs", text([]any{replays[0].Span.Reread, replays[0].Jobs[0].Queued, replays[0].Jobs[0].Refused}), "[true 2 2]")
		// The first time goes as it was recorded.
		if _, err := w.store.Version(ctx, 0, m.Ref); fault.KindOf(err) != fault.Absent {
			t.Error(err)
		}
	})
}

func TestNoReread(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer w.shut()
		w.record.add("ann", "ehr")
		_, err := w.Replay(ctx, deliver.ReplayRequest{Entries: []model.Seq{1}, Reason: "x", Reread: true})
		expect(t, "code", fault.CodeOf(err), "deliver.no-reread")
	})
}
