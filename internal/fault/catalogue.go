package fault

import (
	"embed"
	"strings"
)

// Each room keeps its codes in a table of its own: code, meaning, what to do,
// separated by tabs, sorted by code.
//
//go:embed catalogue/*.tsv
var tables embed.FS

// Described is one row of the catalogue.
type Described struct {
	Code    string
	Meaning string
	ToDo    string
}

// Catalogue lists every code a fault or an issue can carry, sorted by table
// and code. docs/reference/faults.md is made from it.
func Catalogue() []Described {
	var all []Described
	files, _ := tables.ReadDir("catalogue") // embedded: cannot fail
	for _, f := range files {
		text, _ := tables.ReadFile("catalogue/" + f.Name())
		for line := range strings.Lines(string(text)) {
			part := strings.Split(strings.TrimRight(line, "\n"), "\t")
			if len(part) == 3 {
				all = append(all, Described{part[0], part[1], part[2]})
			}
		}
	}
	return all
}
