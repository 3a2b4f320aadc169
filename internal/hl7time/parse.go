// Package hl7time reads and writes HL7 v2 times: TS, DTM and DT, that is
// YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ] (HL7 v2.5.1 §2.A.22, §2.A.77);
// and reads what other devices write: ISO 8601, counts since 1970, patterns
// (ParseAs).
//
// A text says how precise it is and perhaps in which zone; where it says no
// zone, Zones decides, and the result says who decided (R16). The functions
// are pure, allocate nothing unless they fail, and never guess a century.
package hl7time

import (
	"thalamus/internal/fault"
)

// Precision of a time: how much of it was said.
type Precision uint8

const (
	None Precision = iota
	Year
	Month
	Day
	Hour
	Minute
	Second
	Fraction
)

// String is the word that model.Timestamp uses.
func (p Precision) String() string {
	switch p {
	case Year:
		return "year"
	case Month:
		return "month"
	case Day:
		return "day"
	case Hour:
		return "hour"
	case Minute:
		return "minute"
	case Second:
		return "second"
	case Fraction:
		return "fraction"
	}
	return ""
}

// Time is what a text says, before anybody decided where it was. Parts that
// it does not say are the first of their kind: January, 1, 0 o'clock.
type Time struct {
	Year      int16
	Month     uint8
	Day       uint8
	Hour      uint8
	Minute    uint8
	Second    uint8 // 60 only as a leap second
	Precision Precision
	Nano      int32
	Digits    uint8 // of the fraction
	Zoned     bool
	Offset    int32 // seconds east of UTC, when Zoned
}

// Codes of faults.
const (
	codeEmpty    = "hl7time.empty"
	codeForm     = "hl7time.form"
	codeRange    = "hl7time.range"
	codeTwoDigit = "hl7time.two-digit-year"
	codeZone     = "hl7time.zone"
)

// maxLength is more than any time needs: 24 characters, nine digits of
// fraction and a degree of precision.
const maxLength = 40

// Parse reads a time. Blanks around it are ignored, as is a zone written with
// a colon or as Z; the degree of precision of versions up to 2.3 may follow
// after ^ (Limit). Two-digit years are refused: nobody can know the century.
func Parse(s string) (Time, error) {
	s = trim(s)
	if s == "" {
		return Time{}, fault.New(fault.Invalid, codeEmpty, "there is no time in the field")
	}
	if len(s) > maxLength {
		return Time{}, malformed()
	}
	degree := ""
	if i := len(s) - 2; i > 0 && s[i] == '^' {
		s, degree = s[:i], s[i+1:]
	}
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	t := Time{Month: 1, Day: 1}
	switch n {
	case 4, 6, 8, 10, 12, 14:
	default:
		return Time{}, malformed()
	}
	t.Precision = Precision(n/2 - 1)
	t.Year = int16(two(s))*100 + int16(two(s[2:]))
	for i, to := range [...]*uint8{&t.Month, &t.Day, &t.Hour, &t.Minute, &t.Second} {
		if at := 4 + 2*i; at < n {
			*to = two(s[at:])
		}
	}
	rest := s[n:]
	if rest != "" && rest[0] == '.' {
		if n != 14 {
			return Time{}, malformed()
		}
		var ok bool
		if rest, ok = t.fraction(rest[1:]); !ok {
			return Time{}, malformed()
		}
	}
	if rest != "" && !t.zone(rest) {
		return Time{}, fault.New(fault.Invalid, codeZone, "the zone of the time is not one; write it like +0100, between -1200 and +1400")
	}
	if err := t.check(n); err != nil {
		return Time{}, err
	}
	return t.Limit(degree), nil
}

func malformed() error {
	return fault.New(fault.Invalid, codeForm, "this is not an HL7 time; write it like 20260131235959.123+0100, shortened from the right")
}

// two reads two digits.
func two(s string) uint8 { return (s[0]-'0')*10 + s[1] - '0' }

// fraction reads the digits after the point; up to nine count. A point
// without digits says nothing.
func (t *Time) fraction(s string) (rest string, ok bool) {
	unit := int32(100_000_000)
	i := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		t.Nano += int32(s[i]-'0') * unit
		unit /= 10
	}
	if i > 9 {
		return "", false
	}
	if i > 0 {
		t.Precision, t.Digits = Fraction, uint8(i)
	}
	return s[i:], true
}

// zone reads +ZZZZ, +ZZ:ZZ, +ZZ or Z.
func (t *Time) zone(s string) bool {
	if s == "Z" {
		t.Zoned = true
		return true
	}
	if s[0] != '+' && s[0] != '-' {
		return false
	}
	d := s[1:]
	for i := range len(d) {
		if (d[i] < '0' || d[i] > '9') && !(i == 2 && d[i] == ':' && len(d) == 5) {
			return false
		}
	}
	var minutes uint8
	switch len(d) {
	case 2:
	case 4:
		minutes = two(d[2:])
	case 5:
		minutes = two(d[3:])
	default:
		return false
	}
	t.Offset = int32(two(d))*3600 + int32(minutes)*60
	if s[0] == '-' {
		t.Offset = -t.Offset
	}
	t.Zoned = true
	return minutes < 60 && t.Offset >= -12*3600 && t.Offset <= 14*3600
}

// check refuses what no calendar has. n is the number of digits sent.
func (t *Time) check(n int) error {
	if t.Year < 1800 && t.Year > 0 {
		// 090713 or 090713235959: a year of two digits where four belong.
		return fault.New(fault.Invalid, codeTwoDigit, "the year seems to have two digits; write all four, nobody can know the century")
	}
	if t.Year == 0 || t.Month == 0 || t.Month > 12 || t.Day == 0 || t.Day > daysIn(t.Year, t.Month) ||
		t.Hour > 23 || t.Minute > 59 || t.Second > 60 || t.Second == 60 && t.Minute != 59 {
		if n == 6 || n == 12 {
			return fault.New(fault.Invalid, codeTwoDigit, "no calendar has this time, perhaps because its year has two digits; write all four")
		}
		return fault.New(fault.Invalid, codeRange, "no calendar has this time: a part of it is out of range")
	}
	return nil
}

func daysIn(year int16, month uint8) uint8 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// Limit lowers the precision to the degree of TS.2, which versions up to 2.3
// have beside the time: Y L D H M S (HL7 v2.3 §2.8.42). Other degrees change
// nothing. Parts beyond it are forgotten.
func (t Time) Limit(degree string) Time {
	p := Fraction
	switch degree {
	case "Y":
		p = Year
	case "L":
		p = Month
	case "D":
		p = Day
	case "H":
		p = Hour
	case "M":
		p = Minute
	case "S":
		p = Second
	}
	if p >= t.Precision {
		return t
	}
	t.Precision, t.Nano, t.Digits = p, 0, 0
	for at, part := range [...]*uint8{&t.Month, &t.Day, &t.Hour, &t.Minute, &t.Second} {
		if Precision(at)+Month > p {
			*part = 0
			if at < 2 {
				*part = 1
			}
		}
	}
	return t
}
