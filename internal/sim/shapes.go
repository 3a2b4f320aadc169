package sim

import "math"

// lung is how a patient breathes beyond the rate. It walks on a source of
// chance of its own, so that the other vital signs of a seed stay what they
// were.
type lung struct {
	tidal, etco2, perf walk
}

// Breathing at one moment, in the units of the names. Pressures are those of a
// ventilator that delivers these breaths.
type Breathing struct {
	RespPerMin                      int
	TidalMl, MinuteMl               int // of one breath, in one minute
	PeakTenthMbar, MeanTenthMbar    int
	PeepTenthMbar, PlateauTenthMbar int
	ComplianceTenthMlMbar           int
	EtCO2TenthMmHg                  int
	InspiredO2Percent               int
	PerfusionHundredth              int // perfusion index of the pulse oximeter, hundredths of a percent
}

// Breathing tells how the patient breathes now; it goes with the vital signs
// that Next gave last.
func (p *Physiology) Breathing() Breathing {
	resp := math.Round(p.resp.now)
	tidal := math.Round(p.lung.tidal.now)
	compliance := 48.0
	peep := 6.0
	plateau := peep + tidal/compliance
	peak := plateau + 3.2
	return Breathing{
		RespPerMin: int(resp), TidalMl: int(tidal), MinuteMl: int(tidal * resp),
		PeakTenthMbar: tenths(peak), MeanTenthMbar: tenths(peep + (peak-peep)*0.3), PeepTenthMbar: tenths(peep), PlateauTenthMbar: tenths(plateau),
		ComplianceTenthMlMbar: tenths(compliance), EtCO2TenthMmHg: tenths(p.lung.etco2.now),
		// more oxygen is given to whom has less of it
		InspiredO2Percent: 30 + 5*max(0, int(95-math.Round(p.spo2.now))), PerfusionHundredth: int(math.Round(p.lung.perf.now * 100)),
	}
}

func tenths(v float64) int { return int(math.Round(v * 10)) }

// phases of the waves other than the ECG. All go on at the pace of the heart
// or the lung, so waves asked for equally long stay together.
type phases struct{ pleth, artery, impedance, airway float64 }

func (p *Physiology) run(n int, perSecond, perMinute float64, phase *float64, at func(phase float64) float64) []int {
	out := make([]int, n)
	for i := range out {
		*phase += perMinute / 60 / perSecond
		if *phase >= 1 {
			*phase -= math.Floor(*phase)
		}
		out[i] = int(math.Round(at(*phase)))
	}
	return out
}

// Pleth gives n samples of the pulse oximeter's wave at the given rate, in
// thousandths of its full scale.
func (p *Physiology) Pleth(n int, perSecond float64) []int {
	return p.run(n, perSecond, p.heart.now, &p.wave.pleth, func(phase float64) float64 { return 100 + 750*pulse(phase-0.45) })
}

// Artery gives n samples of the arterial pressure in tenths of mmHg.
func (p *Physiology) Artery(n int, perSecond float64) []int {
	sys, dia := p.sys.now, p.sys.now*0.62+2
	return p.run(n, perSecond, p.heart.now, &p.wave.artery, func(phase float64) float64 { return 10 * (dia + (sys-dia)*pulse(phase-0.36)) })
}

// Impedance gives n samples of the chest's impedance in milliohm, as ECG
// electrodes see breathing.
func (p *Physiology) Impedance(n int, perSecond float64) []int {
	return p.run(n, perSecond, p.resp.now, &p.wave.impedance, func(phase float64) float64 {
		return 600 - 550*math.Cos(2*math.Pi*math.Pow(phase, 0.8))
	})
}

// Airway is what a ventilator measures, sample by sample.
type Airway struct {
	PressureHundredthMbar, FlowMlPerSecond, CO2TenthMmHg []int
}

// Airway gives n samples of the airway at the given rate. A third of each
// breath is inspiration with a constant flow.
func (p *Physiology) Airway(n int, perSecond float64) Airway {
	b := p.Breathing()
	begin := p.wave.airway
	lasts := 60 / p.resp.now
	var a Airway
	a.PressureHundredthMbar = p.run(n, perSecond, p.resp.now, &p.wave.airway, func(phase float64) float64 {
		peep, peak := float64(b.PeepTenthMbar)*10, float64(b.PeakTenthMbar)*10
		if phase < inspired {
			return peep + (peak-peep)*(0.25+0.75*phase/inspired)
		}
		return peep + (peak-peep)*math.Exp(-(phase-inspired)*18)
	})
	again := begin
	a.FlowMlPerSecond = p.run(n, perSecond, p.resp.now, &again, func(phase float64) float64 {
		if phase < inspired {
			return float64(b.TidalMl) / (inspired * lasts)
		}
		return -float64(b.TidalMl) * 7 / lasts * math.Exp(-(phase-inspired)*7)
	})
	again = begin
	a.CO2TenthMmHg = p.run(n, perSecond, p.resp.now, &again, func(phase float64) float64 {
		end := float64(b.EtCO2TenthMmHg)
		switch {
		case phase < 0.05:
			return end * (1 - phase/0.05)
		case phase < inspired+0.06:
			return 0
		}
		return end * (1 - math.Exp(-(phase-inspired-0.06)*22)) * (0.93 + 0.07*phase)
	})
	return a
}

// inspired is the part of a breath in which gas goes in: I:E is 1:2.
const inspired = 1.0 / 3

// pulse is the shape of one pulse wave, 0 … 1, with its dicrotic notch; phase
// is what is left of the beat since the wave arrived.
func pulse(phase float64) float64 {
	if phase < 0 {
		phase++
	}
	if phase < 0.14 {
		return 0.5 - 0.5*math.Cos(math.Pi*phase/0.14)
	}
	fall := math.Exp(-(phase - 0.14) * 3.1)
	notch := phase - 0.42
	return math.Max(0, (fall-0.07)/0.93+0.09*math.Exp(-notch*notch/0.0025))
}
