package ucum

import (
	"math/big"
	"math/bits"

	"thalamus/internal/model"
)

// line is a conversion that fits machine words:
// (value·mul + add) / div × 10^ten. Ten is 0 where add is not.
type line struct {
	mul, add, div int64
	ten           int
}

// ratio is the line between two units without an offset; ok is false where it
// does not fit.
func ratio(from, to *Unit) (l line, ok bool) {
	if from.den == 0 || to.den == 0 {
		return line{}, false
	}
	up, down := gcd(from.num, to.num), gcd(to.den, from.den)
	mul, ok1 := times(from.num/up, to.den/down)
	div, ok2 := times(to.num/up, from.den/down)
	return line{mul: mul, div: div, ten: from.ten - to.ten}, ok1 && ok2
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// times multiplies two positive numbers.
func times(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return int64(lo), hi == 0 && lo < 1<<62
}

// lineOf finds the line through big numbers: of factors that only fit after
// they were divided, and of temperatures.
func lineOf(from, to *Unit) (l line, ok bool) {
	mul, add := new(big.Rat).Quo(from.factor, to.factor), new(big.Rat)
	if s := from.scale; s != nil {
		if s.function.offset == nil {
			return line{}, false
		}
		add.Mul(s.function.offset, mul)
		mul.Mul(mul, s.alpha)
	}
	if s := to.scale; s != nil {
		if s.function.offset == nil {
			return line{}, false
		}
		add.Sub(add, s.function.offset)
		add.Quo(add, s.alpha)
		mul.Quo(mul, s.alpha)
	}
	n, ten := mul.Num(), 0
	div := mul.Denom()
	if add.Sign() == 0 {
		var less int
		n, ten = stripTens(n)
		div, less = stripTens(div)
		ten -= less
	} else {
		common := new(big.Int).GCD(nil, nil, div, add.Denom())
		div = common.Quo(new(big.Int).Mul(div, add.Denom()), common)
		n = new(big.Int).Mul(n, new(big.Int).Quo(div, mul.Denom()))
	}
	a := new(big.Int).Mul(add.Num(), new(big.Int).Quo(div, add.Denom()))
	if add.Sign() == 0 {
		a.SetInt64(0)
	}
	if n.BitLen() > 62 || div.BitLen() > 62 || a.BitLen() > 62 {
		return line{}, false
	}
	return line{n.Int64(), a.Int64(), div.Int64(), ten}, true
}

// temperatures are the lines between the units of thermometers, found once,
// so that Between need not.
var temperatures = findTemperatures()

func findTemperatures() map[[2]*Unit]line {
	found := map[[2]*Unit]line{}
	units := [...]string{"Cel", "[degF]", "K", "[degRe]", "[degR]"}
	for _, from := range units {
		for _, to := range units {
			a, b := loaded.atoms[from], loaded.atoms[to]
			if a == nil || b == nil || a == b || a.unit.scale == nil && b.unit.scale == nil {
				continue
			}
			if l, ok := lineOf(a.unit, b.unit); ok {
				found[[2]*Unit{a.unit, b.unit}] = l
			}
		}
	}
	return found
}

// powers of ten that fit a word.
var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// wide is a number of 128 bits.
type wide struct{ hi, lo uint64 }

func (w wide) times(f uint64) (wide, bool) {
	hi, lo := bits.Mul64(w.lo, f)
	over, hi2 := bits.Mul64(w.hi, f)
	sum, carry := bits.Add64(hi, hi2, 0)
	return wide{sum, lo}, over == 0 && carry == 0
}

// over divides; the quotient must fit a word.
func (w wide) over(d uint64) (q, rest uint64, ok bool) {
	if w.hi >= d {
		return 0, 0, false
	}
	q, rest = bits.Div64(w.hi, w.lo, d)
	return q, rest, true
}

// lengthOf counts decimal digits.
func lengthOf(q uint64) int {
	n := 0
	for n < len(powers) && q >= powers[n] {
		n++
	}
	return n
}

// length is about the number of decimal digits, never too few and at most one
// too many.
func (w wide) length() int {
	n := 64 - bits.LeadingZeros64(w.hi) + 64
	if w.hi == 0 {
		n = 64 - bits.LeadingZeros64(w.lo)
	}
	return n*30103/100000 + 1
}

// apply computes the line; ok is false where 128 bits are not enough.
func (l line) apply(d model.Decimal) (out model.Decimal, exact, ok bool) {
	n, negative, ok := l.numerator(d)
	if !ok {
		return model.Decimal{}, false, false
	}
	exp := int(d.Exp) + l.ten
	if l.add != 0 && d.Exp > 0 {
		exp = 0
	}
	if n == (wide{}) {
		out, ok = tidy(0, min(int(d.Exp), 0))
		return out, true, ok
	}
	// Move the point so that the quotient has 16 to 19 digits.
	div := uint64(l.div)
	move := 17 - (n.length() - wide{lo: div}.length())
	if move < 0 {
		return model.Decimal{}, false, false
	}
	exp -= move
	for move > 0 {
		step := min(move, 19)
		if n, ok = n.times(powers[step]); !ok {
			return model.Decimal{}, false, false
		}
		move -= step
	}
	q, rest, ok := n.over(div)
	if !ok {
		return model.Decimal{}, false, false
	}
	for q < 1e17 && rest != 0 {
		more, _ := wide{lo: rest}.times(10)
		digit, last, _ := more.over(div)
		q, rest, exp = q*10+digit, last, exp-1
	}
	for q >= 1e18 && q%10 == 0 && rest == 0 {
		q, exp = q/10, exp+1
	}
	exact = rest == 0 && q < 1e18
	if cut := lengthOf(q) - roundedDigits; !exact && cut > 0 {
		ten := powers[cut]
		low := q % ten
		q, exp = q/ten, exp+cut
		if half := ten / 2; low > half || low == half && (rest != 0 || q%2 == 1) {
			q++
		}
	}
	coef := int64(q)
	if negative {
		coef = -coef
	}
	out, ok = significant(coef, exp, digitsOf(d.Coef))
	return out, exact, ok
}

// numerator is |coef·mul + add·10^-exp|, for a positive exponent
// |coef·10^exp·mul + add|, and its sign.
func (l line) numerator(d model.Decimal) (n wide, negative, ok bool) {
	coef, negative := uint64(d.Coef), d.Coef < 0
	if negative {
		coef = -coef
	}
	n.hi, n.lo = bits.Mul64(coef, uint64(l.mul))
	if l.add == 0 {
		return n, negative, true
	}
	add, minus := wide{lo: uint64(l.add)}, l.add < 0
	if minus {
		add.lo = -add.lo
	}
	switch e := int(d.Exp); {
	case e > 19 || e < -19:
		return n, false, false
	case e > 0:
		n, ok = n.times(powers[e])
	default:
		add, ok = add.times(powers[-e])
	}
	if !ok || n.hi >= 1<<62 || add.hi >= 1<<62 {
		return n, false, false
	}
	if negative == minus {
		lo, carry := bits.Add64(n.lo, add.lo, 0)
		hi, _ := bits.Add64(n.hi, add.hi, carry)
		return wide{hi, lo}, negative, true
	}
	if n.hi < add.hi || n.hi == add.hi && n.lo < add.lo {
		n, add, negative = add, n, !negative
	}
	lo, borrow := bits.Sub64(n.lo, add.lo, 0)
	hi, _ := bits.Sub64(n.hi, add.hi, borrow)
	return wide{hi, lo}, negative, true
}
