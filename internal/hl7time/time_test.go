package hl7time

import (
	"slices"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, back, precision string }{
		{"2020", "2020", "year"},
		{"202002", "202002", "month"},
		{"20200229", "20200229", "day"},
		{"2020022913", "2020022913", "hour"},
		{"202002291359", "202002291359", "minute"},
		{"20200229135958", "20200229135958", "second"},
		{"20200229135960", "20200229135960", "second"},
		{"20200229135958.1", "20200229135958.1", "fraction"},
		{"20200229135958.1234", "20200229135958.1234", "fraction"},
		{"20200229135958.123456789", "20200229135958.123456789", "fraction"},
		{"20200229135958.", "20200229135958", "second"},
		{"20200229135958.1234-0530", "20200229135958.1234-0530", "fraction"},
		{"2020+0100", "2020+0100", "year"},
		{"20200229+0000", "20200229+0000", "day"},
		{"20200229135958Z", "20200229135958+0000", "second"},
		{"20200229135958+01:00", "20200229135958+0100", "second"},
		{"20200229135958+01", "20200229135958+0100", "second"},
		{"202002291359+1400", "202002291359+1400", "minute"},
		{" 20200229 ", "20200229", "day"},
		{"20260727124424.0000+0000", "20260727124424.0000+0000", "fraction"},
		{"20200229135958.12+0100^Y", "2020+0100", "year"},
		{"20200229135958^L", "202002", "month"},
		{"20200229135958^D", "20200229", "day"},
		{"20200229135958^H", "2020022913", "hour"},
		{"20200229135958^M", "202002291359", "minute"},
		{"20200229135958.5^S", "20200229135958", "second"},
		{"20200229^S", "20200229", "day"},
	} {
		got, err := Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if back := string(got.Append(nil)); back != c.back || got.Precision.String() != c.precision {
			t.Errorf("%s: %s %s, want %s %s", c.text, back, got.Precision, c.back, c.precision)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, code := range map[string]string{
		"":                          "hl7time.empty",
		"   ":                       "hl7time.empty",
		"20":                        "hl7time.form",
		"20200":                     "hl7time.form",
		"2020-02-29T13:59":          "hl7time.zone",
		"yesterday":                 "hl7time.form",
		"20200229.5":                "hl7time.form",
		"202002291359.5":            "hl7time.form",
		"20200229135958.1234567890": "hl7time.form",
		"2020022913595":             "hl7time.form",
		"20200229135958+":           "hl7time.zone",
		"20200229135958+1":          "hl7time.zone",
		"20200229135958+1500":       "hl7time.zone",
		"20200229135958-1300":       "hl7time.zone",
		"20200229135958+0161":       "hl7time.zone",
		"20200229135958 +0100":      "hl7time.zone",
		"20190229":                  "hl7time.range",
		"20200230":                  "hl7time.range",
		"20200100":                  "hl7time.range",
		"2020022924":                "hl7time.range",
		"20200229136060":            "hl7time.range",
		"00000000":                  "hl7time.range",
		"090713":                    "hl7time.two-digit-year",
		"090713235959":              "hl7time.two-digit-year",
		"202013":                    "hl7time.two-digit-year",
		"991231235959":              "hl7time.two-digit-year",
		"\"\"":                      "hl7time.form",
		"20200229135958.1234567890123456789012345678901": "hl7time.form",
	} {
		if !slices.ContainsFunc(fault.Catalogue(), func(d fault.Described) bool { return d.Code == code }) {
			t.Errorf("%s is not in the catalogue", code)
		}
		if got, err := Parse(text); fault.CodeOf(err) != code {
			t.Errorf("%q: %+v %v, want %s", text, got, err, code)
		}
	}
}

func zone(t *testing.T, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Skip("zone tables not present: ", err)
	}
	return loc
}

