package sim

import (
	"math"
	"math/rand/v2"
)

// Blood is what a laboratory finds in the patient of a bed: values that walk
// around their own resting ones and belong together and to the vital signs.
// Fever goes with C-reactive protein, urea with creatinine, chloride with
// sodium, the two transaminases with each other. It is deterministic for a
// seed; whoever measures, for the same bed it begins alike.
type Blood struct {
	rng                                       *rand.Rand
	glucose, sodium, potassium, calcium, crea walk
	alt                                       walk
	fever                                     float64 // °C above 37
}

// Blood of the patient of the bed.
func (b Bed) Blood() *Blood { return newBlood(uint64(b.Number)+1, b.Body()) }

func newBlood(seed uint64, body *Physiology) *Blood {
	rng := rand.New(rand.NewPCG(seed, 0xb100d))
	start := func(mid, spread, step, low, high float64) walk {
		rest := math.Max(low, math.Min(high, mid+rng.NormFloat64()*spread))
		return walk{rest, rest, step, low, high}
	}
	return &Blood{
		rng:     rng,
		glucose: start(6.2, 1.3, 0.08, 2.5, 22), sodium: start(139.5, 2.4, 0.2, 118, 160), potassium: start(4.2, 0.3, 0.03, 2.6, 6.8),
		calcium: start(2.33, 0.07, 0.01, 1.7, 3.1), crea: start(84, 18, 0.6, 35, 600), alt: start(27, 9, 0.5, 6, 400),
		fever: math.Max(0, body.temp.rest-37),
	}
}

// Chemistry is one sample, in the units of the names.
type Chemistry struct {
	GlucoseMmolL, SodiumMmolL, PotassiumMmolL, ChlorideMmolL, CalciumMmolL float64
	CreatinineUmolL, UreaMmolL, CRPMgL, ALTUL, ASTUL                       float64
}

// Sample takes the next one.
func (b *Blood) Sample() Chemistry {
	for _, w := range []*walk{&b.glucose, &b.sodium, &b.potassium, &b.calcium, &b.crea, &b.alt} {
		w.move(b.rng)
	}
	near := func(v, spread float64) float64 { return v * (1 + b.rng.NormFloat64()*spread) }
	return Chemistry{
		GlucoseMmolL: b.glucose.now, SodiumMmolL: b.sodium.now, PotassiumMmolL: b.potassium.now, CalciumMmolL: b.calcium.now,
		ChlorideMmolL: near(b.sodium.now-37, 0.005), CreatinineUmolL: b.crea.now, UreaMmolL: near(b.crea.now/15, 0.03),
		CRPMgL: near(3*math.Exp(3*b.fever), 0.05), ALTUL: b.alt.now, ASTUL: near(8+0.65*b.alt.now, 0.04),
	}
}
