package ucum

import (
	"math/big"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Conversion takes values of one unit to another. The zero value is not
// usable; make one with Between. It is immutable and may be shared.
type Conversion struct {
	identity bool
	shift    bool // a power of ten: only the decimal point moves
	places   int
	from, to *Unit
}

// Between makes the conversion from one unit to another; the error is
// fault.Invalid, code ucum.incommensurable.
func Between(from, to *Unit) (Conversion, error) {
	if !Commensurable(from, to) {
		return Conversion{}, fault.New(fault.Invalid, "ucum.incommensurable", "%s cannot be converted to %s: they measure different things", from.code, to.code)
	}
	c := Conversion{from: from, to: to}
	if from.affine != nil || to.affine != nil {
		c.identity = from == to || from.code == to.code && from.code != ""
		return c, nil
	}
	if alike(from, to) {
		c.identity = true
		return c, nil
	}
	ratio := new(big.Rat).Quo(from.factor, to.factor)
	c.identity = ratio.Num().IsInt64() && ratio.Denom().IsInt64() && ratio.Num().Int64() == 1 && ratio.Denom().Int64() == 1
	c.places, c.shift = powerOfTen(ratio)
	return c, nil
}

// Identity says that values stay as they are (only the unit's spelling differs).
func (c Conversion) Identity() bool { return c.identity }

// powerOfTen gives n for ratio = 10^n.
func powerOfTen(ratio *big.Rat) (int, bool) {
	num, den, sign := ratio.Num(), ratio.Denom(), 1
	if num.Cmp(den) < 0 {
		num, den, sign = den, num, -1
	}
	if !den.IsInt64() || den.Int64() != 1 {
		return 0, false
	}
	text := num.String()
	for i := 1; i < len(text); i++ {
		if text[i] != '0' {
			return 0, false
		}
	}
	return sign * (len(text) - 1), text[0] == '1'
}

// Apply converts a value. exact is false when the result has no finite
// decimal form, or one of more than 18 digits; it is then rounded half to
// even to 15 significant digits, so that converting back gives the value
// that was received. ok is false when the result is beyond what a
// model.Decimal holds.
func (c Conversion) Apply(d model.Decimal) (out model.Decimal, exact, ok bool) {
	if c.identity {
		return d, true, true
	}
	if c.shift {
		if out, ok := tidy(d.Coef, int(d.Exp)+c.places); ok {
			return out, true, true
		}
		return model.Decimal{}, false, false
	}
	x := ratOf(d)
	if a := c.from.affine; a != nil {
		x.Mul(x, a.scale).Add(x, a.before)
		x.Mul(x, c.from.factor).Add(x, a.after)
	} else {
		x.Mul(x, c.from.factor)
	}
	if a := c.to.affine; a != nil {
		x.Sub(x, a.after).Quo(x, c.to.factor)
		x.Sub(x, a.before).Quo(x, a.scale)
	} else {
		x.Quo(x, c.to.factor)
	}
	return decimalOf(x)
}

// Convert is Between and Apply in one.
func Convert(d model.Decimal, from, to *Unit) (model.Decimal, bool, error) {
	c, err := Between(from, to)
	if err != nil {
		return model.Decimal{}, false, err
	}
	out, exact, ok := c.Apply(d)
	if !ok {
		return model.Decimal{}, false, fault.New(fault.Invalid, "ucum.out-of-range", "the value in %s is too large or too small", to.code)
	}
	return out, exact, nil
}

func ratOf(d model.Decimal) *big.Rat {
	x := new(big.Rat).SetInt64(d.Coef)
	if d.Exp == 0 {
		return x
	}
	n := int64(d.Exp)
	if n < 0 {
		n = -n
	}
	p := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil))
	if d.Exp < 0 {
		return x.Quo(x, p)
	}
	return x.Mul(x, p)
}

// tidy makes Coef × 10^exp a Decimal, written out where it fits.
func tidy(coef int64, exp int) (model.Decimal, bool) {
	for exp > 0 && coef < 1e17 && coef > -1e17 {
		coef, exp = coef*10, exp-1
	}
	if exp < -128 || exp > 127 {
		return model.Decimal{}, false
	}
	return model.Decimal{Coef: coef, Exp: int8(exp)}, true
}

// digits a rounded result keeps.
const digits = 15

func decimalOf(x *big.Rat) (d model.Decimal, exact, ok bool) {
	if x.Sign() == 0 {
		return model.Decimal{}, true, true
	}
	if n, finite := finitePlaces(x.Denom()); finite {
		coef := new(big.Int).Mul(x.Num(), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
		coef.Quo(coef, x.Denom())
		exp := -n
		ten, rest := big.NewInt(10), new(big.Int)
		for exp > 0 || !coef.IsInt64() {
			q, r := new(big.Int).QuoRem(coef, ten, rest)
			if r.Sign() != 0 {
				break
			}
			coef, exp = q, exp+1
		}
		if coef.IsInt64() && len(coef.Text(10)) <= 19 && coef.CmpAbs(big.NewInt(1e18)) < 0 {
			d, ok := tidy(coef.Int64(), exp)
			return d, true, ok
		}
	}
	// Scale so that the whole part has the wanted digits, then round half to even.
	exp := magnitude(x) - digits + 1
	scaled := new(big.Rat).Set(x)
	p := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(abs(exp))), nil))
	if exp > 0 {
		scaled.Quo(scaled, p)
	} else {
		scaled.Mul(scaled, p)
	}
	coef := roundHalfEven(scaled)
	if !coef.IsInt64() {
		return model.Decimal{}, false, false
	}
	d, ok = tidy(coef.Int64(), exp)
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
	p := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(abs(m))), nil)
	if m >= 0 {
		p.Mul(p, den)
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
