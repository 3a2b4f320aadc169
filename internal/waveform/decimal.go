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
