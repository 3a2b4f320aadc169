package ucum

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"thalamus/internal/fault"
)

// maxLength bounds a unit's text, in bytes.
const maxLength = 255

// term is what a text says: parts multiplied and divided from left to right
// (UCUM §7). Over says that it begins with "/".
type term struct {
	over  bool
	parts []part
}

// part is one component of a term. Exactly one of number, atom and group is
// there, or none where it is only an annotation.
type part struct {
	at, end    int // bytes of the text
	divide     bool
	number     *big.Int
	prefix     *prefix
	atom       *atom
	group      *term
	exponent   int // of the atom; meaningful where raised
	raised     bool
	annotation string // with its braces
}

// offset is where in the text something is wrong.
type offset struct {
	what string
	at   int
}

func (o *offset) Error() string { return fmt.Sprintf("%s at byte %d", o.what, o.at) }

// Position gives the byte of the unit's text that an error of Parse is about.
func Position(err error) (int, bool) {
	var o *offset
	if errors.As(err, &o) {
		return o.at, true
	}
	return 0, false
}

// parser reads one text. Upper says that the text is in the case insensitive
// form; it was then turned to upper case, all but its annotations.
type parser struct {
	t     *tables
	text  string
	upper bool
	at    int
	open  int // parentheses
}

func (p *parser) wrong(what string) error {
	return fault.Wrap(&offset{what, p.at}, fault.Invalid, "ucum.syntax", "not a UCUM unit")
}

func (p *parser) more() bool { return p.at < len(p.text) }

// main is term | "/" term.
func (p *parser) main() (*term, error) {
	t, err := p.term(p.more() && p.text[p.at] == '/')
	if err != nil {
		return nil, err
	}
	if p.more() {
		return nil, p.wrong("unexpected character")
	}
	return t, nil
}

// term is component (("." | "/") component)*.
func (p *parser) term(over bool) (*term, error) {
	t := &term{over: over}
	if !over {
		c, err := p.component()
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, c)
	}
	for p.more() {
		divide := p.text[p.at] == '/'
		if !divide && p.text[p.at] != '.' {
			break
		}
		p.at++
		c, err := p.component()
		if err != nil {
			return nil, err
		}
		c.divide = divide
		t.parts = append(t.parts, c)
	}
	return t, nil
}

// component is "(" term ")" | annotation | factor | unit [exponent], each
// with an annotation behind it where there is one.
func (p *parser) component() (c part, err error) {
	c.at = p.at
	if !p.more() {
		return c, p.wrong("a unit is missing")
	}
	switch b := p.text[p.at]; {
	case b == '(':
		if p.open++; p.open > 16 {
			return c, tooLarge()
		}
		p.at++
		if c.group, err = p.term(false); err != nil {
			return c, err
		}
		if !p.more() || p.text[p.at] != ')' {
			return c, p.wrong(`")" is missing`)
		}
		p.at++
		p.open--
	case b == '{':
	case digit(b) && !p.tenPower():
		if c.number, err = p.factor(); err != nil {
			return c, err
		}
	default:
		if c.prefix, c.atom, err = p.simple(); err != nil {
			return c, err
		}
		if c.exponent, c.raised, err = p.exponent(); err != nil {
			return c, err
		}
	}
	c.annotation, err = p.annotation()
	c.end = p.at
	return c, err
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// tenPower: 10* and 10^ are units that begin with digits.
func (p *parser) tenPower() bool {
	rest := p.text[p.at:]
	return len(rest) > 2 && rest[:2] == "10" && (rest[2] == '*' || rest[2] == '^')
}

func (p *parser) factor() (*big.Int, error) {
	start := p.at
	for p.more() && digit(p.text[p.at]) {
		p.at++
	}
	if p.at-start > 18 {
		return nil, tooLarge()
	}
	n, ok := new(big.Int).SetString(p.text[start:p.at], 10)
	if !ok || n.Sign() == 0 {
		p.at = start
		return nil, p.wrong("a factor of zero")
	}
	return n, nil
}

// annotation reads {…}; the text is visible ASCII without braces (UCUM §6).
func (p *parser) annotation() (string, error) {
	if !p.more() || p.text[p.at] != '{' {
		return "", nil
	}
	start := p.at
	for p.at++; p.more(); p.at++ {
		switch c := p.text[p.at]; {
		case c == '}':
			p.at++
			return p.text[start:p.at], nil
		case c == '{' || c < ' ' || c > '~':
			return "", p.wrong("a character that an annotation cannot hold")
		}
	}
	return "", p.wrong(`"}" is missing`)
}

// simple is atom | prefix atom. The unit itself comes first: "cd" is a
// candela, never a hundredth of a day.
func (p *parser) simple() (*prefix, *atom, error) {
	start := p.at
	if p.tenPower() {
		p.at += 3
		return nil, p.t.find(p.text[start:p.at], p.upper), nil
	}
scan:
	for p.more() {
		switch c := p.text[p.at]; {
		case c == '[':
			for p.more() && p.text[p.at] != ']' {
				if p.text[p.at] <= ' ' || p.text[p.at] > '~' {
					return nil, nil, p.wrong("unexpected character")
				}
				p.at++
			}
			if !p.more() {
				return nil, nil, p.wrong(`"]" is missing`)
			}
		case c <= ' ' || c > '~' || digit(c) || strings.IndexByte(`./+-(){}]="`, c) >= 0:
			break scan
		}
		p.at++
	}
	code := p.text[start:p.at]
	if code == "" {
		return nil, nil, p.wrong("a unit is missing")
	}
	if a := p.t.find(code, p.upper); a != nil {
		return nil, a, nil
	}
	for n := min(3, len(code)-1); n > 0; n-- {
		f := p.t.prefix(code[:n], p.upper)
		if f == nil {
			continue
		}
		if a := p.t.find(code[n:], p.upper); a != nil && a.metric {
			return f, a, nil
		}
	}
	return nil, nil, fault.Wrap(&offset{"nothing of that code", start}, fault.Invalid, "ucum.unknown-unit", "no unit of UCUM")
}

// exponent is ["+" | "-"] digits, directly behind a unit.
func (p *parser) exponent() (n int, raised bool, err error) {
	if !p.more() {
		return 0, false, nil
	}
	sign, c := 1, p.text[p.at]
	if c == '-' || c == '+' {
		if c == '-' {
			sign = -1
		}
		p.at++
		if !p.more() || !digit(p.text[p.at]) {
			return 0, false, p.wrong("an exponent is missing")
		}
	} else if !digit(c) {
		return 0, false, nil
	}
	for p.more() && digit(p.text[p.at]) {
		if n = n*10 + int(p.text[p.at]-'0'); n > 999 {
			return 0, false, tooLarge()
		}
		p.at++
	}
	return sign * n, true, nil
}

// upperCase turns a text of the case insensitive form to upper case; what
// stands in braces stays.
func upperCase(text string) string {
	b := []byte(text)
	inside := false
	for i, c := range b {
		switch {
		case c == '{':
			inside = true
		case c == '}':
			inside = false
		case !inside && c >= 'a' && c <= 'z':
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
