package astm

import "strings"

// Builder writes records. The zero Builder uses the usual delimiters.
type Builder struct {
	D   Delimiters
	out []byte
}

// Record adds a record: its type, then its fields from the second on, each as
// Field or Components made it.
func (b *Builder) Record(kind byte, fields ...string) {
	if b.D == (Delimiters{}) {
		b.D = usual
	}
	b.out = append(b.out, kind)
	if kind == 'H' {
		b.out = append(b.out, b.D.Field, b.D.Repeat, b.D.Component, b.D.Escape)
	}
	for len(fields) > 0 && fields[len(fields)-1] == "" {
		fields = fields[:len(fields)-1]
	}
	for _, f := range fields {
		b.out = append(b.out, b.D.Field)
		b.out = append(b.out, f...)
	}
	b.out = append(b.out, CR)
}

// Raw adds records as they are.
func (b *Builder) Raw(records []byte) { b.out = append(b.out, records...) }

// Field escapes a text.
func (b *Builder) Field(text string) string {
	if b.D == (Delimiters{}) {
		b.D = usual
	}
	if strings.IndexFunc(text, func(r rune) bool { return r < ' ' || b.delimiter(r) }) < 0 {
		return text
	}
	var out strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case c == b.D.Field:
			b.sequence(&out, "F")
		case c == b.D.Component:
			b.sequence(&out, "S")
		case c == b.D.Repeat:
			b.sequence(&out, "R")
		case c == b.D.Escape:
			b.sequence(&out, "E")
		case c < ' ':
			b.sequence(&out, "X"+string(digits[c>>4])+string(digits[c&15]))
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

func (b *Builder) delimiter(r rune) bool {
	return r == rune(b.D.Field) || r == rune(b.D.Component) || r == rune(b.D.Repeat) || r == rune(b.D.Escape)
}

func (b *Builder) sequence(out *strings.Builder, s string) {
	out.WriteByte(b.D.Escape)
	out.WriteString(s)
	out.WriteByte(b.D.Escape)
}

// Components escapes texts and joins them.
func (b *Builder) Components(texts ...string) string {
	for i, t := range texts {
		texts[i] = b.Field(t)
	}
	return strings.TrimRight(strings.Join(texts, string(rune(b.D.Component))), string(rune(b.D.Component)))
}

// Bytes is what was written.
func (b *Builder) Bytes() []byte { return b.out }
