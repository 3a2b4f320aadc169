package phdagent_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	manager "thalamus/internal/drivers/phd"
	"thalamus/internal/model"
	"thalamus/internal/sim/faults"
	"thalamus/internal/sim/phdagent"
)

// A ward that misbehaves in every way loses nothing: what is not confirmed is
// sent again (R23).
func TestWard(t *testing.T) {
	d, err := manager.New(model.Channel{ID: "home", Settings: map[string]any{"listen": "127.0.0.1:0", "release_timeout": "300ms"}})
	if err != nil {
		t.Fatal(err)
	}
	in := &drivertest.Intake{}
	if err := d.Start(t.Context(), driver.Host{Intake: in, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	defer d.Stop(context.Background())
	w := &phdagent.Ward{Address: d.Addr().String(), Beds: 1, Every: 5 * time.Millisecond, Faults: faults.Set{faults.HalfFrame, faults.Reset, faults.Garbage, faults.Duplicate, faults.ClockJump, faults.NaN, faults.OutOfRange}}
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for end := time.Now().Add(drivertest.Patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if told := w.Told(); told.Acknowledged > 200 {
				break
			}
		}
		cancel()
	}()
	w.Run(ctx, drivertest.Patience)
	told := w.Told()
	if told.Sent != told.Acknowledged || told.Sent < 100 || told.Resent == 0 {
		t.Errorf("of measurements it was told %+v", told)
	}
	if n, _ := in.Count(); n < told.Acknowledged {
		t.Errorf("%d frames for %d confirmed measurements", n, told.Acknowledged)
	}
	if err := (&phdagent.Ward{Devices: []string{"toaster"}}).Open(); err == nil {
		t.Error("a toaster measures")
	}
}

// Between measurements a device answers what the manager asks, such as to set its
// clock: nobody aborts it for silence.
func TestWardAnswersBetweenMeasurements(t *testing.T) {
	d, err := manager.New(model.Channel{ID: "home", Settings: map[string]any{"listen": "127.0.0.1:0", "response_timeout": "500ms"}})
	if err != nil {
		t.Fatal(err)
	}
	in, notes := &drivertest.Intake{}, &drivertest.Notes{}
	if err := d.Start(t.Context(), driver.Host{Intake: in, Log: slog.New(slog.DiscardHandler), Note: notes.Note}); err != nil {
		t.Fatal(err)
	}
	defer d.Stop(context.Background())
	w := &phdagent.Ward{Address: d.Addr().String(), Beds: 1, Every: 1500 * time.Millisecond, Devices: []string{"oximeter"}}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for end := time.Now().Add(drivertest.Patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if told := w.Told(); told.Acknowledged > 2 {
				break
			}
		}
		cancel()
	}()
	w.Run(ctx, drivertest.Patience)
	if told := w.Told(); told.Acknowledged < 3 || told.Resent > 0 {
		t.Errorf("of measurements it was told %+v", told)
	}
	for _, n := range notes.All() {
		t.Errorf("%s: %s", n.Code, n.Text)
	}
}
