package hl7time

import (
	"strings"

	"thalamus/internal/fault"
)

// CheckFormat says whether ParseAs can read times of this format: a name it
// knows, or a pattern with a year of four digits, no part twice and none
// without the greater one before it in size. It is for whoever reads a profile.
func CheckFormat(format string) error {
	switch format {
	case "", FormatHL7, FormatISO, FormatSeconds, FormatMillis, FormatMicros, FormatAuto:
		return nil
	}
	seen := map[string]bool{}
	for rest := format; rest != ""; {
		var part string
		if part, rest = nextPart(rest); part == "" {
			continue
		}
		kind := part
		switch part {
		case "YY":
			return fault.New(fault.Invalid, codeTwoDigit, "a year of two digits cannot be read, because nobody can know the century")
		case "MMM":
			kind = "MM"
		}
		if seen[kind] {
			return fault.New(fault.Invalid, codeFormat, "the part %s stands twice in the pattern", part)
		}
		seen[kind] = true
	}
	if !seen["YYYY"] {
		return fault.New(fault.Invalid, codeFormat, "the pattern has no year; write it like DD.MM.YYYY hh:mm:ss, or name iso, hl7, epoch_s, epoch_ms or epoch_us")
	}
	for _, need := range [...][2]string{{"MM", "YYYY"}, {"DD", "MM"}, {"hh", "DD"}, {"mm", "hh"}, {"ss", "mm"}, {"S", "ss"}, {"a", "hh"}} {
		if seen[need[0]] && !seen[need[1]] {
			return fault.New(fault.Invalid, codeFormat, "the pattern has %s and no %s", need[0], need[1])
		}
	}
	return nil
}

// nextPart takes the next part off a pattern; it is empty for a character that
// stands for itself.
func nextPart(format string) (part, rest string) {
	for _, p := range [...]string{"YYYY", "YY", "MMM", "MM", "DD", "hh", "mm", "ss"} {
		if strings.HasPrefix(format, p) {
			return p, format[len(p):]
		}
	}
	switch format[0] {
	case 'S':
		return "S", strings.TrimLeft(format, "S")
	case 'Z', 'a':
		return format[:1], format[1:]
	}
	return "", format[1:]
}

const monthNames = "janfebmaraprmayjunjulaugsepoctnovdec"

// parsePattern reads a text by a pattern. A part may lack its leading zero
// where no digit follows.
func parsePattern(format, s string) (Time, error) {
	t := Time{Month: 1, Day: 1}
	r := isoReader{s: s}
	afternoon, halves := false, false
	for rest := format; rest != ""; {
		var part string
		literal := rest[0]
		part, rest = nextPart(rest)
		ok := true
		var v int
		switch part {
		case "":
			if ok = r.takes(literal); !ok && literal == ' ' && r.s == "" {
				ok = true
			}
		case "YYYY":
			if v, ok = r.digits(4); ok {
				t.Year = int16(v)
			} else if r.run() == 2 {
				return Time{}, fault.New(fault.Invalid, codeTwoDigit, "the year has two digits; write all four, nobody can know the century")
			}
			t.Precision = max(t.Precision, Year)
		case "MM":
			v, ok = r.upToTwo()
			t.Month, t.Precision = uint8(v), max(t.Precision, Month)
		case "MMM":
			t.Month, ok = r.monthName()
			t.Precision = max(t.Precision, Month)
		case "DD":
			v, ok = r.upToTwo()
			t.Day, t.Precision = uint8(v), max(t.Precision, Day)
		case "hh":
			v, ok = r.upToTwo()
			t.Hour, t.Precision = uint8(v), max(t.Precision, Hour)
		case "mm":
			v, ok = r.upToTwo()
			t.Minute, t.Precision = uint8(v), max(t.Precision, Minute)
		case "ss":
			v, ok = r.upToTwo()
			t.Second, t.Precision = uint8(v), max(t.Precision, Second)
		case "S":
			if n := r.run(); n == 0 || n > 9 {
				return Time{}, notPattern()
			}
			r.s, ok = t.fraction(r.s)
		case "Z":
			n := len(r.s)
			if rest != "" {
				n = strings.IndexByte(r.s, rest[0])
			}
			if n <= 0 || !t.zone(r.s[:n]) {
				return Time{}, fault.New(fault.Invalid, codeZone, "the zone of the time is not one; write it like +0100, between -1200 and +1400")
			}
			r.s = r.s[n:]
		case "a":
			halves = true
			afternoon, ok = r.half()
		default: // YY: CheckFormat refuses it
			return Time{}, fault.New(fault.Invalid, codeTwoDigit, "a year of two digits cannot be read, because nobody can know the century")
		}
		if !ok {
			return Time{}, notPattern()
		}
	}
	if r.s != "" || t.Precision == None {
		return Time{}, notPattern()
	}
	if halves {
		if t.Hour < 1 || t.Hour > 12 {
			return Time{}, notPattern()
		}
		if t.Hour %= 12; afternoon {
			t.Hour += 12
		}
	}
	return t, t.check(14)
}

func notPattern() error {
	return fault.New(fault.Invalid, codePattern, "the time is not written as the pattern says")
}

func (r *isoReader) upToTwo() (int, bool) {
	n := min(r.run(), 2)
	if n == 0 {
		return 0, false
	}
	return r.digits(n)
}

func (r *isoReader) monthName() (uint8, bool) {
	if len(r.s) < 3 {
		return 0, false
	}
	at := strings.Index(monthNames, strings.ToLower(r.s[:3]))
	if at < 0 || at%3 != 0 {
		return 0, false
	}
	r.s = r.s[3:]
	return uint8(at/3 + 1), true
}

func (r *isoReader) half() (afternoon, ok bool) {
	if len(r.s) < 2 || r.s[1] != 'M' && r.s[1] != 'm' {
		return false, false
	}
	c := r.s[0] | 0x20
	r.s = r.s[2:]
	return c == 'p', c == 'p' || c == 'a'
}
