package mdc

import "unicode/utf8"

// A label is how a vendor calls a quantity: SpO2, O2Sat, oxygen_saturation,
// SAT-O2. Labels are compared folded: only letters and digits count, capitals
// do not, and a subscript digit is a digit. A charge of two is the digit 2:
// Ca++ is Ca2+, the ionised calcium, and never Ca, the whole of it.

// longestLabel bounds what is compared; no label of a device is that long.
const longestLabel = 96

// AppendFold appends the folded label, nothing for one that is empty or too
// long. It does not allocate where b has room.
func AppendFold(b []byte, label string) []byte {
	var buf [longestLabel]byte
	return append(b, buf[:fold(&buf, label)]...)
}

// fold writes the folded label into buf and gives its length; 0 for a label
// that is empty or too long.
func fold(buf *[longestLabel]byte, label string) int {
	n := 0
	if len(label) > longestLabel {
		return 0
	}
	valid := utf8.ValidString(label)
	for i := 0; i < len(label); i++ {
		c := label[i]
		switch {
		case c >= 0x80 && !valid:
			continue // a byte of no letter; with what stands beside it, it must not become one
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
		case c == '+' && i+1 < len(label) && label[i+1] == '+':
			c = '2'
			i++
		case c == 0xE2 && i+2 < len(label) && label[i+1] == 0x82 && label[i+2] >= 0x80 && label[i+2] <= 0x89: // ₀ … ₉
			c = '0' + label[i+2] - 0x80
			i += 2
		case c == 0xC3 && i+1 < len(label): // Latin-1 letters: Ä is ä
			i++
			d := label[i]
			if d >= 0x80 && d <= 0x9E && d != 0x97 {
				d += 0x20
			}
			buf[n] = c
			n++
			c = d
		case c == 0xC5 && i+1 < len(label) && label[i+1] == 0x92: // Œ
			i++
			buf[n] = c
			n++
			c = 0x93
		case c < 0x80:
			continue
		}
		buf[n] = c
		n++
	}
	return n
}

// Fold gives the label as it is compared.
func Fold(label string) string {
	var buf [longestLabel]byte
	return string(buf[:fold(&buf, label)])
}

// ByLabel finds the metric that a label stands for: its name, in English,
// German or French, or one of its synonyms. It does not allocate.
func ByLabel(label string) (*Term, bool) {
	var buf [longestLabel]byte
	n := fold(&buf, label)
	if n == 0 {
		return nil, false
	}
	t, ok := loaded.labels[string(buf[:n])]
	return t, ok
}

// word is one folded label of a term, with the text it came from.
type word struct {
	folded  string
	text    string
	term    *Term
	letters letters
}

// label enters the names and synonyms of a metric. The first row that claims
// a word keeps it; TestTables allows no second.
func (t *table) label(term *Term) {
	for _, s := range term.labels() {
		f := Fold(s)
		if f == "" {
			continue
		}
		if _, taken := t.labels[f]; !taken {
			t.labels[f] = term
			t.words = append(t.words, word{f, s, term, lettersOf(f)})
		}
	}
}

// labels are all texts that stand for a metric.
func (t *Term) labels() []string {
	return append([]string{t.RefID, t.Name, t.German, t.French}, t.Synonyms...)
}
