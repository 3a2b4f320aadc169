package profile

import "testing"

func TestTopics(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		like          int
	}{
		{"ward/icu/vitals", "ward/icu/vitals", 16},
		{"ward/+/vitals", "ward/icu/vitals", 13},
		{"ward/+/vitals", "ward/icu/bed/vitals", 0},
		{"ward/#", "ward/icu/bed/vitals", 7},
		{"ward/#", "ward", 7},
		{"ward/#", "wards", 0},
		{"ward/+", "ward", 0},
		{"ward", "ward/icu", 0},
		{"+/+", "/x", 2},
		{"*.csv", "day-7.csv", 5},
		{"*.csv", "in/day-7.csv", 5},
		{"in/*.csv", "out/day-7.csv", 0},
		{"ward", "", 0},
	} {
		if got := (topics{c.filter}).like(c.topic); got != c.like {
			t.Errorf("%q says %d of %q, want %d", c.filter, got, c.topic, c.like)
		}
	}
}
