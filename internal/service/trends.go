package service

import (
	"cmp"
	"context"
	"slices"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// getTrend gives the numbers of a code. A patient is all identities merged
// with it (HL7 v2 A40): what one device measured of them is one row.
func getTrend(ctx context.Context, c *call, r TrendAsk) ([]record.Trend, error) {
	c.look(r.Patient)
	who, err := c.subjects(ctx, r.Patient, r.Device)
	if err != nil {
		return nil, err
	}
	q := r.query(c.s.now())
	var all []record.Trend
	for _, q.Subject = range who {
		rows, err := c.s.Record.Trend(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			c.look(rows[i].Patient)
		}
		all = append(all, rows...)
	}
	if len(who) > 1 {
		all = oneTrend(all, who[0].Patient)
	}
	return all, nil
}

// oneTrend joins the rows of identities that are one patient, as far as they
// are of one device, code and unit.
func oneTrend(rows []record.Trend, patient model.PatientID) []record.Trend {
	var all []record.Trend
	for _, row := range rows {
		row.Patient = patient
		at := slices.IndexFunc(all, func(t record.Trend) bool {
			return t.Device == row.Device && t.Code.Key() == row.Code.Key() && (t.Code.Key() != "" || t.Received.Code == row.Received.Code) && t.UnitUCUM == row.UnitUCUM && t.Simulated == row.Simulated
		})
		if at < 0 {
			all = append(all, row)
			continue
		}
		all[at].Points = onePoints(append(all[at].Points, row.Points...), row.Step > 0)
	}
	return all
}

// onePoints orders points by time and, on a grid, makes one of those of a step.
func onePoints(points []record.Point, aligned bool) []record.Point {
	slices.SortStableFunc(points, func(a, b record.Point) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Ref.Seq, b.Ref.Seq))
	})
	if !aligned {
		return points
	}
	kept := points[:0]
	for _, p := range points {
		n := len(kept) - 1
		if n < 0 || !kept[n].Time.Equal(p.Time) {
			kept = append(kept, p)
			continue
		}
		k := &kept[n]
		k.Mean = (k.Mean*float64(k.Count) + p.Mean*float64(p.Count)) / float64(max(k.Count+p.Count, 1))
		k.Count += p.Count
		k.Last, k.Ref = p.Last, p.Ref // of the later message
		if p.Min.Compare(k.Min) < 0 {
			k.Min = p.Min
		}
		if p.Max.Compare(k.Max) > 0 {
			k.Max = p.Max
		}
	}
	return kept
}

// getWaveform gives the samples of a code; a patient is as for getTrend.
func getWaveform(ctx context.Context, c *call, r TrendAsk) ([]record.Samples, error) {
	c.look(r.Patient)
	who, err := c.subjects(ctx, r.Patient, r.Device)
	if err != nil {
		return nil, err
	}
	q := r.query(c.s.now())
	var all []record.Samples
	for _, q.Subject = range who {
		rows, err := c.s.Record.Waveform(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			c.look(rows[i].Patient)
		}
		all = append(all, rows...)
	}
	slices.SortStableFunc(all, func(a, b record.Samples) int { return a.Start.Compare(b.Start) })
	return all, nil
}
