package iomt

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/profile"
)

const scale = `{"templateType": "CalculatedContent", "template": {
  "typeName": "weight", "typeMatchExpression": "$.readings[?(@kg)]", // the scale's own
  "deviceIdExpression": "$.scale", "timestampExpression": {"value": "fromUnixTimestamp(matchedToken.at)", "language": "JmesPath"},
  "patientIdExpression": "$.matchedToken.who", "encounterIdExpression": "$.matchedToken.stay", "correlationIdExpression": "$.run", "colour": "red",
  "values": [{"required": true, "valueExpression": "$.matchedToken.kg", "valueName": "mass"},
    {"valueName": "pounds", "valueExpression": {"language": "JmesPath", "value": "divide(matchedToken.kg, ` + "`0.5`" + `)"}}]}}`

const scaleSays = `{"scale": "s 1", "readings": [{"kg": 70.5, "at": 1609459200, "who": "4711", "stay": "V1"}, {"lb": 2}, {"kg": 80, "at": 1609459260, "who": "4712"}]}`

// TestImport reads a document of our own with what was imported: several
// values of a row, rows of two patients, a computed value.
func TestImport(t *testing.T) {
	r, err := Import([]byte(scale), "acme/scale")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"weight/mass 70.5 s 1 4711 1609459200", "weight/mass 80 s 1 4712 1609459260", "weight/pounds 141 s 1 4711 1609459200", "weight/pounds 160 s 1 4712 1609459260"}
	if got := said(t, r, []byte(scaleSays)); !slices.Equal(got, want) {
		t.Errorf("got %s", strings.Join(got, "\n"))
	}
	if !slices.Equal(r.Labels, []string{"weight/mass", "weight/pounds"}) {
		t.Errorf("labels %v", r.Labels)
	}
	var places []string
	for _, n := range r.Notes {
		places = append(places, n.Place)
	}
	if !slices.Equal(places, []string{"template.colour", "template.correlationIdExpression"}) {
		t.Errorf("not said: %v", r.Notes)
	}
	again, err := Import([]byte(scale), "acme/scale")
	if err != nil || string(again.Files[0].Text) != string(r.Files[0].Text) {
		t.Error("a second import gives another profile")
	}
}

// TestRefusals: what cannot be imported is refused with its place.
func TestRefusals(t *testing.T) {
	with := func(old, replacement string) string { return strings.Replace(scale, old, replacement, 1) }
	for _, c := range []struct{ name, text, place, says string }{
		{"function", with("divide(", "avg("), "template.values[1].valueExpression", "function avg"},
		{"power", with("divide(", "pow("), "template.values[1].valueExpression", "function pow"},
		{"arguments", with("matchedToken.kg, `0.5`", "matchedToken.kg"), "template.values[1].valueExpression", "1 arguments"},
		{"list", with("divide(matchedToken.kg,", "divide(matchedToken[*].kg,"), "template.values[1].valueExpression", "single fields"},
		{"language", with(`"language": "JmesPath"},
`, `"language": "XPath"},
`), "template.timestampExpression", `"xpath"`},
		{"computed time", with("fromUnixTimestamp(", "to_string("), "template.timestampExpression", "one field"},
		{"path", with("$.readings[?(@kg)]", "$.readings[?(@kg =~ /x/)]"), "template.typeMatchExpression", "cannot be imported"},
		{"scan", with("$.readings[?(@kg)]", "$..[?(@kg)].x"), "template.typeMatchExpression", "at the end"},
		{"quote", with("`0.5`", "`0.5"), "template.values[1].valueExpression", "not closed"},
		{"values", with(`"values"`, `"other"`), "template.values", "no value"},
		{"two times", "[" + scale + "," + with("fromUnixTimestamp(matchedToken.at)", "matchedToken.at") + "]", "template", "one form of time"},
		{"list of texts", `["x"]`, "[0]", "expected a template"},
		{"inside", `{"templateType": "JsonPathContent", "template": 1}`, "template", "expected an object"},
		{"jmespath", `{"templateType": "JsonPathContent", "template": {"typeName": "x", "typeMatchExpression": {"value": "a", "language": "JmesPath"}}}`, "template.typeMatchExpression", "alone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Import([]byte(c.text), "acme/scale")
			var f *fault.Fault
			if !errors.As(err, &f) {
				t.Fatalf("imported, or %v", err)
			}
			if f.Kind != fault.Invalid || f.Place != c.place || !strings.Contains(f.Text, c.says) {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := Import([]byte(scale), "Acme Scale"); err == nil {
		t.Error("a wrong name was taken")
	}
}

// FuzzImport: whatever is imported is a profile; the rest has a fault.
func FuzzImport(f *testing.F) {
	f.Add(scale)
	f.Add(`{"templateType":"CollectionContent","template":[{"templateType":"CalculatedContent","template":{"defaultExpressionLanguage":"JmesPath","typeName":"a","typeMatchExpression":"to_array(@)[?a && !(b == 'c') || d > ` + "`1`" + `]","deviceIdExpression":"x","timestampExpression":"matchedToken.\"t t\"","values":[{"valueName":"v","valueExpression":"insertString(matchedToken.a, 'b', length(y[0].z))"}]}}]}`)
	f.Add(`{"templateType":"IotJsonPathContent","template":{"typeName":"a: 'b'","typeMatchExpression":"$..[?(@Body.x)]","values":[{"valueName":"\";#","valueExpression":"$.Body['x y']"}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Import([]byte(text), "acme/scale")
		if err != nil {
			if fault.CodeOf(err) == "" {
				t.Errorf("no code: %v", err)
			}
			return
		}
		files := profile.Files{}
		for _, f := range r.Files {
			files[f.Name] = string(f.Text)
		}
		if _, err := profile.Parse(files, "."); err != nil {
			t.Errorf("imported what is no profile: %v", err)
		}
	})
}
