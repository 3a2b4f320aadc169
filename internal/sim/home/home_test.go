package home

import (
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/fhir"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// What a home sends is understood without an issue, in the units asked for.
func TestMeasurementsAreUnderstood(t *testing.T) {
	p := NewPatient(sim.Beds("HOME", 1)[0], "t")
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	codes := map[string]string{}
	for _, m := range p.Measure(now, "") {
		out := fhir.New().Decode(model.Entry{Seq: 1, Frame: model.Frame{Channel: "home", Codec: fhir.Name, Arrived: now, Bytes: m.Body}}, codec.Context{})
		for i := range out {
			normalise.Normalise(&out[i], normalise.Context{})
			if len(out[i].Issues) > 0 || out[i].Patient == nil || len(out[i].Devices) != 1 || out[i].Devices[0].Serial == "" {
				t.Errorf("%s: %+v", m.Body, out[i])
			}
			for _, o := range out[i].Observations {
				codes[o.Code.RefID] = o.UnitUCUM
			}
		}
	}
	for code, unit := range map[string]string{"MDC_PRESS_BLD_NONINV_SYS": "mm[Hg]", "MDC_PRESS_BLD_NONINV_DIA": "mm[Hg]", "MDC_PULS_RATE_NON_INV": "/min", "MDC_PULS_OXIM_SAT_O2": "%", "MDC_TEMP_BODY": "Cel"} {
		if codes[code] != unit {
			t.Errorf("%s is in %q, want %q", code, codes[code], unit)
		}
	}
}

// What is wrong with what a home says is seen, and each fault is seen as itself.
func TestFaultsAreSeen(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	kind, _ := faults.KindOf("rest")
	want := map[string]string{
		faults.ClockJump: "time", faults.WrongUnit: "normalise.unit-contradicts", faults.NewLabel: "normalise.unknown-code", faults.Firmware: "release 2.0",
		faults.WrongPatient: "patient", faults.OutOfRange: "normalise.implausible", faults.NaN: "absent not-a-number", faults.SensorOff: "absent error",
		faults.NoNumber: "normalise.invalid-marker", faults.DemoMode: "simulated",
	}
	for _, name := range kind.Content {
		p := NewPatient(sim.Beds("HOME", 1)[0], "t")
		seen := map[string]bool{}
		for _, m := range p.Measure(now, faults.Turn(name)) {
			out := fhir.New().Decode(model.Entry{Seq: 1, Frame: model.Frame{Channel: "home", Codec: fhir.Name, Arrived: now, Bytes: m.Body}}, codec.Context{})
			for i := range out {
				normalise.Normalise(&out[i], normalise.Context{})
				seen["release "+out[i].Devices[0].Release] = true
				seen["patient"] = seen["patient"] || strings.HasPrefix(out[i].Patient.Identifiers[0].Value, "WRONG-")
				for _, is := range out[i].Issues {
					seen[is.Code] = true
				}
				for _, o := range out[i].Observations {
					seen["absent "+o.Absent] = true
					seen["simulated"] = seen["simulated"] || o.Simulated
					seen["time"] = seen["time"] || o.DeviceTime.UTC.Before(now)
				}
			}
		}
		if w := want[name]; w == "" || !seen[w] {
			t.Errorf("%s: want %q, seen %v", name, w, seen)
		}
	}
}
