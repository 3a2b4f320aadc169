package hl7v2

import (
	"fmt"
	"unicode/utf8"

	"thalamus/internal/fault"
)

// Builder writes a message from front to back: segments in order, fields of a
// segment in ascending order. Texts are UTF-8; the builder escapes them and
// converts them to the character set chosen. The first mistake is kept and
// given by Bytes. A Builder can be reused with Reset, then it allocates
// nothing more.
//
//	b := hl7v2.NewBuilder(hl7v2.StandardDelimiters(), "UNICODE UTF-8")
//	b.Segment("MSH").Field(3, "APP", "00A0", "EUI-64").Field(9, "ORU", "R01", "ORU_R01").Field(10, "17").Field(11, "P").Field(12, "2.6")
//	b.Segment("OBX").Field(1, "1").Field(2, "NM").Field(5, "98").Rep("97")
//	raw, err := b.Bytes()
type Builder struct {
	d     Delimiters
	cs    *charset
	b     []byte
	open  string // id of the segment being written
	field int    // last field written
	kept  int    // bytes without the empty fields at the end
	plain []byte // scratch for escaping before conversion
	err   error
}

// NewBuilder makes a builder. The character set is a label of MSH-18; empty
// means ASCII, and then MSH-18 stays empty. MSH-18 is written by the builder
// when a character set was named.
func NewBuilder(d Delimiters, charset string) *Builder {
	b := new(Builder)
	b.Reset(d, charset)
	return b
}

// Reset begins another message, keeping the memory.
func (w *Builder) Reset(d Delimiters, charset string) {
	*w = Builder{d: d, b: w.b[:0], plain: w.plain[:0], cs: &asciiSet}
	if charset != "" {
		if w.cs = lookup([]byte(charset)); w.cs == nil {
			w.cs = &asciiSet
			w.fail(codeBuild, "the character set is not known; use a name of HL7 table 0211")
		}
	}
	if d.Field == 0 || d.Component == 0 {
		w.d = standard
	}
}

// Segment ends the segment before and begins one. MSH, BHS and FHS get their
// delimiters at once.
func (w *Builder) Segment(id string) *Builder {
	w.close()
	if len(id) != 3 || !segmentID([]byte(id)) {
		w.fail(codeBuild, "a segment id is a capital letter and two capital letters or digits")
		id = "ZZZ"
	}
	w.open, w.field = id, 0
	w.b = append(w.b, id...)
	if headerID([]byte(id)) {
		w.b = append(w.b, w.d.Field)
		w.b = w.d.encoding(w.b)
		w.field = 2
	}
	w.kept = len(w.b)
	return w
}

// Field writes field n with its components, each escaped. It may be called
// for ascending n only.
func (w *Builder) Field(n int, components ...string) *Builder {
	if w.to(n) {
		w.components(components)
	}
	return w
}

// Rep adds a repetition to the field just written.
func (w *Builder) Rep(components ...string) *Builder {
	if w.open == "" || w.field == 0 || w.d.Repetition == 0 {
		w.fail(codeBuild, "a repetition needs a field to repeat, and a delimiter")
		return w
	}
	w.b = append(w.b, w.d.Repetition)
	w.components(components)
	w.kept = len(w.b)
	return w
}

// Subs adds a component made of sub-components to the field just written.
func (w *Builder) Subs(subs ...string) *Builder {
	if w.open == "" || w.field == 0 || w.d.Sub == 0 {
		w.fail(codeBuild, "sub-components need a field to stand in, and a delimiter")
		return w
	}
	w.b = append(w.b, w.d.Component)
	for i, s := range subs {
		if i > 0 {
			w.b = append(w.b, w.d.Sub)
		}
		w.text(s)
	}
	w.kept = len(w.b)
	return w
}

// Raw writes field n as it is: an element of another message with the same
// delimiters and character set, for example. Line ends are refused.
func (w *Builder) Raw(n int, raw []byte) *Builder {
	for _, c := range raw {
		if c == '\r' || c == '\n' {
			w.fail(codeBuild, "a raw field holds a line end")
			return w
		}
	}
	if w.to(n) && len(raw) > 0 {
		w.b = append(w.b, raw...)
		w.kept = len(w.b)
	}
	return w
}

// Null writes the null value "" into field n: delete what you know.
func (w *Builder) Null(n int) *Builder {
	if w.to(n) {
		w.b = append(w.b, '"', '"')
		w.kept = len(w.b)
	}
	return w
}

// to moves on to field n.
func (w *Builder) to(n int) bool {
	if w.open == "" || n <= w.field || n > MaxFields {
		w.fail(codeBuild, "fields are written in ascending order, inside a segment")
		return false
	}
	if w.open == "MSH" && w.cs != &asciiSet && w.field < 18 && n > 18 {
		w.charset()
	}
	for ; w.field < n; w.field++ {
		w.b = append(w.b, w.d.Field)
	}
	return true
}

// charset writes MSH-18.
func (w *Builder) charset() {
	for ; w.field < 18; w.field++ {
		w.b = append(w.b, w.d.Field)
	}
	w.b = append(w.b, w.cs.label...)
	w.kept = len(w.b)
}

func (w *Builder) components(all []string) {
	// Empty components at the end say nothing (§2.5.3).
	for len(all) > 0 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	for i, c := range all {
		if i > 0 {
			w.b = append(w.b, w.d.Component)
		}
		w.text(c)
	}
	if len(all) > 0 {
		w.kept = len(w.b)
	}
}

// text writes one text, escaped and converted.
func (w *Builder) text(s string) {
	from := len(w.b)
	w.b = w.d.AppendEscaped(w.b, s)
	if asciiOnly(w.b[from:]) || w.cs == &utf8Set && utf8.Valid(w.b[from:]) {
		return
	}
	w.plain = append(w.plain[:0], w.b[from:]...)
	out, ok := w.cs.encode(w.b[:from], string(w.plain))
	w.b = out
	if !ok {
		w.fail(codeUnencodable, "the text has a character that the character set "+w.cs.name+" does not have; choose UNICODE UTF-8, and give valid UTF-8")
	}
}

func (w *Builder) close() {
	if w.open == "" {
		return
	}
	if w.open == "MSH" && w.cs != &asciiSet && w.field < 18 {
		w.charset()
	}
	w.b = w.b[:w.kept]
	w.b = append(w.b, '\r')
	w.open = ""
}

func (w *Builder) fail(code, text string) {
	if w.err == nil {
		w.err = fault.New(fault.Invalid, code, "%s", text).At(fmt.Sprintf("%s-%d", w.open, w.field))
	}
}

// Bytes ends the message and gives it, each segment ended by CR, or the first
// mistake. The bytes belong to the builder until Reset.
func (w *Builder) Bytes() ([]byte, error) {
	w.close()
	if w.err != nil {
		return nil, w.err
	}
	return w.b, nil
}
