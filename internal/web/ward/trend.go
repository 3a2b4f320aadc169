package ward

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// span is how far a trend looks back, and how wide its steps are.
type span struct {
	Key  string
	Text string // N(…)
	Long time.Duration
	Step time.Duration
	Rows time.Duration // between the rows of the table
}

func spans() []span {
	return []span{
		{"15m", ui.N("15 minutes"), 15 * time.Minute, 5 * time.Second, time.Minute},
		{"1h", ui.N("1 hour"), time.Hour, 30 * time.Second, 5 * time.Minute},
		{"6h", ui.N("6 hours"), 6 * time.Hour, 3 * time.Minute, 30 * time.Minute},
		{"24h", ui.N("24 hours"), 24 * time.Hour, 10 * time.Minute, 2 * time.Hour},
		{"7d", ui.N("7 days"), 7 * 24 * time.Hour, time.Hour, 12 * time.Hour},
	}
}

func spanOf(key string) span {
	all := spans()
	if i := slices.IndexFunc(all, func(s span) bool { return s.Key == key }); i >= 0 {
		return all[i]
	}
	return all[0]
}

// chart is a vital sign over time: a line for each part, and the same as a
// table.
type chart struct {
	ID, Short, Name, Unit, Tint string
	Low, High                   string // of the scale
	From, Until                 time.Time
	Lines                       []line
	Rules                       []float64 // heights of the grid, 0 … plotHigh
	Rows                        []chartRow
}

// line is one code of a chart.
type line struct {
	Name        string
	Short       string // N(…): which part of the sign, where it has several
	Trace, Band string // SVG paths
	Low, High   string
	Last        string
}

// chartRow is a row of the table: for each line what held in it.
type chartRow struct {
	At    time.Time
	Cells []string
}

// The plot's own units; SVG stretches them to the window.
const (
	plotWide = 1000.0
	plotHigh = 100.0
)

// point is one step of one line.
type point struct {
	at              time.Time
	mean, low, high float64
	count           int
}

// charts asks for the trends of the vital signs that a bed has.
func charts(v *ui.Visit, subject service.TrendAsk, s span, beds []service.Bed) ([]chart, error) {
	var out []chart
	subject.Until = v.Now
	subject.From = v.Now.Add(-s.Long)
	subject.Step = model.Duration(s.Step)
	for i := range beds {
		tiles, _ := arranged(v.Context(), &beds[i])
		for _, t := range tiles {
			if slices.ContainsFunc(out, func(c chart) bool { return c.Short == t.Short }) {
				continue
			}
			c, err := chartOf(v, subject, s, t)
			if err != nil {
				return nil, err
			}
			if len(c.Lines) > 0 {
				out = append(out, c)
			}
		}
	}
	return out, nil
}

func chartOf(v *ui.Visit, subject service.TrendAsk, s span, t tile) (chart, error) {
	c := chart{ID: "trend-" + strconv.Itoa(slices.IndexFunc(vitals(), func(x vital) bool { return x.Short == t.Short })), Short: t.Short, Name: t.Name, Tint: t.Tint, From: subject.From, Until: subject.Until}
	var all [][]point
	for i, r := range t.Readings {
		subject.Code = r.Key
		points, unit, err := pointsOf(v, subject)
		if err != nil {
			return c, err
		}
		if len(points) == 0 {
			continue
		}
		c.Unit = unit
		all = append(all, points)
		c.Lines = append(c.Lines, line{Name: r.Name, Short: partName(i)})
	}
	draw(&c, all, s.Step, t.vital)
	c.Rows = rowsOf(all, c.From, c.Until, s.Rows)
	return c, nil
}

// partName is what the parts of a pressure are called, in order.
func partName(i int) string {
	switch i {
	case 0:
		return ui.N("systolic")
	case 1:
		return ui.N("diastolic")
	}
	return ui.N("mean")
}

// pointsOf asks for the numbers of one code. Where several devices measured it,
// or some values were simulated, the run with most values is shown: two
// sources are never one line (R17).
func pointsOf(v *ui.Visit, ask service.TrendAsk) ([]point, string, error) {
	var trends []service.Trend
	if err := v.Call("trend.get", ask, &trends); err != nil {
		return nil, "", err
	}
	var most service.Trend
	for _, t := range trends {
		if len(t.Points) > len(most.Points) {
			most = t
		}
	}
	points := make([]point, len(most.Points))
	for i, p := range most.Points {
		points[i] = point{at: p.Time, mean: p.Mean, low: p.Min.Float64(), high: p.Max.Float64(), count: max(p.Count, 1)}
	}
	return points, unitText(most.UnitUCUM), nil
}

