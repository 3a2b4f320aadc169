package state

import "slices"

// Marks are the kinds of some states and how much each matters, in one number:
// whoever counts the states of a whole house adds numbers up (decision 183).
type Marks uint64

var kinds = Kinds()

var grades = [...]Grade{Good, Info, Warn, Bad}

// Of each kind: whether it is there, and its grade.
const markBits = 3

// MarksOf gives the marks of states. Of a kind that is there twice the
// weightier grade counts.
func MarksOf(states []State) (m Marks) {
	for i := range states {
		m = m.And(states[i].Kind, states[i].Grade)
	}
	return m
}

// And adds a state. A kind or grade that nobody knows adds nothing.
func (m Marks) And(k Kind, g Grade) Marks {
	at, grade := slices.Index(kinds, k), slices.Index(grades[:], g)
	if at < 0 || grade < 0 {
		return m
	}
	shift := at * markBits
	if have := m >> shift & (1<<markBits - 1); have != 0 && int(have&3) >= grade {
		return m
	}
	return m&^((1<<markBits-1)<<shift) | Marks(4|grade)<<shift
}

// Has says whether a state is among them.
func (m Marks) Has(k Kind) bool {
	at := slices.Index(kinds, k)
	return at >= 0 && m>>(at*markBits)&4 != 0
}

// Each calls see for each of them.
func (m Marks) Each(see func(Kind, Grade)) {
	for at := 0; m != 0; at, m = at+1, m>>markBits {
		if m&4 != 0 {
			see(kinds[at], grades[m&3])
		}
	}
}
