package fact

import (
	"slices"
	"strings"
)

// Resolved is what counts of one name, and what speaks against it.
type Resolved struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Truth   Truth  `json:"truth"`             // by which right it counts
	Fact    Fact   `json:"fact"`              // the fact that counts
	Against []Fact `json:"against,omitempty"` // other truths that say something else
	Version int64  `json:"version,omitempty"` // of what was said and decided of it, for fact.set; 1: nothing ever
}

// Resolve says what counts, for facts of one subject that hold at one instant
// (Select). A decision counts before everything; between observed and asserted
// the kind of the fact says which: what a device says of its software is
// believed before what somebody wrote down, but not of whom it belongs to.
func Resolve(facts []Fact) []Resolved {
	byName := map[string][]Fact{}
	var names []string
	for _, f := range facts {
		if len(byName[f.Name]) == 0 {
			names = append(names, f.Name)
		}
		byName[f.Name] = append(byName[f.Name], f)
	}
	slices.Sort(names)
	out := make([]Resolved, 0, len(names))
	for _, name := range names {
		list := byName[name]
		kind, _ := KindOf(name)
		slices.SortStableFunc(list, func(a, b Fact) int { return kind.rank(a.Truth) - kind.rank(b.Truth) })
		r := Resolved{Name: name, Value: list[0].Value, Truth: list[0].Truth, Fact: list[0]}
		for _, f := range list[1:] {
			if !kind.Same(f.Value, r.Value) {
				r.Against = append(r.Against, f)
			}
		}
		out = append(out, r)
	}
	return out
}

// rank orders the truths, the one that counts first.
func (k Kind) rank(t Truth) int {
	switch {
	case t == Decided:
		return 0
	case t == k.First:
		return 1
	}
	return 2
}

// Same says whether two values of this kind mean the same: letters' case,
// blanks and, in identities, punctuation do not make a difference.
func (k Kind) Same(a, b string) bool {
	if a == b {
		return true
	}
	if k.Form != Identity && tidy(a) && tidy(b) {
		return strings.EqualFold(a, b)
	}
	fold := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
	if k.Form == Identity {
		strip := func(s string) string {
			return strings.Map(func(r rune) rune {
				if strings.ContainsRune(" -_.:/", r) {
					return -1
				}
				return r
			}, strings.ToLower(s))
		}
		return strip(a) == strip(b)
	}
	return fold(a) == fold(b)
}

// tidy says that a text holds letters of ASCII and single blanks within.
func tidy(s string) bool {
	blank := true
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' && (blank || i == len(s)-1), c < ' ', c > '~':
			return false
		default:
			blank = c == ' '
		}
	}
	return true
}
