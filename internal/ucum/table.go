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
	prefixes map[string]*big.Rat
	rows     map[string]row   // as written
	atoms    map[string]*Unit // resolved
}

type row struct{ kind, value, unit string }

var loaded = load()

// load reads the tables. Their correctness is a matter of the tests: a row
// that cannot be read is left out, and TestTablesAreWhole says so.
func load() *tables {
	t := &tables{prefixes: map[string]*big.Rat{}, rows: map[string]row{}, atoms: map[string]*Unit{}}
	for part := range lines(prefixText) {
		if r, ok := new(big.Rat).SetString(part[1]); ok {
			t.prefixes[part[0]] = r
		}
	}
	for part := range lines(unitText) {
		t.rows[part[0]] = row{part[1], part[2], part[3]}
	}
	for code := range t.rows {
		_, _ = t.atom(code, 0)
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

// maxDepth bounds how far definitions may rest on one another.
const maxDepth = 24

// atom resolves the unit of one row; depth guards against a circle.
func (t *tables) atom(code string, depth int) (*Unit, error) {
	if u, ok := t.atoms[code]; ok {
		return u, nil
	}
	r, ok := t.rows[code]
	if !ok || depth > maxDepth {
		return nil, fmt.Errorf("unit %q rests on itself or is not in the table", code)
	}
	u := &Unit{code: code, factor: big.NewRat(1, 1)}
	switch kind := strings.TrimSuffix(r.kind, "-metric"); kind {
	case "base":
		for i, b := range bases {
			if b == code {
				u.dim[i] = 1
			}
		}
	case "arbitrary":
		u.arbitrary = []power{{code, 1}}
	case "own":
		u.own = code
	default:
		p := parser{t: t, text: r.unit, depth: depth + 1}
		v, err := p.main()
		if err != nil {
			return nil, err
		}
		u.factor, u.dim, u.arbitrary = v.factor, v.dim, v.arbitrary
		if kind == "special" {
			before, after, _ := strings.Cut(r.value, " ")
			a := &affine{before: new(big.Rat), after: new(big.Rat), scale: big.NewRat(1, 1)}
			_, ok1 := a.before.SetString(before)
			_, ok2 := a.after.SetString(after)
			if !ok1 || !ok2 {
				return nil, fmt.Errorf("unit %q: cannot read %q", code, r.value)
			}
			u.affine = a
		} else {
			f, ok := new(big.Rat).SetString(r.value)
			if !ok {
				return nil, fmt.Errorf("unit %q: cannot read %q", code, r.value)
			}
			u.factor = f.Mul(f, v.factor)
		}
	}
	t.atoms[code] = u.settle()
	return u, nil
}

// metric says whether the unit takes prefixes.
func (t *tables) metric(code string) bool {
	k := t.rows[code].kind
	return k == "metric" || k == "base" || k == "special" && code == "Cel" || strings.HasSuffix(k, "-metric")
}
