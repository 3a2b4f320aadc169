package reference

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"

	"thalamus/internal/model"
)

// words is what the text of package model says about its types.
type words struct {
	types  map[string]string            // type → its comment
	fields map[string]map[string]string // type → field → its comment
	values map[string][]value           // type → its constants
}

// value is a constant of a type, with its comment.
type value struct{ text, doc string }

// modelWords reads the text of package model, which is part of the program.
func modelWords() words {
	w := words{types: map[string]string{}, fields: map[string]map[string]string{}, values: map[string][]value{}}
	set := token.NewFileSet()
	files, _ := model.Source.ReadDir(".") // embedded: cannot fail
	for _, f := range files {
		text, _ := model.Source.ReadFile(f.Name())
		file, err := parser.ParseFile(set, f.Name(), text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			continue // it compiled
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				for _, spec := range g.Specs {
					w.read(g, spec)
				}
			}
		}
	}
	return w
}

func (w *words) read(g *ast.GenDecl, spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		doc := spec.Doc
		if doc == nil {
			doc = g.Doc
		}
		w.types[spec.Name.Name] = sentence(doc)
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			return
		}
		fields := map[string]string{}
		for _, f := range s.Fields.List {
			text := sentence(f.Comment)
			if text == "" {
				text = sentence(f.Doc)
			}
			for _, name := range f.Names {
				fields[name.Name] = text
			}
		}
		w.fields[spec.Name.Name] = fields
	case *ast.ValueSpec:
		kind, ok := spec.Type.(*ast.Ident)
		if !ok || len(spec.Values) != 1 {
			return
		}
		if l, ok := spec.Values[0].(*ast.BasicLit); ok && l.Kind == token.STRING {
			text, _ := strconv.Unquote(l.Value)
			w.values[kind.Name] = append(w.values[kind.Name], value{text, sentence(spec.Comment)})
		}
	}
}

// sentence joins a comment's lines.
func sentence(c *ast.CommentGroup) string {
	if c == nil {
		return ""
	}
	return strings.Join(strings.Fields(c.Text()), " ")
}
