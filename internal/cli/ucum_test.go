package cli

import (
	"bytes"
	"strings"
	"testing"
)

// R14: what the commands print, and how they end.
func TestUCUM(t *testing.T) {
	for _, c := range []struct {
		args   string
		in     string
		code   int
		out    string // all of it, or a part with … around
		errors string // a part
	}{
		{args: "convert 98.6 [degF] Cel", out: "37.0 Cel\n"},
		{args: "convert 98.7 [degF] Cel", out: "37.0555555555556 Cel  (rounded to 15 digits)\n37.1 Cel  with the digits given\n"},
		{args: "convert -- -40 Cel [degF]", out: "-40 [degF]\n"},
		{args: "convert 60 {beats}/min /s", out: "1.0 /s\n"},
		{args: "convert --insensitive 120 MM[HG] KPAL", out: "15.99864 kPa\n16.0 kPa  with the digits given\n"},
		{args: "convert --json 5.0 L/min mL/min", out: "…\"value\": 5000,…"},
		{args: "convert 1 mg/foo g", code: 1, errors: "mg/foo: no unit of UCUM: nothing of that code at byte 3"},
		{args: "convert 1 mg/foo g", code: 1, errors: "    mg/foo\n       ^\n"},
		{args: "convert 1 mmHg kPa", code: 1, errors: "did you mean mm[Hg]?"},
		{args: "convert 1 mmol/L mg/dL", code: 1, errors: "without the molar mass of the substance: one counts moles, the other weighs; give it with --molar-mass"},
		{args: "convert 5.5 mmol/L mg/dL --molar-mass 180.156", out: "99.0858 mg/dL\n99 mg/dL  with the digits given\n"},
		{args: "convert 99.0858 mg/dL mmol/L --molar-mass 180.156", out: "5.50000 mmol/L\n"},
		{args: "convert 1 J/mol J/g --molar-mass 18.015", out: "…J/g  (rounded to 15 digits)\n…"},
		{args: "convert 5.5 mmol/L mm[Hg] --molar-mass 180.156", code: 1, errors: "neither mmol/L nor mm[Hg] counts moles of what the other weighs"},
		{args: "convert 5.5 mmol/L mg/dL --molar-mass 0", code: 1, errors: "ucum.molar-mass"},
		{args: "convert 5.5 mmol/L mg/dL --molar-mass sugar", code: 2, errors: "expected grams per mole"},
		{args: "convert 1 kPa mg/dL", code: 1, errors: "kPa is length⁻¹·time⁻²·mass, mg/dL is length⁻³·mass"},
		{args: "convert 0 mol/L [pH]", code: 1, errors: "ucum.out-of-range"},
		{args: "convert x g g", code: 2, errors: "expected a decimal number"},
		{args: "convert 1 g", code: 2, errors: "cli.usage"},
		{args: "validate mg/dL {beats}/min", out: "mg/dL  yes: (milligram) / (deciliter)\n{beats}/min  yes: {beats} / (minute)\n"},
		{args: "validate mmHg", code: 1, out: "mmHg  no: no unit of UCUM: nothing of that code at byte 0\n^\n  did you mean mm[Hg]?\n"},
		{args: "validate --json mg/", code: 1, out: "…\"byte\": 3,…"},
		{args: "validate -", in: "mg\n\nkPa\n", out: "mg  yes: (milligram)\nkPa  yes: (kilopascal)\n"},
		{args: "validate --insensitive MM[HG]", out: "MM[HG]  yes: mm[Hg], (millimeter of mercury column)\n"},
		{args: "explain [degF]", out: "…x of it are (x + 459.67) × 5/9 K…"},
		{args: "explain --json ug/kg/min", out: "…\"dimension\": \"time⁻¹\"…"},
		{args: "explain mg/", code: 1, errors: "a unit is missing at byte 3"},
	} {
		var out, errs bytes.Buffer
		code := Run(t.Context(), "test", append([]string{"ucum"}, strings.Fields(c.args)...), strings.NewReader(c.in), &out, &errs)
		if code != c.code || !strings.Contains(errs.String(), c.errors) {
			t.Errorf("%s: exit %d, want %d; %s", c.args, code, c.code, errs.String())
		}
		if part, is := strings.CutPrefix(c.out, "…"); is {
			if !strings.Contains(out.String(), strings.TrimSuffix(part, "…")) {
				t.Errorf("%s: %s", c.args, out.String())
			}
		} else if out.String() != c.out && c.errors == "" {
			t.Errorf("%s: %q, want %q", c.args, out.String(), c.out)
		}
	}
}
