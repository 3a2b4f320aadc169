package fault

import (
	"embed"
	"slices"
	"strings"
)

// Each room keeps its codes in a table of its own: code, meaning, what to do,
// separated by tabs, sorted by code. Every other language has the same tables
// in a folder named by its tag.
//
//go:embed catalogue/*.tsv catalogue/*/*.tsv
var tables embed.FS

// Described is one row of the catalogue.
type Described struct {
	Code    string
	Meaning string
	ToDo    string
}

// Catalogue lists every code a fault or an issue can carry, sorted by table
// and code. docs/reference/faults.md is made from it.
func Catalogue() []Described { return read("catalogue") }

// ToDo says what to do about a code, in English; empty for one that is not in the
// catalogue. The code's first part names its table.
func ToDo(code string) string {
	table, _, _ := strings.Cut(code, ".")
	text, _ := tables.ReadFile("catalogue/" + table + ".tsv")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, code+"\t"); ok {
			_, do, _ := strings.Cut(strings.TrimRight(rest, "\n"), "\t")
			return do
		}
	}
	return ""
}

// Languages lists the tags in which the catalogue is written beside English.
func Languages() (tags []string) {
	entries, _ := tables.ReadDir("catalogue") // embedded: cannot fail
	for _, e := range entries {
		if e.IsDir() {
			tags = append(tags, e.Name())
		}
	}
	return tags
}

// CatalogueIn is the catalogue in the language of a tag, such as "de": the same
// codes in the same order. What a language lacks stands in English; a test
// names it.
func CatalogueIn(tag string) []Described {
	all, own := Catalogue(), map[string]Described{}
	if !slices.Contains(Languages(), tag) {
		return all
	}
	for _, d := range read("catalogue/" + tag) {
		own[d.Code] = d
	}
	for i := range all {
		if d, ok := own[all[i].Code]; ok {
			all[i] = d
		}
	}
	return all
}

func read(folder string) []Described {
	var all []Described
	files, _ := tables.ReadDir(folder) // embedded: cannot fail
	for _, f := range files {
		if f.IsDir() {
			continue
		}
		text, _ := tables.ReadFile(folder + "/" + f.Name())
		for line := range strings.Lines(string(text)) {
			part := strings.Split(strings.TrimRight(line, "\n"), "\t")
			if len(part) == 3 {
				all = append(all, Described{part[0], part[1], part[2]})
			}
		}
	}
	return all
}
