package sim

import (
	"math"
	"math/rand/v2"
)

// Physiology makes vital signs that look alive: each walks around its own
// resting value and is drawn back to it; heart rate and pressure move
// together. It is deterministic for a seed.
type Physiology struct {
	rng                          *rand.Rand
	heart, resp, spo2, sys, temp walk
	beat                         float64 // phase of the heart, 0 … 1
	wave                         phases
	more                         *rand.Rand
	lung                         lung
}

type walk struct{ now, rest, step, low, high float64 }

func (w *walk) move(rng *rand.Rand) {
	w.now += (w.rest-w.now)*0.05 + rng.NormFloat64()*w.step
	w.now = math.Max(w.low, math.Min(w.high, w.now))
}

// NewPhysiology makes the patient of a bed.
func NewPhysiology(seed uint64) *Physiology {
	rng := rand.New(rand.NewPCG(seed, 0x7a1a))
	at := func(mid, spread float64) float64 { return mid + rng.NormFloat64()*spread }
	start := func(rest, step, low, high float64) walk { return walk{rest, rest, step, low, high} }
	p := &Physiology{
		rng:   rng,
		heart: start(at(78, 9), 0.8, 38, 170),
		resp:  start(at(16, 2), 0.3, 6, 40),
		spo2:  start(math.Min(99, at(96.5, 1.2)), 0.2, 82, 100),
		sys:   start(at(124, 11), 0.7, 70, 200),
		temp:  start(at(37.0, 0.35), 0.01, 35, 40.5),
	}
	p.more = rand.New(rand.NewPCG(seed, 0x1a96))
	p.lung = lung{
		tidal: start(460+p.more.NormFloat64()*40, 4, 250, 750),
		etco2: start(37+p.more.NormFloat64()*2, 0.15, 22, 60),
		perf:  start(3+p.more.NormFloat64()*0.6, 0.05, 0.2, 12),
	}
	return p
}

// Vitals at one moment, in the units of the names.
type Vitals struct {
	HeartPerMin, PulsePerMin, RespPerMin, SpO2Percent int
	SysMmHg, DiaMmHg, MeanMmHg                        int
	TempTenthCel                                      int
}

// Next moves on by a second.
func (p *Physiology) Next() Vitals {
	for _, w := range []*walk{&p.heart, &p.resp, &p.spo2, &p.sys, &p.temp} {
		w.move(p.rng)
	}
	for _, w := range []*walk{&p.lung.tidal, &p.lung.etco2, &p.lung.perf} {
		w.move(p.more)
	}
	sys := math.Round(p.sys.now)
	dia := math.Round(p.sys.now*0.62 + 2)
	return Vitals{
		HeartPerMin: int(math.Round(p.heart.now)), PulsePerMin: int(math.Round(p.heart.now + p.rng.NormFloat64()*0.4)),
		RespPerMin: int(math.Round(p.resp.now)), SpO2Percent: int(math.Round(p.spo2.now)),
		SysMmHg: int(sys), DiaMmHg: int(dia), MeanMmHg: int(math.Round((sys + 2*dia) / 3)),
		TempTenthCel: int(math.Round(p.temp.now * 10)),
	}
}

// ECG gives n samples of a lead II in microvolts at the given rate; the phase
// goes on from call to call, so that runs join.
func (p *Physiology) ECG(n int, perSecond float64) []int {
	out := make([]int, n)
	for i := range out {
		p.beat += p.heart.now / 60 / perSecond
		if p.beat >= 1 {
			p.beat--
		}
		out[i] = int(1000*leadII(p.beat) + p.rng.NormFloat64()*8)
	}
	return out
}

// leadII is the shape of one beat in millivolt: P, Q, R, S and T as bells.
func leadII(phase float64) float64 {
	bell := func(at, width, height float64) float64 {
		d := (phase - at) / width
		return height * math.Exp(-d*d/2)
	}
	return bell(0.18, 0.025, 0.15) + bell(0.265, 0.008, -0.12) + bell(0.285, 0.010, 1.1) +
		bell(0.31, 0.009, -0.25) + bell(0.52, 0.045, 0.3)
}
