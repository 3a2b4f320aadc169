package model

import (
	"math/big"
	"strconv"
)

// DecimalOf is a rational number as a decimal; exact says that it is one of at
// most 18 digits. What is none is rounded to 15 significant digits, and what is
// beyond all decimals is 0.
func DecimalOf(r *big.Rat) (d Decimal, exact bool) {
	for digits := range 19 {
		text := r.FloatString(digits)
		if back, ok := new(big.Rat).SetString(text); ok && back.Cmp(r) == 0 {
			if d, err := ParseDecimal(text); err == nil {
				return d, true
			}
			break
		}
	}
	f, _ := r.Float64()
	d, _ = ParseDecimal(strconv.FormatFloat(f, 'e', 14, 64))
	return d, false
}
