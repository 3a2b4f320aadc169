package ucum

import (
	"math/big"

	"thalamus/internal/fault"
)

// maxLength bounds a unit's text, in bytes.
const maxLength = 255

// Parse reads a unit in the case sensitive form (UCUM §§4–11). Errors are
// fault.Invalid with code ucum.syntax, ucum.unknown-unit, ucum.special or
// ucum.too-large; their text names the byte and never more than the code.
func Parse(code string) (*Unit, error) {
	if len(code) > maxLength {
		return nil, tooLarge()
	}
	if u, ok := loaded.atoms[code]; ok {
		return u, nil
	}
	if u, ok := spelled.codes[code]; ok {
		return u, nil
	}
	return parse(code)
}

func parse(code string) (*Unit, error) {
	p := parser{t: loaded, text: code}
	u, err := p.main()
	if err != nil {
		return nil, err
	}
	named := *u
	named.code = code
	return named.settle(), nil
}

type parser struct {
	t     *tables
	text  string
	at    int
	depth int // of definitions resting on one another, while the table is built
	open  int // parentheses
}

func (p *parser) wrong(what string) error {
	return fault.New(fault.Invalid, "ucum.syntax", "not a UCUM unit: %s at byte %d", what, p.at)
}

func (p *parser) more() bool { return p.at < len(p.text) }

// main is term | "/" term.
func (p *parser) main() (*Unit, error) {
	var left *Unit
	if p.more() && p.text[p.at] == '/' {
		left = one()
	}
	u, err := p.term(left)
	if err != nil {
		return nil, err
	}
	if p.more() {
		return nil, p.wrong("unexpected character")
	}
	return u, nil
}

func one() *Unit { return &Unit{factor: big.NewRat(1, 1)} }

// term is component (("." | "/") component)*; left, when given, is what a
// leading "/" divides.
func (p *parser) term(left *Unit) (*Unit, error) {
	var err error
	if left == nil {
		if left, err = p.component(); err != nil {
			return nil, err
		}
	}
	for p.more() {
		sign := int8(1)
		switch p.text[p.at] {
		case '.':
		case '/':
			sign = -1
		default:
			return left, nil
		}
		p.at++
		right, err := p.component()
		if err != nil {
			return nil, err
		}
		if left, err = multiply(left, right, sign); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// component is "(" term ")" | annotation | factor | unit [exponent] [annotation].
func (p *parser) component() (*Unit, error) {
	if !p.more() {
		return nil, p.wrong("a unit is missing")
	}
	switch c := p.text[p.at]; {
	case c == '(':
		if p.open++; p.open > 16 {
			return nil, tooLarge()
		}
		p.at++
		u, err := p.term(nil)
		if err != nil {
			return nil, err
		}
		if !p.more() || p.text[p.at] != ')' {
			return nil, p.wrong(`")" is missing`)
		}
		p.at++
		p.open--
		return u, p.annotation()
	case c == '{':
		return one(), p.annotation()
	case digit(c) && !p.tenPower():
		return p.factor()
	}
	u, err := p.simple()
	if err != nil {
		return nil, err
	}
	if u, err = p.exponent(u); err != nil {
		return nil, err
	}
	return u, p.annotation()
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// tenPower: 10* and 10^ are units that begin with digits.
func (p *parser) tenPower() bool {
	rest := p.text[p.at:]
	return len(rest) > 2 && rest[:2] == "10" && (rest[2] == '*' || rest[2] == '^')
}

func (p *parser) factor() (*Unit, error) {
	start := p.at
	for p.more() && digit(p.text[p.at]) {
		p.at++
	}
	if p.at-start > 18 {
		return nil, tooLarge()
	}
	n, ok := new(big.Rat).SetString(p.text[start:p.at])
	if !ok || n.Sign() == 0 {
		return nil, p.wrong("a factor of zero")
	}
	return &Unit{factor: n}, p.annotation()
}

// annotation skips {…}; the text is visible ASCII without braces (UCUM §6).
func (p *parser) annotation() error {
	if !p.more() || p.text[p.at] != '{' {
		return nil
	}
	for p.at++; p.more(); p.at++ {
		switch c := p.text[p.at]; {
		case c == '}':
			p.at++
			return nil
		case c == '{' || c < ' ' || c > '~':
			return p.wrong("a character that an annotation cannot hold")
		}
	}
	return p.wrong(`"}" is missing`)
}

// simple is atom | prefix atom.
func (p *parser) simple() (*Unit, error) {
	start := p.at
	if p.tenPower() {
		p.at += 3
		return p.t.atom(p.text[start:p.at], p.depth)
	}
scan:
	for p.more() {
		switch c := p.text[p.at]; {
		case c == '[':
			for p.more() && p.text[p.at] != ']' {
				p.at++
			}
			if !p.more() {
				return nil, p.wrong(`"]" is missing`)
			}
		case c <= ' ' || c > '~' || digit(c) || c == '.' || c == '/' || c == '+' || c == '-' ||
			c == '(' || c == ')' || c == '{' || c == '}' || c == ']' || c == '=' || c == '"':
			break scan
		}
		p.at++
	}
	code := p.text[start:p.at]
	if code == "" {
		return nil, p.wrong("a unit is missing")
	}
	if _, ok := p.t.rows[code]; ok {
		return p.t.atom(code, p.depth)
	}
	for _, n := range [2]int{2, 1} {
		if len(code) <= n {
			continue
		}
		factor, ok := p.t.prefixes[code[:n]]
		if !ok || !p.t.metric(code[n:]) {
			continue
		}
		u, err := p.t.atom(code[n:], p.depth)
		if err != nil {
			return nil, err
		}
		return prefixed(u, factor), nil
	}
	return nil, fault.New(fault.Invalid, "ucum.unknown-unit", "no unit of UCUM at byte %d", start)
}

func prefixed(u *Unit, factor *big.Rat) *Unit {
	out := *u
	if u.affine != nil {
		out.affine = &affine{before: u.affine.before, after: u.affine.after, scale: factor}
		return &out
	}
	out.factor = new(big.Rat).Mul(u.factor, factor)
	return &out
}

// exponent is ["+" | "-"] digits, directly behind a unit.
func (p *parser) exponent(u *Unit) (*Unit, error) {
	if !p.more() {
		return u, nil
	}
	sign, c := 1, p.text[p.at]
	if c == '-' || c == '+' {
		if c == '-' {
			sign = -1
		}
		p.at++
		if !p.more() || !digit(p.text[p.at]) {
			return nil, p.wrong("an exponent is missing")
		}
	} else if !digit(c) {
		return u, nil
	}
	n := 0
	for p.more() && digit(p.text[p.at]) {
		if n = n*10 + int(p.text[p.at]-'0'); n > 999 {
			return nil, tooLarge()
		}
		p.at++
	}
	return raise(u, sign*n)
}
