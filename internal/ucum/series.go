package ucum

import "math/big"

// The functions of logarithmic and trigonometric units, by their series, with
// 320 bits: about 96 digits, of which a result keeps 15.

const bits320 = 320

func real320() *big.Float { return new(big.Float).SetPrec(bits320) }

func rational(x *big.Float) *big.Rat {
	r, _ := x.Rat(nil)
	return r
}

// small says that a term no longer counts beside a sum of about one.
func small(term *big.Float) bool {
	return term.Sign() == 0 || term.MantExp(nil) < -bits320-8
}

// ln of a positive number: x = m·2^e with m in [3/4, 3/2), ln x = e·ln 2 +
// 2·artanh((m-1)/(m+1)). The argument of artanh is exact until it is rounded
// once, so that numbers near one lose nothing.
func ln(x *big.Rat) *big.Float {
	e := x.Num().BitLen() - x.Denom().BitLen()
	m := new(big.Rat).Set(x)
	scaleBy(m, -e)
	for m.Cmp(big.NewRat(3, 2)) >= 0 {
		scaleBy(m, -1)
		e++
	}
	for m.Cmp(big.NewRat(3, 4)) < 0 {
		scaleBy(m, 1)
		e--
	}
	sum := artanh2(m)
	if e != 0 {
		two := artanh2(big.NewRat(4, 3)) // ln 2 = 2·ln(4/3) + ln(9/8)
		two.Add(two, two)
		two.Add(two, artanh2(big.NewRat(9, 8)))
		sum.Add(sum, two.Mul(two, real320().SetInt64(int64(e))))
	}
	return sum
}

// artanh2 is 2·artanh((m-1)/(m+1)), that is ln m, for m near one.
func artanh2(m *big.Rat) *big.Float {
	z := new(big.Rat).Sub(m, big.NewRat(1, 1))
	z.Quo(z, new(big.Rat).Add(m, big.NewRat(1, 1)))
	first := real320().SetRat(z)
	square := real320().Mul(first, first)
	power, sum := real320().SetInt64(1), real320().SetInt64(1)
	for n := int64(3); ; n += 2 {
		power.Mul(power, square)
		term := real320().Quo(power, real320().SetInt64(n))
		if small(term) {
			break
		}
		sum.Add(sum, term)
	}
	sum.Mul(sum, first)
	return sum.Add(sum, sum)
}

// scaleBy multiplies with 2^n.
func scaleBy(x *big.Rat, n int) {
	p := new(big.Int).Lsh(big.NewInt(1), uint(abs(n)))
	if n < 0 {
		x.SetFrac(x.Num(), p.Mul(p, x.Denom()))
	} else {
		x.SetFrac(p.Mul(p, x.Num()), x.Denom())
	}
}

// exp of a number of at most some thousands: its series at x/2^k, squared k
// times. Each squaring costs a bit, so the series has some to spare.
func exp(x *big.Float) *big.Float {
	const k, spare = 20, 64
	r := new(big.Float).SetPrec(bits320+spare).SetMantExp(x, -k)
	term, sum := new(big.Float).SetPrec(bits320+spare).SetInt64(1), new(big.Float).SetPrec(bits320+spare).SetInt64(1)
	for n := int64(1); ; n++ {
		term.Mul(term, r)
		term.Quo(term, real320().SetInt64(n))
		if term.Sign() == 0 || term.MantExp(nil) < -bits320-spare {
			break
		}
		sum.Add(sum, term)
	}
	for range k {
		sum.Mul(sum, sum)
	}
	return real320().Set(sum)
}

// atan by halving the angle until the series is short.
func atan(x *big.Rat) *big.Float {
	if x.Sign() == 0 {
		return real320()
	}
	const halvings = 8
	one := real320().SetInt64(1)
	t := real320().SetRat(x)
	for range halvings { // atan t = 2·atan(t / (1 + √(1+t²)))
		root := real320().Mul(t, t)
		root.Sqrt(root.Add(root, one))
		t.Quo(t, root.Add(root, one))
	}
	square := real320().Mul(t, t)
	square.Neg(square)
	power, sum := real320().SetInt64(1), real320().SetInt64(1)
	for n := int64(3); ; n += 2 {
		power.Mul(power, square)
		term := real320().Quo(power, real320().SetInt64(n))
		if small(term) {
			break
		}
		sum.Add(sum, term)
	}
	sum.Mul(sum, t)
	return sum.SetMantExp(sum, halvings)
}

// tan of an angle in radian between -π/2 and π/2; ok is false outside, and
// where the tangent is beyond what a model.Decimal holds.
func tan(angle *big.Rat) (t *big.Rat, ok bool) {
	if new(big.Rat).Abs(angle).Cmp(big.NewRat(1571, 1000)) > 0 {
		return nil, false
	}
	x := real320().SetRat(angle)
	square := real320().Mul(x, x)
	square.Neg(square)
	term, sin, cos := real320().SetInt64(1), real320(), real320()
	for n := int64(0); !small(term); n += 2 {
		cos.Add(cos, term)
		odd := real320().Quo(term, real320().SetInt64(n+1))
		sin.Add(sin, odd)
		term.Mul(odd, square)
		term.Quo(term, real320().SetInt64(n+2))
	}
	sin.Mul(sin, x)
	// Nearer to a right angle than 2^-128 is a right angle.
	if cos.Sign() <= 0 || cos.MantExp(nil) < -128 {
		return nil, false
	}
	return rational(sin.Quo(sin, cos)), true
}
