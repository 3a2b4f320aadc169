package storetest

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"thalamus/internal/alert"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// oracle answers from a plain list of messages what a record must answer.
type oracle struct{ msgs []*model.Message }

func (o *oracle) search(q record.Query) []model.MessageRef {
	var refs []model.MessageRef
	for _, m := range slices.Backward(o.msgs) {
		if q.Matches(m) && (q.Before == (model.MessageRef{}) || before(m.Ref, q.Before)) && before(q.After, m.Ref) {
			refs = append(refs, m.Ref)
		}
	}
	return refs
}

func before(a, b model.MessageRef) bool { return a.Seq < b.Seq || a.Seq == b.Seq && a.Part < b.Part }

func (o *oracle) owed(dest model.DestinationID) []model.MessageRef {
	var refs []model.MessageRef
	for _, m := range o.msgs {
		for _, r := range m.Routed {
			if r.Destination == dest && r.Owed() {
				refs = append(refs, m.Ref)
			}
		}
	}
	return refs
}

func (o *oracle) refs(s record.Span) []model.MessageRef {
	q := record.Query{From: s.From, Until: s.Until, Device: s.Device, Channel: s.Channel}
	var refs []model.MessageRef
	for _, m := range o.msgs {
		if q.Matches(m) && m.Duplicate == (model.MessageRef{}) {
			refs = append(refs, m.Ref)
		}
	}
	return refs
}

// seriesID is what values are kept together by.
type seriesID struct {
	patient   model.PatientID
	device    model.DeviceID
	code      string
	unit      string
	simulated bool
}

func (o *oracle) each(s record.Subject, do func(id seriesID, m *model.Message, obs *model.Observation, at time.Time)) {
	for _, m := range o.msgs {
		for i := range m.Observations {
			obs := &m.Observations[i]
			id := seriesID{record.PatientOf(m), record.DeviceOf(m, obs.Device), obs.Code.Key() + "|" + obs.Received.Code, obs.UnitUCUM, obs.Simulated || m.Test}
			if (s.Patient == "" || s.Patient == id.patient) && (s.Device == "" || s.Device == id.device) {
				do(id, m, obs, record.TimeOf(&obs.DeviceTime, m))
			}
		}
	}
}

type latest struct {
	id    seriesID
	ref   model.MessageRef
	value model.Value
	at    time.Time
}

// latest gives the last value of each series that brought something since a
// time.
func (o *oracle) latest(s record.Subject, since time.Time) []latest {
	last := map[seriesID]latest{}
	recent := map[seriesID]bool{}
	o.each(s, func(id seriesID, m *model.Message, obs *model.Observation, at time.Time) {
		if have, ok := last[id]; !ok || !at.Before(have.at) {
			last[id] = latest{id, m.Ref, obs.Value, at}
			recent[id] = !m.Arrived.Before(since)
		}
	})
	var list []latest
	for id, l := range last {
		if recent[id] {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b latest) int { return compareSeries(a.id, b.id) })
	return list
}

