package recorddb

import (
	"context"
	"testing"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
)

// BenchmarkNumbers reads what one monitor sent in 24 hours, 20 codes once a
// second, sealed by the hour, and makes means by minutes of it; then the last
// values of a code of 500 monitors.
func BenchmarkNumbers(b *testing.B) {
	ctx := context.Background()
	dir := b.TempDir()
	d := opened(b, dir, Options{})
	w := newMonitors(1)
	for range 24 * 60 * 60 / 256 {
		if err := d.Commit(ctx, w.batch(256)); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("day", func(b *testing.B) {
		spec, err := grid.New(w.start, w.start.Add(24*time.Hour), w.start.Add(24*time.Hour), time.Minute, grid.Leave, 0)
		if err != nil {
			b.Fatal(err)
		}
		q := record.NumbersQuery{Subjects: []record.Subject{{Patient: "pat-0"}}}
		q.From, q.Until = spec.Reach()
		room := make([]grid.Point, 0, spec.Steps())
		b.ReportAllocs()
		for b.Loop() {
			points := 0
			var fold *grid.Fold
			var of record.Series
			err := d.Numbers(ctx, q, func(s *record.Series, values []grid.Value) error {
				if fold == nil || of != *s {
					if fold != nil {
						points += len(fold.Points())
					}
					fold, of = grid.NewFold(spec, room), *s
				}
				fold.Add(values)
				return nil
			})
			if points += len(fold.Points()); err != nil || points < 20*1430 {
				b.Fatal(points, err)
			}
		}
	})
	if err := d.Close(); err != nil {
		b.Fatal(err)
	}
	d = opened(b, b.TempDir(), Options{})
	if err := d.Commit(ctx, newMonitors(500).batch(1000)); err != nil {
		b.Fatal(err)
	}
	b.Run("last", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			all, err := d.LastValues(ctx, record.LastQuery{Subjects: []record.Subject{{}}, Codes: []string{"MDC_METRIC_NUMBER_3"}})
			if err != nil || len(all) != 500 {
				b.Fatal(len(all), err)
			}
		}
	})
	if err := d.Close(); err != nil {
		b.Fatal(err)
	}
}
