package masimolink

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"thalamus/internal/codec"
	codecof "thalamus/internal/codec/masimo"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
	"thalamus/internal/sim"
	"thalamus/internal/sim/bedside"
	simulated "thalamus/internal/sim/masimo"
)

// R58: with the simulated device, which somebody else wrote from the same public
// descriptions, everything is understood that it says.
func TestSimulated(t *testing.T) {
	ward := &bedside.Ward{Listen: "127.0.0.1:0", Beds: 1, Make: func(bed sim.Bed) bedside.Device { return simulated.New(bed, nil) }}
	if err := ward.Open(); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	running.Go(func() { ward.Run(ctx) })
	defer running.Wait()
	defer cancel()
	d, err := Kind().New(model.Channel{ID: "bed", Settings: map[string]any{"link": map[string]any{"connect": ward.Addresses()[0].String()}}})
	if err != nil {
		t.Fatal(err)
	}
	intake, notes := &drivertest.Intake{}, &drivertest.Notes{}
	if err := d.Start(t.Context(), driver.Host{Intake: intake, Log: slog.New(slog.DiscardHandler), Note: notes.Note}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
		defer cancel()
		d.Stop(ctx)
	}()
	missing := map[string]bool{"MDC_PULS_OXIM_SAT_O2": true, "MDC_PULS_OXIM_PULS_RATE": true, "MDC_BLD_PERF_INDEX": true}
	read := 0
	drivertest.Until(t, "all that is wanted was told", func() bool {
		taken := intake.Taken()
		for ; read < len(taken); read++ {
			m := codecof.New().Decode(model.Entry{Frame: taken[read]}, codec.Context{})[0]
			normalise.Normalise(&m, normalise.Context{})
			for _, i := range m.Issues {
				t.Errorf("frame %d, %s: %s %s %s", read, m.Type, i.Code, i.Field, i.Received)
			}
			for _, o := range m.Observations {
				if o.Absent == "" {
					delete(missing, o.Code.RefID)
				}
			}
			for _, w := range m.Waveforms {
				delete(missing, w.Code.RefID)
			}
		}
		return len(missing) == 0 || t.Failed()
	})
	for _, one := range notes.All() {
		t.Errorf("%s: %s", one.Code, one.Text)
	}
}
