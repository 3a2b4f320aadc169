package hl7v2

import (
	"bytes"

	"thalamus/internal/fault"
)

// Delimiters of a message (HL7 v2.5.1 §2.5.4). A zero byte means that the
// message has none of that kind.
type Delimiters struct {
	Field, Component, Repetition, Escape, Sub byte
	Truncation                                byte // since 2.7
}

var standard = Delimiters{Field: '|', Component: '^', Repetition: '~', Escape: '\\', Sub: '&'}

// StandardDelimiters are those the standard recommends: | ^ ~ \ &
func StandardDelimiters() Delimiters { return standard }

// encoding is MSH-2 for these delimiters.
func (d Delimiters) encoding(b []byte) []byte {
	for _, c := range [...]byte{d.Component, d.Repetition, d.Escape, d.Sub, d.Truncation} {
		if c == 0 {
			break
		}
		b = append(b, c)
	}
	return b
}

// taken tells whether c is one of the delimiters.
func (d *Delimiters) taken(c byte) bool {
	return c == d.Field || c == d.Component || c == d.Repetition || c == d.Escape || c == d.Sub
}

// oddity is what was unusual about MSH-2, by issue code; empty: nothing.
type oddity string

// readDelimiters reads the delimiters of a header segment (MSH, BHS, FHS)
// that begins at b[0]. off is where that is in the message, for the error.
func readDelimiters(b []byte, off int) (d Delimiters, odd oddity, err error) {
	id := headerName(b)
	if len(b) < 5 {
		return d, "", headerFault(codeHeaderShort, id+"-1", off+len(b), "the text ends before the delimiters; send a whole %s segment", id)
	}
	d.Field = b[3]
	if !delimiter(d.Field) {
		return d, "", headerFault(codeDelimiters, id+"-1", off+3, "the field separator is a letter, a digit or a control character, so this is not HL7; a message begins with MSH|^~\\&|")
	}
	enc := b[4:]
	if i := bytes.IndexByte(enc, d.Field); i >= 0 {
		enc = enc[:i]
	}
	if i := bytes.IndexAny(enc, "\r\n"); i >= 0 {
		enc = enc[:i]
	}
	// A sender that escaped its escape character wrote ^~\\& for ^~\&.
	if len(enc) == 5 && enc[2] == enc[3] && enc[4] != enc[2] {
		d.Component, d.Repetition, d.Escape, d.Sub = enc[0], enc[1], enc[2], enc[4]
		odd = codeDelimitersDoubled
	} else {
		if len(enc) == 0 || len(enc) > 5 {
			return d, "", headerFault(codeDelimiters, id+"-2", off+4, "MSH-2 holds %d characters where one to five delimiters belong, usually ^~\\&", len(enc))
		}
		for i, p := range [...]*byte{&d.Component, &d.Repetition, &d.Escape, &d.Sub, &d.Truncation} {
			if i < len(enc) {
				*p = enc[i]
			}
		}
		if len(enc) < 4 && d.Escape == 0 {
			odd = codeDelimitersFew
		}
	}
	if bytes.ContainsFunc(enc, func(r rune) bool { return r > 0x7f || !delimiter(byte(r)) }) {
		return d, "", headerFault(codeDelimiters, id+"-2", off+4, "MSH-2 holds a letter, a digit or a control character where delimiters belong, usually ^~\\&")
	}
	all := [...]byte{d.Field, d.Component, d.Repetition, d.Escape, d.Sub, d.Truncation}
	for i, c := range all {
		if c == 0 {
			continue
		}
		for _, o := range all[:i] {
			if o == c {
				return d, "", headerFault(codeDelimiters, id+"-2", off+4, "one character stands for two delimiters; give each its own, usually |^~\\&")
			}
		}
	}
	return d, odd, nil
}

// headerName is the id of a header segment, without allocating.
func headerName(b []byte) string {
	switch b[0] {
	case 'F':
		return "FHS"
	case 'B':
		return "BHS"
	}
	return "MSH"
}

// delimiter tells whether c can be one: printable ASCII, neither a letter nor
// a digit nor a blank nor a quotation mark (which makes the null value).
func delimiter(c byte) bool {
	return c > ' ' && c < 0x7f && c != '"' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
}

func headerFault(code, place string, off int, text string, args ...any) *fault.Fault {
	return fault.New(fault.Invalid, code, text, args...).At(placeAt(place, off))
}
