package hl7time

import "time"

// Append writes t in its own location with the precision given; a fraction
// has three digits. The zone follows when asked for, as +ZZZZ (UTC is +0000).
// Years outside 1800…9999 cannot be written and give nothing.
func Append(to []byte, t time.Time, p Precision, zone bool) []byte {
	year, month, day := t.Date()
	if year < 1800 || year > 9999 || p == None {
		return to
	}
	to = pair(pair(to, year/100), year%100)
	if p >= Month {
		to = pair(to, int(month))
	}
	if p >= Day {
		to = pair(to, day)
	}
	hour, minute, second := t.Clock()
	if p >= Hour {
		to = pair(to, hour)
	}
	if p >= Minute {
		to = pair(to, minute)
	}
	if p >= Second {
		to = pair(to, second)
	}
	if p >= Fraction {
		ms := t.Nanosecond() / 1e6
		to = pair(append(to, '.', byte('0'+ms/100)), ms%100)
	}
	if !zone {
		return to
	}
	_, off := t.Zone()
	sign := byte('+')
	if off < 0 {
		sign, off = '-', -off
	}
	return pair(pair(append(to, sign), off/3600), off/60%60)
}

// Format gives what Append writes.
func Format(t time.Time, p Precision, zone bool) string {
	var room [32]byte
	return string(Append(room[:0], t, p, zone))
}

func pair(to []byte, n int) []byte {
	return append(to, byte('0'+n/10%10), byte('0'+n%10))
}

// Append writes the time as it was read, with its fraction's digits and its
// zone: Parse of the result gives the same Time.
func (t Time) Append(to []byte) []byte {
	if t.Precision == None {
		return to
	}
	to = pair(pair(to, int(t.Year)/100), int(t.Year)%100)
	for i, part := range [...]uint8{t.Month, t.Day, t.Hour, t.Minute, t.Second} {
		if t.Precision >= Month+Precision(i) {
			to = pair(to, int(part))
		}
	}
	if t.Precision == Fraction {
		to = append(to, '.')
		unit := int32(100_000_000)
		for range t.Digits {
			to = append(to, byte('0'+t.Nano/unit%10))
			unit /= 10
		}
	}
	if t.Zoned {
		sign, off := byte('+'), int(t.Offset)
		if off < 0 {
			sign, off = '-', -off
		}
		to = pair(pair(append(to, sign), off/3600), off/60%60)
	}
	return to
}

// Date is the calendar date in FHIR's form, as precise as it was said: 1961,
// 1961-01 or 1961-01-31. It does not depend on a zone.
func (t Time) Date() string {
	var room [10]byte
	to := room[:0]
	if t.Precision == None {
		return ""
	}
	to = pair(pair(to, int(t.Year)/100), int(t.Year)%100)
	if t.Precision >= Month {
		to = pair(append(to, '-'), int(t.Month))
	}
	if t.Precision >= Day {
		to = pair(append(to, '-'), int(t.Day))
	}
	return string(to)
}
