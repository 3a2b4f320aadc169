package bedside_test

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"testing"

	"thalamus/internal/codec"
	dricodec "thalamus/internal/codec/dri"
	masimocodec "thalamus/internal/codec/masimo"
	medibuscodec "thalamus/internal/codec/medibus"
	nonincodec "thalamus/internal/codec/nonin"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/drivers/drilink"
	"thalamus/internal/drivers/masimolink"
	"thalamus/internal/drivers/medibuslink"
	"thalamus/internal/drivers/noninlink"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
	"thalamus/internal/sim"
	"thalamus/internal/sim/bedside"
	"thalamus/internal/sim/dri"
	"thalamus/internal/sim/masimo"
	"thalamus/internal/sim/medibus"
	"thalamus/internal/sim/nonin"
)

// R58: with the simulated devices, which somebody else wrote from the same public
// descriptions, everything is understood that they say.
func TestUnderstood(t *testing.T) {
	for _, c := range []struct {
		kind     driver.Kind
		codec    codec.Codec
		make     func(sim.Bed) bedside.Device
		settings map[string]any
		told     []string // refids of values and curves that come, among others
	}{
		{drilink.Kind(), dricodec.New(), func(b sim.Bed) bedside.Device { return dri.New(b, nil) }, nil, []string{
			"MDC_ECG_HEART_RATE", "MDC_PRESS_BLD_ART_SYS", "MDC_PULS_OXIM_SAT_O2", "MDC_CONC_AWAY_CO2_ET", "MDC_TEMP",
			"MDC_PRESS_AWAY_INSP_MAX", "MDC_ECG_ELEC_POTL", "MDC_PULS_OXIM_PLETH", "MDC_CONC_AWAY_CO2"}},
		{masimolink.Kind(), masimocodec.New(), func(b sim.Bed) bedside.Device { return masimo.New(b, nil) }, nil, []string{
			"MDC_PULS_OXIM_SAT_O2", "MDC_PULS_OXIM_PULS_RATE", "MDC_BLD_PERF_INDEX"}},
		{medibuslink.Kind(), medibuscodec.New(), func(b sim.Bed) bedside.Device { return medibus.New(b, nil) }, map[string]any{"every": "200ms"}, []string{
			"MDC_PRESS_AWAY_INSP_MAX", "MDC_VENT_PRESS_AWAY_END_EXP_POS", "MDC_CONC_AWAY_O2_INSP", "MDC_PRESS_AWAY", "MDC_FLOW_AWAY"}},
		{noninlink.Kind(), nonincodec.New(), func(b sim.Bed) bedside.Device { return nonin.New(b, 2, nil) }, nil, []string{
			"MDC_PULS_OXIM_SAT_O2", "MDC_PULS_OXIM_PULS_RATE", "MDC_PULS_OXIM_PLETH"}},
	} {
		t.Run(c.kind.Name, func(t *testing.T) {
			t.Parallel()
			ward := &bedside.Ward{Listen: "127.0.0.1:0", Beds: 1, Make: c.make}
			if err := ward.Open(); err != nil {
				t.Fatal(err)
			}
			var running sync.WaitGroup
			ctx, cancel := context.WithCancel(context.Background())
			running.Go(func() { ward.Run(ctx, 0) })
			defer running.Wait()
			defer cancel()
			settings := map[string]any{"link": map[string]any{"connect": ward.Addresses()[0].String()}}
			maps.Copy(settings, c.settings)
			d, err := c.kind.New(model.Channel{ID: "bed", Settings: settings})
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
			missing, read := map[string]bool{}, 0
			for _, refID := range c.told {
				missing[refID] = true
			}
			drivertest.Until(t, "all that is wanted was told", func() bool {
				taken := intake.Taken()
				for ; read < len(taken); read++ {
					m := c.codec.Decode(model.Entry{Frame: taken[read]}, codec.Context{})[0]
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
		})
	}
}
