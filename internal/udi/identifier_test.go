package udi

import (
	"testing"

	"thalamus/internal/fault"
)

// TestIdentifier (R27): what is no device identifier is not taken for one.
func TestIdentifier(t *testing.T) {
	for _, c := range []struct{ text, code string }{
		{"09506000134352", ""}, {"09506000134353", "udi.check"}, {"9506000134352", ""}, {"950600013435", "udi.check"}, {"036000291452", ""}, {"96385074", ""},
		{"123", "udi.length"}, {"0", "udi.length"}, {"", "udi.empty"}, {"095060001343520", "udi.length"},
		{"H123PARTNO1234567890", ""}, {"A9999XYZ100T0944", ""}, {"+H123PARTNO12345", ""}, {"H123", "udi.unknown"}, {"1H23PARTNO", "udi.unknown"},
		{"H123 PART", "udi.character"}, {"h123part01", "udi.character"}, {"H123PARTNO12345678901234567890", "udi.length"},
	} {
		if err := Identifier(c.text); (err == nil) != (c.code == "") || err != nil && fault.CodeOf(err) != c.code {
			t.Errorf("%q: %v, want %q", c.text, err, c.code)
		}
	}
}