func TestZones(t *testing.T) {
	berlin, york, kolkata := zone(t, "Europe/Berlin"), zone(t, "America/New_York"), zone(t, "Asia/Kolkata")
	lord, apia := zone(t, "Australia/Lord_Howe"), zone(t, "Pacific/Apia")
	message := Offset{true, -5 * 3600}
	utc := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		name, text string
		z          Zones
		arrived    string
		want       string
		source     model.ZoneSource
		ambiguous  bool
	}{
		{"the field's own zone counts first", "20200601120000+0200", Zones{message, york, york, york}, "", "2020-06-01T10:00:00Z", model.ZoneMessage, false},
		{"then MSH-7", "20200601120000", Zones{message, berlin, york, york}, "", "2020-06-01T17:00:00Z", model.ZoneMessage, false},
		{"then the device", "20200601120000", Zones{Offset{}, berlin, york, york}, "", "2020-06-01T10:00:00Z", model.ZoneDevice, false},
		{"then the channel", "20200601120000.25", Zones{Channel: kolkata, Site: york}, "", "2020-06-01T06:30:00.25Z", model.ZoneChannel, false},
		{"then the site", "20200601120000", Zones{Site: york}, "", "2020-06-01T16:00:00Z", model.ZoneSite, false},
		{"then UTC", "20200601120000", Zones{}, "", "2020-06-01T12:00:00Z", model.ZoneSite, false},
		{"winter", "20201201120000", Zones{Site: berlin}, "", "2020-12-01T11:00:00Z", model.ZoneSite, false},
		{"a leap second is the next one", "20161231235960", Zones{}, "", "2017-01-01T00:00:00Z", model.ZoneSite, false},
		{"overlap, before the change", "20201025015959", Zones{Site: berlin}, "2020-10-25T01:10:00Z", "2020-10-24T23:59:59Z", model.ZoneSite, false},
		{"overlap, first time", "20201025023000", Zones{Site: berlin}, "2020-10-25T00:30:01Z", "2020-10-25T00:30:00Z", model.ZoneSite, true},
		{"overlap, first time, sent late", "20201025023000", Zones{Site: berlin}, "2020-10-25T01:10:00Z", "2020-10-25T00:30:00Z", model.ZoneSite, true},
		{"overlap, second time", "20201025023000", Zones{Site: berlin}, "2020-10-25T01:30:01Z", "2020-10-25T01:30:00Z", model.ZoneSite, true},
		{"overlap, second time, clock ahead", "20201025023000", Zones{Site: berlin}, "2020-10-25T01:27:00Z", "2020-10-25T01:30:00Z", model.ZoneSite, true},
		{"overlap, in the future", "20201025023000", Zones{Site: berlin}, "2020-10-01T00:00:00Z", "2020-10-25T00:30:00Z", model.ZoneSite, true},
		{"overlap, after the change", "20201025030000", Zones{Site: berlin}, "2020-10-25T02:00:00Z", "2020-10-25T02:00:00Z", model.ZoneSite, false},
		{"gap, clock not set forward", "20200329023000", Zones{Site: berlin}, "2020-03-29T01:30:01Z", "2020-03-29T01:30:00Z", model.ZoneSite, true},
		{"gap, clock set forward too early", "20200329023000", Zones{Site: berlin}, "2020-03-29T00:30:01Z", "2020-03-29T00:30:00Z", model.ZoneSite, true},
		{"gap, just before", "20200329015959", Zones{Site: berlin}, "", "2020-03-29T00:59:59Z", model.ZoneSite, false},
		{"gap, just after", "20200329030000", Zones{Site: berlin}, "", "2020-03-29T01:00:00Z", model.ZoneSite, false},
		{"half an hour of overlap", "20200405014500", Zones{Site: lord}, "2020-04-04T15:15:00Z", "2020-04-04T15:15:00Z", model.ZoneSite, true},
		{"a day that was left out", "20111230120000", Zones{Site: apia}, "2011-12-30T22:00:00Z", "2011-12-30T22:00:00Z", model.ZoneSite, true},
	} {
		var arrived time.Time
		if c.arrived != "" {
			arrived = utc(c.arrived)
		}
		got, err := c.z.Read(c.text, arrived)
		if err != nil || !got.UTC.Equal(utc(c.want)) || got.UTC.Location() != time.UTC || got.Zone != c.source || got.Ambiguous != c.ambiguous || got.Original != c.text {
			t.Errorf("%s: %+v %v, want %s", c.name, got, err, c.want)
		}
	}
}

