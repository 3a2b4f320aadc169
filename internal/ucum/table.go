package ucum

import (
	_ "embed"
	"fmt"
	"math/big"
	"strings"
)

//go:embed prefixes.tsv
var prefixText string

//go:embed units.tsv
var unitText string

// tables holds all that the parser looks up. It is built once and then only read.
type tables struct {
	prefixes, upperPrefixes map[string]*prefix
	atoms, upperAtoms       map[string]*atom
	codes                   []string // of the atoms, as in the table
	broken                  []string // rows that cannot be read: none, a test sees to that
}

// prefix is a row of prefixes.tsv.
type prefix struct {
	code, name string
	value      *big.Rat
}

// atom is a row of units.tsv.
type atom struct {
	code, upper            string
	kind                   string // base metric plain arbitrary special
	metric                 bool   // takes prefixes
	value, of              string // one unit is value × of
	function               string // of a special unit
	name, symbol, property string
	wanted                 bool // resolve has begun
	unit                   *Unit
}

var loaded = load()

// load reads the tables. Their correctness is a matter of the tests: a row
// that cannot be read is left out, and TestTablesAreWhole says so.
func load() *tables {
	t := &tables{prefixes: map[string]*prefix{}, upperPrefixes: map[string]*prefix{}, atoms: map[string]*atom{}, upperAtoms: map[string]*atom{}}
	for f := range lines(prefixText) {
		if len(f) != 4 {
			t.broken = append(t.broken, f[0])
			continue
		}
		v, ok := new(big.Rat).SetString(f[2])
		if !ok {
			t.broken = append(t.broken, f[0])
			continue
		}
		p := &prefix{code: f[0], value: v, name: f[3]}
		t.prefixes[f[0]], t.upperPrefixes[f[1]] = p, p
	}
	for f := range lines(unitText) {
		if len(f) != 9 {
			t.broken = append(t.broken, f[0])
			continue
		}
		kind, metric := strings.CutSuffix(f[2], "-metric")
		a := &atom{code: f[0], upper: f[1], kind: kind, metric: metric || kind == "metric" || kind == "base",
			value: f[3], of: f[4], function: f[5], name: f[6], symbol: f[7], property: f[8]}
		t.atoms[a.code] = a
		if t.upperAtoms[a.upper] == nil {
			t.upperAtoms[a.upper] = a
		}
		t.codes = append(t.codes, a.code)
	}
	for _, code := range t.codes {
		a := t.atoms[code]
		if err := t.resolve(a); err != nil {
			t.broken = append(t.broken, err.Error())
			delete(t.atoms, code)
			delete(t.upperAtoms, a.upper)
		}
	}
	return t
}

// lines gives the fields of each row of a table that is no comment.
func lines(text string) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\r\n")
			if line == "" || strings.HasPrefix(line, "# ") {
				continue
			}
			if !yield(strings.Split(line, "\t")) {
				return
			}
		}
	}
}

// resolve finds the unit of a row, after those it rests on.
func (t *tables) resolve(a *atom) error {
	if a.unit != nil {
		return nil
	}
	if a.wanted {
		return fmt.Errorf("unit %q rests on itself", a.code)
	}
	a.wanted = true
	u := &Unit{code: a.code, factor: big.NewRat(1, 1)}
	switch a.kind {
	case "base":
		for i, b := range bases {
			if b == a.code {
				u.dim[i] = 1
			}
		}
	case "arbitrary":
		u.arbitrary = []power{{a.code, 1}}
	default:
		p := parser{t: t, text: a.of}
		tree, err := p.main()
		if err != nil {
			return fmt.Errorf("unit %q: %w", a.code, err)
		}
		if err := t.resolveAll(tree); err != nil {
			return err
		}
		v, err := tree.value()
		if err != nil {
			return fmt.Errorf("unit %q: %w", a.code, err)
		}
		f, ok := new(big.Rat).SetString(a.value)
		if !ok {
			return fmt.Errorf("unit %q: cannot read %q", a.code, a.value)
		}
		u.factor, u.dim, u.arbitrary = f.Mul(f, v.factor), v.dim, v.arbitrary
		if a.kind == "special" {
			fn, ok := functions[a.function]
			if !ok {
				return fmt.Errorf("unit %q: no function %q", a.code, a.function)
			}
			u.scale = &scale{function: fn, alpha: big.NewRat(1, 1)}
		}
	}
	a.unit = u.settle()
	return nil
}

func (t *tables) resolveAll(tree *term) error {
	for i := range tree.parts {
		c := &tree.parts[i]
		if c.atom != nil {
			if err := t.resolve(c.atom); err != nil {
				return err
			}
		}
		if c.group != nil {
			if err := t.resolveAll(c.group); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tables) find(code string, upper bool) *atom {
	if upper {
		return t.upperAtoms[code]
	}
	return t.atoms[code]
}

func (t *tables) prefix(code string, upper bool) *prefix {
	if upper {
		return t.upperPrefixes[code]
	}
	return t.prefixes[code]
}
