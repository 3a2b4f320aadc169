package deliver_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/flow/deliver"
)

// A receiver that takes connections and breaks them off fails message by
// message. When it answers again nobody waits for the back-off of his own
// last message.
func TestAllGoOnWhenOneIsTakenAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer w.shut()
		w.record.add("ann", "ehr")
		settle()
		var broken atomic.Bool
		broken.Store(true)
		w.script("ehr", func(context.Context, int, []destination.Parcel) error {
			if broken.Load() {
				return transient()
			}
			return nil
		})
		for i := range 40 {
			w.record.add(fmt.Sprint("patient", i), "ehr")
		}
		pass(20 * time.Minute) // back-offs are a minute long by now
		expect(t, "delivered to a broken receiver", w.receivers["ehr"].count(), 1)
		broken.Store(false)
		w.record.add("new", "ehr")
		settle()
		expect(t, "delivered as soon as one was taken", w.receivers["ehr"].count(), 42)
	})
}

// Messages that fail while others succeed are themselves to blame: success of
// the others does not make them be tried more often.
func TestSuccessOfOthersHastensNobodyTwice(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{}, "ehr")
		defer w.shut()
		var tries atomic.Int64
		bad := failing(transient, 1, 2, 3)
		w.script("ehr", func(ctx context.Context, call int, parcels []destination.Parcel) error {
			err := bad(ctx, call, parcels)
			if err != nil {
				tries.Add(1)
			}
			return err
		})
		for _, who := range []string{"ann", "bob", "eve"} {
			w.record.add(who, "ehr")
		}
		for range 3000 {
			w.record.add("carl", "ehr")
			pass(20 * time.Millisecond)
		}
		if n := tries.Load(); n > 3*16 {
			t.Errorf("three bad messages were tried %d times in a minute", n)
		}
	})
}
