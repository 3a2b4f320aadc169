package ucum

import (
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/model"
	"thalamus/internal/peertest"
)

const peerPairs = 5000

// pair is one conversion asked of both.
type pair struct {
	Value string `json:"value"`
	From  string `json:"from"`
	To    string `json:"to"`
	atoms []string
}

// lot draws numbers that are the same in every run (Knuth's MMIX generator).
type lot uint64

func (l *lot) below(n int) int {
	*l = *l*6364136223846793005 + 1442695040888963407
	return int(uint64(*l) >> 33 % uint64(n))
}

// expression is a unit made up of atoms of the table. Moles and equivalents
// are its powers of them, which UCUM counts as numbers and the other does not.
type expression struct {
	code               string
	atoms              []string
	moles, equivalents int
}

// chemical holds the units that rest on the mole.
var chemical = map[string]expression{"mol": {moles: 1}, "kat": {moles: 1}, "U": {moles: 1}, "osm": {moles: 1}, "eq": {equivalents: 1}}

// expressions makes every unit once, with prefixes, and products, quotients
// and powers of them.
func expressions(l *lot) []expression {
	var prefixes []string
	for p := range loaded.prefixes {
		if len(p) == 1 || p == "da" {
			prefixes = append(prefixes, p)
		}
	}
	slices.Sort(prefixes)
	simple := func(code string) expression {
		e := chemical[code]
		e.code, e.atoms = code, []string{code}
		if a := loaded.atoms[code]; a.metric && l.below(2) == 0 {
			e.code = prefixes[l.below(len(prefixes))] + code
		}
		return e
	}
	var all []expression
	for _, code := range loaded.codes {
		all = append(all, simple(code), simple(code))
	}
	common := []string{"m", "g", "s", "L", "mol", "min", "h", "d", "Pa", "m[Hg]", "m[H2O]", "bar", "J", "W", "kat", "U", "eq", "osm", "[lb_av]", "[in_i]", "[ft_i]", "V", "A", "Hz", "N", "cal", "K", "%", "10*"}
	for range 6000 {
		a, b := simple(common[l.below(len(common))]), simple(common[l.below(len(common))])
		e := expression{atoms: append(slices.Clone(a.atoms), b.atoms...), moles: a.moles - b.moles, equivalents: a.equivalents - b.equivalents}
		switch l.below(6) {
		case 0:
			e.code = a.code + "." + b.code
			e.moles, e.equivalents = a.moles+b.moles, a.equivalents+b.equivalents
		case 1:
			e.code = a.code + "2/" + b.code
			e.moles, e.equivalents = 2*a.moles-b.moles, 2*a.equivalents-b.equivalents
		case 2:
			e.code = a.code + ".(" + b.code + "-1)"
		case 3:
			e.code = a.code + "{x}/" + b.code
		case 4:
			e.code = fmt.Sprintf("%s/(%d.%s)", a.code, 1+l.below(24), b.code)
		default:
			e.code = a.code + "/" + b.code
		}
		all = append(all, e)
	}
	return all
}

// pairsForPeer makes the set: nine of ten measure the same.
func pairsForPeer(t *testing.T) []pair {
	l := lot(2026)
	all := expressions(&l)
	kindOf := func(u *Unit, e expression) string { return fmt.Sprint(u.dim, u.arbitrary, e.moles, e.equivalents) }
	alike := map[string][]expression{}
	var kinds []string
	for _, e := range all {
		u, err := Parse(e.code)
		if err != nil {
			if strings.ContainsAny(e.code, "./") { // a special unit in a product
				continue
			}
			t.Fatalf("%s: %v", e.code, err)
		}
		kind := kindOf(u, e)
		if alike[kind] == nil {
			kinds = append(kinds, kind)
		}
		alike[kind] = append(alike[kind], e)
	}
	pairs := append(make([]pair, 0, peerPairs), asked...)
	for len(pairs) < peerPairs {
		from := all[l.below(len(all))]
		u, err := Parse(from.code)
		if err != nil {
			continue
		}
		group := alike[kindOf(u, from)]
		if l.below(10) == 0 {
			group = alike[kinds[l.below(len(kinds))]]
		} else if len(group) < 2 {
			continue
		}
		to := group[l.below(len(group))]
		d := model.Decimal{Coef: int64(1 + l.below(99999)), Exp: int8(-l.below(5))}
		pairs = append(pairs, pair{d.String(), from.code, to.code, append(slices.Clone(from.atoms), to.atoms...)})
	}
	return pairs
}

