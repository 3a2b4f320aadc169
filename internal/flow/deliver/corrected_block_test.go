package deliver_test

import (
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

// A correction of what left before a block is not lost while the block is in
// force: it becomes a dead letter that somebody sends when the device is free,
// else the receiver keeps one patient's values under another for ever (R20).
func TestCorrectionMeetsABlock(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var blocked atomic.Bool
		w := newWorld(t, deliver.Options{
			Blocked: func(id model.DeviceID, _ time.Time) bool { return blocked.Load() && id == "monitor-ann" },
			Freed:   func(model.ChannelID, model.DeviceID) bool { return !blocked.Load() },
		}, "ehr")
		defer w.shut()
		ref := w.record.add("ann", "ehr")
		pass(time.Second)
		ehr := w.receivers["ehr"]
		expect(t, "it left", ehr.count(), 1)
		blocked.Store(true)
		m, err := w.record.Message(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		corrected := *m
		corrected.Patient = &model.Patient{ID: "bob"}
		if _, err := w.Correct(ctx, model.Correction{ID: 7, Cause: "a scan", Actor: "nurse"}, []*model.Message{&corrected}); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		expect(t, "nothing leaves while it is blocked", ehr.count(), 1)
		letters, err := w.DeadLetters(ctx, deliver.DeadFilter{Limit: 10})
		if err != nil || len(letters) != 1 {
			t.Fatalf("the correction is kept nowhere: %v %v", letters, err)
		}
		blocked.Store(false)
		if err := w.Retry(ctx, letters[0].ID); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		expect(t, "the receiver is told", text(ehr.by["patient/bob"]), "[{1 1}]")
	})
}
