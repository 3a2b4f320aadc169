package mdc

import "slices"

// Find gives the terms that a text names exactly: by refid or an older name
// of it, by number ("150456" or "2:19384"), by LOINC code, or by label. A
// LOINC code and an alarm's two generations may name several terms or one;
// they come in the order of the tables.
func Find(text string) []*Term {
	var out []*Term
	add := func(t *Term) {
		if t != nil && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	add(loaded.refids[text])
	if n, ok := number(text); ok && n != 0 {
		add(loaded.codes[n])
	}
	for _, t := range loaded.terms {
		if t.LOINC != "" && t.LOINC == text {
			add(t)
		}
	}
	if t, ok := ByLabel(text); ok {
		add(t)
	}
	return out
}

// Aliases gives the older names and numbers of a term, as aliases.tsv has
// them.
func Aliases(t *Term) []string {
	var out []string
	for p := range rows(aliasText, 3) {
		if p[1] == t.RefID {
			out = append(out, p[0])
		}
	}
	return out
}
