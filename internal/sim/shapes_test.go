package sim

import (
	"math"
	"slices"
	"testing"
)

// What is measured of one body belongs together: waves beat and breathe at the
// rates, pressure lies between diastole and systole, what goes in comes out.
func TestWavesBelongToTheVitalSigns(t *testing.T) {
	p := Beds("ICU", 1)[0].Body()
	v, b := p.Next(), p.Breathing()
	const seconds = 60
	crossings := func(raw []int) (n int) {
		middle := (slices.Max(raw) + slices.Min(raw)) / 2
		for i := 1; i < len(raw); i++ {
			if raw[i-1] < middle && raw[i] >= middle {
				n++
			}
		}
		return n
	}
	near := func(name string, got, want, by float64) {
		t.Helper()
		if math.Abs(got-want) > by {
			t.Errorf("%s is %.1f, want %.1f", name, got, want)
		}
	}
	near("pulse of the pleth", float64(crossings(p.Pleth(seconds*125, 125))), float64(v.HeartPerMin), 2)
	artery := p.Artery(seconds*125, 125)
	near("pulse of the pressure", float64(crossings(artery)), float64(v.HeartPerMin), 2)
	near("systole", float64(slices.Max(artery))/10, float64(v.SysMmHg), 3)
	near("diastole", float64(slices.Min(artery))/10, float64(v.DiaMmHg), 3)
	near("breaths of the impedance", float64(crossings(p.Impedance(seconds*62, 62))), float64(v.RespPerMin), 2)
	a := p.Airway(seconds*50, 50)
	near("end-tidal CO2", float64(slices.Max(a.CO2TenthMmHg)), float64(b.EtCO2TenthMmHg), 15)
	near("peak pressure", float64(slices.Max(a.PressureHundredthMbar))/10, float64(b.PeakTenthMbar), 5)
	in, out := 0, 0
	for _, flow := range a.FlowMlPerSecond {
		if flow > 0 {
			in += flow
		} else {
			out -= flow
		}
	}
	near("volume that goes in, a breath", float64(in)/50/float64(v.RespPerMin), float64(b.TidalMl), 40)
	near("volume that comes out, against in", float64(out)/float64(in), 1, 0.15) // the last breath may not be out yet
	near("minute volume", float64(b.MinuteMl), float64(b.TidalMl*b.RespPerMin), 0.5)
}
