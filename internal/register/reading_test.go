package register

import (
	"testing"
	"time"

	"thalamus/internal/model"
)

// R12: the register shows which profile reads a unit, and since when its
// software lies outside the range of that.
func TestReading(t *testing.T) {
	r := &Register{}
	u := &unit{dev: Device{ID: "dev-1"}}
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	outside := []model.Issue{{Code: outsideRange}}
	for i, c := range []struct {
		with    string
		issues  []model.Issue
		profile string
		since   int // minute
		read    uint64
		outside int // minute; -1: within
	}{
		{"", nil, "", -1, 0, -1},
		{"acme/vm200@1", nil, "acme/vm200@1", 1, 1, -1},
		{"acme/vm200@1", nil, "acme/vm200@1", 1, 2, -1},
		{"", nil, "acme/vm200@1", 1, 2, -1}, // alarms may be understood without it
		{"acme/vm200@2", outside, "acme/vm200@2", 4, 3, 4},
		{"acme/vm200@2", outside, "acme/vm200@2", 4, 4, 4},
		{"acme/vm200@3", nil, "acme/vm200@3", 6, 5, -1},
		{"acme/vm300@1", nil, "acme/vm300@1", 7, 1, -1},
	} {
		r.reading(u, &model.Message{ReadWith: c.with, Issues: c.issues, Arrived: noon.Add(time.Duration(i) * time.Minute)})
		is := u.dev.Observed.Reading
		at := func(minute int) time.Time {
			if minute < 0 {
				return time.Time{}
			}
			return noon.Add(time.Duration(minute) * time.Minute)
		}
		if is.Profile != c.profile || !is.Since.Equal(at(c.since)) || u.dev.Seen.Read != c.read || !is.Outside.Equal(at(c.outside)) {
			t.Errorf("message %d: %+v, %d read", i, is, u.dev.Seen.Read)
		}
	}
	facts := map[string]string{}
	for _, c := range u.changes {
		facts[c.Fact] = c.Was + " → " + c.Now
	}
	if facts["profile"] != "acme/vm200@1 → acme/vm300@1" || facts["range"] != "inside → inside" {
		t.Errorf("%v", facts)
	}
}
