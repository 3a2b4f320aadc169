package udi

import "strings"

// hibcAlphabet gives each character its value. ANSI/HIBC 2.6, appendix B
const hibcAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"

// hibc reads a primary code, a secondary one, or both joined.
// ANSI/HIBC 2.6 §2
func (s *scan) hibc() error {
	s.u.Issuer = HIBCC
	text := s.text
	if text[0] == '*' { // start and stop of Code 39
		s.start++
		text = strings.TrimSuffix(text[1:], "*")
	}
	text = strings.ToUpper(text) // the alphabet has no small letters
	s.text = text
	for i := range len(text) {
		if strings.IndexByte(hibcAlphabet, text[i]) < 0 {
			return s.wrong("udi.character", i, "%q stands in no label of HIBCC; scan again", text[i])
		}
	}
	if len(text) < 4 {
		return s.wrong("udi.length", len(text), "the label ends too early; scan it again")
	}
	body := text[:len(text)-1]
	sum := 0
	for i := range len(body) {
		sum += strings.IndexByte(hibcAlphabet, body[i])
	}
	if want := hibcAlphabet[sum%43]; text[len(text)-1] != want {
		return s.wrong("udi.check", len(text)-1, "the check character is %q and must be %q; one character is wrong, scan the label again", text[len(text)-1], want)
	}
	if c := body[1]; c == '$' || c >= '0' && c <= '9' {
		// A secondary code for itself: before the check stands the link, which is
		// the check character of its primary code.
		return s.hibcParts(body[1:len(body)-1], 1)
	}
	primary, rest, joined := strings.Cut(body[1:], "/")
	switch {
	case len(primary) < 6 || len(primary) > 23:
		return s.wrong("udi.length", 1, "maker, product and unit have 6 to 23 characters, these have %d", len(primary))
	case primary[0] < 'A' || primary[0] > 'Z':
		return s.wrong("udi.character", 1, "the code of a maker begins with a letter")
	case digits(primary[len(primary)-1:]) != 1:
		return s.wrong("udi.character", len(primary), "the unit of measure is a digit")
	}
	s.u.DI = primary
	if !joined {
		return nil
	}
	return s.hibcParts(rest, len(primary)+2)
}

// hibcParts reads secondary elements, parted by slashes.
func (s *scan) hibcParts(text string, at int) error {
	for i, part := range strings.Split(text, "/") {
		if err := s.hibcPart(part, at, i == 0); err != nil {
			return err
		}
		at += len(part) + 1
	}
	return nil
}

func (s *scan) hibcPart(part string, at int, first bool) error {
	if rest, ok := strings.CutPrefix(part, "$$"); ok {
		return s.hibcDated(rest, at+2)
	}
	if rest, ok := strings.CutPrefix(part, "$+"); ok {
		return s.hibcText(&s.u.Serial, "serial number", rest, at+2)
	}
	if rest, ok := strings.CutPrefix(part, "$"); ok {
		return s.hibcText(&s.u.Lot, "lot", rest, at+1)
	}
	for _, d := range []struct {
		flag, name string
		field      *string
	}{{"14D", "expiry", &s.u.Expires}, {"16D", "day of manufacture", &s.u.Made}} {
		rest, ok := strings.CutPrefix(part, d.flag)
		if n := numbers(rest, 4, 2, 2); ok && n != nil {
			day, err := s.day(n[0], n[1], n[2], at+3)
			if err != nil {
				return err
			}
			return s.set(d.field, d.name, day, at)
		}
	}
	if rest, ok := strings.CutPrefix(part, "S"); ok {
		return s.hibcText(&s.u.Serial, "serial number", rest, at+1)
	}
	if rest, ok := strings.CutPrefix(part, "Q"); ok && !first {
		s.u.Others = append(s.u.Others, Part{ID: "Q", Text: rest})
		return nil
	}
	if first && len(part) >= 5 && digits(part[:5]) == 5 { // year, day of the year, lot
		n := numbers(part[:5], 2, 3)
		day, err := s.dayOfYear(century(n[0], s.year), n[1], at)
		if err == nil {
			err = s.set(&s.u.Expires, "expiry", day, at)
		}
		if err != nil || len(part) == 5 {
			return err
		}
		return s.hibcText(&s.u.Lot, "lot", part[5:], at+5)
	}
	if part == "" {
		return s.wrong("udi.identifier", at, "an element of this label is empty; scan it again")
	}
	s.u.Others = append(s.u.Others, Part{ID: "", Text: part})
	return nil
}

// hibcDated reads what follows $$: a quantity, a date in the form that its
// first digit tells, and a lot or after + a serial number.
// ANSI/HIBC 2.6 §2.3.2, table 5
func (s *scan) hibcDated(text string, at int) error {
	whole := len(text)
	field, name := &s.u.Lot, "lot"
	if rest, ok := strings.CutPrefix(text, "+"); ok {
		field, name, text = &s.u.Serial, "serial number", rest
	}
	short := func() error {
		return s.wrong("udi.length", at+whole-len(text), "the element ends before its date; scan the label again")
	}
	if text == "" {
		return short()
	}
	if width := map[byte]int{'8': 2, '9': 5}[text[0]]; width > 0 {
		if len(text) < 1+width || digits(text[1:1+width]) != width {
			return short()
		}
		s.u.Others = append(s.u.Others, Part{ID: "Q", Text: text[1 : 1+width]})
		if text = text[1+width:]; text == "" {
			return nil
		}
	}
	// The digit, the width of the date after it, and how its parts are wide.
	forms := map[byte][]int{'2': {2, 2, 2}, '3': {2, 2, 2}, '4': {2, 2, 2, 2}, '5': {2, 3}, '6': {2, 3, 2}, '7': {}}
	form, dated := forms[text[0]]
	from := 1
	if !dated {
		form, from = []int{2, 2}, 0 // month and year, no digit before them
	}
	width := 0
	for _, w := range form {
		width += w
	}
	if len(text) < from+width {
		return short()
	}
	here := at + whole - len(text) + from
	n := numbers(text[from:from+width], form...)
	if n == nil && width > 0 {
		return s.wrong("udi.date", here, "expected a date of %d digits; scan the label again", width)
	}
	var day string
	var err error
	switch kind := text[0]; {
	case !dated:
		day, err = s.day(century(n[1], s.year), n[0], 0, here)
	case kind == '2':
		day, err = s.day(century(n[2], s.year), n[0], n[1], here)
	case kind == '3', kind == '4':
		day, err = s.day(century(n[0], s.year), n[1], n[2], here)
	case kind == '5', kind == '6':
		day, err = s.dayOfYear(century(n[0], s.year), n[1], here)
	}
	if err != nil {
		return err
	}
	if day != "" {
		if err := s.set(&s.u.Expires, "expiry", day, here); err != nil {
			return err
		}
	}
	if text = text[from+width:]; text == "" {
		return nil
	}
	return s.hibcText(field, name, text, at+whole-len(text))
}

// hibcText takes a lot or serial number of up to 18 characters.
func (s *scan) hibcText(field *string, name, text string, at int) error {
	if text == "" || len(text) > 18 {
		return s.wrong("udi.length", at, "the %s has %d characters; 1 to 18 are expected", name, len(text))
	}
	return s.set(field, name, text, at)
}
