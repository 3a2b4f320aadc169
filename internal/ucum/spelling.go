package ucum

import (
	_ "embed"
	"strings"
)

//go:embed spellings.tsv
var spellingText string

// spellings maps what senders write, as written and folded, to units, and
// the units' own codes.
type spellings struct{ exact, folded, codes map[string]*Unit }

var spelled = loadSpellings()

func loadSpellings() spellings {
	s := spellings{exact: map[string]*Unit{}, folded: map[string]*Unit{}, codes: map[string]*Unit{}}
	for part := range lines(spellingText) {
		u := s.codes[part[1]]
		if a, ok := loaded.atoms[part[1]]; ok {
			u = a.unit
		}
		if u == nil {
			parsed, err := parse(part[1])
			if err != nil {
				continue // TestTablesAreWhole reports it
			}
			u, s.codes[part[1]] = parsed, parsed
		}
		s.exact[part[0]] = u
		// Two units whose spellings differ only in case have no folded form.
		f := strings.ReplaceAll(strings.ToLower(part[0]), " ", "")
		if old, ok := s.folded[f]; ok && old != u {
			u = nil
		}
		s.folded[f] = u
	}
	return s
}

// Spelled finds the unit behind what a sender wrote without saying that it is
// UCUM: "bpm", "mmHg", "°C", "ml/hr". The table comes first ("C" is a degree
// here, not a coulomb), then the same without regard to case and blanks, then
// UCUM itself. It allocates only for a text that no table holds.
func Spelled(text string) (*Unit, bool) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxLength {
		return nil, false
	}
	if u, ok := spelled.exact[text]; ok {
		return u, true
	}
	var buffer [64]byte
	if folded, ok := fold(buffer[:0], text); ok {
		if u := spelled.folded[string(folded)]; u != nil {
			if _, err := Parse(text); err != nil {
				return u, true
			}
		}
	}
	u, err := Parse(text)
	return u, err == nil
}

// Coded finds the unit of a text that the sender says is UCUM. A text that
// UCUM does not know is looked up as a spelling; lenient says so.
func Coded(text string) (u *Unit, lenient, ok bool) {
	if u, err := Parse(text); err == nil {
		return u, false, true
	}
	u, ok = Spelled(text)
	return u, true, ok
}

// fold gives the text in lower case ASCII without blanks; false when it does
// not fit b.
func fold(b []byte, text string) ([]byte, bool) {
	for i := range len(text) {
		c := text[i]
		if c == ' ' {
			continue
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if len(b) == cap(b) {
			return nil, false
		}
		b = append(b, c)
	}
	return b, true
}
