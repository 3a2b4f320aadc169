package deliver_test

import (
	"context"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/model"
)

func TestDeliversAtOnceInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, "ehr", "lake")
		w.open()
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
		pass(time.Second)
		s := w.stat("ehr")
		expect(t, "delivered", s.Delivered, 6)
		expect(t, "queued", s.Queued, 0)
		expect(t, "cursor", s.Cursor, model.MessageRef{Seq: 6})
		found, err := w.ByMessage(context.Background(), model.MessageRef{Seq: 2})
		if err != nil || len(found) != 2 || found[0].State != model.Delivered || found[0].Receipt != "AA" || found[1].Destination != "lake" {
			t.Errorf("%+v %v", found, err)
		}
	})
}

func TestPermanentFaultIsADeadLetterAndTheKeyGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, "ehr")
		w.receivers["ehr"].set(func(_ context.Context, _ int, p []destination.Parcel) error {
			for _, one := range p {
				if one.Message.Ref.Seq == 2 {
					return permanent()
				}
			}
			return nil
		})
		for range 4 {
			w.record.add("ann", "ehr")
		}
		w.open()
		defer w.shut()
		pass(time.Second)
		expect(t, "delivered", text(w.receivers["ehr"].seqs()), "[1 3 4]")
		expect(t, "dead", w.stat("ehr").Dead, 1)
	})
}
