package ucum

import (
	"encoding/xml"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// R14: every row of the tables can be read, and none was written twice.
func TestTablesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for part := range lines(unitText) {
		if len(part) != 5 || seen[part[0]] {
			t.Errorf("units.tsv: wrong or repeated row %q", part)
			continue
		}
		seen[part[0]] = true
		if loaded.atoms[part[0]] == nil {
			_, err := loaded.atom(part[0], 0)
			t.Errorf("units.tsv: %s: %v", part[0], err)
		}
	}
	for part := range lines(prefixText) {
		if len(part) != 3 || loaded.prefixes[part[0]] == nil {
			t.Errorf("prefixes.tsv: %q", part)
		}
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
		{"98.6", "[degF]", "Cel", "37"},
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
	for _, c := range [][2]string{{"mm[Hg]", "Cel"}, {"[iU]", "1"}, {"[iU]", "U"}, {"mol/L", "g/L"}, {"[pH]", "1"}, {"dB", "1"}, {"/min", "%"}} {
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
		{"Ym99.Ym99", "ucum.too-large"}, {"mm Hg", "ucum.syntax"},
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

func corpus(t *testing.T) string {
	dir := os.Getenv("THALAMUS_CORPUS")
	if dir == "" {
		dir = "../../../shared/corpus"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("corpus not present")
	}
	return dir
}

// The functional tests of ucum-org. Units our table leaves out are counted.
func TestFunctional(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(corpus(t), "ucum/UcumFunctionalTests.xml"))
	if err != nil {
		t.Skip("corpus not present")
	}
	var doc struct {
		Validation struct {
			Case []struct {
				ID    string `xml:"id,attr"`
				Unit  string `xml:"unit,attr"`
				Valid bool   `xml:"valid,attr"`
			} `xml:"case"`
		} `xml:"validation"`
		Conversion struct {
			Case []struct {
				ID      string `xml:"id,attr"`
				Value   string `xml:"value,attr"`
				Src     string `xml:"srcUnit,attr"`
				Dst     string `xml:"dstUnit,attr"`
				Outcome string `xml:"outcome,attr"`
			} `xml:"case"`
		} `xml:"conversion"`
	}
	if err := xml.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	agreed, unknown := 0, 0
	for _, c := range doc.Validation.Case {
		_, err := Parse(c.Unit)
		switch {
		case (err == nil) == c.Valid:
			agreed++
		case c.Valid && fault.CodeOf(err) == "ucum.unknown-unit":
			unknown++
			t.Logf("%s %s: %v", c.ID, c.Unit, err)
		default:
			t.Errorf("%s %q: valid=%v, we say %v", c.ID, c.Unit, c.Valid, err)
		}
	}
	for _, c := range doc.Conversion.Case {
		a, err1 := Parse(c.Src)
		b, err2 := Parse(c.Dst)
		if err1 != nil || err2 != nil {
			t.Errorf("%s: %v %v", c.ID, err1, err2)
			continue
		}
		v, _ := model.ParseDecimal(c.Value)
		got, _, err := Convert(v, a, b)
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		want, _ := new(big.Rat).SetString(c.Outcome)
		near := new(big.Rat).Quo(ratOf(got), want)
		near.Sub(near, big.NewRat(1, 1))
		if near.Abs(near).Cmp(big.NewRat(2, 100)) > 0 { // the outcomes are rounded to the digits of the value
			t.Errorf("%s: %s %s = %s %s, want %s", c.ID, c.Value, c.Src, got, c.Dst, c.Outcome)
		}
	}
	t.Logf("%d of %d validation cases agree, %d with a unit not in the table", agreed, len(doc.Validation.Case), unknown)
}

func FuzzParse(f *testing.F) {
	for part := range lines(spellingText) {
		f.Add(part[1])
	}
	f.Add("m2{a}/(s.(kg-1))")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := Parse(text)
		if err != nil {
			if code := fault.CodeOf(err); !strings.HasPrefix(code, "ucum.") {
				t.Fatalf("%v", err)
			}
			return
		}
		c, err := Between(u, u)
		if err != nil || !c.Identity() {
			t.Fatalf("%q is not commensurable with itself: %v", text, err)
		}
		_, _ = Spelled(text)
	})
}

func BenchmarkSpelled(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Spelled("mmHg")
	}
}

func BenchmarkConvertFahrenheit(b *testing.B) {
	from, _ := Parse("[degF]")
	to, _ := Parse("Cel")
	c, _ := Between(from, to)
	b.ReportAllocs()
	for b.Loop() {
		c.Apply(model.Decimal{Coef: 986, Exp: -1})
	}
}
