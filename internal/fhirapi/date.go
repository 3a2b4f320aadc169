package fhirapi

import (
	"time"

	"thalamus/internal/fault"
)

// span reads a date parameter: a prefix and a day, month, year or instant, as
// the half-open span it stands for (FHIR R4 §3.1.1.4.7).
func span(text, place string) (prefix string, from, until time.Time, err error) {
	prefix = "eq"
	if len(text) > 2 && text[0] >= 'a' && text[0] <= 'z' {
		prefix, text = text[:2], text[2:]
	}
	for _, f := range []struct {
		layout              string
		years, months, days int
		step                time.Duration
	}{
		{"2006", 1, 0, 0, 0}, {"2006-01", 0, 1, 0, 0}, {"2006-01-02", 0, 0, 1, 0},
		{"2006-01-02T15:04Z07:00", 0, 0, 0, time.Minute}, {"2006-01-02T15:04", 0, 0, 0, time.Minute},
	} {
		if t, err := time.Parse(f.layout, text); err == nil {
			return prefix, t, t.AddDate(f.years, f.months, f.days).Add(f.step), nil
		}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05"} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		step := time.Microsecond // with a fraction: that instant, as we keep it
		if t.Nanosecond() == 0 {
			step = time.Second
		}
		return prefix, t, t.Add(step), nil
	}
	return "", from, until, fault.New(fault.Invalid, "fhirapi.value", "expected a time such as 2026-05-03 or ge2026-05-03T12:00:00Z").At(place)
}

// bounds turns date parameters into one span: from then on, and before.
func bounds(p *param, since, until *time.Time) error {
	if len(p.values) != 1 {
		return fault.New(fault.Invalid, "fhirapi.value", "give one time; a span is two parameters, ge and lt").At(p.place())
	}
	prefix, lo, hi, err := span(p.values[0], p.place())
	if err != nil {
		return err
	}
	notBefore := func(t time.Time) {
		if t.After(*since) {
			*since = t
		}
	}
	before := func(t time.Time) {
		if until.IsZero() || t.Before(*until) {
			*until = t
		}
	}
	switch prefix {
	case "eq":
		notBefore(lo)
		before(hi)
	case "ge":
		notBefore(lo)
	case "gt", "sa":
		notBefore(hi)
	case "le":
		before(hi)
	case "lt", "eb":
		before(lo)
	default:
		return fault.New(fault.Invalid, "fhirapi.value", "expected one of the prefixes eq, ge, gt, le, lt, sa, eb").At(p.place())
	}
	return nil
}
