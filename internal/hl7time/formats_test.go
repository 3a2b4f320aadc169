package hl7time

import (
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
)

// R16: each way of writing gives the instant, or the local time, and how
// precise it is.
func TestParseAs(t *testing.T) {
	for _, c := range []struct{ format, text, want, precision string }{
		{"iso", "2026-01-31T23:59:59.123+01:00", "20260131235959.123+0100", "fraction"},
		{"iso", "2026-01-31T23:59:59Z", "20260131235959+0000", "second"},
		{"iso", "2026-01-31t23:59:59z", "20260131235959+0000", "second"},
		{"iso", "2026-01-31 23:59:59", "20260131235959", "second"},
		{"iso", "2026-01-31T23:59:59,5-05", "20260131235959.5-0500", "fraction"},
		{"iso", "20260131T235959+0100", "20260131235959+0100", "second"},
		{"iso", "20260131T2359", "202601312359", "minute"},
		{"iso", "2026-01-31T23", "2026013123", "hour"},
		{"iso", "2026-01-31", "20260131", "day"},
		{"iso", "2026-01", "202601", "month"},
		{"iso", "2026", "2026", "year"},
		{"iso", "2026-031", "20260131", "day"},
		{"iso", "2024-366", "20241231", "day"},
		{"iso", "2026-W05-6", "20260131", "day"},
		{"iso", "2026W056", "20260131", "day"},
		{"iso", "2020-W53-5", "20210101", "day"},
		{"iso", "2026-W01-1", "20251229", "day"},
		{"iso", "2026-06-30T23:59:60Z", "20260630235960+0000", "second"},
		{"epoch_s", "1769900399", "20260131225959+0000", "second"},
		{"epoch_s", "1769900399.25", "20260131225959.25+0000", "fraction"},
		{"epoch_s", "0", "19700101000000+0000", "second"},
		{"epoch_s", "-1", "19691231235959+0000", "second"},
		{"epoch_s", "-0.5", "19691231235959.5+0000", "fraction"},
		{"epoch_ms", "1769900399123", "20260131225959.123+0000", "fraction"},
		{"epoch_ms", "5", "19700101000000.005+0000", "fraction"},
		{"epoch_us", "1769900399123456", "20260131225959.123456+0000", "fraction"},
		{"hl7", "20260131", "20260131", "day"},
		{"", "20260131235959-0500", "20260131235959-0500", "second"},
		{"auto", "2026-01-31T23:59Z", "202601312359+0000", "minute"},
		{"auto", "20260131T235959Z", "20260131235959+0000", "second"},
		{"auto", "20260131235959", "20260131235959", "second"},
		{"auto", "2026013123", "2026013123", "hour"},
		{"auto", "1769900399", "20260131225959+0000", "second"},
		{"auto", "1769900399.5", "20260131225959.5+0000", "fraction"},
		{"auto", "1769900399123", "20260131225959.123+0000", "fraction"},
		{"auto", "1769900399123456", "20260131225959.123456+0000", "fraction"},
		{"auto", "1769900399123456789", "20260131225959.123456789+0000", "fraction"},
		{"DD.MM.YYYY hh:mm:ss", "31.01.2026 23:59:59", "20260131235959", "second"},
		{"DD.MM.YYYY hh:mm:ss", "1.2.2026 3:04:05", "20260201030405", "second"},
		{"MM/DD/YYYY hh:mm a", "01/31/2026 11:59 PM", "202601312359", "minute"},
		{"MM/DD/YYYY hh:mm a", "01/31/2026 12:05 am", "202601310005", "minute"},
		{"DD-MMM-YYYY", "31-JAN-2026", "20260131", "day"},
		{"YYYYMMDDhhmmssSSS", "20260131235959123", "20260131235959.123", "fraction"},
		{"YYYY-MM-DD hh:mm:ssZ", "2026-01-31 23:59:59+01:00", "20260131235959+0100", "second"},
	} {
		got, err := ParseAs(c.format, " "+c.text+" ")
		if err != nil {
			t.Errorf("%s %q: %v", c.format, c.text, err)
			continue
		}
		if text := string(got.Append(nil)); text != c.want || got.Precision.String() != c.precision {
			t.Errorf("%s %q: %s %s, want %s %s", c.format, c.text, text, got.Precision, c.want, c.precision)
		}
	}
}

