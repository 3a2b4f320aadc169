package udi

import (
	"net/url"
	"strings"
)

// separator is FNC1 as scanners send it. GS1 General Specifications §7.8.3
const separator = '\x1d'

// bracketed reads the form for people: (01)…(21)….
func (s *scan) bracketed() error {
	s.u.Issuer = GS1
	for at := 0; at < len(s.text); {
		if s.text[at] != '(' {
			return s.wrong("udi.bracket", at, "expected ( and an application identifier")
		}
		end := strings.IndexByte(s.text[at:], ')')
		if end < 0 {
			return s.wrong("udi.bracket", at, "the bracket is not closed")
		}
		ai := s.text[at+1 : at+end]
		if len(ai) < 2 || len(ai) > 4 || len(ai) != digits(ai) {
			return s.wrong("udi.identifier", at+1, "%q is no application identifier; it has two to four digits", ai)
		}
		from := at + end + 1
		next := opening(s.text[from:])
		if err := s.element(ai, s.text[from:from+next], from); err != nil {
			return err
		}
		at = from + next
	}
	return nil
}

// opening finds where the next (nn) begins; a bracket may also stand within a
// serial number.
func opening(text string) int {
	for i := range len(text) {
		if text[i] != '(' {
			continue
		}
		if n := strings.IndexByte(text[i:], ')'); n >= 3 && n <= 5 && digits(text[i+1:i+n]) == n-1 {
			return i
		}
	}
	return len(text)
}

func digits(text string) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// elements reads an element string: elements one after another, those without
// a fixed length ended by FNC1. GS1 General Specifications §7.8
func (s *scan) elements() error {
	s.u.Issuer = GS1
	for at := 0; at < len(s.text); {
		if s.text[at] == separator {
			at++
			continue
		}
		n := identifierLength(s.text[at:])
		if n == 0 || at+n > len(s.text) {
			if at == 0 {
				return s.wrong("udi.unknown", at, "this is no device identifier of GS1, HIBCC or ICCBBA; scan the code beside the letters UDI")
			}
			return s.wrong("udi.identifier", at, "expected an application identifier of GS1; does the scanner leave out the separators (FNC1)?")
		}
		ai, from := s.text[at:at+n], at+n
		end := from + fixedLength(ai)
		if end == from {
			end = len(s.text)
			if i := strings.IndexByte(s.text[from:], separator); i >= 0 {
				end = from + i
			}
		}
		if end > len(s.text) {
			return s.wrong("udi.length", from, "the element (%s) has %d characters, %d are missing; scan the label again", ai, fixedLength(ai), end-len(s.text))
		}
		if err := s.element(ai, s.text[from:end], from); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// link reads a GS1 Digital Link: …/01/GTIN/21/serial?17=…
// GS1 Digital Link Standard: URI Syntax §4
func (s *scan) link() error {
	s.u.Issuer = GS1
	l, err := url.Parse(s.text)
	if err != nil {
		return s.wrong("udi.link", 0, "this link cannot be read; scan the label again")
	}
	path := strings.Split(strings.Trim(l.EscapedPath(), "/"), "/")
	first := -1
	for i := 0; i+1 < len(path); i++ {
		if path[i] == "01" || path[i] == "gtin" {
			first = i
		}
	}
	if first < 0 {
		return s.wrong("udi.link", 0, "this link names no device (/01/…); scan the code beside the letters UDI")
	}
	path[first] = "01"
	for i := first; i+1 < len(path); i += 2 {
		text, err := url.PathUnescape(path[i+1])
		if err != nil || len(path[i]) != digits(path[i]) {
			return s.wrong("udi.link", 0, "the part %q of this link is no element of GS1", path[i])
		}
		if path[i] == "01" && len(text) < 14 {
			text = strings.Repeat("0", 14-len(text)) + text
		}
		if err := s.element(path[i], text, 0); err != nil {
			return err
		}
	}
	query := l.Query()
	for _, ai := range []string{"10", "11", "17", "21", "8012"} {
		if text := query.Get(ai); text != "" {
			if err := s.element(ai, text, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// element takes one element. GS1 General Specifications §3
func (s *scan) element(ai, text string, at int) error {
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 || text == "" {
		return s.wrong("udi.character", at+max(i, 0), "the element (%s) is empty or holds a character that no label has; scan again", ai)
	}
	switch ai {
	case "01":
		if len(text) != 14 || digits(text) != 14 {
			return s.wrong("udi.length", at, "a GTIN has 14 digits, this has %d characters", len(text))
		}
		if want := checkDigit(text[:13]); text[13] != want {
			return s.wrong("udi.check", at+13, "the check digit is %c and must be %c; one digit is wrong, scan the label again", text[13], want)
		}
		return s.set(&s.u.DI, "device identifier", text, at)
	case "10":
		return s.short(&s.u.Lot, "lot", ai, text, at)
	case "21":
		return s.short(&s.u.Serial, "serial number", ai, text, at)
	case "8012":
		return s.short(&s.u.Software, "software version", ai, text, at)
	case "11", "17":
		n := numbers(text, 2, 2, 2)
		if n == nil {
			return s.wrong("udi.date", at, "the date of (%s) must be six digits, year, month and day", ai)
		}
		day, err := s.day(century(n[0], s.year), n[1], n[2], at)
		if err != nil {
			return err
		}
		if ai == "11" {
			return s.set(&s.u.Made, "day of manufacture", day, at)
		}
		return s.set(&s.u.Expires, "expiry", day, at)
	}
	s.u.Others = append(s.u.Others, Part{ID: ai, Text: text})
	return nil
}

// short takes an element of up to 20 characters.
func (s *scan) short(field *string, name, ai, text string, at int) error {
	if len(text) > 20 {
		return s.wrong("udi.length", at+20, "the %s (%s) has %d characters, 20 are the most; does the scanner leave out the separators (FNC1)?", name, ai, len(text))
	}
	return s.set(field, name, text, at)
}

// checkDigit is that of all GS1 numbers. GS1 General Specifications §7.9.1
func checkDigit(number string) byte {
	sum := 0
	for i := range len(number) {
		weight := 1
		if (len(number)-i)%2 == 1 {
			weight = 3
		}
		sum += weight * int(number[i]-'0')
	}
	return byte('0' + (10-sum%10)%10)
}

// identifierLength is how many digits the application identifier at the front
// of text has, told by its first two. 0: there is none.
// GS1 General Specifications §3.2
func identifierLength(text string) int {
	if len(text) < 2 || digits(text[:2]) != 2 {
		return 0
	}
	n := 2
	switch p := text[:2]; {
	case p <= "04", p >= "10" && p <= "22", p == "30", p == "37", p >= "90":
	case p >= "23" && p <= "25", p >= "40" && p <= "42", p == "71":
		n = 3
	case p >= "31" && p <= "36", p == "39", p == "43", p == "70", p == "72", p >= "80" && p <= "82":
		n = 4
	default:
		return 0
	}
	if digits(text) < n {
		return 0
	}
	return n
}

// fixedLength is how long the text of an element is that needs no separator, 0
// for one that does. GS1 General Specifications §7.8.5, figure 7.8.5-2
func fixedLength(ai string) int {
	switch p := ai[:2]; {
	case p == "00":
		return 18
	case p >= "01" && p <= "03":
		return 14
	case p == "04":
		return 16
	case p >= "11" && p <= "19":
		return 6
	case p == "20":
		return 2
	case p >= "31" && p <= "36":
		return 6
	case p == "41":
		return 13
	}
	return 0
}
