package fhir

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"thalamus/internal/hl7time"
	"thalamus/internal/model"
)

// writer streams compact JSON. It puts commas by looking at the last byte, so
// callers open, name and close in order and nothing is built in between.
type writer struct{ b []byte }

func (w *writer) comma() {
	switch w.b[len(w.b)-1] {
	case '{', '[', ':':
	default:
		w.b = append(w.b, ',')
	}
}

func (w *writer) name(n string) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, n...)
	w.b = append(w.b, '"', ':')
}

// open begins a member that is an object or array; bracket is '{' or '['.
func (w *writer) open(n string, bracket byte) { w.name(n); w.b = append(w.b, bracket) }

// element begins an element of an array that is an object.
func (w *writer) element() { w.comma(); w.b = append(w.b, '{') }

func (w *writer) close(bracket byte) { w.b = append(w.b, bracket) }

// word writes a member whose text needs no escaping.
func (w *writer) word(n, text string) {
	w.name(n)
	w.b = append(w.b, '"')
	w.b = append(w.b, text...)
	w.b = append(w.b, '"')
}

// text writes a FHIR string; nothing when it has no visible character
// (FHIR R4 §2.24.0.1: never empty).
func (w *writer) text(n, s string) {
	if s = clean(s); s != "" {
		w.name(n)
		w.b = appendText(w.b, s)
	}
}

// code writes a FHIR code: no white space at the ends, none doubled.
func (w *writer) code(n, s string) { w.text(n, codeText(s)) }

func (w *writer) decimal(n string, d model.Decimal) { w.name(n); w.b = d.Append(w.b) }

func (w *writer) whole(n string, v int64) { w.name(n); w.b = strconv.AppendInt(w.b, v, 10) }

func (w *writer) truth(n string, v bool) { w.name(n); w.b = strconv.AppendBool(w.b, v) }

// instant writes a time in UTC, with a fraction down to microseconds where it
// has one.
func (w *writer) instant(n string, t time.Time) {
	w.name(n)
	w.b = append(w.b, '"')
	w.b = appendInstant(w.b, t)
	w.b = append(w.b, '"')
}

func appendInstant(b []byte, t time.Time) []byte {
	return t.UTC().Truncate(time.Microsecond).AppendFormat(b, time.RFC3339Nano)
}

// dateTime writes a sender's time with the precision it was given in
// (FHIR R4 §2.24.0.1, dateTime), and beside it what the sender's clock said
// where that was corrected; nothing when it has none.
func (w *writer) dateTime(n string, t model.Timestamp) {
	if t.UTC.IsZero() || !sane(t.UTC) {
		return
	}
	w.name(n)
	w.b = append(w.b, '"')
	w.b = appendDateTime(w.b, t)
	w.b = append(w.b, '"')
	w.beside(n, &t)
}

// sane keeps years that have four digits.
func sane(t time.Time) bool { y := t.Year(); return y >= 1 && y <= 9999 }

func appendDateTime(b []byte, t model.Timestamp) []byte {
	// A date without a time of day is the sender's calendar date, not UTC's.
	if date, ok := calendarDate(t); ok {
		return append(b, date...)
	}
	if n := dateLength(t); n > 0 {
		o := t.Original
		b = append(b, o[:4]...)
		if n > 4 {
			b = append(append(b, '-'), o[4:6]...)
		}
		if n > 6 {
			b = append(append(b, '-'), o[6:8]...)
		}
		return b
	}
	switch t.Precision {
	case "year":
		return t.UTC.AppendFormat(b, "2006")
	case "month":
		return t.UTC.AppendFormat(b, "2006-01")
	case "day":
		return t.UTC.AppendFormat(b, "2006-01-02")
	}
	return appendInstant(b, t.UTC)
}

// calendarDate reads a date that was not written as HL7 writes it, as precise
// as it was said.
func calendarDate(t model.Timestamp) (string, bool) {
	if t.Format == "" || t.Precision != "year" && t.Precision != "month" && t.Precision != "day" {
		return "", false
	}
	read, err := hl7time.ParseAs(t.Format, t.Original)
	if err != nil || read.Precision.String() != t.Precision {
		return "", false
	}
	return read.Date(), true
}

// dateLength is 4, 6 or 8 when the time is a date whose digits stand in the
// original HL7 text, else 0.
func dateLength(t model.Timestamp) int {
	n := 0
	switch t.Precision {
	case "year":
		n = 4
	case "month":
		n = 6
	case "day":
		n = 8
	}
	if len(t.Original) < n {
		return 0
	}
	for i := range n {
		if t.Original[i] < '0' || t.Original[i] > '9' {
			return 0
		}
	}
	return n
}

// clean makes a text a FHIR string: control characters other than line breaks
// and tabs become U+FFFD, so does what is not UTF-8, and a text without a
// visible character becomes empty. The usual text is returned as it is.
func clean(s string) string {
	visible := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf || c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return cleanSlow(s)
		}
		visible = visible || c > 0x20
	}
	if !visible {
		return ""
	}
	return s
}

func cleanSlow(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	s = strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 {
			return utf8.RuneError
		}
		return r
	}, s)
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return s
}

func codeText(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= utf8.RuneSelf {
			return strings.Join(strings.Fields(s), " ")
		}
	}
	return s
}
