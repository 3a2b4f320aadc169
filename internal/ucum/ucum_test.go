package ucum

import (
	"math/big"
	"strings"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// R14: every row of the tables can be read, and none was written twice.
func TestTablesAreWhole(t *testing.T) {
	for _, row := range loaded.broken {
		t.Errorf("cannot be read: %s", row)
	}
	seen := map[string]bool{}
	for part := range lines(unitText) {
		if seen[part[0]] || loaded.atoms[part[0]] == nil {
			t.Errorf("units.tsv: wrong or repeated row %q", part)
		}
		seen[part[0]] = true
	}
	// Two units have one case insensitive code only where they are the same.
	for code, a := range loaded.atoms {
		b := loaded.upperAtoms[a.upper]
		if b != a && (!b.unit.alike(a.unit) || !Commensurable(a.unit, b.unit)) {
			t.Errorf("%s and %s are both %s", code, b.code, a.upper)
		}
	}
	if len(loaded.atoms) != 312 || len(loaded.prefixes) != 24 {
		t.Errorf("%d units and %d prefixes; UCUM 2.2 has 312 and 24", len(loaded.atoms), len(loaded.prefixes))
	}
	for part := range lines(spellingText) {
		if len(part) != 2 || part[0] != strings.TrimSpace(part[0]) {
			t.Errorf("spellings.tsv: %q", part)
			continue
		}
		if _, err := Parse(part[1]); err != nil {
			t.Errorf("spellings.tsv: %s: %v", part[1], err)
		}
	}
}

func TestConvert(t *testing.T) {
	for _, c := range []struct{ value, from, to, want string }{
		{"98.6", "[degF]", "Cel", "37.0"},
		{"37.0", "Cel", "[degF]", "98.6"},
		{"98.7", "[degF]", "Cel", "37.0555555555556"},
		{"37.0", "Cel", "K", "310.15"},
		{"16.0", "kPa", "mm[Hg]", "120.010200867074"},
		{"120", "mm[Hg]", "kPa", "15.99864"},
		{"5.0", "L/min", "mL/min", "5000"},
		{"18", "mL/h", "L/d", "0.432"},
		{"0.1", "g", "ug", "100000"},
		{"180", "[lb_av]", "kg", "81.6466266"},
		{"5", "[ft_i]", "cm", "152.4"},
		{"55", "{beats}/min", "/min", "55"},
		{"37.0", "g/dL", "g/L", "370"},
		{"1", "[iU]/mL", "k[iU]/L", "1"},
		{"25", "cm[H2O]", "mbar", "24.516625"},
		{"1.5", "10*3/uL", "10*9/L", "1.5"},
		{"0.250", "s", "ms", "250"},
	} {
		from, err := Parse(c.from)
		if err != nil {
			t.Errorf("%s: %v", c.from, err)
			continue
		}
		to, err := Parse(c.to)
		if err != nil {
			t.Errorf("%s: %v", c.to, err)
			continue
		}
		v, err := model.ParseDecimal(c.value)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := Convert(v, from, to)
		if err != nil || got.String() != c.want {
			t.Errorf("%s %s = %s %s, want %s (%v)", c.value, c.from, got, c.to, c.want, err)
		}
	}
}

func TestNotCommensurable(t *testing.T) {
	for _, c := range [][2]string{{"mm[Hg]", "Cel"}, {"[iU]", "1"}, {"[iU]", "U"}, {"mol/L", "g/L"}, {"[pH]", "1"}, {"dB", "V"}, {"/min", "%"}} {
		a, _ := Parse(c[0])
		b, _ := Parse(c[1])
		if _, err := Between(a, b); fault.CodeOf(err) != "ucum.incommensurable" {
			t.Errorf("%s to %s: %v", c[0], c[1], err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ text, code string }{
		{"", "ucum.syntax"}, {"m/", "ucum.syntax"}, {"(m", "ucum.syntax"}, {"m)", "ucum.syntax"}, {"mm[Hg", "ucum.syntax"},
		{"{a", "ucum.syntax"}, {"m2{é}", "ucum.syntax"}, {"12h", "ucum.syntax"}, {"foo", "ucum.unknown-unit"}, {"kmin", "ucum.unknown-unit"},
		{"Cel2", "ucum.special"}, {"m/Cel", "ucum.special"}, {"m999999", "ucum.too-large"}, {"0", "ucum.syntax"},
		{strings.Repeat("(", 100), "ucum.too-large"}, {strings.Repeat("m.", 200) + "m", "ucum.too-large"},
		{"Ym99.Ym99.Ym99", "ucum.too-large"}, {"mm Hg", "ucum.syntax"},
	} {
		if _, err := Parse(c.text); fault.CodeOf(err) != c.code {
			t.Errorf("%.20q: %v, want %s", c.text, err, c.code)
		}
	}
}

func TestSpelled(t *testing.T) {
	for _, c := range []struct{ text, code string }{
		{"bpm", "/min"}, {"BPM", "/min"}, {"mmHg", "mm[Hg]"}, {"MMHG", "mm[Hg]"}, {"°C", "Cel"}, {"C", "Cel"}, {"ml/hr", "mL/h"},
		{"cmH2O", "cm[H2O]"}, {"%", "%"}, {"mcg/kg/min", "ug/kg/min"}, {"kPa", "kPa"}, {"mg/(kg.d)", "mg/(kg.d)"}, {"MG", "mg"},
		{"beats / min", "/min"}, {"g", "g"}, {" mmol/L ", "mmol/L"},
	} {
		u, ok := Spelled(c.text)
		if !ok || u.Code() != c.code {
			t.Errorf("%q = %v, want %s", c.text, u, c.code)
		}
	}
	if u, ok := Spelled("furlong per fortnight"); ok {
		t.Errorf("understood nonsense as %s", u.Code())
	}
	if n := testing.AllocsPerRun(100, func() { Spelled("mmHg"); Spelled("ml/hr"); Coded("mm[Hg]") }); n > 0 {
		t.Errorf("%v allocations for known spellings", n)
	}
}

// Converting there and back gives the value that was received.
func TestThereAndBack(t *testing.T) {
	for _, pair := range [][2]string{{"[degF]", "Cel"}, {"kPa", "mm[Hg]"}, {"[lb_av]", "kg"}, {"[in_i]", "cm"}, {"cm[H2O]", "mm[Hg]"}, {"mL/h", "L/d"}} {
		a, _ := Parse(pair[0])
		b, _ := Parse(pair[1])
		for coef := int64(-5000); coef < 5000; coef += 7 {
			d := model.Decimal{Coef: coef, Exp: -2}
			there, _, err := Convert(d, a, b)
			if err != nil {
				t.Fatal(err)
			}
			back, _, err := Convert(there, b, a)
			if err != nil {
				t.Fatal(err)
			}
			diff := new(big.Rat).Sub(ratOf(back), ratOf(d))
			if diff.Abs(diff).Cmp(big.NewRat(1, 1e9)) > 0 {
				t.Fatalf("%s %s → %s %s → %s", d, pair[0], there, pair[1], back)
			}
		}
	}
}

// FuzzUnit: no text panics; errors are catalogued; what is a unit is itself,
// has a name and converts there and back.
func FuzzUnit(f *testing.F) {
	for part := range lines(spellingText) {
		f.Add(part[1], int64(985), int8(-1))
	}
	for _, code := range []string{"m2{a}/(s.(kg-1))", "dB[SPL]", "[p'diop]", "%[slope]", "2.Cel", "[hp'_Q]", "10*-3/ul", "MM[HG]"} {
		f.Add(code, int64(74), int8(-1))
	}
	f.Fuzz(func(t *testing.T, text string, coef int64, exp int8) {
		_, _ = Spelled(text)
		_ = Suggest(text)
		if u, err := ParseInsensitive(text); err == nil {
			if again, err := Parse(u.Code()); err != nil || again.factor.Cmp(u.factor) != 0 {
				t.Fatalf("%q was read as %q, which is not the same: %v", text, u.Code(), err)
			}
		}
		u, err := Parse(text)
		if err != nil {
			if code := fault.CodeOf(err); !strings.HasPrefix(code, "ucum.") {
				t.Fatalf("%v", err)
			}
			if at, ok := Position(err); ok && (at < 0 || at > len(text)) {
				t.Fatalf("byte %d of %d", at, len(text))
			}
			return
		}
		if _, err := Explain(text); err != nil {
			t.Fatalf("%q is a unit and cannot be explained: %v", text, err)
		}
		c, err := Between(u, u)
		if err != nil || !c.Identity() {
			t.Fatalf("%q is not commensurable with itself: %v", text, err)
		}
		if coef%1e18 != coef {
			return
		}
		value := model.Decimal{Coef: coef, Exp: exp}
		for _, other := range []string{"1", "g/L", "mm[Hg]", "Cel", "[pH]", "dB", "[iU]/mL", "%[slope]"} {
			v, _ := Parse(other)
			there, err := Between(u, v)
			if err != nil {
				continue
			}
			if got, _, ok := there.Apply(value); ok && (got.Coef >= 1e18 || got.Coef <= -1e18) {
				t.Fatalf("%s %q in %s has more than 18 digits", value, text, other)
			}
		}
	})
}
