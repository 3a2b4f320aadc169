package ucum

import (
	"math/big"
	"slices"

	"thalamus/internal/fault"
)

// bases are the base units, in the order of Unit.dim (UCUM §28, table 2).
var bases = [7]string{"m", "s", "g", "rad", "K", "C", "cd"}

// power is an arbitrary unit with its exponent.
type power struct {
	code string
	exp  int8
}

// Unit is a parsed unit. It is immutable and may be shared.
type Unit struct {
	code      string
	factor    *big.Rat // to base units, never changed
	dim       [7]int8
	arbitrary []power // sorted by code
	scale     *scale  // of a special unit (Cel, pH, dB); nil for all others

	// factor = num/den × 10^ten where it fits; den is 0 where it does not.
	num, den int64
	ten      int
}

// settle fills num, den and ten.
func (u *Unit) settle() *Unit {
	n, ten := stripTens(u.factor.Num())
	d, less := stripTens(u.factor.Denom())
	u.num, u.den, u.ten = 0, 0, 0
	if n.IsInt64() && d.IsInt64() {
		u.num, u.den, u.ten = n.Int64(), d.Int64(), ten-less
	}
	return u
}

// stripTens gives x = rest × 10^n with a rest that ten does not divide.
func stripTens(x *big.Int) (rest *big.Int, n int) {
	ten, q, r := big.NewInt(10), new(big.Int), new(big.Int)
	rest = new(big.Int).Set(x)
	for rest.Sign() != 0 {
		if q.QuoRem(rest, ten, r); r.Sign() != 0 {
			break
		}
		rest.Set(q)
		n++
	}
	return rest, n
}

// times gives the unit with a factor: of a special unit it scales what is
// read (UCUM §22), 1 mCel is a thousandth of a degree's reading.
func (u *Unit) times(factor *big.Rat) *Unit {
	out := *u
	if u.scale != nil {
		out.scale = &scale{function: u.scale.function, alpha: new(big.Rat).Mul(u.scale.alpha, factor)}
		return &out
	}
	out.factor = new(big.Rat).Mul(u.factor, factor)
	return &out
}

// Code is the unit as it was written.
func (u *Unit) Code() string { return u.code }

// Dimensionless says that the unit is a pure number (1, %, 10*3, {beats} …).
func (u *Unit) Dimensionless() bool {
	return u.dim == [7]int8{} && len(u.arbitrary) == 0 && u.scale == nil
}

// Commensurable says whether values of a can be converted to b (UCUM §19).
func Commensurable(a, b *Unit) bool {
	return a.dim == b.dim && slices.Equal(a.arbitrary, b.arbitrary)
}

// multiply gives a·b^sign.
func multiply(a, b *Unit, sign int8) (*Unit, error) {
	if b.scale != nil && a.Dimensionless() && sign > 0 {
		a, b = b, a
	}
	if a.scale != nil && b.Dimensionless() {
		factor := b.factor
		if sign < 0 {
			factor = new(big.Rat).Inv(factor)
		}
		out := a.times(factor)
		return out, bounded(out.scale.alpha)
	}
	if a.scale != nil || b.scale != nil {
		return nil, fault.New(fault.Invalid, "ucum.special", "a unit on a scale with an offset or logarithm can be multiplied with numbers alone")
	}
	out := &Unit{factor: new(big.Rat), arbitrary: slices.Clone(a.arbitrary)}
	if sign > 0 {
		out.factor.Mul(a.factor, b.factor)
	} else {
		out.factor.Quo(a.factor, b.factor)
	}
	for i := range a.dim {
		sum := int(a.dim[i]) + int(sign)*int(b.dim[i])
		if sum > 99 || sum < -99 {
			return nil, tooLarge()
		}
		out.dim[i] = int8(sum)
	}
	for _, p := range b.arbitrary {
		if err := out.addArbitrary(p.code, int(sign)*int(p.exp)); err != nil {
			return nil, err
		}
	}
	return out, bounded(out.factor)
}

func (u *Unit) addArbitrary(code string, exp int) error {
	i, found := slices.BinarySearchFunc(u.arbitrary, code, func(p power, c string) int {
		if p.code < c {
			return -1
		} else if p.code > c {
			return 1
		}
		return 0
	})
	if !found {
		u.arbitrary = slices.Insert(u.arbitrary, i, power{code, 0})
	}
	sum := int(u.arbitrary[i].exp) + exp
	if sum > 99 || sum < -99 {
		return tooLarge()
	}
	u.arbitrary[i].exp = int8(sum)
	if sum == 0 {
		u.arbitrary = slices.Delete(u.arbitrary, i, i+1)
	}
	return nil
}

// raise gives u^exp.
func raise(u *Unit, exp int) (*Unit, error) {
	if u.scale != nil && exp == 1 {
		return u, nil
	}
	if u.scale != nil {
		return nil, fault.New(fault.Invalid, "ucum.special", "a unit on a scale with an offset or logarithm cannot have an exponent")
	}
	n := exp
	if n < 0 {
		n = -n
	}
	if n > 99 || max(u.factor.Num().BitLen(), u.factor.Denom().BitLen())*n > 2*maxBits {
		return nil, tooLarge()
	}
	out := &Unit{}
	e := big.NewInt(int64(n))
	num := new(big.Int).Exp(u.factor.Num(), e, nil)
	den := new(big.Int).Exp(u.factor.Denom(), e, nil)
	if exp < 0 {
		num, den = den, num
	}
	out.factor = new(big.Rat).SetFrac(num, den)
	for i := range u.dim {
		p := int(u.dim[i]) * exp
		if p > 99 || p < -99 {
			return nil, tooLarge()
		}
		out.dim[i] = int8(p)
	}
	for _, p := range u.arbitrary {
		if err := out.addArbitrary(p.code, int(p.exp)*exp); err != nil {
			return nil, err
		}
	}
	return out, bounded(out.factor)
}

// maxBits bounds a factor, so that hostile text costs little.
const maxBits = 2048

func bounded(x *big.Rat) error {
	if x.Num().BitLen() > maxBits || x.Denom().BitLen() > maxBits {
		return tooLarge()
	}
	return nil
}

func tooLarge() error {
	return fault.New(fault.Invalid, "ucum.too-large", "the unit is longer or larger than any real one")
}
