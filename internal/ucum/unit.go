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

// affine is a scale with an offset: base = (x·scale + before)·factor + after.
type affine struct{ before, after, scale *big.Rat }

// Unit is a parsed unit. It is immutable and may be shared.
type Unit struct {
	code      string
	factor    *big.Rat // to base units, never changed
	dim       [7]int8
	arbitrary []power // sorted by code
	affine    *affine // Cel, [degF], [degRe]
	own       string  // a scale that converts only to itself: pH, bel, …
	num, den  int64   // factor, where it fits; den is 0 where it does not
}

// settle fills num and den.
func (u *Unit) settle() *Unit {
	if n, d := u.factor.Num(), u.factor.Denom(); n.IsInt64() && d.IsInt64() {
		u.num, u.den = n.Int64(), d.Int64()
	}
	return u
}

// alike says quickly that two units have the same factor; false may also
// mean that it takes longer to know.
func alike(a, b *Unit) bool {
	return a.den != 0 && a.num == b.num && a.den == b.den // both are in lowest terms
}

// Code is the unit as it was written.
func (u *Unit) Code() string { return u.code }

// Dimensionless says that the unit is a pure number (1, %, 10*3, {beats} …).
func (u *Unit) Dimensionless() bool {
	return u.dim == [7]int8{} && len(u.arbitrary) == 0 && u.own == ""
}

// Commensurable says whether values of a can be converted to b (UCUM §19).
func Commensurable(a, b *Unit) bool {
	return a.dim == b.dim && a.own == b.own && slices.Equal(a.arbitrary, b.arbitrary)
}

// multiply gives a·b^sign.
func multiply(a, b *Unit, sign int8) (*Unit, error) {
	if a.affine != nil || b.affine != nil || a.own != "" || b.own != "" {
		return nil, fault.New(fault.Invalid, "ucum.special", "a unit on a scale with an offset or logarithm cannot be multiplied or divided")
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
	return out, bounded(out)
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
	if u.affine != nil || u.own != "" {
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
	return out, bounded(out)
}

// maxBits bounds a factor, so that hostile text costs little.
const maxBits = 2048

func bounded(u *Unit) error {
	if u.factor.Num().BitLen() > maxBits || u.factor.Denom().BitLen() > maxBits {
		return tooLarge()
	}
	return nil
}

func tooLarge() error {
	return fault.New(fault.Invalid, "ucum.too-large", "the unit is longer or larger than any real one")
}
