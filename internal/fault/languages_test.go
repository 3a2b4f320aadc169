package fault

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// quoted is what stands in a text for machines, and is the same in every language.
var quoted = regexp.MustCompile("`[^`]*`")

// TestLanguages: every language has every code, in the same table and order,
// with what stands in backquotes as it is (R53).
func TestLanguages(t *testing.T) {
	if got := Languages(); !slices.Equal(got, []string{"de", "fr"}) {
		t.Fatalf("languages %v", got)
	}
	rooms, err := tables.ReadDir("catalogue")
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range Languages() {
		for _, room := range rooms {
			if room.IsDir() {
				continue
			}
			english := rows(t, "catalogue/"+room.Name())
			own := rows(t, "catalogue/"+tag+"/"+room.Name())
			for i, e := range english {
				if i >= len(own) || own[i][0] != e[0] {
					t.Errorf("internal/fault/catalogue/%s/%s: line %d should say what %s means and what to do, as English does", tag, room.Name(), i+1, e[0])
					break
				}
				for n := 1; n < 3; n++ {
					text := own[i][n]
					if strings.TrimSpace(text) != text || text == "" || !strings.HasSuffix(text, ".") && strings.HasSuffix(e[n], ".") {
						t.Errorf("%s/%s: %s: no whole sentence: %q", tag, room.Name(), e[0], text)
					}
					if text == e[n] {
						t.Errorf("%s/%s: %s is not translated: %q", tag, room.Name(), e[0], text)
					}
					a, b := quoted.FindAllString(e[n], -1), quoted.FindAllString(text, -1)
					slices.Sort(a)
					slices.Sort(b)
					if !slices.Equal(a, b) {
						t.Errorf("%s/%s: %s quotes %v, not %v", tag, room.Name(), e[0], b, a)
					}
				}
			}
			if len(own) > len(english) {
				t.Errorf("%s/%s has %d lines, English has %d", tag, room.Name(), len(own), len(english))
			}
		}
		for i, d := range CatalogueIn(tag) {
			if e := Catalogue()[i]; d.Code != e.Code || d.Meaning == e.Meaning {
				t.Fatalf("%s: line %d is %+v", tag, i, d)
			}
		}
	}
	if got := CatalogueIn("xx"); !slices.Equal(got, Catalogue()) {
		t.Error("a language there is not is English")
	}
}

func rows(t *testing.T, name string) (out [][]string) {
	t.Helper()
	text, err := tables.ReadFile(name)
	if err != nil {
		t.Error(err)
		return nil
	}
	for line := range strings.Lines(string(text)) {
		part := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(part) != 3 {
			t.Fatalf("%s: %q has %d columns", name, line, len(part))
		}
		out = append(out, part)
	}
	return out
}
