// Package reference writes the reference manual from the program itself: the
// commands from the tree that runs them, the configuration from the structs
// that read it, the operations from service.Ops, the faults from the
// catalogue, the messages from package model, what goes wrong in a drill from
// the simulators. A test holds the files in
// docs/reference to what it writes.
package reference

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
)

// Files gives the files of the manual by name.
func Files(root *cobra.Command) map[string][]byte {
	return map[string][]byte{
		"commands.md":          commands(root),
		"configuration.md":     configuration(),
		"operations.md":        operations(),
		"faults.md":            faultsPage(),
		"drill.md":             drillPage(),
		"messages.md":          messages(),
		"message.schema.json":  MessageSchema(),
		"thalamus.schema.json": bootSchema(),
	}
}

// Write writes the files into a folder.
func Write(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.Wrap(err, fault.Broken, "cli.file", "cannot make the folder").At(dir)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return fault.Wrap(err, fault.Broken, "cli.file", "cannot write the file").At(path)
		}
	}
	return nil
}

// Stale names the files of a folder that are not what Files gives.
func Stale(dir fs.FS, files map[string][]byte) []string {
	var out []string
	for name, text := range files {
		if have, err := fs.ReadFile(dir, name); err != nil || !bytes.Equal(have, text) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// generated stands at the head of every page.
const generated = "<!-- Made by `make generate` from the program; change the code, not this page. -->\n\n"

// page builds one Markdown page.
type page struct{ b strings.Builder }

func newPage(title, intro string) *page {
	p := &page{}
	p.b.WriteString(generated)
	p.line("# %s\n", title)
	p.line("%s\n", intro)
	return p
}

func (p *page) line(format string, args ...any) {
	if len(args) == 0 {
		p.b.WriteString(format)
	} else {
		fmt.Fprintf(&p.b, format, args...)
	}
	p.b.WriteByte('\n')
}

// code writes a block that is shown as it is.
func (p *page) code(language, text string) {
	p.line("```%s\n%s\n```\n", language, strings.TrimRight(text, "\n"))
}

// table writes rows; columns that are empty in every row are left out.
func (p *page) table(head []string, rows [][]string) {
	var used []int
	for i := range head {
		if slices.ContainsFunc(rows, func(r []string) bool { return r[i] != "" }) {
			used = append(used, i)
		}
	}
	row := func(cells []string) {
		p.b.WriteString("|")
		for _, i := range used {
			fmt.Fprintf(&p.b, " %s |", strings.ReplaceAll(cells[i], "|", `\|`))
		}
		p.b.WriteByte('\n')
	}
	row(head)
	p.line("|%s", strings.Repeat("---|", len(used)))
	for _, r := range rows {
		row(r)
	}
	p.line("")
}

func (p *page) bytes() []byte { return []byte(strings.TrimRight(p.b.String(), "\n") + "\n") }

// quoted shows a text as code, nothing when it is empty.
func quoted(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// anchor is the link target of a heading, as Markdown renderers make it.
func anchor(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			b.WriteRune(r)
		case r == ' ':
			b.WriteByte('-')
		}
	}
	return b.String()
}
