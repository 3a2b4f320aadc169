package driver

import (
	"testing"
	"time"

	"thalamus/internal/fault"
)

func TestHours(t *testing.T) {
	at := func(text string) time.Time {
		at, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, c := range []struct {
		hours, at string
		open      bool
	}{
		{"", "2026-11-21 03:00", true},
		{"20:00-06:00", "2026-11-21 03:00", true},
		{"20:00-06:00", "2026-11-21 12:00", false},
		{"Mon-Fri 20:00-06:00", "2026-11-21 03:00", true}, // Saturday, Friday's night
		{"Mon-Fri 20:00-06:00", "2026-11-21 20:00", false},
		{"Mon-Fri 20:00-06:00", "2026-11-23 05:59", false}, // Monday
		{"Sun 22:00-02:00", "2026-11-23 01:00", true},
		{"Fri-Mon 08:00-09:00; Wed 10:00-11:00", "2026-11-25 10:30", true},
		{"Fri-Mon 08:00-09:00", "2026-11-24 08:30", false},
		{"Sat,Sun 00:00-24:00", "2026-11-22 23:59", true},
	} {
		h, err := ParseHours(c.hours)
		if err != nil || h.Open(at(c.at)) != c.open {
			t.Errorf("%q at %s: %v %v", c.hours, c.at, !c.open, err)
		}
	}
	for _, bad := range []string{"Mon", "Mon 25:00-26:00", "Monday 10:00-11:00", "10:00", "Mon Tue 10:00-11:00", "10:60-11:00"} {
		if _, err := ParseHours(bad); fault.CodeOf(err) != "driver.hours" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
