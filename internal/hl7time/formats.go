package hl7time

import (
	"strings"

	"thalamus/internal/fault"
)

// Formats that ParseAs knows beside patterns.
const (
	FormatHL7     = "hl7"      // YYYYMMDDHHMMSS.SSSS+ZZZZ, shortened from the right
	FormatISO     = "iso"      // ISO 8601 and RFC 3339
	FormatSeconds = "epoch_s"  // since 1970 in UTC, with a fraction where there is one
	FormatMillis  = "epoch_ms" // milliseconds since 1970
	FormatMicros  = "epoch_us" // microseconds since 1970
	FormatAuto    = "auto"     // any of them, found out from the text
)

const (
	codeISO     = "hl7time.iso"
	codeEpoch   = "hl7time.epoch"
	codePattern = "hl7time.pattern"
	codeFormat  = "hl7time.format"
)

// ParseAs reads a time written in another way than HL7's. Format is one of
// the names above, empty for hl7, or a pattern of YYYY MM MMM DD hh mm ss S Z a
// (month name in English, S one digit of a fraction, Z a zone, a AM or PM)
// where every other character stands for itself: "DD.MM.YYYY hh:mm:ss".
// Errors are fault.Invalid with a code hl7time.*; they never hold the text.
func ParseAs(format, text string) (Time, error) {
	s := trim(text)
	if s == "" {
		return Time{}, fault.New(fault.Invalid, codeEmpty, "there is no time in the field")
	}
	if len(s) > maxLength {
		return Time{}, fault.New(fault.Invalid, codeForm, "this is longer than any time")
	}
	switch format {
	case FormatHL7, "":
		return Parse(s)
	case FormatISO:
		return parseISO(s)
	case FormatSeconds:
		return parseEpoch(s, 0)
	case FormatMillis:
		return parseEpoch(s, 3)
	case FormatMicros:
		return parseEpoch(s, 6)
	case FormatAuto:
		return parseAuto(s)
	}
	return parsePattern(format, s)
}

func trim(s string) string {
	for len(s) > 0 && s[0] == ' ' {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// parseAuto finds out how a time is written. Digits alone are HL7 where a
// calendar has such a time (4, 6, 8, 10, 12 or 14 of them), else they count
// seconds, milliseconds, microseconds or nanoseconds since 1970 (10, 13, 16 or
// 19 of them).
func parseAuto(s string) (Time, error) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	whole := n == len(s)
	switch {
	case n == 4 && !whole && s[n] == '-', n == 8 && !whole && (s[n] == 'T' || s[n] == 't'):
		return parseISO(s)
	case n == 10 && (whole || s[n] == '.'):
		if t, err := Parse(s); err == nil && t.Year >= 1900 && whole {
			return t, nil
		}
		return parseEpoch(s, 0)
	case n == 13 && whole:
		return parseEpoch(s, 3)
	case n == 16 && whole:
		return parseEpoch(s, 6)
	case n == 19 && whole:
		return parseEpoch(s, 9)
	}
	return Parse(s)
}

// parseEpoch reads a count since 1970 in units of 10^-scale seconds. The
// precision is that of its digits.
func parseEpoch(s string, scale int) (Time, error) {
	negative := false
	if s[0] == '-' {
		negative, s = true, s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" || len(whole) > 19 || len(fraction) > 9 {
		return Time{}, notEpoch()
	}
	digits := whole + fraction
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return Time{}, notEpoch()
		}
	}
	// The last scale digits of the whole part are a fraction of a second, too.
	for len(whole) <= scale {
		whole = "0" + whole
	}
	fraction = whole[len(whole)-scale:] + fraction
	whole = whole[:len(whole)-scale]
	var seconds int64
	for i := range len(whole) {
		if seconds = seconds*10 + int64(whole[i]-'0'); seconds > 1<<40 {
			return Time{}, notEpoch()
		}
	}
	if len(fraction) > 9 {
		fraction = fraction[:9]
	}
	var nano int32
	for i, unit := 0, int32(100_000_000); i < len(fraction); i, unit = i+1, unit/10 {
		nano += int32(fraction[i]-'0') * unit
	}
	if negative {
		seconds = -seconds
		if nano > 0 {
			seconds, nano = seconds-1, 1_000_000_000-nano
		}
	}
	t, ok := ofUnix(seconds)
	if !ok {
		return Time{}, notEpoch()
	}
	t.Precision, t.Zoned = Second, true
	if len(fraction) > 0 {
		t.Precision, t.Nano, t.Digits = Fraction, nano, uint8(len(fraction))
	}
	return t, nil
}

func notEpoch() error {
	return fault.New(fault.Invalid, codeEpoch, "this is not a count since 1970 that lies between the years 1800 and 9999")
}

// ofUnix gives the calendar time of seconds since 1970 in UTC; ok is false
// outside of the years 1800 to 9999 (days from civil, after H. Hinnant).
func ofUnix(seconds int64) (Time, bool) {
	days, rest := seconds/86400, seconds%86400
	if rest < 0 {
		days, rest = days-1, rest+86400
	}
	if days < -62091 || days > 2932896 {
		return Time{}, false
	}
	z := days + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	year, month := yoe+era*400, mp+3
	if month > 12 {
		month, year = month-12, year+1
	}
	return Time{Year: int16(year), Month: uint8(month), Day: uint8(doy - (153*mp+2)/5 + 1),
		Hour: uint8(rest / 3600), Minute: uint8(rest / 60 % 60), Second: uint8(rest % 60)}, true
}
