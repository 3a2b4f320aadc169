package storetest

import (
	"cmp"
	"math/big"
	"slices"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
	"thalamus/internal/model"
)

// numbers gives the values of each series of some codes, corrections applied.
func (o *oracle) numbers(q record.NumbersQuery) map[seriesID][]grid.Value {
	all := map[seriesID][]grid.Value{}
	o.each(record.Subject{}, func(id seriesID, m *model.Message, obs *model.Observation, at time.Time) {
		if len(q.Codes) > 0 && !slices.ContainsFunc(q.Codes, func(word string) bool { return record.CodeIs(&obs.Code, &obs.Received, word) }) ||
			!slices.ContainsFunc(q.Subjects, func(s record.Subject) bool {
				return (s.Patient == "" || s.Patient == id.patient) && (s.Device == "" || s.Device == id.device)
			}) {
			return
		}
		v := grid.Value{At: at.UnixNano(), Number: obs.Value.Number, Ref: m.Ref, Kind: grid.KindOf(obs.Value.Comparator)}
		if obs.Absent != "" {
			v.Number, v.Kind = model.Decimal{}, grid.Absent
		} else if obs.Value.Kind != model.ValueNumber && obs.Status != model.StatusError {
			return
		}
		v.Corrected = obs.Status == model.StatusCorrected
		if v.Corrected || obs.Status == model.StatusError {
			all[id] = slices.DeleteFunc(all[id], func(was grid.Value) bool { return was.At == v.At })
		}
		if obs.Status != model.StatusError {
			all[id] = append(all[id], v)
		}
	})
	for id, list := range all {
		list = slices.DeleteFunc(list, func(v grid.Value) bool {
			return !q.From.IsZero() && v.At < q.From.UnixNano() || !q.Until.IsZero() && v.At >= q.Until.UnixNano()
		})
		slices.SortStableFunc(list, func(a, b grid.Value) int { return cmp.Compare(a.At, b.At) })
		if all[id] = list; len(list) == 0 {
			delete(all, id)
		}
	}
	return all
}

// numbers: what the store gives of codes over time is what the list of messages
// says, and a grid made of it is what going through all values for every step
// gives (R19).
func (c *checker) numbers() {
	c.t.Helper()
	r := c.w.r
	for range 6 {
		subjects := []record.Subject{c.subject(), c.subject(), {}}[r.IntN(3):]
		q := record.NumbersQuery{Subjects: subjects[:1+r.IntN(len(subjects))]}
		if r.IntN(3) > 0 {
			q.Codes = []string{"MDC_ECG_HEART_RATE", "150456", "8310-5", "C5"}[r.IntN(4):]
		}
		step := []time.Duration{time.Second, time.Minute, 15 * time.Minute, time.Hour}[r.IntN(4)]
		fill, gap := []grid.Fill{grid.Leave, grid.Carry, grid.Linear}[r.IntN(3)], time.Duration(0)
		if fill != grid.Leave {
			gap = time.Duration(1+r.IntN(7200)) * time.Second
		}
		from := c.when()
		spec, err := grid.New(from, from.Add(step*time.Duration(1+r.IntN(90))), from.AddDate(1, 0, 0), step, fill, gap)
		must(c.t, err)
		q.From, q.Until = spec.Reach()
		want := c.o.numbers(q)
		got := map[seriesID][]grid.Value{}
		folds := map[seriesID]*grid.Fold{}
		var order []seriesID
		must(c.t, c.s.Numbers(c.ctx, q, func(s *record.Series, values []grid.Value) error {
			id := seriesID{s.Patient, s.Device, s.Code.Key() + "|" + s.Received.Code, s.UnitUCUM, s.Simulated}
			if folds[id] == nil {
				folds[id] = grid.NewFold(spec, nil)
				order = append(order, id)
			}
			folds[id].Add(values)
			got[id] = append(got[id], values...)
			return nil
		}))
		if len(got) != len(want) {
			c.t.Errorf("Numbers %+v: %d series, want %d", q, len(got), len(want))
		}
		if !slices.IsSortedFunc(order, func(a, b seriesID) int {
			return cmp.Or(cmp.Compare(a.patient, b.patient), cmp.Compare(a.device, b.device))
		}) {
			c.t.Error("Numbers are not sorted by patient and device")
		}
		for id := range want {
			if !slices.Equal(got[id], want[id]) {
				c.t.Errorf("Numbers %+v %+v: %d values, want %d", q, id, len(got[id]), len(want[id]))
			} else if points := folds[id].Points(); !samePoints(points, want[id], spec) {
				c.t.Errorf("grid %+v of %+v differs", spec, id)
			}
		}
	}
}

