package ucum

import (
	"math/big"
	"strconv"
	"strings"

	"thalamus/internal/fault"
)

// Explanation says what a unit's text means.
type Explanation struct {
	Code      string  `json:"code"`                // case sensitive
	Name      string  `json:"name"`                // "(milligram) / (deciliter)"
	Symbol    string  `json:"symbol,omitempty"`    // as printed, where the unit has one of its own
	Property  string  `json:"property,omitempty"`  // what is measured, where UCUM says it
	Dimension string  `json:"dimension,omitempty"` // "mass·length⁻³"; empty for a plain number
	Base      string  `json:"base"`                // in base units: "10 g.m-3"
	Scale     string  `json:"scale,omitempty"`     // of a special unit: what x of it are
	Arbitrary bool    `json:"arbitrary,omitempty"` // commensurable with itself only
	Parts     []Piece `json:"parts"`               // what the text is made of
}

// Piece is one unit of a text.
type Piece struct {
	Text       string `json:"text"`
	Name       string `json:"name"`
	Property   string `json:"property,omitempty"`
	Definition string `json:"definition,omitempty"` // "1 N/m2"; empty for a base or arbitrary unit
}

// dimensions in the order of Unit.dim.
var dimensions = [7]string{"length", "time", "mass", "angle", "temperature", "charge", "luminous intensity"}

// Name gives the display name of a unit: "(milligram) / (deciliter)"; of an
// empty text "(unity)". Errors are those of Parse.
func Name(code string) (string, error) {
	if code == "" {
		return "(unity)", nil
	}
	t, err := syntax(code, false)
	if err != nil {
		return "", err
	}
	return t.name(), nil
}

func (t *term) name() string {
	var b strings.Builder
	if t.over {
		b.WriteString("1")
	}
	for i := range t.parts {
		c := &t.parts[i]
		switch {
		case c.divide:
			b.WriteString(" / ")
		case i > 0:
			b.WriteString(" * ")
		}
		b.WriteString(c.name())
		b.WriteString(c.annotation)
	}
	return b.String()
}

func (c *part) name() string {
	switch {
	case c.group != nil:
		return "(" + c.group.name() + ")"
	case c.number != nil:
		return c.number.String()
	case c.atom == nil:
		return ""
	case c.raised:
		return "(" + c.plainName() + " ^ " + strconv.Itoa(c.exponent) + ")"
	}
	return "(" + c.plainName() + ")"
}

// plainName is "millimeter".
func (c *part) plainName() string {
	if c.prefix != nil {
		return c.prefix.name + c.atom.name
	}
	return c.atom.name
}

// Explain says what a unit's text means. Errors are those of Parse.
func Explain(code string) (Explanation, error) {
	t, err := syntax(code, false)
	if err != nil {
		return Explanation{}, err
	}
	u, err := Parse(code)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Code: code, Name: t.name(), Dimension: u.dimension(), Base: u.base(), Arbitrary: len(u.arbitrary) > 0, Parts: t.pieces(nil)}
	if u.scale != nil {
		e.Scale = u.scale.text(u.base())
	}
	if len(t.parts) == 1 && !t.over && t.parts[0].atom != nil && !t.parts[0].raised {
		a := t.parts[0].atom
		e.Property = a.property
		if e.Symbol = a.symbol; e.Symbol != "" && t.parts[0].prefix != nil {
			e.Symbol = t.parts[0].prefix.code + a.symbol
		}
	}
	return e, nil
}

func (t *term) pieces(to []Piece) []Piece {
	for i := range t.parts {
		c := &t.parts[i]
		switch {
		case c.group != nil:
			to = c.group.pieces(to)
		case c.number != nil:
			to = append(to, Piece{Text: c.number.String() + c.annotation, Name: "the number " + c.number.String()})
		case c.atom == nil:
			to = append(to, Piece{Text: c.annotation, Name: "annotation: counts as 1"})
		default:
			p := Piece{Text: string(c.append(nil)) + c.annotation, Name: c.plainName(), Property: c.atom.property}
			switch c.atom.kind {
			case "metric", "plain":
				p.Definition = c.atom.value + " " + c.atom.of
			case "special":
				p.Definition = functions[c.atom.function].text + " of " + c.atom.value + " " + c.atom.of
			}
			to = append(to, p)
		}
	}
	return to
}

func (s *scale) text(base string) string {
	x := "x"
	if s.alpha.Cmp(big.NewRat(1, 1)) != 0 {
		x = "(" + plain(s.alpha) + "·x)"
	}
	return "x of it are (" + strings.ReplaceAll(s.function.text, "x", x) + ") × " + base
}

func (u *Unit) dimension() string {
	var parts []string
	for i, n := range u.dim {
		if n != 0 {
			parts = append(parts, dimensions[i]+raisedText(int(n)))
		}
	}
	for _, p := range u.arbitrary {
		parts = append(parts, p.code+raisedText(int(p.exp)))
	}
	return strings.Join(parts, "·")
}

var raisedDigits = strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹")

func raisedText(n int) string {
	if n == 1 {
		return ""
	}
	return raisedDigits.Replace(strconv.Itoa(n))
}

// base is one of the unit in base units, "1000 g.m-1.s-2"; of a special unit
// it is what its function counts in.
func (u *Unit) base() string {
	b := []byte(plain(u.factor))
	sep := byte(' ')
	write := func(code string, n int8) {
		b = append(append(b, sep), code...)
		if sep = '.'; n != 1 {
			b = strconv.AppendInt(b, int64(n), 10)
		}
	}
	for i, n := range u.dim {
		if n != 0 {
			write(bases[i], n)
		}
	}
	for _, p := range u.arbitrary {
		write(p.code, p.exp)
	}
	return string(b)
}

// plain writes a rational number as a decimal where it has one of at most 40
// digits, as a fraction where that is short, else rounded.
func plain(x *big.Rat) string {
	if n, finite := finitePlaces(x.Denom()); finite && n <= 40 && len(x.Num().String()) <= 40 {
		digits, tens := stripTens(new(big.Int).Quo(new(big.Int).Mul(x.Num(), tenTo(n).Num()), x.Denom()))
		if tens-n > 6 || tens-n < -12 {
			return digits.String() + "E" + strconv.Itoa(tens-n)
		}
		return x.FloatString(n)
	}
	if text := x.String(); len(text) <= 40 {
		return text
	}
	d, _, ok := decimalOf(x, 1)
	if !ok {
		return "about " + new(big.Float).SetRat(x).Text('g', 15)
	}
	return "about " + d.String()
}

// Suggest gives the unit somebody may have meant who wrote what is none: a
// spelling we know, the case insensitive form, or a code with a letter or two
// wrong. Empty when nothing is near.
func Suggest(text string) string {
	if u, ok := Spelled(text); ok {
		return u.code
	}
	if u, err := ParseInsensitive(text); err == nil {
		return u.code
	}
	if !strings.ContainsFunc(text, func(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' }) {
		return ""
	}
	return fault.Nearest(text, loaded.codes)
}
