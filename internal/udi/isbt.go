package udi

import "strings"

// isbtForms are the structures of ISBT 128 that a UDI is made of: the two
// characters before each, its length without them, and where it goes. The
// donation number has no second character of its own. ISBT 128 ST-011
var isbtForms = []struct {
	flag  string
	width int
	name  string
}{
	{"=/", 16, "device identifier"},
	{"=,", 6, "serial number"},
	{"=>", 6, "expiry"},
	{"=}", 6, "day of manufacture"},
	{"&,1", 18, "lot"},
	{"=", 15, "donation number"},
}

func (s *scan) isbt() error {
	s.u.Issuer = ICCBBA
	for at := 0; at < len(s.text); {
		rest := s.text[at:]
		took := 0
		for _, f := range isbtForms {
			if !strings.HasPrefix(rest, f.flag) {
				continue
			}
			from := at + len(f.flag)
			if from+f.width > len(s.text) {
				return s.wrong("udi.length", from, "the %s has %d characters, %d are missing; scan the label again", f.name, f.width, from+f.width-len(s.text))
			}
			if err := s.isbtPart(f.flag, f.name, s.text[from:from+f.width], from); err != nil {
				return err
			}
			took = len(f.flag) + f.width
			break
		}
		if took == 0 {
			return s.wrong("udi.identifier", at, "expected a structure of ISBT 128 that a device has; scan the code beside the letters UDI")
		}
		at += took
	}
	return nil
}

func (s *scan) isbtPart(flag, name, text string, at int) error {
	for i := range len(text) {
		if c := text[i]; !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return s.wrong("udi.character", at+i, "the %s holds a character that is neither letter nor digit; scan the label again", name)
		}
	}
	switch flag {
	case "=/":
		return s.set(&s.u.DI, name, text, at)
	case "=,":
		return s.set(&s.u.Serial, name, text, at)
	case "&,1":
		return s.set(&s.u.Lot, name, strings.TrimLeft(text, "0"), at)
	case "=":
		return s.set(&s.u.Donation, name, text, at)
	}
	n := numbers(text, 3, 3) // the last three digits of the year, day of the year
	if n == nil {
		return s.wrong("udi.date", at, "the %s must be six digits, year and day of the year", name)
	}
	year := s.year/1000*1000 + n[0]
	if year-s.year > 500 {
		year -= 1000
	}
	day, err := s.dayOfYear(year, n[1], at)
	if err != nil {
		return err
	}
	if flag == "=>" {
		return s.set(&s.u.Expires, name, day, at)
	}
	return s.set(&s.u.Made, name, day, at)
}
