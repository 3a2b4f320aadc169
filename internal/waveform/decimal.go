package waveform

import "thalamus/internal/model"

// normal gives a number without trailing zeros, so that equal numbers are
// equal structs.
func normal(d model.Decimal) model.Decimal {
	if d.Coef == 0 {
		return model.Decimal{}
	}
	for d.Coef%10 == 0 && d.Exp < 127 {
		d.Coef /= 10
		d.Exp++
	}
	return d
}

// mostTens is the most powers of ten that scales of one signal lie apart.
const mostTens = 9

// tens gives k with a = b × 10^k; false where there is none, or too large a one.
func tens(a, b model.Decimal) (k int, ok bool) {
	a, b = normal(a), normal(b)
	if a.Coef != b.Coef || a.Coef == 0 {
		return 0, a == b
	}
	k = int(a.Exp) - int(b.Exp)
	return k, k <= mostTens && k >= -mostTens
}

// power is 10^k for k from 0 to mostTens.
func power(k int) int64 {
	p := int64(1)
	for range k {
		p *= 10
	}
	return p
}

const largest = 1<<31 - 1

// fits says whether n steps are still a sample.
func fits(n int64) bool { return n >= -largest && n <= largest }

// Value is what a sample of a signal means: origin + sample × scale, exactly;
// false where 18 digits do not hold it.
func Value(origin, scale model.Decimal, sample int32) (model.Decimal, bool) {
	if most := int64(1) << 30; scale.Coef > most || scale.Coef < -most {
		return model.Decimal{}, false
	}
	v := model.Decimal{Coef: int64(sample) * scale.Coef, Exp: scale.Exp}
	if origin.Coef == 0 {
		return v, true
	}
	for v.Exp > origin.Exp && v.Coef < 1e17 && v.Coef > -1e17 {
		v.Coef, v.Exp = v.Coef*10, v.Exp-1
	}
	for origin.Exp > v.Exp && origin.Coef < 1e17 && origin.Coef > -1e17 {
		origin.Coef, origin.Exp = origin.Coef*10, origin.Exp-1
	}
	v.Coef += origin.Coef
	return v, v.Exp == origin.Exp
}
