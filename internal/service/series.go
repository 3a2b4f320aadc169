package service

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
	"thalamus/internal/model"
)

// SeriesAsk asks for the numbers of codes over time (R19).
type SeriesAsk struct {
	Codes   []string        `json:"codes,omitempty" arg:"codes" doc:"RefIDs, MDC numbers, LOINC codes or codes as sent; all unless told"`
	Patient model.PatientID `json:"patient,omitempty" doc:"patient id; identities merged with it count as it"`
	Device  model.DeviceID  `json:"device,omitempty" doc:"device id"`
	From    time.Time       `json:"from,omitzero" doc:"the values' own time, e.g. -24h; one hour before until unless told"`
	Until   time.Time       `json:"until,omitzero" doc:"now unless told"`
	Step    model.Duration  `json:"step,omitempty" doc:"width of a grid aligned to UTC, 1s to 1h, e.g. 1m; 0 gives the values as they came"`
	Take    []grid.Take     `json:"take,omitempty" doc:"what to take of each step: last, mean, min, max, count; several give a row each; last unless told"`
	Fill    grid.Fill       `json:"fill,omitempty" doc:"give steps without a value one: carry (the last before it) or linear (between its neighbours)"`
	Gap     model.Duration  `json:"gap,omitempty" doc:"the longest gap between values that is filled, e.g. 5m"`
	To      string          `json:"to,omitempty" doc:"fhir gives a Bundle of Observations (R4) in place of rows"`
}

// SeriesAnswer is numbers over time. From and Until are the whole steps that
// were looked at. What is derived says so, in its row and in each point.
type SeriesAnswer struct {
	Asked time.Time       `json:"asked"` // a step that ends later is not over
	From  time.Time       `json:"from"`
	Until time.Time       `json:"until"`
	Step  model.Duration  `json:"step,omitempty"`
	Fill  grid.Fill       `json:"fill,omitempty"`
	Gap   model.Duration  `json:"gap,omitempty"`
	Rows  []SeriesRow     `json:"rows"`
	FHIR  json.RawMessage `json:"fhir,omitempty"`
}

// SeriesRow is one run of numbers in one unit, as it was recorded or, with a
// Method, derived from that.
type SeriesRow struct {
	record.Series
	UnitUCUM string           `json:"unit,omitempty"` // of the points: that of the series, and 1 for a count
	Derived  bool             `json:"derived,omitempty"`
	Method   grid.Take        `json:"method,omitempty"` // of all points that do not name another
	Ref      model.MessageRef `json:"ref"`              // the message that brought the last value looked at
	Points   SeriesPoints     `json:"points"`
}

// mostPoints bounds an answer.
const mostPoints = 100_000

// mostResources bounds an answer as FHIR, which takes ten times the room.
const mostResources = 20_000

func seriesOps() []Op {
	return []Op{
		ofPatients(define(Reads, "observation.series", "Show the numbers of codes over time, as they came or on an aligned grid.", "MDC_ECG_HEART_RATE,MDC_PULS_OXIM_SAT_O2 --patient pat-abc --from -24h --step 1m --take mean", getSeries)),
		ofPatients(define(Reads, "observation.last", "Show the last value of each code, of a patient, a device or everybody.", "MDC_ECG_HEART_RATE --from -15m", getLast)),
	}
}

func getSeries(ctx context.Context, c *call, r SeriesAsk) (SeriesAnswer, error) {
	c.look(r.Patient)
	if r.Until.IsZero() {
		r.Until = c.s.now()
	}
	if r.From.IsZero() {
		r.From = r.Until.Add(-time.Hour)
	}
	a := SeriesAnswer{Asked: c.s.now(), From: r.From, Until: r.Until, Step: r.Step, Fill: r.Fill, Gap: r.Gap}
	q := record.NumbersQuery{Codes: r.Codes, From: r.From, Until: r.Until}
	err := r.check()
	if err == nil {
		q.Subjects, err = c.subjects(ctx, r.Patient, r.Device)
	}
	if err != nil {
		return a, err
	}
	if r.Step == 0 {
		err = c.raw(ctx, q, &a)
	} else {
		err = c.onGrid(ctx, q, r, &a)
	}
	for i := range a.Rows {
		c.look(a.Rows[i].Patient)
	}
	if err == nil && r.To == "fhir" {
		if n := a.points(); n > mostResources {
			return a, fault.New(fault.Invalid, "service.too-many-points", "the answer has %d points, and at most %d are given as FHIR; ask for a shorter span, fewer codes or a wider step", n, mostResources)
		}
		if a.FHIR, err = c.s.FHIR(ctx, a); err == nil {
			a.Rows = nil
		}
	}
	return a, err
}

