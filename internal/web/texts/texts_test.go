package texts

import (
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// used finds the keys in the code of the console: what stands as a literal in
// T(ctx, "…"), N("…") and Plural(ctx, n, "…", "…").
func used(t *testing.T) map[string]string {
	t.Helper()
	keys := map[string]string{}
	each(t, func(path string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := ""
			switch f := call.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			from, to := 0, 0
			switch {
			case name == "T" && len(call.Args) >= 2:
				from, to = 1, 2
			case name == "N" && len(call.Args) == 1:
				from, to = 0, 1
			case name == "Plural" && len(call.Args) == 4:
				from, to = 2, 4
			}
			for _, arg := range call.Args[from:to] {
				if literal, ok := arg.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					if key, err := strconv.Unquote(literal.Value); err == nil {
						keys[key] = path
					}
				}
			}
			return true
		})
	})
	return keys
}

// each walks through the Go files of the console, tests left out.
func each(t *testing.T, look func(path string, file *ast.File)) {
	t.Helper()
	set := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		if err == nil {
			look(path, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var verbs = regexp.MustCompile(`%[-+#0-9.]*[a-zA-Z%]`)

// Every catalogue has every text that is used, with the same verbs, and
// nothing else; its lines are sorted.
func TestCatalogues(t *testing.T) {
	keys := used(t)
	if len(keys) < 100 {
		t.Fatalf("only %d texts were found in the code", len(keys))
	}
	for _, l := range Languages() {
		if l.Tag == "en" {
			continue
		}
		t.Run(l.Tag, func(t *testing.T) {
			if l.Name == l.Tag {
				t.Error("its first line is not # and the language's own name")
			}
			for key, path := range keys {
				if !l.Has(key) {
					t.Errorf("%s: no translation of %q", path, key)
					continue
				}
				want, got := verbs.FindAllString(key, -1), verbs.FindAllString(l.Text(key), -1)
				if !slices.Equal(want, got) {
					t.Errorf("%q has the verbs %v, its translation %q has %v", key, want, l.Text(key), got)
				}
			}
			for _, key := range l.Keys() {
				if _, ok := keys[key]; !ok {
					t.Errorf("nobody uses %q any more", key)
				}
			}
			checkSorted(t, l.Tag+".tsv")
		})
	}
	if path := os.Getenv("THALAMUS_TEXTS"); path != "" { // for translators: all keys, one a line
		var all []string
		for key := range keys {
			all = append(all, key)
		}
		slices.Sort(all)
		if err := os.WriteFile(path, []byte(strings.Join(all, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func checkSorted(t *testing.T, name string) {
	t.Helper()
	raw, err := files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before := ""
	for line := range strings.Lines(string(raw)) {
		key, _, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		if key <= before {
			t.Errorf("%q does not stand after %q", key, before)
		}
		before = key
	}
}

var (
	tags    = regexp.MustCompile(`<[^>]*>?|^[^<>]*>`)
	spoken  = regexp.MustCompile(`(?:aria-label|title|placeholder|alt)="([^"{]*)`)
	letters = regexp.MustCompile(`\p{L}{2,}`)
)

// names are the same in every language.
var names = map[string]bool{"Thalamus": true, "Enter": true, "Esc": true, "LOINC": true, "Ctrl": true}

// No page says anything past the catalogue: between tags and in the attributes
// that are read out there are no letters but names.
func TestNothingUntranslated(t *testing.T) {
	each(t, func(path string, file *ast.File) {
		if !strings.HasSuffix(path, "_templ.go") {
			return
		}
		open := "" // a tag goes on from one literal into the next
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 3 {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || f.Sel.Name != "WriteString" {
				return true
			}
			literal, ok := call.Args[2].(*ast.BasicLit)
			if !ok {
				return true
			}
			text, _ := strconv.Unquote(literal.Value)
			for _, said := range spoken.FindAllStringSubmatch(text, -1) {
				complain(t, path, said[1])
			}
			if open != "" {
				_, rest, closed := strings.Cut(text, ">")
				if !closed {
					return true
				}
				text, open = rest, ""
			}
			if last := strings.LastIndexByte(text, '<'); last >= 0 && !strings.Contains(text[last:], ">") {
				text, open = text[:last], "<"
			}
			complain(t, path, html.UnescapeString(tags.ReplaceAllString(text, " ")))
			return true
		})
	})
}

func complain(t *testing.T, path, text string) {
	t.Helper()
	for _, word := range letters.FindAllString(text, -1) {
		if !names[word] {
			t.Errorf("%s says %q without T: %s", path, word, strings.TrimSpace(text))
			return
		}
	}
}

func TestPick(t *testing.T) {
	for _, c := range []struct{ chosen, accept, want string }{
		{"", "", "en"},
		{"", "tlh,x-nothing", "en"},
		{"", "en-GB,en;q=0.9", "en"},
		{"en", "de", "en"},
		{"xx", "en", "en"},
		{"", strings.Repeat("de,", 200), "en"},
		{"", "🙂;q=broken", "en"},
	} {
		if got := Pick(c.chosen, c.accept); got.Tag != c.want {
			t.Errorf("Pick(%q, %q) is %s, want %s", c.chosen, c.accept, got.Tag, c.want)
		}
	}
}

func TestParse(t *testing.T) {
	l := parse("de", "# Deutsch\nMessages\tNachrichten\nno tab\n")
	if l.Name != "Deutsch" || l.Text("Messages") != "Nachrichten" || l.Text("other") != "other" || !slices.Equal(l.Keys(), []string{"Messages"}) {
		t.Errorf("%+v", l)
	}
}