func TestReadKeepsWhatItCannotRead(t *testing.T) {
	var z Zones
	got, err := z.Read("31.12.2020", time.Time{})
	if err == nil || !got.UTC.IsZero() || got.Original != "31.12.2020" || got.Precision != "" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := z.Read("", time.Time{}); err != nil || got != (model.Timestamp{}) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestHeaderZone(t *testing.T) {
	for text, want := range map[string]Offset{
		"20200101120000-0330": {true, -12600}, "20200101120000": {}, "": {}, "x": {}, "2020+0000": {true, 0},
	} {
		if got := HeaderZone(text); got != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestFormat(t *testing.T) {
	at := time.Date(2020, 2, 3, 4, 5, 6, 78_900_000, time.FixedZone("", -(3*3600+1800)))
	for p, want := range []string{"", "2020-0330", "202002-0330", "20200203-0330", "2020020304-0330", "202002030405-0330", "20200203040506-0330", "20200203040506.078-0330"} {
		if got := Format(at, Precision(p), true); got != want && p > 0 {
			t.Errorf("%d: %s, want %s", p, got, want)
		}
	}
	if got := Format(at.UTC(), Second, false); got != "20200203073506" {
		t.Error(got)
	}
	if got := Format(time.Time{}, Second, false); got != "" {
		t.Error(got)
	}
}

func TestDate(t *testing.T) {
	for text, want := range map[string]string{"1961": "1961", "196101": "1961-01", "19610131": "1961-01-31", "19610131120000+0100": "1961-01-31"} {
		v, err := Parse(text)
		if err != nil || v.Date() != want {
			t.Errorf("%s: %s %v", text, v.Date(), err)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	raw := []byte("20201025023000.123")
	z := Zones{Site: zone(t, "Europe/Berlin")}
	arrived := time.Now()
	var room [40]byte
	if n := testing.AllocsPerRun(100, func() {
		v, err := Parse(string(raw))
		if err != nil {
			t.Fatal(err)
		}
		at, _, _ := z.Resolve(v, arrived)
		Append(room[:0], at, Fraction, true)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzTime(f *testing.F) {
	for _, s := range []string{"2020", "20200229135958.1234-0530", "20201025023000", "090713", "20200229^D", "", "20200229135960Z"} {
		f.Add(s, int64(1603589400))
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		berlin = time.UTC
	}
	f.Fuzz(func(t *testing.T, s string, arrived int64) {
		v, err := Parse(s)
		if err != nil {
			if v != (Time{}) {
				t.Fatalf("an error and a time: %+v", v)
			}
			if code := fault.CodeOf(err); len(code) < 9 || code[:8] != "hl7time." {
				t.Fatalf("code %s", code)
			}
			return
		}
		back, err := Parse(string(v.Append(nil)))
		if err != nil || back != v {
			t.Fatalf("%q: %+v, again %+v %v", s, v, back, err)
		}
		z := Zones{Site: berlin}
		at, source, ambiguous := z.Resolve(v, time.Unix(arrived, 0))
		if at.IsZero() || source == "" {
			t.Fatalf("%q: no instant", s)
		}
		if !v.Zoned && !ambiguous && v.Second < 60 && v.Year > 1900 {
			if local := Format(at.In(berlin), Second, false); local != Format(time.Date(int(v.Year), time.Month(v.Month), int(v.Day), int(v.Hour), int(v.Minute), int(v.Second), 0, time.UTC), Second, false) {
				t.Fatalf("%q became %s", s, local)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	raw := []byte("20201025023000.123+0100")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(string(raw)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Skip(err)
	}
	z, arrived := Zones{Site: berlin}, time.Now()
	v, _ := Parse("20201025023000")
	b.ReportAllocs()
	for b.Loop() {
		z.Resolve(v, arrived)
	}
}