func (r *SeriesAsk) check() error {
	switch {
	case r.Patient == "" && r.Device == "":
		return fault.New(fault.Invalid, "service.series", "numbers over time are of a patient or a device; name one").At("patient")
	case r.To != "" && r.To != "fhir":
		return fault.New(fault.Invalid, "service.series", "an answer is given as it is, or as fhir").At("to")
	case r.Step == 0 && (len(r.Take) > 0 || r.Fill != grid.Leave || r.Gap != 0):
		return fault.New(fault.Invalid, "service.series", "what to take and how to fill is for a grid; name its step, e.g. 1m").At("step")
	case r.Step == 0 && !r.From.Before(r.Until):
		return fault.New(fault.Invalid, "grid.span", "the span must begin before it ends").At("from")
	}
	for i, t := range r.Take {
		switch t {
		case grid.Last, grid.Mean, grid.Min, grid.Max, grid.Count:
		default:
			return fault.New(fault.Invalid, "service.series", "of a step can be taken: last, mean, min, max, count").At("take")
		}
		if slices.Contains(r.Take[:i], t) {
			return fault.New(fault.Invalid, "service.series", "%s is asked for twice", t).At("take")
		}
	}
	return nil
}

// subjects gives whom a query is about; a patient is all identities merged
// with it.
func (c *call) subjects(ctx context.Context, patient model.PatientID, device model.DeviceID) ([]record.Subject, error) {
	if patient == "" {
		return []record.Subject{{Device: device}}, nil
	}
	same, err := c.s.Patients.Same(ctx, patient)
	all := make([]record.Subject, len(same))
	for i, id := range same {
		all[i] = record.Subject{Patient: id, Device: device}
	}
	return all, err
}

func tooManyPoints() error {
	return fault.New(fault.Invalid, "service.too-many-points", "the answer would have more than %d points; ask for a shorter span, fewer codes or a wider step", mostPoints)
}

// points is how many points the answer has.
func (a *SeriesAnswer) points() (n int) {
	for i := range a.Rows {
		n += len(a.Rows[i].Points)
	}
	return n
}

// raw gives values as they came. What a device gave as invalid is no value.
func (c *call) raw(ctx context.Context, q record.NumbersQuery, a *SeriesAnswer) error {
	n := 0
	return c.s.Record.Numbers(ctx, q, func(s *record.Series, values []grid.Value) error {
		for i := range values {
			v := &values[i]
			if v.Kind == grid.Absent {
				continue
			}
			if k := len(a.Rows); k == 0 || a.Rows[k-1].Series != *s {
				a.Rows = append(a.Rows, SeriesRow{Series: *s, UnitUCUM: s.UnitUCUM})
			}
			if n++; n > mostPoints {
				return tooManyPoints()
			}
			row := &a.Rows[len(a.Rows)-1]
			row.Ref = v.Ref
			row.Points = append(row.Points, SeriesPoint{Time: time.Unix(0, v.At).UTC(), Value: v.Number, Comparator: v.Kind.Comparator(), Corrected: v.Corrected, Ref: v.Ref})
		}
		return nil
	})
}

// onGrid gives what is asked for of each step.
func (c *call) onGrid(ctx context.Context, q record.NumbersQuery, r SeriesAsk, a *SeriesAnswer) error {
	spec, err := grid.New(r.From, r.Until, a.Asked, time.Duration(r.Step), r.Fill, time.Duration(r.Gap))
	if err != nil {
		return err
	}
	take := r.Take
	if len(take) == 0 {
		take = []grid.Take{grid.Last}
	}
	a.From, a.Until = time.Unix(0, spec.From).UTC(), time.Unix(0, spec.Until).UTC()
	if spec.Steps() > mostPoints {
		return tooManyPoints()
	}
	q.From, q.Until = spec.Reach()
	room := make([]grid.Point, 0, spec.Steps())
	var fold *grid.Fold
	var of record.Series
	var last model.MessageRef
	end := func() error {
		if fold == nil {
			return nil
		}
		points := fold.Points()
		room = points[:0]
		for _, t := range take {
			if row := rowOf(of, last, t, points); len(row.Points) > 0 {
				a.Rows = append(a.Rows, row)
			}
		}
		if a.points() > mostPoints {
			return tooManyPoints()
		}
		return nil
	}
	err = c.s.Record.Numbers(ctx, q, func(s *record.Series, values []grid.Value) error {
		if fold == nil || of != *s {
			if err := end(); err != nil {
				return err
			}
			fold, of = grid.NewFold(spec, room), *s
		}
		fold.Add(values)
		last = values[len(values)-1].Ref
		return nil
	})
	if err != nil {
		return err
	}
	return end()
}

func rowOf(s record.Series, last model.MessageRef, t grid.Take, points []grid.Point) SeriesRow {
	unit := s.UnitUCUM
	if t == grid.Count {
		unit = "1"
	}
	row := SeriesRow{Series: s, UnitUCUM: unit, Derived: true, Method: t, Ref: last, Points: make(SeriesPoints, 0, len(points))}
	for i := range points {
		p := &points[i]
		d, kind, ok := p.Of(t)
		if !ok {
			continue
		}
		out := SeriesPoint{Time: time.Unix(0, p.At).UTC(), Value: d, Comparator: kind.Comparator(), Count: p.Count, Bounds: p.Bounds, Method: string(t)}
		if p.Filled != grid.Leave {
			out.Method = string(p.Filled)
		}
		if t == grid.Last || p.Filled == grid.Carry {
			out.Ref = p.Ref
		}
		row.Points = append(row.Points, out)
	}
	return row
}
