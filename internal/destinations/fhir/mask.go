package fhir

import (
	"strings"
	"unicode"

	"thalamus/internal/model"
)

// most characters of a server's own words in an error.
const mostWords = 200

// mask makes a server's words fit for an error: servers echo what they were
// sent, and an error holds no patient's data. Quoted parts, words with a
// digit, and words that stand in the messages' patients or values become "…".
func mask(said string, messages []*model.Message) string {
	secret := secrets(messages)
	var b strings.Builder
	hidden := false
	hide := func() {
		if !hidden {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString("…")
		}
		hidden = true
	}
	for _, w := range strings.Fields(unquoted(said)) {
		if b.Len() >= mostWords {
			hide()
			break
		}
		core := strings.ToLower(strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }))
		if w == hole || secret[core] || hasSecretPart(core, secret) || strings.ContainsFunc(w, unicode.IsDigit) || len(w) > 60 || strings.ContainsFunc(w, unicode.IsControl) {
			hide()
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
		hidden = false
	}
	if s := b.String(); s != "…" {
		return s
	}
	return ""
}

const hole = "\x00"

// unquoted replaces what stands in quotes by a hole.
func unquoted(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexAny(s, "\"'`“")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		r, n := firstRune(s[i:])
		end := string(r)
		if r == '“' {
			end = "”"
		}
		rest := s[i+n:]
		j := strings.Index(rest, end)
		if j < 0 {
			return b.String() + " " + hole
		}
		b.WriteString(" " + hole + " ")
		s = rest[j+len(end):]
	}
}

func firstRune(s string) (rune, int) {
	for _, r := range s {
		return r, len(string(r))
	}
	return 0, 0
}

// secrets are the words of everything the messages say about a patient, in
// lower case, from three letters on.
func secrets(messages []*model.Message) map[string]bool {
	out := map[string]bool{}
	add := func(texts ...string) {
		for _, t := range texts {
			for _, w := range strings.FieldsFunc(strings.ToLower(t), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
				if len(w) > 1 {
					out[w] = true
				}
			}
		}
	}
	for _, m := range messages {
		if p := m.Patient; p != nil {
			add(p.Family, p.Prefix, p.Suffix, p.BirthDate)
			add(p.Given...)
			add(p.Phones...)
			for _, i := range p.Identifiers {
				add(i.Value)
			}
			if a := p.Address; a != nil {
				add(a.Lines...)
				add(a.City, a.State, a.PostalCode)
			}
		}
		if m.Visit != nil {
			add(m.Visit.Number.Value, m.Visit.Attending)
		}
		if m.Event != nil {
			for _, i := range m.Event.Merged {
				add(i.Value)
			}
		}
		for i := range m.Observations {
			add(m.Observations[i].Value.Text, m.Observations[i].Value.Coding.Text)
		}
		for i := range m.Alerts {
			add(m.Alerts[i].Value.Text)
		}
	}
	return out
}

// hasSecretPart looks at the parts of a word such as "name=Doe".
func hasSecretPart(w string, secret map[string]bool) bool {
	for _, part := range strings.FieldsFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if secret[part] {
			return true
		}
	}
	return false
}

// path keeps a FHIRPath of names, indices and slices; anything else is cut.
func path(s string) string {
	for i := range len(s) {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte(".[]_", c) >= 0 {
			continue
		}
		s = s[:i]
		break
	}
	if len(s) > 120 {
		s = s[:120]
	}
	return s
}

// word keeps a code of letters and dashes.
func word(s string) string {
	for i := range len(s) {
		if c := s[i]; (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' {
			return ""
		}
	}
	return s[:min(len(s), 40)]
}
