package ucum

import (
	"math/big"
	"strconv"
	"strings"
)

// Parse reads a unit in the case sensitive form (UCUM §§4–11). Errors are
// fault.Invalid with code ucum.syntax, ucum.unknown-unit, ucum.special or
// ucum.too-large; their text names the byte (Position) and never the text.
func Parse(code string) (*Unit, error) {
	if a, ok := loaded.atoms[code]; ok {
		return a.unit, nil
	}
	if u, ok := spelled.codes[code]; ok {
		return u, nil
	}
	return parse(code)
}

// ParseInsensitive reads a unit in the case insensitive form, "MM[HG]"
// (UCUM §5). The code of the result is in the case sensitive form. Errors are
// those of Parse.
func ParseInsensitive(code string) (*Unit, error) {
	t, err := syntax(upperCase(code), true)
	if err != nil {
		return nil, err
	}
	return Parse(string(t.append(nil)))
}

func parse(code string) (*Unit, error) {
	t, err := syntax(code, false)
	if err != nil {
		return nil, err
	}
	u, err := t.value()
	if err != nil {
		return nil, err
	}
	named := *u
	named.code = code
	return named.settle(), nil
}

// syntax reads the text into a tree.
func syntax(code string, upper bool) (*term, error) {
	if len(code) > maxLength {
		return nil, tooLarge()
	}
	p := parser{t: loaded, text: code, upper: upper}
	return p.main()
}

func one() *Unit { return &Unit{factor: big.NewRat(1, 1)} }

// value is the unit that the tree stands for.
func (t *term) value() (*Unit, error) {
	left := one()
	for i := range t.parts {
		right, err := t.parts[i].value()
		if err != nil {
			return nil, err
		}
		if i == 0 && !t.over {
			left = right
			continue
		}
		sign := int8(1)
		if t.parts[i].divide {
			sign = -1
		}
		if left, err = multiply(left, right, sign); err != nil {
			return nil, err
		}
	}
	return left, nil
}

func (c *part) value() (*Unit, error) {
	switch {
	case c.group != nil:
		return c.group.value()
	case c.number != nil:
		return &Unit{factor: new(big.Rat).SetInt(c.number)}, nil
	case c.atom == nil:
		return one(), nil
	}
	u := c.atom.unit
	if c.prefix != nil {
		u = u.times(c.prefix.value)
	}
	if !c.raised {
		return u, nil
	}
	return raise(u, c.exponent)
}

// append writes the tree in the case sensitive form.
func (t *term) append(to []byte) []byte {
	for i := range t.parts {
		c := &t.parts[i]
		switch {
		case c.divide:
			to = append(to, '/')
		case i > 0:
			to = append(to, '.')
		}
		to = c.append(to)
		to = append(to, c.annotation...)
	}
	return to
}

func (c *part) append(to []byte) []byte {
	switch {
	case c.group != nil:
		return append(c.group.append(append(to, '(')), ')')
	case c.number != nil:
		return c.number.Append(to, 10)
	case c.atom == nil:
		return to
	}
	if c.prefix != nil {
		to = append(to, c.prefix.code...)
	}
	to = append(to, c.atom.code...)
	if c.raised {
		to = strconv.AppendInt(to, int64(c.exponent), 10)
	}
	return to
}

// Multiply gives a·b. Errors are those of Parse; units on a scale of their
// own (Cel, pH) can only be multiplied with numbers (UCUM §21).
func Multiply(a, b *Unit) (*Unit, error) { return combine(a, b, ".", 1) }

// Divide gives a/b; of two units that measure the same it is a number.
func Divide(a, b *Unit) (*Unit, error) { return combine(a, b, "/", -1) }

func combine(a, b *Unit, by string, sign int8) (*Unit, error) {
	u, err := multiply(a, b, sign)
	if err != nil {
		return nil, err
	}
	named := *u
	named.code = enclosed(a.code) + by + enclosed(b.code)
	return named.settle(), nil
}

// enclosed puts a code in parentheses where it would be read otherwise.
func enclosed(code string) string {
	if strings.ContainsAny(code, "./") && loaded.atoms[code] == nil {
		if code[0] == '/' {
			code = "1" + code
		}
		return "(" + code + ")"
	}
	return code
}
