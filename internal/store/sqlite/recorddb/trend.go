package recorddb

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
	"thalamus/internal/model"
)

const mostPoints = 100_000

// span is a query's times in Unix ns, open ends at the extremes.
func span(from, until time.Time) (lo, hi int64) {
	lo, hi = -1<<63, 1<<63-1
	if !from.IsZero() {
		lo = nanoseconds(from)
	}
	if !until.IsZero() {
		hi = nanoseconds(until)
	}
	return lo, hi
}

// gathered is what all files know of one series.
type gathered struct {
	series *series
	points []point
}

// gathering collects the points of a query.
type gathering struct {
	q      record.TrendQuery
	wave   bool
	lo, hi int64
	files  []part
	all    map[seriesKey]*gathered
}

// gather collects the points of a query from all files. Values lie in the file
// of the day they arrived, whatever their own time, so the files that are left
// out are those whose values all lie elsewhere (reach).
func (d *DB) gather(ctx context.Context, q record.TrendQuery, wave bool) (*gathering, error) {
	if q.Code == "" && !wave || q.Patient == "" && q.Device == "" {
		return nil, fault.New(fault.Invalid, "record.trend", "a trend needs a code and a patient or device")
	}
	g := &gathering{q: q, wave: wave, all: map[seriesKey]*gathered{}}
	g.lo, g.hi = span(q.From, q.Until)
	d.mu.RLock()
	g.files = d.filesAfter(0)
	bodies := map[*gathered][]byte{}
	for _, s := range d.fresh.series.of(q.Subject) {
		if s.chunk.count > 0 && g.wants(s) && s.end >= g.lo && s.start < g.hi {
			bodies[g.of(s)] = slices.Clone(s.body)
		}
	}
	d.mu.RUnlock()
	for i, f := range g.files {
		if !f.reach.touches(g.lo, g.hi) {
			continue
		}
		if err := d.read(ctx, f.f, func(r *reading) error { return g.file(r, i) }); err != nil {
			return nil, err
		}
	}
	for one, body := range bodies {
		if err := g.read(one, body); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g *gathering) wants(s *series) bool {
	return s.wave == g.wave && (g.q.Code == "" || record.CodeIs(&s.meaning, &s.sent, g.q.Code))
}

func (g *gathering) of(s *series) *gathered {
	one := g.all[s.seriesKey]
	if one == nil {
		one = &gathered{series: &series{seriesKey: s.seriesKey, meaning: s.meaning, sent: s.sent}}
		g.all[s.seriesKey] = one
	}
	return one
}

func (g *gathering) file(r *reading, index int) error {
	column, id := "patient", string(g.q.Patient)
	if g.q.Device != "" {
		column, id = "device", string(g.q.Device)
	}
	var found []*series
	err := r.rows("SELECT "+seriesColumns+" FROM series WHERE "+column+"=?", func(s *sqlite3.Stmt) (bool, error) {
		one, err := scanSeries(s, nil)
		if err != nil {
			return false, err
		}
		if g.wants(one) && (g.q.Patient == "" || g.q.Patient == one.patient) {
			found = append(found, one)
		}
		return true, nil
	}, id)
	if err != nil {
		return err
	}
	for _, s := range found {
		one := g.of(s)
		err := r.rows("SELECT body FROM chunk WHERE series=? AND start<? AND until>=? AND seal<=?", func(st *sqlite3.Stmt) (bool, error) {
			return true, g.read(one, st.ColumnRawBlob(0))
		}, s.id, g.hi, g.lo, g.files[index].seal)
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *gathering) read(one *gathered, body []byte) error {
	return readChunk(body, func(p point) {
		end := p.time
		if g.wave {
			end += p.value.Coef
		}
		if p.time < g.hi && end >= g.lo {
			one.points = append(one.points, p)
		}
	})
}

// settle sorts points by time and lets corrections take the place of what they
// correct: of one time, the last correction counts, and what is voided goes.
func settle(points []point) []point {
	if !slices.IsSortedFunc(points, earlier) {
		slices.SortStableFunc(points, earlier)
	}
	out := points[:0]
	for _, p := range points {
		if p.flags&(corrects|voids) != 0 {
			for len(out) > 0 && out[len(out)-1].time == p.time {
				out = out[:len(out)-1]
			}
		}
		if p.flags&voids == 0 {
			out = append(out, p)
		}
	}
	return out
}

func earlier(a, b point) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.ref, b.ref))
}

// sorted gives what was gathered, by patient, device and unit, points settled.
func (g *gathering) sorted() []*gathered {
	var list []*gathered
	for _, one := range g.all {
		one.points = settle(one.points)
		if !one.series.wave {
			one.points = slices.DeleteFunc(one.points, func(p point) bool { return p.kind() == grid.Absent })
		}
		if len(one.points) > 0 {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b *gathered) int {
		x, y := a.series, b.series
		return cmp.Or(strings.Compare(string(x.patient), string(y.patient)), strings.Compare(string(x.device), string(y.device)),
			strings.Compare(x.unit, y.unit), cmp.Compare(number(x.simulated), number(y.simulated)))
	})
	return list
}

// Trend gives the numbers of a code over time.
func (d *DB) Trend(ctx context.Context, q record.TrendQuery) ([]record.Trend, error) {
	g, err := d.gather(ctx, q, false)
	if err != nil {
		return nil, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = mostPoints
	}
	var trends []record.Trend
	for _, one := range g.sorted() {
		t := record.Trend{
			Subject: record.Subject{Patient: one.series.patient, Device: one.series.device},
			Code:    one.series.meaning, Received: one.series.sent, UnitUCUM: one.series.unit, Simulated: one.series.simulated, Step: model.Duration(q.Step),
		}
		if q.Step > 0 {
			t.Points = align(one.points, int64(q.Step), limit)
		} else {
			t.Points = raw(one.points, limit)
		}
		trends = append(trends, t)
	}
	return trends, nil
}

func raw(points []point, limit int) []record.Point {
	points = points[:min(len(points), limit)]
	out := make([]record.Point, len(points))
	for i := range points {
		p := &points[i]
		out[i] = record.Point{Time: utc(p.time), Count: 1, Last: p.value, Min: p.value, Max: p.value, Mean: p.value.Float64(), Ref: p.ref.ref()}
	}
	return out
}

// align gathers points by steps of a grid counted from the Unix epoch.
func align(points []point, step int64, limit int) []record.Point {
	var out []record.Point
	for i := 0; i < len(points); {
		cell := floor(points[i].time, step)
		p := record.Point{Time: utc(cell), Min: points[i].value, Max: points[i].value}
		sum := 0.0
		last := &points[i]
		for ; i < len(points) && floor(points[i].time, step) == cell; i++ {
			last = &points[i]
			v := last.value
			if v.Compare(p.Min) < 0 {
				p.Min = v
			}
			if v.Compare(p.Max) > 0 {
				p.Max = v
			}
			sum += v.Float64()
			p.Count++
		}
		if len(out) == limit {
			break
		}
		p.Last, p.Mean, p.Ref = last.value, sum/float64(p.Count), last.ref.ref()
		out = append(out, p)
	}
	return out
}

func floor(t, step int64) int64 {
	r := t % step
	if r < 0 {
		r += step
	}
	return t - r
}
