package grid

import (
	"math"
	"math/big"

	"thalamus/internal/model"
)

// Means and interpolated numbers are rounded once, half to even, to
// MoreDigits decimal places more than the finest of the numbers they are made
// of has; to fewer where that would be over 18 digits.
const MoreDigits = 2

const (
	mostDigits = 18      // that model.ParseDecimal reads
	most       = 1e18    // the first number with more
	scale      = 100     // 10^MoreDigits
	small      = 1 << 50 // what stays below in magnitude may be scaled and added without looking
)

// sum adds numbers exactly: as digits of one exponent while they fit, else as
// a big integer.
type sum struct {
	coef int64
	exp  int
	big  *big.Int
}

func (s *sum) set(d model.Decimal) { *s = sum{coef: d.Coef, exp: int(d.Exp)} }

func (s *sum) add(d model.Decimal) {
	if c := s.coef + d.Coef; s.big == nil && int(d.Exp) == s.exp && (c > s.coef) == (d.Coef > 0) {
		s.coef = c
		return
	}
	s.addBig(d)
}

func (s *sum) addBig(d model.Decimal) {
	if s.big == nil {
		s.big = big.NewInt(s.coef)
	}
	x := big.NewInt(d.Coef)
	switch e := int(d.Exp); {
	case e > s.exp:
		x.Mul(x, pow10(e-s.exp))
	case e < s.exp:
		s.big.Mul(s.big, pow10(s.exp-e))
		s.exp = e
	}
	s.big.Add(s.big, x)
}

// mean divides the sum by n > 0.
func (s *sum) mean(n int64) model.Decimal {
	if s.big == nil {
		if s.coef > -most/scale && s.coef < most/scale && s.exp-MoreDigits >= math.MinInt8 {
			return model.Decimal{Coef: divide(s.coef*scale, n), Exp: int8(s.exp - MoreDigits)}
		}
		return round(big.NewInt(s.coef), big.NewInt(n), s.exp)
	}
	return round(s.big, big.NewInt(n), s.exp)
}

// divide rounds half to even; d > 0.
func divide(n, d int64) int64 {
	q, r := n/d, n%d
	if r < 0 {
		q, r = q-1, r+d
	}
	if other := d - r; r > other || r == other && q&1 != 0 {
		q++
	}
	return q
}

// round gives n/d × 10^exp with MoreDigits more, at most 18 digits; d > 0.
func round(n, d *big.Int, exp int) model.Decimal {
	e := max(exp-MoreDigits, math.MinInt8)
	for {
		q := quotient(n, d, exp-e)
		digits := len(new(big.Int).Abs(q).String())
		switch {
		case digits <= mostDigits || e == math.MaxInt8 && q.IsInt64():
			return model.Decimal{Coef: q.Int64(), Exp: int8(e)}
		case e == math.MaxInt8: // beyond what a number may be
			return model.Decimal{Coef: int64(q.Sign()) * math.MaxInt64, Exp: math.MaxInt8}
		}
		e = min(e+digits-mostDigits, math.MaxInt8)
	}
}

// quotient is n/d × 10^shift, rounded half to even.
func quotient(n, d *big.Int, shift int) *big.Int {
	n, d = new(big.Int).Set(n), new(big.Int).Set(d)
	if shift >= 0 {
		n.Mul(n, pow10(shift))
	} else {
		d.Mul(d, pow10(-shift))
	}
	q, r := new(big.Int).DivMod(n, d, new(big.Int)) // r ≥ 0
	if c := r.Lsh(r, 1).Cmp(d); c > 0 || c == 0 && q.Bit(0) != 0 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

func pow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// line is the straight line between two numbers.
type line struct {
	a, b *Value
	unit int64 // ns: its ends, and where steps begin, are whole multiples of it
}

func newLine(a, b *Value) line {
	l := line{a, b, 1}
	for _, unit := range [...]int64{1e9, 1e6, 1e3} {
		if a.At%unit == 0 && b.At%unit == 0 {
			l.unit = unit
			break
		}
	}
	return l
}

// at gives the number at a time between the two.
func (l *line) at(t int64) model.Decimal {
	a, b := l.a.Number, l.b.Number
	past, whole := (t-l.a.At)/l.unit, (l.b.At-l.a.At)/l.unit
	if a.Exp == b.Exp && a.Exp >= math.MinInt8+MoreDigits {
		rise := b.Coef - a.Coef
		if abs(a.Coef) < small && abs(rise) < small && abs(rise) < math.MaxInt64/scale/max(past, 1) {
			// a.Coef×100 is even, so half goes to even with it as without.
			return model.Decimal{Coef: a.Coef*scale + divide(rise*scale*past, whole), Exp: a.Exp - MoreDigits}
		}
	}
	exp := min(int(a.Exp), int(b.Exp))
	x := new(big.Int).Mul(big.NewInt(a.Coef), pow10(int(a.Exp)-exp))
	y := new(big.Int).Mul(big.NewInt(b.Coef), pow10(int(b.Exp)-exp))
	y.Sub(y, x).Mul(y, big.NewInt(past))
	d := big.NewInt(whole)
	return round(x.Mul(x, d).Add(x, y), d, exp)
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}
