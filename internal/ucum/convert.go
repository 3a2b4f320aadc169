package ucum

import (
	"math/big"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Conversion takes values of one unit to another. The zero value is not
// usable; make one with Between. It is immutable and may be shared.
//
// A result is exact where it has at most 18 digits, with at least as many
// significant digits as were received: 98.6 [degF] are 37.0 Cel. Any other is
// rounded half to even to 15 significant digits, so that converting back
// gives what was received.
type Conversion struct {
	from, to *Unit
	way      way
	line     line // where way is quick
}

type way uint8

const (
	slow     way = iota // through big numbers
	quick               // value·mul + add, over div, with 128 bits
	shift               // only the decimal point moves
	identity            // only the spelling differs
)

// Between makes the conversion from one unit to another; the error is
// fault.Invalid, code ucum.incommensurable. Of units in common use it
// allocates nothing.
func Between(from, to *Unit) (Conversion, error) {
	if !Commensurable(from, to) {
		return Conversion{}, fault.New(fault.Invalid, "ucum.incommensurable", "%s cannot be converted to %s: they measure different things", from.code, to.code)
	}
	c := Conversion{from: from, to: to}
	if from == to || from.scale == nil && to.scale == nil && from.alike(to) {
		c.way = identity
		return c, nil
	}
	if from.scale == nil && to.scale == nil {
		if l, ok := ratio(from, to); ok {
			return c.along(l), nil
		}
	}
	if l, ok := temperatures[[2]*Unit{from, to}]; ok {
		c.way, c.line = quick, l
		return c, nil
	}
	if l, ok := lineOf(from, to); ok {
		return c.along(l), nil
	}
	if from.scale == nil && to.scale == nil && from.factor.Cmp(to.factor) == 0 || sameScale(from, to) {
		c.way = identity
	}
	return c, nil
}

func (c Conversion) along(l line) Conversion {
	c.way, c.line = quick, l
	if l.mul == 1 && l.div == 1 && l.add == 0 {
		if c.way = shift; l.ten == 0 {
			c.way = identity
		}
	}
	return c
}

// alike says quickly that two units have the same factor; false may also
// mean that it takes longer to know.
func (u *Unit) alike(v *Unit) bool {
	return u.den != 0 && u.num == v.num && u.den == v.den && u.ten == v.ten // both are in lowest terms
}

func sameScale(a, b *Unit) bool {
	return a.scale != nil && b.scale != nil && a.scale.function == b.scale.function &&
		a.scale.alpha.Cmp(b.scale.alpha) == 0 && a.factor.Cmp(b.factor) == 0
}

// Identity says that values stay as they are (only the unit's spelling differs).
func (c Conversion) Identity() bool { return c.way == identity }

// Apply converts a value. exact is false when the result was rounded. ok is
// false when the result is beyond what a model.Decimal holds, or the value is
// none that the unit can have: the logarithm of zero, the slope of a right
// angle. It allocates nothing unless a logarithm, π or a number of more than
// 38 digits is in the way.
func (c Conversion) Apply(d model.Decimal) (out model.Decimal, exact, ok bool) {
	switch c.way {
	case identity:
		return d, true, true
	case shift:
		out, ok = tidy(d.Coef, int(d.Exp)+c.line.ten)
		return out, true, ok
	case quick:
		if out, exact, ok = c.line.apply(d); ok {
			return out, exact, true
		}
	}
	y, exact, ok := c.Exact(ratOf(d))
	if !ok {
		return model.Decimal{}, false, false
	}
	out, whole, ok := decimalOf(y, digitsOf(d.Coef))
	return out, exact && whole, ok
}

// Exact converts a rational number. exact is false where a logarithm or an
// angle was computed, with a relative error below 10^-80; ok is false as in
// Apply.
func (c Conversion) Exact(x *big.Rat) (y *big.Rat, exact, ok bool) {
	exact, y = true, new(big.Rat).Set(x)
	if s := c.from.scale; s != nil {
		if y, exact, ok = s.multiple(y); !ok {
			return nil, false, false
		}
	}
	y.Mul(y, c.from.factor)
	y.Quo(y, c.to.factor)
	if s := c.to.scale; s != nil {
		var read bool
		if y, read, ok = s.reading(y); !ok {
			return nil, false, false
		}
		exact = exact && read
	}
	return y, exact, true
}

// Convert is Between and Apply in one.
func Convert(d model.Decimal, from, to *Unit) (model.Decimal, bool, error) {
	c, err := Between(from, to)
	if err != nil {
		return model.Decimal{}, false, err
	}
	return c.Value(d)
}

// Value is Apply with an error, fault.Invalid, code ucum.out-of-range.
func (c Conversion) Value(d model.Decimal) (model.Decimal, bool, error) {
	out, exact, ok := c.Apply(d)
	if !ok {
		return model.Decimal{}, false, fault.New(fault.Invalid, "ucum.out-of-range", "the value cannot be expressed in %s: it is too large, too small, or none that such a unit has", c.to.code)
	}
	return out, exact, nil
}

func ratOf(d model.Decimal) *big.Rat {
	x := new(big.Rat).SetInt64(d.Coef)
	if d.Exp < 0 {
		return x.Quo(x, tenTo(-int(d.Exp)))
	}
	return x.Mul(x, tenTo(int(d.Exp)))
}

func tenTo(n int) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
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

// digitsOf counts the significant digits; of zero there are none.
func digitsOf(coef int64) int {
	if coef < 0 {
		coef = -coef
	}
	return lengthOf(uint64(coef))
}

// Digits counts the significant digits of a value; zero has one.
func Digits(d model.Decimal) int { return max(digitsOf(d.Coef), 1) }

// significant writes coef × 10^exp with the digits it needs, at least as many
// as wanted.
func significant(coef int64, exp, wanted int) (model.Decimal, bool) {
	if coef == 0 {
		return tidy(0, min(exp, 0))
	}
	n := digitsOf(coef)
	for ; coef%10 == 0; n-- {
		coef, exp = coef/10, exp+1
	}
	for ; n < wanted && exp > -128; n++ {
		coef, exp = coef*10, exp-1
	}
	return tidy(coef, exp)
}

// Rounded gives the value with at most so many significant digits, rounded
// half to even.
func Rounded(d model.Decimal, digits int) model.Decimal {
	n := digitsOf(d.Coef) - max(digits, 1)
	if n <= 0 {
		return d
	}
	ten := int64(1)
	for range n {
		ten *= 10
	}
	q, r := d.Coef/ten, d.Coef%ten
	if r < 0 {
		r = -r
	}
	if twice := r - (ten - r); twice > 0 || twice == 0 && q%2 != 0 {
		if d.Coef < 0 {
			q--
		} else {
			q++
		}
	}
	exp := int(d.Exp) + n
	if digitsOf(q) > max(digits, 1) {
		q, exp = q/10, exp+1
	}
	if out, ok := tidy(q, exp); ok {
		return out
	}
	return d
}
