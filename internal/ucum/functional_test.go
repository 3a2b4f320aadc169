package ucum

import (
	"encoding/xml"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func corpus(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("THALAMUS_CORPUS")
	if dir == "" {
		dir = "../../../shared/corpus"
	}
	raw, err := os.ReadFile(filepath.Join(dir, "ucum", name))
	if err != nil {
		t.Skip("corpus not present")
	}
	return raw
}

// functional is UcumFunctionalTests.xml of ucum-org.
type functional struct {
	Validation []struct {
		ID    string `xml:"id,attr"`
		Unit  string `xml:"unit,attr"`
		Valid bool   `xml:"valid,attr"`
	} `xml:"validation>case"`
	Names []struct {
		ID      string `xml:"id,attr"`
		Unit    string `xml:"unit,attr"`
		Display string `xml:"display,attr"`
	} `xml:"displayNameGeneration>case"`
	Conversion []struct {
		ID      string `xml:"id,attr"`
		Value   string `xml:"value,attr"`
		Src     string `xml:"srcUnit,attr"`
		Dst     string `xml:"dstUnit,attr"`
		Outcome string `xml:"outcome,attr"`
	} `xml:"conversion>case"`
	Multiplication []operation `xml:"multiplication>case"`
	Division       []operation `xml:"division>case"`
}

type operation struct {
	ID     string `xml:"id,attr"`
	V1     string `xml:"v1,attr"`
	U1     string `xml:"u1,attr"`
	V2     string `xml:"v2,attr"`
	U2     string `xml:"u2,attr"`
	Result string `xml:"vRes,attr"`
	Unit   string `xml:"uRes,attr"`
}

// R14: all functional tests of ucum-org pass, each kind counted.
func TestFunctional(t *testing.T) {
	var doc functional
	if err := xml.Unmarshal(corpus(t, "UcumFunctionalTests.xml"), &doc); err != nil {
		t.Fatal(err)
	}
	count := func(kind string, total int, passes func(i int) bool) {
		passed := 0
		for i := range total {
			if passes(i) {
				passed++
			}
		}
		t.Logf("%-14s %d/%d", kind, passed, total)
		if passed != total || total == 0 {
			t.Errorf("%s: %d of %d pass", kind, passed, total)
		}
	}
	count("validation", len(doc.Validation), func(i int) bool {
		c := doc.Validation[i]
		_, err := Parse(c.Unit)
		if (err == nil) != c.Valid {
			t.Errorf("%s %q: valid=%v, we say %v", c.ID, c.Unit, c.Valid, err)
		}
		return (err == nil) == c.Valid
	})
	count("display", len(doc.Names), func(i int) bool {
		c := doc.Names[i]
		got, err := Name(c.Unit)
		if got != c.Display {
			t.Errorf("%s %q: %q (%v), want %q", c.ID, c.Unit, got, err, c.Display)
		}
		return got == c.Display
	})
	count("conversion", len(doc.Conversion), func(i int) bool {
		c := doc.Conversion[i]
		got, ok := inUnit(t, rat(t, c.Value), parsed(t, c.Src), c.Dst)
		return ok && agrees(t, c.ID, got, c.Outcome)
	})
	operate := func(cases []operation, unit func(a, b *Unit) (*Unit, error), value func(z, a, b *big.Rat) *big.Rat) func(int) bool {
		return func(i int) bool {
			c := cases[i]
			u, err := unit(parsed(t, c.U1), parsed(t, c.U2))
			if err != nil {
				t.Errorf("%s: %v", c.ID, err)
				return false
			}
			if again, err := Parse(u.Code()); err != nil || !Commensurable(u, again) || again.factor.Cmp(u.factor) != 0 {
				t.Errorf("%s: the code %q of the result is not that unit (%v)", c.ID, u.Code(), err)
			}
			got, ok := inUnit(t, value(new(big.Rat), rat(t, c.V1), rat(t, c.V2)), u, c.Unit)
			return ok && agrees(t, c.ID, got, c.Result)
		}
	}
	count("multiplication", len(doc.Multiplication), operate(doc.Multiplication, Multiply, (*big.Rat).Mul))
	count("division", len(doc.Division), operate(doc.Division, Divide, (*big.Rat).Quo))
}

func parsed(t *testing.T, code string) *Unit {
	t.Helper()
	u, err := Parse(code)
	if err != nil {
		t.Fatalf("%q: %v", code, err)
	}
	return u
}

func rat(t *testing.T, text string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no number", text)
	}
	return r
}

// inUnit expresses x in another unit, exactly; the other may be empty.
func inUnit(t *testing.T, x *big.Rat, from *Unit, to string) (*big.Rat, bool) {
	u := one()
	if to != "" {
		u = parsed(t, to)
	}
	c, err := Between(from, u)
	if err != nil {
		t.Error(err)
		return nil, false
	}
	y, _, ok := c.Exact(x)
	return y, ok
}

// agrees compares with an outcome that is written with as many digits as its
// author thought significant, cut or rounded.
func agrees(t *testing.T, id string, got *big.Rat, outcome string) bool {
	want := rat(t, outcome)
	mantissa, exponent, _ := strings.Cut(strings.ToLower(outcome), "e")
	_, decimals, _ := strings.Cut(mantissa, ".")
	step := new(big.Rat).Inv(tenTo(len(decimals)))
	if exponent != "" {
		step.Mul(step, rat(t, "1e"+exponent))
	}
	off := new(big.Rat).Sub(got, want)
	if off.Abs(off).Cmp(step) >= 0 {
		t.Errorf("%s: %s, want %s", id, got.FloatString(30), outcome)
		return false
	}
	return true
}

// The units of the UCUM distribution in its two forms, which list the same
// units in the same order, mean the same to us.
func TestBothForms(t *testing.T) {
	upper, exact := definitions(string(corpus(t, "ucum-ci.units"))), definitions(string(corpus(t, "ucum-cs.units")))
	if len(upper) != len(exact) || len(exact) < 300 {
		t.Fatalf("%d and %d units", len(upper), len(exact))
	}
	agreed := 0
	for i := range exact {
		a, err := Parse(exact[i])
		if err != nil {
			t.Errorf("%s: %v", exact[i], err)
			continue
		}
		b, err := ParseInsensitive(upper[i])
		if err != nil {
			t.Errorf("%s: %v", upper[i], err)
			continue
		}
		if c, err := Between(a, b); err != nil || !c.Identity() {
			t.Errorf("%s and %s are not the same: %v", exact[i], upper[i], err)
			continue
		}
		agreed++
	}
	t.Logf("%d/%d", agreed, len(exact))
}

// definitions gives the codes that a file of the distribution defines.
func definitions(text string) []string {
	var codes []string
	for line := range strings.Lines(text) {
		if code, _, ok := strings.Cut(line, " = "); ok && line[0] != '#' {
			codes = append(codes, code)
		}
		if code, ok := strings.CutPrefix(line, "base "); ok {
			codes = append(codes, strings.TrimSpace(code))
		}
	}
	return codes
}
