package hl7time

import "thalamus/internal/fault"

// parseISO reads a time of ISO 8601-1:2019 or RFC 3339: a calendar date
// (2026-01-31, 20260131, 2026-01, 2026), an ordinal date (2026-031) or a week
// date (2026-W05-6), then T, t or a blank and hh:mm[:ss[.fraction]] or the
// same without colons, then Z, ±hh, ±hh:mm or ±hhmm.
func parseISO(s string) (Time, error) {
	r := isoReader{s: s}
	t := Time{Month: 1, Day: 1}
	if !r.date(&t) {
		if r.twoDigitYear() {
			return Time{}, fault.New(fault.Invalid, codeTwoDigit, "the year seems to have two digits; write all four, nobody can know the century")
		}
		return Time{}, notISO()
	}
	if r.s != "" {
		if t.Precision != Day || r.s[0] != 'T' && r.s[0] != 't' && r.s[0] != ' ' {
			return Time{}, notISO()
		}
		r.s = r.s[1:]
		if !r.clock(&t) {
			return Time{}, notISO()
		}
	}
	if r.s == "z" {
		r.s = "Z"
	}
	if r.s != "" && (t.Precision < Hour || !t.zone(r.s)) {
		return Time{}, fault.New(fault.Invalid, codeZone, "the zone of the time is not one; write it like +01:00 or Z, between -12:00 and +14:00")
	}
	return t, t.check(14)
}

func notISO() error {
	return fault.New(fault.Invalid, codeISO, "this is not a time of ISO 8601; write it like 2026-01-31T23:59:59.123+01:00")
}

// isoReader takes parts off the front of its text.
type isoReader struct{ s string }

// digits takes n digits; ok is false when there are fewer.
func (r *isoReader) digits(n int) (v int, ok bool) {
	if len(r.s) < n {
		return 0, false
	}
	for i := range n {
		c := r.s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	r.s = r.s[n:]
	return v, true
}

func (r *isoReader) takes(c byte) bool {
	if len(r.s) > 0 && r.s[0] == c {
		r.s = r.s[1:]
		return true
	}
	return false
}

// run counts the digits at the front.
func (r *isoReader) run() int {
	n := 0
	for n < len(r.s) && r.s[n] >= '0' && r.s[n] <= '9' {
		n++
	}
	return n
}

// twoDigitYear: 26-01-31.
func (r *isoReader) twoDigitYear() bool {
	return r.run() == 2 && len(r.s) > 2 && r.s[2] == '-'
}

func (r *isoReader) date(t *Time) bool {
	if n := r.run(); n != 4 && n != 8 {
		return false
	}
	year, _ := r.digits(4)
	t.Year, t.Precision = int16(year), Year
	dash := r.takes('-')
	switch {
	case !dash && r.s == "":
		return true
	case r.takes('W'):
		return r.week(t, dash)
	case dash && r.run() == 3:
		n, _ := r.digits(3)
		return t.ordinal(n)
	}
	month, ok := r.digits(2)
	if !ok {
		return false
	}
	t.Month, t.Precision = uint8(month), Month
	if dash && !r.takes('-') {
		return r.s == ""
	}
	day, ok := r.digits(2)
	t.Day, t.Precision = uint8(day), Day
	return ok
}

// week reads the rest of a week date; weeks begin on Monday and the first is
// that of 4 January (ISO 8601-1 §4.3.9).
func (r *isoReader) week(t *Time, dash bool) bool {
	week, ok := r.digits(2)
	if !ok || dash && !r.takes('-') {
		return false
	}
	day, ok := r.digits(1)
	if !ok || week < 1 || week > 53 || day < 1 || day > 7 {
		return false
	}
	fourth := weekday(int(t.Year), 1, 4)
	n := 4 - fourth + 7*(week-1) + day
	if n < 1 {
		t.Year--
		n += daysOf(t.Year)
	} else if n > daysOf(t.Year) {
		n -= daysOf(t.Year)
		t.Year++
	}
	return t.ordinal(n)
}

// weekday is 1 for Monday to 7 for Sunday (after T. Sakamoto).
func weekday(year, month, day int) int {
	shift := [...]int{0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4}
	if month < 3 {
		year--
	}
	n := (year + year/4 - year/100 + year/400 + shift[month-1] + day) % 7
	if n == 0 {
		return 7
	}
	return n
}

func daysOf(year int16) int { return 337 + int(daysIn(year, 2)) }

// ordinal sets month and day from the day of the year.
func (t *Time) ordinal(n int) bool {
	if n < 1 || n > daysOf(t.Year) {
		return false
	}
	for t.Month = 1; n > int(daysIn(t.Year, t.Month)); t.Month++ {
		n -= int(daysIn(t.Year, t.Month))
	}
	t.Day, t.Precision = uint8(n), Day
	return true
}

func (r *isoReader) clock(t *Time) bool {
	hour, ok := r.digits(2)
	if !ok {
		return false
	}
	t.Hour, t.Precision = uint8(hour), Hour
	colon := r.takes(':')
	if !colon && r.run() == 0 {
		return true
	}
	minute, ok := r.digits(2)
	if !ok {
		return false
	}
	t.Minute, t.Precision = uint8(minute), Minute
	if colon && !r.takes(':') || !colon && r.run() == 0 {
		return true
	}
	second, ok := r.digits(2)
	if !ok {
		return false
	}
	t.Second, t.Precision = uint8(second), Second
	if r.takes('.') || r.takes(',') {
		n := r.run()
		if n == 0 || n > 9 {
			return false
		}
		rest, _ := t.fraction(r.s)
		r.s = rest
	}
	return true
}
