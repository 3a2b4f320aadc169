package mdc

import (
	"testing"

	"thalamus/internal/ucum"
)

// A unit of the table is the one that its code is read as.
func TestUnitOf(t *testing.T) {
	if len(loaded.units) < 40 {
		t.Errorf("%d units", len(loaded.units))
	}
	for code := range loaded.units {
		u, ok := UnitOf(code)
		read, err := ucum.Parse(code)
		if !ok || err != nil || read.Code() != u.Code() || !ucum.Commensurable(read, u) {
			t.Errorf("%s: %v %v", code, err, ok)
		}
	}
	if _, ok := UnitOf("furlong"); ok {
		t.Error("furlong is no unit of the table")
	}
	if n := testing.AllocsPerRun(100, func() { UnitOf("mm[Hg]") }); n > 0 {
		t.Error(n, "allocations")
	}
}