// asked are conversions whose difference docs/compat.md shows as an example.
var asked = []pair{
	{"1", "mol", "10*23", []string{"mol"}}, {"1", "kat", "Hz", []string{"kat"}}, {"300", "osm/L", "/L", []string{"osm"}}, {"140", "eq/L", "mol/L", []string{"eq"}},
	{"7.4", "[pH]", "mol/L", []string{"[pH]"}}, {"100", "%[slope]", "deg", []string{"%[slope]"}}, {"80", "[degRe]", "Cel", []string{"[degRe]"}},
	{"1", "[k]", "J/K", []string{"[k]"}}, {"1", "u", "g", []string{"u"}}, {"1", "eV", "J", []string{"eV"}}, {"1", "[G]", "m3.kg-1.s-2", []string{"[G]"}},
	{"6", "[hp'_C]", "1", []string{"[hp'_C]"}}, {"1", "[m_p]", "g", []string{"[m_p]"}}, {"1", "[h]", "J.s", []string{"[h]"}}, {"1", "[e]", "C", []string{"[e]"}},
	{"60", "{beats}/min", "/s", nil}, {"72", "/min", "{beats}/min", nil}, {"5", "mg{creat}", "ug", nil}, {"1", "10*3{cells}/uL", "10*9/L", nil},
}

// peerReasons reads docs/compat.md: which unit makes the other differ, and
// how: refuses, converts or differs.
func peerReasons(t *testing.T) map[[2]string]bool {
	text, err := os.ReadFile("../../docs/compat.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "<!-- ucum-lhc: read by TestPeer -->")
	table, _, ok := strings.Cut(rest, "<!-- end -->")
	if !ok {
		t.Fatal("docs/compat.md has no table for ucum-lhc")
	}
	reasons := map[[2]string]bool{}
	for line := range strings.Lines(table) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) < 5 || !strings.Contains(f[1], "`") {
			continue
		}
		for _, code := range strings.Fields(f[1]) {
			for _, how := range strings.Fields(f[2]) {
				reasons[[2]string{strings.Trim(code, "`"), how}] = true
			}
		}
	}
	return reasons
}

// R14: npm @lhncbc/ucum-lhc converts the same, but where docs/compat.md says
// why not. A row there without its difference fails, too.
func TestPeer(t *testing.T) {
	pairs := pairsForPeer(t)
	said := peertest.Run(t, "ucum.mjs", "@lhncbc/ucum-lhc", pairs)
	if len(said) != len(pairs) {
		t.Fatalf("%d answers to %d questions", len(said), len(pairs))
	}
	reasons := peerReasons(t)
	used := map[[2]string]bool{}
	agreed, explained, both := 0, 0, 0
	for i, p := range pairs {
		how := compareWithPeer(t, p, said[i])
		if how == "" || how == "refused" {
			agreed++
			if how == "refused" {
				both++
			}
			continue
		}
		found := false
		for _, a := range p.atoms {
			key := [2]string{a, how}
			if len(loaded.atoms[a].unit.arbitrary) > 0 {
				key[0] = "arbitrary"
			}
			if reasons[key] {
				found, used[key] = true, true
			}
		}
		if found {
			explained++
			continue
		}
		t.Errorf("%s %s in %s: other %s: %v", p.Value, p.From, p.To, how, said[i])
	}
	for key := range reasons {
		if !used[key] {
			t.Errorf("docs/compat.md: it was not seen that the other %s with %s", key[1], key[0])
		}
	}
	t.Logf("agree %d/%d (%d refused by both), %d differ for a reason in docs/compat.md", agreed, len(pairs), both, explained)
}

// compareWithPeer says how the other's answer differs from ours: empty or
// "refused" is agreement.
func compareWithPeer(t *testing.T, p pair, said peertest.Said) string {
	c, err := Between(parsed(t, p.From), parsed(t, p.To))
	if err != nil {
		if said.Text("value") == "" {
			return "refused"
		}
		return "converts"
	}
	ours, _, ok := c.Exact(rat(t, p.Value))
	theirs, isNumber := new(big.Rat).SetString(said.Text("value"))
	switch {
	case !ok && !isNumber:
		return "refused"
	case !ok:
		return "converts"
	case !isNumber:
		return "refuses"
	}
	allowed := new(big.Rat).Abs(ours)
	if c.from.scale != nil || c.to.scale != nil { // offsets are added and taken away again
		allowed.Add(allowed, big.NewRat(1000, 1))
	}
	allowed.Mul(allowed, big.NewRat(1, 1e12))
	if off := new(big.Rat).Sub(ours, theirs); off.Abs(off).Cmp(allowed) > 0 {
		return "differs"
	}
	return ""
}