// draw turns points into paths on a scale of round numbers.
func draw(c *chart, all [][]point, step time.Duration, v vital) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, points := range all {
		for _, p := range points {
			low, high = min(low, p.low), max(high, p.high)
		}
	}
	if low > high {
		return
	}
	if wanting := v.Least - (high - low); wanting > 0 {
		low, high = low-wanting/2, high+wanting/2
	}
	if over := high - v.Most; v.Most > 0 && over > 0 {
		low, high = low-over, v.Most
	}
	low, high, rule := scale(low, high)
	c.Low, c.High = number(low), number(high)
	for y := low + rule; y < high-rule/2; y += rule {
		c.Rules = append(c.Rules, plotHigh*(high-y)/(high-low))
	}
	x := func(t time.Time) float64 {
		return plotWide * float64(t.Sub(c.From)) / float64(c.Until.Sub(c.From))
	}
	y := func(f float64) float64 { return plotHigh * (high - f) / (high - low) }
	for i, points := range all {
		l := &c.Lines[i]
		l.Trace, l.Band = paths(points, step, x, y)
		lowest, highest := points[0].low, points[0].high
		for _, p := range points {
			lowest, highest = min(lowest, p.low), max(highest, p.high)
		}
		l.Low, l.High, l.Last = number(lowest), number(highest), number(points[len(points)-1].mean)
	}
}

// paths gives the line through the means and the band from least to greatest.
// Where steps are missing the line breaks: nothing is made up.
func paths(points []point, step time.Duration, x func(time.Time) float64, y func(float64) float64) (trace, band string) {
	var t, b strings.Builder
	for from := 0; from < len(points); {
		to := from + 1
		for to < len(points) && points[to].at.Sub(points[to-1].at) <= 2*step+step/2 {
			to++
		}
		run := points[from:to]
		for i, p := range run {
			put(&t, i == 0, x(p.at), y(p.mean))
		}
		if len(run) == 1 { // a dot, as a line of no length
			put(&t, false, x(run[0].at)+2, y(run[0].mean))
		}
		for i, p := range run {
			put(&b, i == 0, x(p.at), y(p.high))
		}
		for _, p := range slices.Backward(run) {
			put(&b, false, x(p.at), y(p.low))
		}
		b.WriteByte('Z')
		from = to
	}
	return t.String(), b.String()
}

func put(b *strings.Builder, begins bool, x, y float64) {
	if begins {
		b.WriteByte('M')
	} else {
		b.WriteByte('L')
	}
	b.Write(appendShort(nil, math.Round(x*10)/10))
	b.WriteByte(' ')
	b.Write(appendShort(nil, math.Round(y*10)/10))
}

// scale widens a range to round numbers and says where to rule it.
func scale(low, high float64) (from, to, rule float64) {
	span := high - low
	if span == 0 {
		span = max(math.Abs(high)*0.1, 1)
	}
	rule = math.Pow(10, math.Floor(math.Log10(span)))
	switch {
	case span/rule < 2:
		rule /= 2
	case span/rule > 5:
		rule *= 2
	}
	from, to = math.Floor(low/rule)*rule, math.Ceil(high/rule)*rule
	if from == to {
		from, to = from-rule, to+rule
	}
	return from, to, rule
}

// rowsOf gives the mean of every line in each span of the table, the latest
// first.
func rowsOf(all [][]point, from, until time.Time, every time.Duration) []chartRow {
	var rows []chartRow
	for at := until.Truncate(every); at.After(from.Add(-every)); at = at.Add(-every) {
		row := chartRow{At: at, Cells: make([]string, len(all))}
		some := false
		for i, points := range all {
			sum, n := 0.0, 0
			for _, p := range points {
				if !p.at.Before(at) && p.at.Before(at.Add(every)) {
					sum += p.mean * float64(p.count)
					n += p.count
				}
			}
			if n > 0 {
				row.Cells[i] = number(sum / float64(n))
				some = true
			}
		}
		if some {
			rows = append(rows, row)
		}
	}
	return rows
}

// number writes a value of a chart: one decimal where the whole is small.
func number(f float64) string {
	if math.Abs(f) < 50 && f != math.Trunc(f) {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}

// clock is a time below a chart.
func clock(ctx context.Context, t time.Time, long time.Duration) string {
	t = t.In(ui.From(ctx).Zone)
	if long > 48*time.Hour {
		return t.Format("02.01.")
	}
	return t.Format("15:04")
}
