package fault

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var codeForm = regexp.MustCompile(`^[a-z0-9]+\.[a-z0-9-]+$`)

// source is what the module's own code says, tests and what tests are made of
// left out.
type source struct {
	texts map[string]bool   // every text that stands in it
	used  map[string]string // code → where a fault or an issue is made with it
}

// readSource collects texts and codes. A code is the second argument of fault.New,
// the third of fault.Wrap, the value of a field named Code, or what is given
// for a parameter that ends up in one of these places.
func readSource(t *testing.T) source {
	t.Helper()
	out := source{texts: map[string]bool{}, used: map[string]string{}}
	folders := map[string][]*ast.File{}
	set := token.NewFileSet()
	root := filepath.Join("..", "..", "internal")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dir := filepath.Base(filepath.Dir(path))
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(dir, "test") {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folders[filepath.Dir(path)] = append(folders[filepath.Dir(path)], file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range folders {
		p := pkg{set: set, out: &out, constants: map[string]string{}, takes: map[string][]int{}}
		p.read(files)
	}
	return out
}

// pkg is one package on its way through readSource.
type pkg struct {
	set       *token.FileSet
	out       *source
	constants map[string]string
	takes     map[string][]int // function → which parameters are codes
}

func (p *pkg) read(files []*ast.File) {
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok {
				for i, name := range v.Names {
					if i < len(v.Values) {
						if text, ok := p.text(v.Values[i]); ok {
							p.constants[name.Name] = text
						}
					}
				}
			}
			return true
		})
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if text, ok := p.text(e); ok {
					p.out.texts[text] = true
				}
			}
			return true
		})
	}
	// Functions hand codes on to one another: repeat until no more is learned.
	for known := -1; known != len(p.takes); {
		known = len(p.takes)
		for _, f := range files {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
					p.function(fn)
				}
			}
		}
	}
}

func (p *pkg) function(fn *ast.FuncDecl) {
	parameters := map[string]int{}
	n := 0
	for _, field := range fn.Type.Params.List {
		for _, name := range field.Names {
			parameters[name.Name] = n
			n++
		}
	}
	code := func(e ast.Expr) {
		if id, ok := e.(*ast.Ident); ok {
			if at, ok := parameters[id.Name]; ok && !slices.Contains(p.takes[fn.Name.Name], at) {
				p.takes[fn.Name.Name] = append(p.takes[fn.Name.Name], at)
			}
		}
		if text, ok := p.text(e); ok {
			p.use(text, e)
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name := ""
			switch f := n.Fun.(type) {
			case *ast.SelectorExpr:
				if x, ok := f.X.(*ast.Ident); ok && x.Name == "fault" {
					if at := map[string]int{"New": 1, "Wrap": 2}[f.Sel.Name]; at > 0 && at < len(n.Args) {
						code(n.Args[at])
					}
					return true
				}
				name = f.Sel.Name
			case *ast.Ident:
				name = f.Name
			}
			for _, at := range p.takes[name] {
				if at < len(n.Args) {
					code(n.Args[at])
				}
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
				code(n.Value)
			}
		}
		return true
	})
}

func (p *pkg) use(code string, at ast.Expr) {
	if codeForm.MatchString(code) {
		p.out.used[code] = p.set.Position(at.Pos()).String()
	}
}

// text gives what a text, a constant or a sum of both says.
func (p *pkg) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		text, ok := p.constants[e.Name]
		return text, ok
	case *ast.BinaryExpr:
		a, ok := p.text(e.X)
		b, ok2 := p.text(e.Y)
		return a + b, ok && ok2
	}
	return "", false
}

func TestEveryCodeOfTheProgramIsCatalogued(t *testing.T) {
	known := map[string]bool{}
	for _, d := range Catalogue() {
		known[d.Code] = true
	}
	s := readSource(t)
	for code, where := range s.used {
		if !known[code] {
			t.Errorf("%s uses %s, which stands in no catalogue/*.tsv", where, code)
		}
	}
	if len(s.used) < 150 {
		t.Errorf("only %d codes were found in the code: the search has a hole", len(s.used))
	}
}

func TestEveryCataloguedCodeIsUsed(t *testing.T) {
	s := readSource(t)
	for _, d := range Catalogue() {
		if !s.texts[d.Code] {
			t.Errorf("%s is catalogued and stands nowhere in the code; remove its row", d.Code)
		}
	}
}

func TestCatalogueIsWellFormed(t *testing.T) {
	tables, _ := tables.ReadDir("catalogue")
	seen := map[string]string{}
	for _, f := range tables {
		if f.IsDir() {
			continue // TestLanguages
		}
		text, err := catalogue(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		before := ""
		for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			part := strings.Split(line, "\t")
			if len(part) != 3 || part[1] == "" || part[2] == "" {
				t.Errorf("%s:%d: a row is code TAB meaning TAB what to do", f.Name(), i+1)
				continue
			}
			if part[0] <= before {
				t.Errorf("%s:%d: %s does not come after %s", f.Name(), i+1, part[0], before)
			}
			if room := strings.TrimSuffix(f.Name(), ".tsv"); part[0] != room && !strings.HasPrefix(part[0], room+".") {
				t.Errorf("%s:%d: %s belongs into another table", f.Name(), i+1, part[0])
			}
			if other, twice := seen[part[0]]; twice {
				t.Errorf("%s stands in %s and in %s", part[0], other, f.Name())
			}
			for _, sentence := range part[1:] {
				if !strings.HasSuffix(sentence, ".") && !strings.HasSuffix(sentence, "…") {
					t.Errorf("%s:%d: %q is no sentence", f.Name(), i+1, sentence)
				}
			}
			before, seen[part[0]] = part[0], f.Name()
		}
	}
}

func catalogue(name string) (string, error) {
	text, err := tables.ReadFile("catalogue/" + name)
	return string(text), err
}

// Each code's table is named by its first part, so that ToDo finds it.
func TestToDo(t *testing.T) {
	for _, d := range Catalogue() {
		if got := ToDo(d.Code); got != d.ToDo {
			t.Errorf("%s: %q, want %q", d.Code, got, d.ToDo)
		}
	}
	if got := ToDo("../x.y"); got != "" {
		t.Errorf("%q", got)
	}
}
