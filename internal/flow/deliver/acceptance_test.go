package deliver_test

import (
	"testing"
	"time"

	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

// wanting is a ward whose channel asks for accepted devices: what routing
// decides is acceptance, and whether it still asks.
type wanting struct {
	*ward
	asks bool
}

func newWanting(t testing.TB, dests ...model.DestinationID) *wanting {
	w := &wanting{asks: true}
	w.ward = newWard(t, deliver.Options{LaneWindow: 4, Accepted: func(channel model.ChannelID, id model.DeviceID) bool {
		return channel == "icu" && (!w.asks || w.knows(id))
	}}, dests...)
	return w
}

// hear records a message and what routing decides of it.
func (w *wanting) hear(patient string, device model.DeviceID, dests ...model.DestinationID) model.Seq {
	return w.hearFor(model.RefusedAcceptance, patient, []model.DeviceID{device}, dests...)
}

// TestAcceptanceWaitsAndIsReleasedInOrder: what waits for acceptance keeps its
// place, over a restart, and goes when the device is accepted or the channel
// asks for it no more (R32).
func TestAcceptanceWaitsAndIsReleasedInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWanting(t, "ehr")
		defer func() { w.shut() }()
		w.adopt("known")
		for range 10 {
			w.hear("ann", "new", "ehr")
			w.hear("ann", "known", "ehr")
			w.hear("bob", "other", "ehr")
		}
		pass(10 * time.Second)
		s := w.stat("ehr")
		expect(t, "numbers", text([]int64{s.Delivered, s.Queued, s.Quarantined}), "[10 0 20]")
		found, _ := w.ByMessage(ctx, model.MessageRef{Seq: 1})
		expect(t, "of a message", text([]any{found[0].State, found[0].Reason}), "[quarantined waits until accepted for use: new]")
		list, err := w.Quarantined(ctx)
		if err != nil || len(list) != 2 || list[0].For != "acceptance" || text(list[0].Devices) != "[new]" || list[0].Deliveries != 10 {
			t.Errorf("%+v %v", list, err)
		}
		w.reopen()
		settle()
		w.adopt("new")
		w.Adopted()
		later := w.hear("ann", "new", "ehr")
		pass(time.Second)
		ann := w.receivers["ehr"].of("ann")
		expect(t, "released", len(ann), 21)
		expect(t, "the first", text(ann[10:13]), "[1 4 7]")
		expect(t, "the last", ann[20], later)
		expect(t, "bob waits", len(w.receivers["ehr"].of("bob")), 0)
		w.asks = false
		w.Adopted()
		pass(time.Second)
		expect(t, "bob goes", len(w.receivers["ehr"].of("bob")), 10)
	})
}

// TestAcceptanceIsRejected: what waits for acceptance is set aside by its
// device, as what waits for adoption is.
func TestAcceptanceIsRejected(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWanting(t, "ehr")
		defer func() { w.shut() }()
		w.hear("ann", "new", "ehr")
		pass(time.Second)
		n, err := w.Reject(ctx, "new", "belongs next door")
		if err != nil || n != 1 {
			t.Fatal(n, err)
		}
		pass(time.Second)
		expect(t, "set aside", w.stat("ehr").Quarantined, int64(0))
	})
}
