package recorddb

import (
	"cmp"
	"context"
	"slices"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// wish is a run of samples that a query asks for, and the message it is in.
type wish struct {
	of *series
	point
}

// Waveform gives the runs of samples of a code, or of all, that touch the time
// span. Messages are read in the order in which they lie, each once.
func (d *DB) Waveform(ctx context.Context, q record.TrendQuery) ([]record.Samples, error) {
	g, err := d.gather(ctx, q, true)
	if err != nil {
		return nil, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = record.MostRuns
	}
	var wishes []wish
	for _, one := range g.sorted() {
		for i, p := range one.points[:min(len(one.points), limit)] {
			// Two curves of one code in one message are two points and found together.
			if i == 0 || p.time != one.points[i-1].time || p.ref != one.points[i-1].ref {
				wishes = append(wishes, wish{one.series, p})
			}
		}
	}
	slices.SortStableFunc(wishes, func(a, b wish) int { return cmp.Compare(a.ref, b.ref) })
	var all []record.Samples
	for len(wishes) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := d.Message(ctx, wishes[0].ref.ref())
		if err != nil {
			return nil, err
		}
		of := wishes[0].ref
		for len(wishes) > 0 && wishes[0].ref == of {
			all = appendSamples(all, wishes[0].of, m, wishes[0].time)
			wishes = wishes[1:]
		}
	}
	slices.SortStableFunc(all, func(a, b record.Samples) int { return a.Start.Compare(b.Start) })
	return all, nil
}

// appendSamples adds the waveforms of a series that begin at a time.
func appendSamples(all []record.Samples, s *series, m *model.Message, at int64) []record.Samples {
	for i := range m.Waveforms {
		w := &m.Waveforms[i]
		if codeKeyOf(&w.Code, &w.Received) == s.code && record.DeviceOf(m, w.Device) == s.device && w.UnitUCUM == s.unit &&
			(w.Simulated || m.Test) == s.simulated && record.TimeOf(&w.DeviceTime, m).UnixNano() == at {
			all = append(all, record.Samples{
				Subject: record.Subject{Patient: s.patient, Device: s.device}, Ref: m.Ref, Start: utc(at), Simulated: s.simulated, Waveform: w,
			})
		}
	}
	return all
}
