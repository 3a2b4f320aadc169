package app

import (
	"context"
	"fmt"
	"time"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// numbersAsFHIR gives numbers over time as a FHIR transaction (decision 0081).
// Values as they came are the Observations that a FHIR destination gets, under
// the same identifiers; derived ones say that they are.
func numbersAsFHIR(ctx context.Context, r record.Reader, a service.SeriesAnswer) ([]byte, error) {
	if a.Step == 0 {
		return valuesAsFHIR(ctx, r, a)
	}
	var grids []fhir.Grid
	for i := 0; i < len(a.Rows); {
		n := 1
		for i+n < len(a.Rows) && a.Rows[i+n].Series == a.Rows[i].Series {
			n++
		}
		g, err := gridAsFHIR(ctx, r, &a, a.Rows[i:i+n])
		if err != nil {
			return nil, err
		}
		if g.Message != nil {
			grids = append(grids, g)
		}
		i += n
	}
	return orEmpty(fhir.DerivedBundle(grids, fhir.Options{})), nil
}

// orEmpty stands for an answer without a resource.
func orEmpty(bundle []byte) []byte {
	if bundle == nil {
		return []byte(`{"resourceType":"Bundle","type":"transaction"}`)
	}
	return bundle
}

// valuesAsFHIR writes the observations behind the points, each as its message
// said it.
func valuesAsFHIR(ctx context.Context, r record.Reader, a service.SeriesAnswer) ([]byte, error) {
	var all []*model.Message
	at := map[model.MessageRef]int{}
	took := map[model.MessageRef]map[int]bool{}
	for i := range a.Rows {
		row := &a.Rows[i]
		for j := range row.Points {
			p := &row.Points[j]
			k, ok := at[p.Ref]
			if !ok {
				m, err := r.Message(ctx, p.Ref)
				if err != nil {
					return nil, err
				}
				only := *m
				only.Observations, only.Waveforms, only.Alerts, only.Event = nil, nil, nil, nil
				k = len(all)
				all = append(all, &only)
				at[p.Ref], took[p.Ref] = k, map[int]bool{}
			}
			m, err := r.Message(ctx, p.Ref)
			if err != nil {
				return nil, err
			}
			for n := range m.Observations {
				if !took[p.Ref][n] && isOf(m, n, &row.Series) && record.TimeOf(&m.Observations[n].DeviceTime, m).Equal(p.Time) {
					took[p.Ref][n] = true
					all[k].Observations = append(all[k].Observations, m.Observations[n])
					break
				}
			}
		}
	}
	return orEmpty(fhir.Bundle(all, fhir.Options{Provenance: fhir.ProvenanceNone})), nil
}

// isOf says whether an observation of a message belongs to a series.
func isOf(m *model.Message, n int, s *record.Series) bool {
	o := &m.Observations[n]
	return o.Code.Key() == s.Code.Key() && (s.Code.Key() != "" || o.Received.Code == s.Received.Code) && o.UnitUCUM == s.UnitUCUM &&
		(o.Simulated || m.Test) == s.Simulated && record.DeviceOf(m, o.Device) == s.Device
}

// statistics are the codes of FHIR R4's observation-statistics for what may be
// taken of a step; it has none for the last value.
var statistics = map[string]string{string(grid.Mean): "average", string(grid.Min): "minimum", string(grid.Max): "maximum", string(grid.Count): "count"}

// gridAsFHIR puts what was taken of the steps of one series beside each other.
func gridAsFHIR(ctx context.Context, r record.Reader, a *service.SeriesAnswer, rows []service.SeriesRow) (fhir.Grid, error) {
	m, err := r.Message(ctx, rows[0].Ref)
	if err != nil {
		return fhir.Grid{}, err
	}
	g := fhir.Grid{Of: -1, Issued: a.Asked, Method: methodOf(a)}
	for n := range m.Observations {
		if isOf(m, n, &rows[0].Series) {
			g.Of = n
			break
		}
	}
	if g.Of < 0 {
		return fhir.Grid{}, nil
	}
	g.Message = m
	next := make([]int, len(rows))
	for {
		// The earliest step that a row has and was not written yet.
		var at time.Time
		for i := range rows {
			if p := rows[i].Points; next[i] < len(p) && (at.IsZero() || p[next[i]].Time.Before(at)) {
				at = p[next[i]].Time
			}
		}
		if at.IsZero() {
			return g, nil
		}
		step := fhir.GridStep{From: at, Until: at.Add(time.Duration(a.Step))}
		step.Open = step.Until.After(a.Asked)
		for i := range rows {
			if next[i] == len(rows[i].Points) || !rows[i].Points[next[i]].Time.Equal(at) {
				continue
			}
			p := &rows[i].Points[next[i]]
			next[i]++
			step.Count = p.Count
			step.Values = append(step.Values, statisticOf(p, rows[i].Method))
		}
		g.Steps = append(g.Steps, step)
	}
}

func statisticOf(p *service.SeriesPoint, method grid.Take) fhir.Statistic {
	s := fhir.Statistic{Text: string(method), Code: statistics[p.Method], Value: p.Value, Comparator: p.Comparator, Simple: p.Method == string(grid.Count)}
	switch grid.Fill(p.Method) {
	case grid.Carry:
		s.Text += ", carried forward: the step has no value, this is the last before it"
	case grid.Linear:
		s.Text += ", interpolated: the step has no value, this lies on the line between those around its beginning"
	}
	return s
}

// methodOf says in words how the numbers of an answer were derived.
func methodOf(a *service.SeriesAnswer) string {
	text := fmt.Sprintf("derived from the recorded values of each step of %v, steps counted from 00:00 UTC", a.Step)
	if a.Fill != grid.Leave {
		text += fmt.Sprintf("; steps without a value filled (%s) across gaps of at most %v", a.Fill, a.Gap)
	}
	return text
}
