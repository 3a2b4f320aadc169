package ui

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/model"
)

// T gives a text in the reader's language. key is the English text, with
// fmt's verbs where args go. A test finds every literal key in the code, so
// keys that are not written in the call itself go through N where they are.
func T(ctx context.Context, key string, args ...any) string {
	text := From(ctx).Language.Text(key)
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// N marks a text that T translates later.
func N(key string) string { return key }

// Plural gives "1 message" or "7 messages": a key may hold one %s for the
// number ("every month"), which is written as the language does.
func Plural(ctx context.Context, n int, one, many string) string {
	key := many
	if n == 1 {
		key = one
	}
	text := From(ctx).Language.Text(key)
	if !strings.Contains(text, "%s") {
		return text
	}
	return fmt.Sprintf(text, Num(ctx, n))
}

// Num writes a whole number with its thousands apart, as the language does.
func Num[I ~int | ~int64 | ~uint64](ctx context.Context, n I) string {
	digits := strconv.FormatInt(int64(n), 10)
	if uint64(n) > 1<<63-1 && n > 0 {
		digits = strconv.FormatUint(uint64(n), 10)
	}
	sign := ""
	if digits[0] == '-' {
		sign, digits = "−", digits[1:]
	}
	if len(digits) < 5 {
		return sign + digits // four digits read well as they are
	}
	gap := map[string]string{"en": ",", "de": ".", "fr": "\u202f"}[From(ctx).Language.Tag]
	var b strings.Builder
	b.WriteString(sign)
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(gap)
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Clock is a time as a list shows it: the clock time today, else with the
// date.
func Clock(ctx context.Context, t time.Time) string {
	v := From(ctx)
	t = t.In(v.Zone)
	now := v.Now.In(v.Zone)
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04:05")
}

// Minute is a time to the minute: the clock time today, else with the date.
func Minute(ctx context.Context, t time.Time) string {
	v := From(ctx)
	t = t.In(v.Zone)
	if t.Format(time.DateOnly) == v.Now.In(v.Zone).Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// Full is a time with date, milliseconds and zone.
func Full(ctx context.Context, t time.Time) string {
	return t.In(From(ctx).Zone).Format("2006-01-02 15:04:05.000 MST")
}

// Since says how long ago something was, in words.
func Since(ctx context.Context, t time.Time) string {
	if From(ctx).Now.Sub(t) < time.Second {
		return T(ctx, "just now")
	}
	return T(ctx, "%s ago", Span(ctx, From(ctx).Now.Sub(t)))
}

// Span says how long something took, with one unit of time, or two where one
// says too little.
func Span(ctx context.Context, d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Second:
		return T(ctx, "%d ms", d.Milliseconds())
	case d < time.Minute:
		return T(ctx, "%d s", int(d.Seconds()))
	case d < time.Hour:
		return T(ctx, "%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return T(ctx, "%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return T(ctx, "%d days", int(d.Hours()/24))
}

// Tenth writes a number with one decimal, its sign as the language has it.
func Tenth(ctx context.Context, f float64) string {
	text := strconv.FormatFloat(f, 'f', 1, 64)
	if From(ctx).Language.Tag != "en" {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}

// Size writes a number of bytes.
func Size(ctx context.Context, n int64) string {
	switch {
	case n < 1000:
		return T(ctx, "%d bytes", n)
	case n < 1_000_000:
		return T(ctx, "%s kB", Tenth(ctx, float64(n)/1e3))
	case n < 1_000_000_000:
		return T(ctx, "%s MB", Tenth(ctx, float64(n)/1e6))
	}
	return T(ctx, "%s GB", Tenth(ctx, float64(n)/1e9))
}

// Shown is an observation's value as people read it, without its unit.
func Shown(ctx context.Context, v model.Value) string {
	switch v.Kind {
	case model.ValueNone:
		return "–"
	case model.ValueNumber:
		return v.Comparator + v.Number.String()
	case model.ValueRange:
		return v.Number.String() + " – " + v.High.String()
	case model.ValueRatio:
		return v.Number.String() + " : " + v.High.String()
	case model.ValueCoded:
		for _, text := range []string{Term(ctx, v.Code.RefID, v.Code.Name), v.Coding.Text, v.Coding.Code} {
			if text != "" {
				return text
			}
		}
		return v.Code.RefID
	case model.ValueTime:
		return v.Timestamp().Original
	case model.ValueBinary:
		return Plural(ctx, len(v.Text), "%s character of base64", "%s characters of base64")
	}
	return v.Text
}

// Term is the name of a metric in the reader's language.
func Term(ctx context.Context, refID, name string) string {
	return From(ctx).Language.Term(refID, name)
}

// Named is a code as people read it: its name in their language, else what the
// sender called it.
func Named(ctx context.Context, c model.Code, received model.Coding) string {
	for _, text := range []string{Term(ctx, c.RefID, c.Name), c.RefID, received.Text, received.Code} {
		if text != "" {
			return text
		}
	}
	return "–"
}

// Place is a place as people read it: "ICU 2 · bed 23" is too clever where
// hospitals differ, so its parts stand apart as they are.
func Place(p model.Place) string {
	var parts []string
	for _, part := range []string{p.PointOfCare, p.Room, p.Bed, p.Facility} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " · ")
}

// PlaceText is Place for a place written "ICU^2^23".
func PlaceText(text string) string {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '^' })
	return strings.Join(parts, " · ")
}

// Ref writes the number of a message as addresses and people have it: "4711",
// or "4711.2" within a batch.
func Ref(r model.MessageRef) string {
	text := strconv.FormatUint(uint64(r.Seq), 10)
	if r.Part > 0 {
		text += "." + strconv.Itoa(r.Part)
	}
	return text
}
