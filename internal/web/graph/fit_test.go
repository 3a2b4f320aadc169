package graph

import (
	"strings"
	"testing"
)

func TestFit(t *testing.T) {
	for _, c := range []struct {
		text  string
		width float64
		want  string
	}{
		{"", 10, ""},
		{"Ward", 100, "Ward"},
		{"Thalamus Home thermometer", 212, "Thalamus Home thermome…"},
		{"illi illi illi illi illi illi illi illi", 212, "illi illi illi illi illi illi illi illi"},
		{"WWWWWWWWWWWWWWWWWWWW", 212, "WWWWWWWWWWWWWW…"},
		{"one two", 60, "one t…"},
		{"x", 1, "…"},
	} {
		if got := Fit(c.text, c.width, 13); got != c.want {
			t.Errorf("%q in %g is %q, want %q", c.text, c.width, got, c.want)
		}
	}
	if got := Fit(strings.Repeat("ä", 100), 100, 10); !strings.HasSuffix(got, "ä…") {
		t.Errorf("cut inside a letter: %q", got)
	}
}
