package state

import "testing"

// TestMarksTellTheStates: the marks of any states name each kind once, with
// the weightiest of its grades.
func TestMarksTellTheStates(t *testing.T) {
	for i, k := range Kinds() {
		for _, g := range grades {
			other := Kinds()[(i+5)%len(Kinds())]
			m := MarksOf([]State{{Kind: k, Grade: Good}, {Kind: other, Grade: Warn}, {Kind: k, Grade: g}, {Kind: "unknown", Grade: Bad}, {Kind: k, Grade: "none"}})
			got := map[Kind]Grade{}
			m.Each(func(k Kind, g Grade) { got[k] = g })
			if len(got) != 2 || got[k] != g || got[other] != Warn || !m.Has(k) || !m.Has(other) || m.Has("unknown") {
				t.Errorf("%s %s: %v", k, g, got)
			}
		}
	}
	if MarksOf(nil) != 0 || Marks(0).Has(Silent) {
		t.Error("no states have marks")
	}
}
