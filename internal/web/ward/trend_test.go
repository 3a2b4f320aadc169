package ward

import (
	"strings"
	"testing"
	"time"
)

func TestScaleIsRound(t *testing.T) {
	for _, c := range []struct{ low, high float64 }{
		{72, 81},
		{96, 98},
		{60, 141},
		{36.5, 36.6},
		{0, 0},
		{-3, 7},
		{100, 100},
	} {
		from, to, rule := scale(c.low, c.high)
		if from > c.low || to < c.high || to <= from || rule <= 0 {
			t.Errorf("scale(%v, %v) = %v … %v by %v does not hold the values", c.low, c.high, from, to, rule)
		}
		if n := (to - from) / rule; n > 12 {
			t.Errorf("scale(%v, %v) is ruled %v times", c.low, c.high, n)
		}
	}
}

// A line breaks where nothing came: nothing is made up in between.
func TestPathsBreakAtGaps(t *testing.T) {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	step := time.Minute
	points := []point{
		{at, 70, 69, 71, 60}, {at.Add(step), 72, 70, 74, 60},
		{at.Add(10 * step), 80, 78, 82, 60}, {at.Add(11 * step), 81, 80, 82, 60},
		{at.Add(30 * step), 90, 90, 90, 1},
	}
	x := func(t time.Time) float64 { return t.Sub(at).Minutes() }
	y := func(f float64) float64 { return 100 - f }
	trace, band := paths(points, step, x, y)
	if want := "M0 30L1 28M10 20L11 19M30 10L32 10"; trace != want {
		t.Errorf("trace %q, not %q", trace, want)
	}
	if n := strings.Count(band, "M"); n != 3 || strings.Count(band, "Z") != 3 {
		t.Errorf("the band %q has %d parts, not 3", band, n)
	}
}

func TestRowsAreTheMeansOfTheirSpan(t *testing.T) {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	all := [][]point{
		{{at, 60, 60, 60, 1}, {at.Add(30 * time.Second), 70, 70, 70, 3}, {at.Add(6 * time.Minute), 80, 80, 80, 1}},
		{{at.Add(6 * time.Minute), 37.25, 37, 37.5, 2}},
	}
	rows := rowsOf(all, at, at.Add(10*time.Minute), 5*time.Minute)
	if len(rows) != 2 {
		t.Fatalf("%d rows, not 2: %v", len(rows), rows)
	}
	if got := strings.Join(rows[0].Cells, "|"); got != "80|37.2" {
		t.Errorf("the latest row is %q", got)
	}
	if got := strings.Join(rows[1].Cells, "|"); got != "67.5|" && got != "68|" {
		t.Errorf("the first row is %q", got)
	}
}

func TestShort(t *testing.T) {
	for _, c := range []struct {
		f    float64
		want string
	}{{0, "0"}, {-0.00001, "0"}, {1.5, "1.5"}, {-0.25, "-0.25"}, {100, "100"}, {0.12345, "0.1235"}} {
		if got := string(appendShort(nil, c.f)); got != c.want {
			t.Errorf("appendShort(%v) = %q, not %q", c.f, got, c.want)
		}
	}
	if got := string(appendShort([]byte("M10"), 20)); got != "M1020" {
		t.Errorf("it touches what stands before: %q", got)
	}
}
