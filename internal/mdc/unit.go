package mdc

import "thalamus/internal/ucum"

// UnitOf gives the unit of a UCUM code in which some metric of the table is
// kept, without reading the code.
func UnitOf(code string) (*ucum.Unit, bool) {
	u, ok := loaded.units[code]
	return u, ok
}

// keepUnits gathers the units of all quantities.
func (t *table) keepUnits() {
	for _, term := range t.terms {
		for _, u := range term.Units {
			t.units[u.Code()] = u
		}
	}
	for _, q := range t.loincs {
		for _, u := range q.Units {
			if _, ok := t.units[u.Code()]; !ok {
				t.units[u.Code()] = u
			}
		}
	}
}