func compareSeries(a, b seriesID) int {
	return cmp.Or(strings.Compare(string(a.patient), string(b.patient)), strings.Compare(string(a.device), string(b.device)),
		strings.Compare(a.code, b.code), strings.Compare(a.unit, b.unit), cmp.Compare(bit(a.simulated), bit(b.simulated)))
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

type dot struct {
	at    time.Time
	value model.Decimal
	ref   model.MessageRef
}

// trend gives the points of each series of a code, corrections applied.
func (o *oracle) trend(q record.TrendQuery) map[seriesID][]dot {
	all := map[seriesID][]dot{}
	o.each(q.Subject, func(id seriesID, m *model.Message, obs *model.Observation, at time.Time) {
		if !record.CodeIs(&obs.Code, &obs.Received, q.Code) {
			return
		}
		gone := obs.Status == model.StatusError || obs.Status == model.StatusCancelled
		if gone || obs.Status == model.StatusCorrected && (obs.Value.Kind == model.ValueNumber || obs.Absent != "") {
			all[id] = slices.DeleteFunc(all[id], func(d dot) bool { return d.at.Equal(at) })
		}
		if !gone && obs.Value.Kind == model.ValueNumber && obs.Absent == "" {
			all[id] = append(all[id], dot{at, obs.Value.Number, m.Ref})
		}
	})
	for id, dots := range all {
		dots = slices.DeleteFunc(dots, func(d dot) bool {
			return !q.From.IsZero() && d.at.Before(q.From) || !q.Until.IsZero() && !d.at.Before(q.Until)
		})
		slices.SortStableFunc(dots, func(a, b dot) int { return a.at.Compare(b.at) })
		if all[id] = dots; len(dots) == 0 {
			delete(all, id)
		}
	}
	return all
}

// align gathers dots by steps.
func align(dots []dot, step time.Duration) []record.Point {
	var out []record.Point
	for _, d := range dots {
		cell := time.Unix(0, d.at.UnixNano()-mod(d.at.UnixNano(), int64(step))).UTC()
		if n := len(out); n == 0 || !out[n-1].Time.Equal(cell) {
			out = append(out, record.Point{Time: cell, Min: d.value, Max: d.value})
		}
		p := &out[len(out)-1]
		if rational(d.value).Cmp(rational(p.Min)) < 0 {
			p.Min = d.value
		}
		if rational(d.value).Cmp(rational(p.Max)) > 0 {
			p.Max = d.value
		}
		p.Mean = (p.Mean*float64(p.Count) + d.value.Float64()) / float64(p.Count+1)
		p.Count++
		p.Last, p.Ref = d.value, d.ref
	}
	return out
}

func mod(a, b int64) int64 { return ((a % b) + b) % b }

func rational(d model.Decimal) *big.Rat {
	r, _ := new(big.Rat).SetString(d.String())
	return r
}

func (o *oracle) waves(q record.TrendQuery) []model.MessageRef {
	var refs []model.MessageRef
	for _, m := range o.msgs {
		for i := range m.Waveforms {
			w := &m.Waveforms[i]
			at := record.TimeOf(&w.DeviceTime, m)
			end := at.Add(time.Duration(w.PeriodNS * int64(len(w.Samples))))
			if record.CodeIs(&w.Code, &w.Received, q.Code) && (q.Patient == "" || q.Patient == record.PatientOf(m)) && (q.Device == "" || q.Device == record.DeviceOf(m, w.Device)) &&
				at.Before(q.Until) && !end.Before(q.From) {
				refs = append(refs, m.Ref)
			}
		}
	}
	return refs
}

// alerts gives the last state of each alert, followed from the first message
// on without a break.
func (o *oracle) alerts(q record.AlertQuery) []*record.AlertState {
	lives, place := alert.NewLives(), map[string]int{}
	var all []*record.AlertState
	for _, m := range o.msgs {
		record.HearAlerts(m, lives, func(_ *model.Alert, l *alert.Life, _ bool) {
			k := fmt.Sprint(l.First, l.Device, l.Alert.ID)
			if at, ok := place[k]; ok {
				all[at] = l
				return
			}
			place[k] = len(all)
			all = append(all, l)
		})
	}
	return slices.DeleteFunc(all, func(s *record.AlertState) bool { return !q.Matches(s) })
}

func (o *oracle) counts() map[model.ChannelID]record.Count {
	all := map[model.ChannelID]record.Count{}
	for _, m := range o.msgs {
		c := all[m.Channel]
		c.Recorded++
		c.Observations += uint64(len(m.Observations))
		c.Waveforms += uint64(len(m.Waveforms))
		c.Alerts += uint64(len(m.Alerts))
		c.Issues += uint64(len(m.Issues))
		if m.Duplicate != (model.MessageRef{}) {
			c.Duplicates++
		}
		if slices.ContainsFunc(m.Routed, func(r model.Decision) bool { return r.Refused != "" }) {
			c.Refused++
		}
		c.Last = m.Arrived
		all[m.Channel] = c
	}
	return all
}

func (o *oracle) issues(q record.IssueQuery) map[string]uint64 {
	counts := map[string]uint64{}
	for _, m := range o.msgs {
		for _, i := range m.Issues {
			hour := m.Arrived.Truncate(time.Hour)
			if (q.Channel == "" || q.Channel == m.Channel) && (q.Code == "" || q.Code == i.Code) &&
				(q.From.IsZero() || !hour.Before(q.From.Truncate(time.Hour))) && (q.Until.IsZero() || hour.Before(q.Until)) {
				counts[i.Code+" "+string(m.Channel)]++
			}
		}
	}
	return counts
}