// samePoints goes through all values for every step of a grid.
func samePoints(points []grid.Point, values []grid.Value, s grid.Spec) bool {
	for at := s.From; at < s.Until; at += s.Step {
		want := grid.Point{At: at}
		sum, absent := new(big.Rat), false
		var before, after *grid.Value
		for i := range values {
			v := &values[i]
			switch {
			case v.At < at:
				before = v
				continue
			case v.At >= at+s.Step:
				if after == nil {
					after = v
				}
				continue
			case v.Kind == grid.Absent:
				absent = true
				continue
			case v.Kind != grid.Exact:
				want.Bounds++
			default:
				if want.Count == 0 || rational(v.Number).Cmp(rational(want.Min)) < 0 {
					want.Min = v.Number
				}
				if want.Count == 0 || rational(v.Number).Cmp(rational(want.Max)) > 0 {
					want.Max = v.Number
				}
				want.Count++
				sum.Add(sum, rational(v.Number))
			}
			want.Last, want.LastKind, want.Ref = v.Number, v.Kind, v.Ref
		}
		var value *big.Rat
		switch full := want.Count+want.Bounds > 0; {
		case want.Count > 0:
			value = sum.Quo(sum, big.NewRat(int64(want.Count), 1))
		case full:
		case absent || before == nil || before.Kind != grid.Exact || s.Fill == grid.Leave,
			s.Fill == grid.Carry && at-before.At > s.MaxGap,
			s.Fill == grid.Linear && (after == nil || after.Kind != grid.Exact || after.At-before.At > s.MaxGap):
			continue
		case s.Fill == grid.Carry:
			want.Filled, want.Last, want.Ref, value = s.Fill, before.Number, before.Ref, rational(before.Number)
		default:
			value = new(big.Rat).Sub(rational(after.Number), rational(before.Number))
			value.Mul(value, big.NewRat(at-before.At, after.At-before.At)).Add(value, rational(before.Number))
			want.Filled = s.Fill
		}
		if len(points) == 0 {
			return false
		}
		got := points[0]
		points = points[1:]
		if value != nil {
			off := value.Sub(value, rational(got.Mean))
			if off.Abs(off).Cmp(big.NewRat(1, 1000)) > 0 { // the exact rounding is the grid's own test
				return false
			}
		}
		want.Mean = got.Mean
		if want.Filled != grid.Leave {
			want.Last, want.Min, want.Max = got.Mean, got.Mean, got.Mean
		}
		if got != want {
			return false
		}
	}
	return len(points) == 0
}

// lastValues: those of several subjects and some codes are the ones among all
// that are asked for.
func (c *checker) lastValues() {
	c.t.Helper()
	everything, err := c.s.Latest(c.ctx, record.Subject{})
	must(c.t, err)
	for range 6 {
		q := record.LastQuery{Subjects: []record.Subject{c.subject(), c.subject()}, Since: c.when()}
		if c.w.r.IntN(2) == 0 {
			q.Codes = []string{"MDC_ECG_HEART_RATE", "C5"}
		}
		got, err := c.s.LastValues(c.ctx, q)
		must(c.t, err)
		i := 0
		for _, v := range everything {
			asked := slices.ContainsFunc(q.Subjects, func(s record.Subject) bool {
				return (s.Patient == "" || s.Patient == v.Patient) && (s.Device == "" || s.Device == v.Device)
			}) && (q.Codes == nil || slices.ContainsFunc(q.Codes, func(word string) bool { return record.CodeIs(&v.Code, &v.Received, word) }))
			if !asked || v.Time.Before(q.Since) {
				continue
			}
			if i >= len(got) || got[i].Ref != v.Ref || got[i].Code != v.Code || got[i].Value != v.Value {
				c.t.Errorf("LastValues %+v: %d values, or another one at %d", q, len(got), i)
				break
			}
			i++
		}
		if i < len(got) {
			c.t.Errorf("LastValues %+v: %d values, want %d", q, len(got), i)
		}
	}
}
