package ucum

import (
	"math/big"

	"thalamus/internal/model"
)

// roundedDigits a rounded result keeps.
const roundedDigits = 15

// decimalOf writes a rational number as Apply promises, with at least the
// significant digits wanted.
func decimalOf(x *big.Rat, wanted int) (d model.Decimal, exact, ok bool) {
	if x.Sign() == 0 {
		return model.Decimal{}, true, true
	}
	if n, finite := finitePlaces(x.Denom()); finite {
		coef := new(big.Int).Mul(x.Num(), tenTo(n).Num())
		coef.Quo(coef, x.Denom())
		coef, tens := stripTens(coef)
		if coef.IsInt64() && coef.CmpAbs(big.NewInt(1e18)) < 0 {
			d, ok := significant(coef.Int64(), tens-n, wanted)
			return d, true, ok
		}
	}
	// Scale so that the whole part has the wanted digits, then round half to even.
	exp := magnitude(x) - roundedDigits + 1
	scaled := new(big.Rat).Set(x)
	if exp > 0 {
		scaled.Quo(scaled, tenTo(exp))
	} else {
		scaled.Mul(scaled, tenTo(-exp))
	}
	d, ok = significant(roundHalfEven(scaled).Int64(), exp, wanted)
	return d, false, ok
}

// finitePlaces says how many decimal places 1/den needs, if finitely many.
func finitePlaces(den *big.Int) (int, bool) {
	if den.BitLen() > 512 {
		return 0, false
	}
	rest, twos, fives := new(big.Int).Set(den), 0, 0
	two, five, q, r := big.NewInt(2), big.NewInt(5), new(big.Int), new(big.Int)
	for q.QuoRem(rest, two, r); r.Sign() == 0; q.QuoRem(rest, two, r) {
		rest.Set(q)
		twos++
	}
	for q.QuoRem(rest, five, r); r.Sign() == 0; q.QuoRem(rest, five, r) {
		rest.Set(q)
		fives++
	}
	return max(twos, fives), rest.IsInt64() && rest.Int64() == 1
}

// magnitude is the exponent of x's first significant digit.
func magnitude(x *big.Rat) int {
	num, den := new(big.Int).Abs(x.Num()), x.Denom()
	m := len(num.Text(10)) - len(den.Text(10))
	p := tenTo(abs(m)).Num()
	if m >= 0 {
		p = new(big.Int).Mul(p, den)
	} else {
		num.Mul(num, p)
		p = den
	}
	if num.Cmp(p) < 0 {
		m--
	}
	return m
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

func roundHalfEven(x *big.Rat) *big.Int {
	q, r := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	twice := r.Abs(r)
	twice.Lsh(twice, 1)
	if c := twice.Cmp(x.Denom()); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(int64(x.Sign())))
	}
	return q
}
