package grid

import "thalamus/internal/model"

// Point is what stands at one step.
type Point struct {
	At     int64 // the step's beginning, Unix ns
	Count  int   // numbers in the step: what mean, min and max are made of
	Bounds int   // values in the step that only say above or below what they lie
	// Filled says how a step without a value got one; Last, Min, Max and Mean
	// are then the estimate for the step's beginning.
	Filled Fill

	Last, Min, Max, Mean model.Decimal
	LastKind             Kind             // Last may be a bound
	Ref                  model.MessageRef // the message that brought Last, or the number carried
}

// Of gives what was asked for; ok is false where the step has none.
func (p *Point) Of(t Take) (d model.Decimal, k Kind, ok bool) {
	if p.Filled != Leave {
		return p.Last, Exact, t != Count
	}
	switch t {
	case Last:
		return p.Last, p.LastKind, true
	case Mean:
		return p.Mean, Exact, p.Count > 0
	case Min:
		return p.Min, Exact, p.Count > 0
	case Max:
		return p.Max, Exact, p.Count > 0
	case Count:
		return model.Decimal{Coef: int64(p.Count)}, Exact, p.Count > 0
	}
	return d, k, false
}

// Fold makes the points of one series. Values are added in order of time.
type Fold struct {
	spec   Spec
	points []Point

	p    Point // of the step under way
	end  int64 // its end
	open bool
	sum  sum
	prev Value // the value before
	had  bool  // there was one
}

// NewFold begins a series. room is memory for its points; nil is good.
func NewFold(s Spec, room []Point) *Fold { return &Fold{spec: s, points: room[:0]} }

// Add takes values that come after those before, in order of their time.
func (f *Fold) Add(values []Value) {
	p := &f.p
	for i := range values {
		v := &values[i]
		if v.At >= f.end || !f.open {
			if i > 0 {
				f.prev, f.had = values[i-1], true
			}
			f.begin(v)
		}
		if v.Kind != Exact {
			if v.Kind != Absent {
				p.Bounds++
				p.Last, p.LastKind, p.Ref = v.Number, v.Kind, v.Ref
			}
			continue
		}
		d := v.Number
		switch {
		case p.Count == 0:
			p.Min, p.Max = d, d
			f.sum.set(d)
		case d.Exp == p.Min.Exp && d.Exp == p.Max.Exp:
			if d.Coef < p.Min.Coef {
				p.Min.Coef = d.Coef
			} else if d.Coef > p.Max.Coef {
				p.Max.Coef = d.Coef
			}
			f.sum.add(d)
		default:
			if d.Compare(p.Min) < 0 {
				p.Min = d
			}
			if d.Compare(p.Max) > 0 {
				p.Max = d
			}
			f.sum.add(d)
		}
		p.Count++
		p.Last, p.LastKind, p.Ref = d, Exact, v.Ref
	}
	if len(values) > 0 {
		f.prev, f.had = values[len(values)-1], true
	}
}

// begin ends the step under way and begins the one that holds v.
func (f *Fold) begin(v *Value) {
	f.flush()
	at := floor(v.At, f.spec.Step)
	if f.had {
		f.fill(f.end, at, v)
	}
	f.p, f.end, f.open = Point{At: at}, at+f.spec.Step, true
}

func (f *Fold) flush() {
	if !f.open {
		return
	}
	f.open = false
	if f.p.At < f.spec.From || f.p.At >= f.spec.Until {
		return
	}
	if f.p.Count+f.p.Bounds == 0 {
		// Only "no value": the step is empty, and what comes after a device
		// said so is not guessed.
		return
	}
	if f.p.Count > 0 {
		f.p.Mean = f.sum.mean(int64(f.p.Count))
	}
	f.points = append(f.points, f.p)
}

// fill makes the points of the steps from one time to another that have no
// value; next is the value after them, nil at the end.
func (f *Fold) fill(from, until int64, next *Value) {
	s := &f.spec
	if s.Fill == Leave || f.prev.Kind != Exact {
		return
	}
	from, until = max(from, s.From), min(until, s.Until)
	switch s.Fill {
	case Carry:
		until = min(until, f.prev.At+s.MaxGap+1, s.Now+1)
		for at := from; at < until; at += s.Step {
			f.put(at, f.prev.Number, f.prev.Ref)
		}
	case Linear:
		if next == nil || next.Kind != Exact || next.At-f.prev.At > s.MaxGap {
			return
		}
		l := newLine(&f.prev, next)
		for at := from; at < until; at += s.Step {
			f.put(at, l.at(at), model.MessageRef{})
		}
	}
}

func (f *Fold) put(at int64, d model.Decimal, ref model.MessageRef) {
	f.points = append(f.points, Point{At: at, Filled: f.spec.Fill, Last: d, Min: d, Max: d, Mean: d, Ref: ref})
}

// Points ends the series and gives its points, by time. Steps without a value
// that were not filled are not among them.
func (f *Fold) Points() []Point {
	f.flush()
	if f.had {
		f.fill(f.end, f.spec.Until, nil)
		f.had = false
	}
	return f.points
}
