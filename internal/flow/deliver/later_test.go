package deliver_test

import (
	"context"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/flow/deliver"
)

// TestRetryAfterIsKept: what the receiver asked for is waited for, whatever
// the back-off would be, for one key, for a batch, and for all of it; but for
// no more than an hour.
func TestRetryAfterIsKept(t *testing.T) {
	later := func(err error, after time.Duration) error { return destination.Later{Err: err, After: after} }
	for name, c := range map[string]struct {
		err      error
		messages int
		calls    []time.Duration // of the first calls, since the beginning
	}{
		"one message":         {later(transient(), 5*time.Minute), 1, []time.Duration{0, 5 * time.Minute, 10 * time.Minute}},
		"a batch, then one":   {later(transient(), 5*time.Minute), 3, []time.Duration{0, 5 * time.Minute, 10 * time.Minute}},
		"all of it":           {destination.Down{Err: later(down(), 7*time.Minute)}, 1, []time.Duration{0, 7 * time.Minute, 14 * time.Minute}},
		"beyond reason":       {later(transient(), 48*time.Hour), 1, []time.Duration{0, time.Hour, 2 * time.Hour}},
		"all, beyond reason":  {destination.Down{Err: later(down(), 48*time.Hour)}, 1, []time.Duration{0, time.Hour, 2 * time.Hour}},
		"less than the other": {destination.Down{Err: later(down(), time.Millisecond)}, 1, []time.Duration{0, time.Second, 2 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, deliver.Options{Random: func() float64 { return 0 }}, "ehr")
				defer w.shut()
				w.list[0].Disabled = true
				w.apply()
				for range c.messages {
					w.record.add("ann", "ehr")
				}
				settle()
				began := time.Now()
				var at []time.Duration
				w.script("ehr", func(context.Context, int, []destination.Parcel) error {
					at = append(at, time.Since(began))
					return c.err
				})
				w.list[0].Disabled = false
				w.apply()
				pass(3 * time.Hour)
				if len(at) < len(c.calls) || text(at[:len(c.calls)]) != text(c.calls) {
					t.Errorf("calls at %v, want %v", at[:min(len(at), 5)], c.calls)
				}
				w.script("ehr", nil)
				pass(time.Hour)
				expect(t, "delivered in the end", w.receivers["ehr"].count(), c.messages)
			})
		})
	}
}

// TestRetryAfterOutlivesARestart: what is parked is not tried before the time
// the receiver named when the server was restarted meanwhile.
func TestRetryAfterOutlivesARestart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, deliver.Options{LaneWindow: 1, WindowMessages: 4}, "ehr")
		defer func() { w.shut() }()
		var last time.Time
		w.script("ehr", func(context.Context, int, []destination.Parcel) error {
			last = time.Now()
			return destination.Later{Err: transient(), After: 20 * time.Minute}
		})
		for range 8 {
			w.record.add("ann", "ehr")
		}
		pass(2 * time.Hour)
		before := last
		w.reopen()
		pass(time.Minute)
		expect(t, "called", last, before)
		w.script("ehr", nil)
		pass(20 * time.Minute)
		expect(t, "delivered", text(w.receivers["ehr"].seqs()), "[1 2 3 4 5 6 7 8]")
	})
}
