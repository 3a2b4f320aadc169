package ui

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/web/texts"
)

func reading(tag string, now time.Time, zone string) context.Context {
	z, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	return With(context.Background(), &Visit{
		Request: &http.Request{URL: &url.URL{Path: "/"}}, Language: &texts.Language{Tag: tag}, Zone: z, Now: now,
	})
}

func TestNum(t *testing.T) {
	en, de, fr := reading("en", time.Now(), "UTC"), reading("de", time.Now(), "UTC"), reading("fr", time.Now(), "UTC")
	for _, c := range []struct {
		got, want string
	}{
		{Num(en, 0), "0"}, {Num(en, 9999), "9999"}, {Num(en, 12345), "12,345"}, {Num(de, 1234567), "1.234.567"},
		{Num(fr, 123456), "123\u202f456"}, {Num(en, -12345), "−12,345"}, {Num(en, uint64(math.MaxUint64)), "18,446,744,073,709,551,615"},
		{Plural(en, 1, "%s row", "%s rows"), "1 row"}, {Plural(en, 0, "%s row", "%s rows"), "0 rows"}, {Plural(de, 12000, "%s row", "%s rows"), "12.000 rows"},
		{Size(en, 999), "999 bytes"}, {Size(en, 2_740), "2.7 kB"}, {Size(de, 2_740), "2,7 kB"}, {Size(en, 3_000_000_000), "3.0 GB"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// R16: in the reader's zone, with the date where it is not today's.
func TestTimes(t *testing.T) {
	now := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	ctx := reading("en", now, "Europe/Vienna")
	for _, c := range []struct {
		got, want string
	}{
		{Clock(ctx, now.Add(-time.Hour)), "01:30:00"}, // the day of the reader, not of UTC
		{Clock(ctx, now.Add(-3*time.Hour)), "2026-10-24 23:30:00"},
		{Full(ctx, now), "2026-10-25 02:30:00.000 CEST"},
		{Full(ctx, now.Add(time.Hour)), "2026-10-25 02:30:00.000 CET"},
		{Since(ctx, now.Add(-90*time.Second)), "1 min ago"},
		{Since(ctx, now.Add(time.Hour)), "just now"},
		{Span(ctx, 3*time.Hour+5*time.Minute), "3 h 5 min"},
		{Span(ctx, 80*time.Hour), "3 days"},
		{stampText(ctx, model.Timestamp{Original: "2026102502", UTC: now, Zone: model.ZoneSite, Ambiguous: true}),
			"Sent as 2026102502. 2026-10-25 00:30:00.000 UTC. Its zone is the site's. The clock change makes it ambiguous."},
		{stampText(ctx, model.Timestamp{Original: "soon"}), "Sent as soon. It could not be read as a time."},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestShown(t *testing.T) {
	ctx := reading("en", time.Now(), "UTC")
	number := func(s string) model.Decimal { d, _ := model.ParseDecimal(s); return d }
	for want, v := range map[string]model.Value{
		"–":       {},
		"37.0":    {Kind: model.ValueNumber, Number: number("37.0")},
		"<5":      {Kind: model.ValueNumber, Number: number("5"), Comparator: "<"},
		"60 – 90": {Kind: model.ValueRange, Number: number("60"), High: number("90")},
		"1 : 128": {Kind: model.ValueRatio, Number: number("1"), High: number("128")},
		"Sinus":   {Kind: model.ValueCoded, Coding: model.Coding{Code: "S", Text: "Sinus"}},
		"MDC_X":   {Kind: model.ValueCoded, Code: model.Code{RefID: "MDC_X"}},
		"hello":   {Kind: model.ValueText, Text: "hello"},
	} {
		if got := Shown(ctx, v); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	u, _ := url.Parse("/messages?channel=a&after=7.0")
	v := &Visit{Request: &http.Request{URL: u}}
	for _, c := range []struct{ got, want string }{
		{v.Here(), "/messages?after=7.0&channel=a"},
		{v.Here("after", ""), "/messages?channel=a"},
		{v.Here("after", "", "channel", ""), "/messages"},
		{v.Here("type", "ORU^R01"), "/messages?after=7.0&channel=a&type=ORU%5ER01"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	for to, want := range map[string]bool{"/": true, "/a?b=c": true, "": false, "a": false, "//x": false, `/\x`: false, "/a\r\nb": false, "https://x": false} {
		if Local(to) != want {
			t.Errorf("Local(%q) is %v", to, !want)
		}
	}
	for path, want := range map[string]bool{"/messages/4711": true, "/messages/": false, "/messages": false, "/messages/1/2": false, "/message/1": false} {
		if fits("/messages/{ref}", path) != want {
			t.Errorf("fits(%q) is %v", path, !want)
		}
	}
}

// A fault shows up at its field, and at none other.
func TestWrong(t *testing.T) {
	v := &Visit{Language: texts.Languages()[0], Fault: fault.New(fault.Invalid, "x.y", "too long").At("settings.listen")}
	for field, want := range map[string]string{"settings": "too long", "settings.listen": "too long", "set": "", "": "", "other": ""} {
		if got := v.Wrong(field); got != want {
			t.Errorf("Wrong(%q) is %q", field, got)
		}
	}
}
