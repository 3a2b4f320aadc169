package grid

import (
	"math/big"

	"thalamus/internal/model"
)

// rat is a number without rounding.
func rat(d model.Decimal) *big.Rat {
	r := new(big.Rat).SetInt64(d.Coef)
	e := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(d.Exp, -d.Exp))), nil)
	if d.Exp < 0 {
		return r.Quo(r, new(big.Rat).SetInt(e))
	}
	return r.Mul(r, new(big.Rat).SetInt(e))
}

// rounded says whether d is x with all the digits it may have, half to even.
func rounded(x *big.Rat, d model.Decimal, finest int8) bool {
	unit := rat(model.Decimal{Coef: 1, Exp: d.Exp})
	off := new(big.Rat).Sub(rat(d), x)
	switch twice := off.Abs(off).Cmp(unit.Quo(unit, big.NewRat(2, 1))); {
	case twice > 0:
		return false
	case twice == 0 && d.Coef%2 != 0:
		return false
	}
	wanted := max(int(finest)-MoreDigits, -128)
	if int(d.Exp) == wanted {
		return true
	}
	// Fewer digits only where one more would be over 18.
	return int(d.Exp) > wanted && (d.Coef >= 1e17 || d.Coef <= -1e17)
}

// slow answers from all values, step by step, in as many passes as it likes.
type slow struct {
	spec   Spec
	values []Value
}

func (s *slow) point(at int64) (p Point, mean *big.Rat, finest int8, ok bool) {
	p.At = at
	end := at + s.spec.Step
	sum := new(big.Rat)
	absent := false
	for _, v := range s.values {
		if v.At < at || v.At >= end {
			continue
		}
		if v.Kind == Absent {
			absent = true
			continue
		}
		p.Last, p.LastKind, p.Ref = v.Number, v.Kind, v.Ref
		if v.Kind != Exact {
			p.Bounds++
			continue
		}
		if p.Count == 0 || rat(v.Number).Cmp(rat(p.Min)) < 0 {
			p.Min = v.Number
		}
		if p.Count == 0 || rat(v.Number).Cmp(rat(p.Max)) > 0 {
			p.Max = v.Number
		}
		if p.Count == 0 || v.Number.Exp < finest {
			finest = v.Number.Exp
		}
		sum.Add(sum, rat(v.Number))
		p.Count++
	}
	if p.Count > 0 {
		return p, sum.Quo(sum, big.NewRat(int64(p.Count), 1)), finest, true
	}
	if p.Bounds > 0 {
		return p, nil, 0, true
	}
	if absent || s.spec.Fill == Leave {
		return p, nil, 0, false
	}
	return s.filled(at)
}

func (s *slow) filled(at int64) (p Point, x *big.Rat, finest int8, ok bool) {
	var before, after *Value
	for i := range s.values {
		v := &s.values[i]
		if v.At < at {
			before = v
		} else if after == nil {
			after = v
		}
	}
	p = Point{At: at, Filled: s.spec.Fill}
	if before == nil || before.Kind != Exact {
		return p, nil, 0, false
	}
	if s.spec.Fill == Carry {
		p.Ref = before.Ref
		return p, rat(before.Number), before.Number.Exp + MoreDigits, at-before.At <= s.spec.MaxGap && at <= s.spec.Now
	}
	if after == nil || after.Kind != Exact || after.At-before.At > s.spec.MaxGap {
		return p, nil, 0, false
	}
	x = new(big.Rat).Sub(rat(after.Number), rat(before.Number))
	x.Mul(x, big.NewRat(at-before.At, after.At-before.At))
	return p, x.Add(x, rat(before.Number)), min(before.Number.Exp, after.Number.Exp), true
}

// differs says where points are not what the slow way gives; "" nowhere.
func (s *slow) differs(points []Point) string {
	i := 0
	for at := s.spec.From; at < s.spec.Until; at += s.spec.Step {
		want, x, finest, ok := s.point(at)
		if !ok {
			continue
		}
		if i == len(points) {
			return "a point is missing at the end"
		}
		got := points[i]
		i++
		if got.Filled != Leave {
			want.Last, want.Min, want.Max = got.Last, got.Last, got.Last
		}
		mean := got.Mean
		want.Mean = mean
		switch {
		case got != want:
			return "a point differs"
		case got.Filled == Carry && rat(got.Last).Cmp(x) != 0, x == nil && mean != (model.Decimal{}):
			return "what is carried differs"
		case got.Filled != Carry && x != nil && !rounded(x, mean, finest):
			return "a mean or estimate is rounded wrongly: " + x.RatString() + " as " + mean.String()
		}
	}
	if i < len(points) {
		return "there are more points than there should be"
	}
	return ""
}