func TestParseAsRefuses(t *testing.T) {
	for _, c := range []struct{ format, text, code string }{
		{"iso", "", codeEmpty}, {"iso", "26-01-31", codeTwoDigit}, {"iso", "26-01-31T10:00Z", codeTwoDigit}, {"iso", "0026-01-31", codeTwoDigit},
		{"iso", "2026-02-30", codeRange}, {"iso", "2026-01-31T24:00:00Z", codeRange}, {"iso", "2026-13", codeRange}, {"iso", "2026-01-31T10:00:00+15:00", codeZone},
		{"iso", "2026-01-31Z", codeISO}, {"iso", "2026-01-31T", codeISO}, {"iso", "2026-366", codeISO}, {"iso", "2026-W54-1", codeISO}, {"iso", "20260131235959", codeISO},
		{"iso", "2026-01-31T10:00:00.", codeISO}, {"iso", "tomorrow", codeISO}, {"iso", strings.Repeat("2", 50), codeForm},
		{"epoch_s", "soon", codeEpoch}, {"epoch_s", "1e9", codeEpoch}, {"epoch_s", "99999999999999", codeEpoch}, {"epoch_ms", "", codeEmpty}, {"epoch_s", "-", codeEpoch}, {"epoch_s", ".", codeEpoch},
		{"auto", "090713", codeTwoDigit}, {"auto", "31.01.2026", codeForm},
		{"DD.MM.YYYY", "31.01.26", codeTwoDigit}, {"DD.MM.YYYY", "31/01/2026", codePattern}, {"DD.MM.YYYY", "31.02.2026", codeRange}, {"DD.MM.YYYY", "31.01.2026 x", codePattern},
		{"MM/DD/YYYY hh:mm a", "01/31/2026 13:00 PM", codePattern}, {"DD-MMM-YYYY", "31-JÄN-2026", codePattern}, {"DD.MM.YY", "31.01.26", codeTwoDigit},
	} {
		if got, err := ParseAs(c.format, c.text); fault.CodeOf(err) != c.code {
			t.Errorf("%s %q: %+v %v, want %s", c.format, c.text, got, err, c.code)
		}
	}
}

func TestCheckFormat(t *testing.T) {
	for format, code := range map[string]string{
		"": "", "auto": "", "iso": "", "epoch_us": "", "DD.MM.YYYY hh:mm:ss": "", "YYYY": "", "DD-MMM-YYYY": "", "YYYYMMDDhhmmssSSSZ": "",
		"DD.MM.YY": codeTwoDigit, "hh:mm": codeFormat, "DD.YYYY": codeFormat, "YYYY-MM-MM": codeFormat, "yesterday": codeFormat,
	} {
		err := CheckFormat(format)
		if code == "" && err != nil || code != "" && fault.CodeOf(err) != code {
			t.Errorf("%q: %v, want %q", format, err, code)
		}
	}
}

// Counting since 1970 agrees with the standard library, day by day.
func TestOfUnix(t *testing.T) {
	for s := int64(-62091 * 86400); s < 2932897*86400; s += 86400*97 + 3601 {
		got, ok := ofUnix(s)
		want := time.Unix(s, 0).UTC()
		if !ok || Format(want, Second, false) != string(Time{Year: got.Year, Month: got.Month, Day: got.Day, Hour: got.Hour, Minute: got.Minute, Second: got.Second, Precision: Second}.Append(nil)) {
			t.Fatalf("%d: %+v, want %s", s, got, want)
		}
	}
	// Week and ordinal dates, too.
	for d := time.Date(1999, 12, 20, 0, 0, 0, 0, time.UTC); d.Year() < 2035; d = d.AddDate(0, 0, 1) {
		year, week := d.ISOWeek()
		day := int(d.Weekday()+6)%7 + 1
		for _, text := range []string{
			d.Format("2006-002"),
			string(append(append(append(pair(pair(nil, year/100), year%100), "-W"...), pair(nil, week)...), '-', byte('0'+day))),
		} {
			if got, err := ParseAs("iso", text); err != nil || got.Date() != d.Format("2006-01-02") {
				t.Fatalf("%s: %+v %v, want %s", text, got, err, d.Format("2006-01-02"))
			}
		}
	}
}

func TestParseAsDoesNotAllocate(t *testing.T) {
	for _, c := range [][2]string{{"iso", "2026-01-31T23:59:59.123+01:00"}, {"epoch_s", "1769900399"}, {"DD.MM.YYYY hh:mm:ss", "31.01.2026 23:59:59"}, {"auto", "2026-01-31T23:59:59Z"}} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := ParseAs(c[0], c[1]); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", c[0], n)
		}
	}
}

// FuzzParseAs: no text panics; what is read is a time of a calendar and reads
// the same when it is written in HL7's way.
func FuzzParseAs(f *testing.F) {
	for _, format := range []string{"iso", "auto", "epoch_s", "epoch_ms", "epoch_us", "DD.MM.YYYY hh:mm:ss", "MM/DD/YYYY hh:mm a", "DD-MMM-YYYY hh:mmZ", "YYYYMMDDhhmmssSSS"} {
		for _, text := range []string{"2026-01-31T23:59:59.123+01:00", "1769900399.5", "20260131", "2026-W05-6", "31.01.2026 23:59:59", "-1"} {
			f.Add(format, text)
		}
	}
	f.Fuzz(func(t *testing.T, format, text string) {
		_ = CheckFormat(format)
		got, err := ParseAs(format, text)
		if err != nil {
			if !strings.HasPrefix(fault.CodeOf(err), "hl7time.") {
				t.Fatal(err)
			}
			return
		}
		if got.Precision == None || got.check(14) != nil {
			t.Fatalf("%q by %q: %+v", text, format, got)
		}
		if CheckFormat(format) != nil {
			return // a pattern without the greater parts
		}
		again, err := Parse(string(got.Append(nil)))
		if err != nil {
			t.Fatalf("%q by %q: %+v: %v", text, format, got, err)
		}
		var z Zones
		a, _, _ := z.Resolve(got, time.Time{})
		b, _, _ := z.Resolve(again, time.Time{})
		if !a.Equal(b) {
			t.Fatalf("%q by %q: %s, written in HL7's way %s", text, format, a, b)
		}
	})
}
