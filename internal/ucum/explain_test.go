package ucum

import (
	"strings"
	"testing"

	"thalamus/internal/fault"
)

func TestExplain(t *testing.T) {
	for _, c := range []struct{ code, name, dimension, base, property, scale string }{
		{"mm[Hg]", "(millimeter of mercury column)", "length⁻¹·time⁻²·mass", "133322 m-1.s-2.g", "pressure", ""},
		{"{beats}/min", "{beats} / (minute)", "time⁻¹", "1/60 s-1", "", ""},
		{"[degF]", "(degree Fahrenheit)", "temperature", "5/9 K", "temperature", "x of it are (x + 459.67) × 5/9 K"},
		{"mCel", "(millidegree Celsius)", "temperature", "1 K", "temperature", "x of it are ((0.001·x) + 273.15) × 1 K"},
		{"k[iU]/L", "(kilointernational unit) / (liter)", "length⁻³·[iU]", "1000000 m-3.[iU]", "", ""},
		{"mol", "(mole)", "", "602214076E15", "amount of substance", ""},
		{"g/(24.h)", "(gram) / (24 * (hour))", "time⁻¹·mass", "1/86400 s-1.g", "", ""},
		{"/min", "1 / (minute)", "time⁻¹", "1/60 s-1", "", ""},
	} {
		e, err := Explain(c.code)
		if err != nil {
			t.Errorf("%s: %v", c.code, err)
			continue
		}
		if e.Name != c.name || e.Dimension != c.dimension || e.Base != c.base || e.Property != c.property || e.Scale != c.scale {
			t.Errorf("%s: %+v", c.code, e)
		}
	}
	e, err := Explain("mg{creat}/dL")
	if err != nil || len(e.Parts) != 2 || e.Parts[0].Text != "mg{creat}" || e.Parts[0].Name != "milligram" || e.Parts[1].Definition != "1 l" {
		t.Errorf("%+v %v", e, err)
	}
}

// Every unit can be explained, and its name is not empty.
func TestEveryUnitIsExplained(t *testing.T) {
	for _, code := range loaded.codes {
		e, err := Explain(code)
		if err != nil || e.Name == "()" || strings.Contains(e.Base, "about about") {
			t.Errorf("%s: %+v %v", code, e, err)
		}
	}
}

func TestInsensitive(t *testing.T) {
	for text, code := range map[string]string{
		"MM[HG]": "mm[Hg]", "mm[hg]": "mm[Hg]", "PAL": "Pa", "KPAL": "kPa", "MG/DL": "mg/dL", "CEL": "Cel", "HR": "h", "MIN": "min", "10*3/UL": "10*3/uL",
		"M[IU]/ML": "m[IU]/mL", "{Beats}/MIN": "{Beats}/min", "GAL_": "", "MAHZ": "MHz", "MHZ": "mHz", "DAM": "dam", "KIBBY": "KiBy", "KIBBIT": "Kibit",
	} {
		u, err := ParseInsensitive(text)
		if code == "" {
			if err == nil {
				t.Errorf("%s was read as %s", text, u.Code())
			}
			continue
		}
		if err != nil || !strings.EqualFold(u.Code(), code) || u.Code() != code && !same(u, parsed(t, code)) {
			t.Errorf("%s: %v %v, want %s", text, u, err, code)
		}
	}
}

func same(a, b *Unit) bool {
	c, err := Between(a, b)
	return err == nil && c.Identity()
}

func TestPosition(t *testing.T) {
	for text, at := range map[string]int{"mg/": 3, "mg/dl)": 5, "mg/foo": 3, "mm[Hg": 5, "mg dL": 2, "a{b": 3, "m+": 2, "5.0": 2} {
		_, err := Parse(text)
		if got, ok := Position(err); !ok || got != at {
			t.Errorf("%q: at %d (%v), want %d", text, got, err, at)
		}
	}
}

func TestSuggest(t *testing.T) {
	for text, want := range map[string]string{"mmHg": "mm[Hg]", "MM[HG]": "mm[Hg]", "bpm": "/min", "[degf]": "[degF]", "[lb_ab]": "[lb_av]", "qqqqq": "", "": "", "{": "", "/": "", "µ": "", strings.Repeat("(", 5000) + "m": ""} {
		if got := Suggest(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestMultiplySpecial(t *testing.T) {
	cel, gram := parsed(t, "Cel"), parsed(t, "g")
	if _, err := Multiply(cel, gram); fault.CodeOf(err) != "ucum.special" {
		t.Error(err)
	}
	if _, err := Divide(gram, cel); fault.CodeOf(err) != "ucum.special" {
		t.Error(err)
	}
	if u, err := Multiply(parsed(t, "10"), cel); err != nil || u.Code() != "10.Cel" {
		t.Error(u, err)
	}
}
