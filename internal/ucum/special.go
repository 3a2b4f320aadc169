package ucum

import "math/big"

// scale is how a special unit is read (UCUM §22): what is read, times alpha,
// goes through the function and is then a multiple of the unit's factor.
type scale struct {
	function *function
	alpha    *big.Rat // the prefix
}

// function is one of UCUM's table of special units. Exactly one of its parts
// is there.
type function struct {
	text   string   // how the multiple follows from the reading x
	offset *big.Rat // Cel, degF, degRe: x + offset
	base   *big.Rat // a logarithm: base^(x·power); nil for e where power is there
	power  *big.Rat
	slope  bool // tangent: atan(x/100)
	square bool // amplitude of a spectral density: x²
}

// functions of units.tsv. The offsets of [degF] and [degRe] are in their own
// degrees, so that reading + offset is a multiple of 5/9 K and 5/4 K.
var functions = map[string]*function{
	"Cel":         {text: "x + 273.15", offset: big.NewRat(27315, 100)},
	"degF":        {text: "x + 459.67", offset: big.NewRat(45967, 100)},
	"degRe":       {text: "x + 218.52", offset: big.NewRat(21852, 100)},
	"ln":          {text: "e^x", power: big.NewRat(1, 1)},
	"lg":          {text: "10^x", base: big.NewRat(10, 1), power: big.NewRat(1, 1)},
	"lgTimes2":    {text: "10^(x/2)", base: big.NewRat(10, 1), power: big.NewRat(1, 2)},
	"ld":          {text: "2^x", base: big.NewRat(2, 1), power: big.NewRat(1, 1)},
	"pH":          {text: "10^-x", base: big.NewRat(10, 1), power: big.NewRat(-1, 1)},
	"hpX":         {text: "10^-x", base: big.NewRat(10, 1), power: big.NewRat(-1, 1)},
	"hpC":         {text: "100^-x", base: big.NewRat(100, 1), power: big.NewRat(-1, 1)},
	"hpM":         {text: "1000^-x", base: big.NewRat(1000, 1), power: big.NewRat(-1, 1)},
	"hpQ":         {text: "50000^-x", base: big.NewRat(50000, 1), power: big.NewRat(-1, 1)},
	"tanTimes100": {text: "atan(x/100)", slope: true},
	"sqrt":        {text: "x²", square: true},
}

// largest bounds what a logarithm is taken back from: no value beyond fits a
// model.Decimal.
const largest = 700

// multiple gives what a reading is in the unit's factor. exact is false where
// it was computed with 320 bits; ok is false where it would be too large.
func (s *scale) multiple(reading *big.Rat) (m *big.Rat, exact, ok bool) {
	x := new(big.Rat).Mul(reading, s.alpha)
	f := s.function
	switch {
	case f.offset != nil:
		return x.Add(x, f.offset), true, true
	case f.square:
		return x.Mul(x, x), true, x.Sign() >= 0
	case f.slope:
		return rational(atan(x.Quo(x, big.NewRat(100, 1)))), false, true
	}
	x.Mul(x, f.power)
	if limit := big.NewRat(largest, 1); new(big.Rat).Abs(x).Cmp(limit) > 0 {
		return nil, false, false
	}
	if f.base != nil && x.IsInt() {
		return wholePower(f.base, x.Num().Int64()), true, true
	}
	e := real320().SetRat(x)
	if f.base != nil {
		e.Mul(e, ln(f.base))
	}
	return rational(exp(e)), false, true
}

// reading is the reverse of multiple; ok is false outside of its domain.
func (s *scale) reading(m *big.Rat) (x *big.Rat, exact, ok bool) {
	f := s.function
	exact = true
	switch {
	case f.offset != nil:
		x = new(big.Rat).Sub(m, f.offset)
	case f.square:
		if m.Sign() < 0 {
			return nil, false, false
		}
		x, exact = rational(real320().Sqrt(real320().SetRat(m))), false
	case f.slope:
		t, ok := tan(m)
		if !ok {
			return nil, false, false
		}
		x, exact = t.Mul(t, big.NewRat(100, 1)), false
	default:
		if m.Sign() <= 0 {
			return nil, false, false
		}
		l := ln(m)
		if f.base != nil {
			l.Quo(l, ln(f.base))
		}
		x, exact = rational(l), false
		x.Quo(x, f.power)
	}
	return x.Quo(x, s.alpha), exact, true
}

func wholePower(base *big.Rat, n int64) *big.Rat {
	p := new(big.Int).Exp(base.Num(), big.NewInt(max(n, -n)), nil)
	if n < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), p)
	}
	return new(big.Rat).SetInt(p)
}
