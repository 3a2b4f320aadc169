package sim

import (
	"math"
	"testing"
)

// R58: what is found in a patient's blood belongs together, stays within what
// bodies have, and begins alike whoever measures.
func TestBlood(t *testing.T) {
	for _, bed := range Beds("SIM", 32) {
		one, other := bed.Blood(), bed.Blood()
		if one.Sample() != other.Sample() {
			t.Fatalf("bed %d: two samples of one moment differ", bed.Number)
		}
		first := one.Sample()
		for range 500 {
			c := one.Sample()
			if c.GlucoseMmolL < 2.5 || c.GlucoseMmolL > 22 || c.SodiumMmolL < 118 || c.SodiumMmolL > 160 || c.PotassiumMmolL < 2.6 || c.PotassiumMmolL > 6.8 || c.CRPMgL <= 0 {
				t.Fatalf("bed %d: %+v", bed.Number, c)
			}
			if gap := c.SodiumMmolL - c.ChlorideMmolL; math.Abs(gap-37) > 5 {
				t.Errorf("bed %d: sodium %.1f, chloride %.1f", bed.Number, c.SodiumMmolL, c.ChlorideMmolL)
			}
			if math.Abs(c.CreatinineUmolL-first.CreatinineUmolL) > 60 {
				t.Errorf("bed %d: creatinine went from %.0f to %.0f", bed.Number, first.CreatinineUmolL, c.CreatinineUmolL)
			}
		}
		if fever := bed.Body().temp.rest; fever > 37.5 && first.CRPMgL < 8 || fever < 36.8 && first.CRPMgL > 5 {
			t.Errorf("bed %d: %.1f °C and CRP %.1f mg/L", bed.Number, fever, first.CRPMgL)
		}
	}
}
