package model

import (
	"cmp"
	"errors"
	"math"
	"strconv"
	"strings"
)

// Decimal is an exact decimal number Coef × 10^Exp that keeps its significant
// digits: "37.0" is {370, -1} and prints as "37.0" again (R14). The zero value
// is 0.
type Decimal struct {
	Coef int64
	Exp  int8
}

// ErrDecimal says that a text is not a decimal number of at most 18
// significant digits.
var ErrDecimal = errors.New("not a decimal number of at most 18 significant digits")

// ParseDecimal reads [+-]digits[.digits][(e|E)[+-]digits]; a leading or
// trailing bare point is accepted as senders write ".5" and "5.".
// It allocates nothing.
func ParseDecimal(s string) (Decimal, error) {
	var d Decimal
	i, neg := 0, false
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		neg = s[i] == '-'
		i++
	}
	digits, sig, exp, point := 0, 0, 0, false
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		digits++
		if sig > 0 || c != '0' {
			sig++
		}
		if sig > 18 {
			return Decimal{}, ErrDecimal
		}
		d.Coef = d.Coef*10 + int64(c-'0')
		if point {
			exp--
		}
	}
	if digits == 0 {
		return Decimal{}, ErrDecimal
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		n, err := strconv.Atoi(strings.TrimPrefix(s[i+1:], "+"))
		if err != nil || n > 1000 || n < -1000 {
			return Decimal{}, ErrDecimal
		}
		exp, i = exp+n, len(s)
	}
	if i != len(s) || exp < math.MinInt8 || exp > math.MaxInt8 {
		return Decimal{}, ErrDecimal
	}
	if neg {
		d.Coef = -d.Coef
	}
	d.Exp = int8(exp)
	return d, nil
}

// String prints the number with all its significant digits, without an
// exponent where that takes at most 24 characters.
func (d Decimal) String() string { return string(d.Append(nil)) }

// Append adds the text of d to b. The text is a valid JSON number.
func (d Decimal) Append(b []byte) []byte {
	if d.Exp == 0 {
		return strconv.AppendInt(b, d.Coef, 10)
	}
	var buf [24]byte
	digits := strconv.AppendInt(buf[:0], d.Coef, 10)
	if digits[0] == '-' {
		b = append(b, '-')
		digits = digits[1:]
	}
	exp := int(d.Exp)
	switch {
	case exp > 0 && (len(digits)+exp > 22 || d.Coef != 0):
		// Trailing zeros would claim digits that were not sent.
		b = append(b, digits...)
		b = append(b, 'E')
		return strconv.AppendInt(b, int64(exp), 10)
	case exp > 0:
		return append(b, '0')
	case -exp < len(digits):
		b = append(b, digits[:len(digits)+exp]...)
		b = append(b, '.')
		return append(b, digits[len(digits)+exp:]...)
	case -exp > 22:
		b = append(b, digits...)
		b = append(b, 'E')
		return strconv.AppendInt(b, int64(exp), 10)
	}
	b = append(b, '0', '.')
	for range -exp - len(digits) {
		b = append(b, '0')
	}
	return append(b, digits...)
}

// Compare gives -1, 0 or 1 as d is less than, equal to or greater than e,
// exactly; 37.0 equals 37.
func (d Decimal) Compare(e Decimal) int {
	if d.Exp < e.Exp {
		return -e.Compare(d)
	}
	// Bring d down to the lesser exponent while it has room.
	for ; d.Exp > e.Exp && d.Coef != 0; d.Exp-- {
		if d.Coef > math.MaxInt64/10 {
			return 1
		}
		if d.Coef < math.MinInt64/10 {
			return -1
		}
		d.Coef *= 10
	}
	return cmp.Compare(d.Coef, e.Coef)
}

// Float64 gives the nearest float, for drawing and statistics only.
func (d Decimal) Float64() float64 {
	if d.Exp == 0 {
		return float64(d.Coef)
	}
	f, _ := strconv.ParseFloat(d.String(), 64)
	return f
}

// MarshalJSON writes a JSON number with all significant digits.
func (d Decimal) MarshalJSON() ([]byte, error) { return d.Append(nil), nil }

// UnmarshalJSON reads a JSON number without going through float64.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	v, err := ParseDecimal(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}
