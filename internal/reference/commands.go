package reference

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands describes the command line, group by group.
func commands(root *cobra.Command) []byte {
	p := newPage("Commands", "Everything `thalamus` can be told on the command line. `thalamus help COMMAND` prints the same.")
	p.line("## Exit codes\n")
	p.table([]string{"code", "meaning"}, [][]string{
		{"0", "It is done."},
		{"1", "It was understood and could not be done, or what was checked is not good: the standard error says why, with a code of the [fault list](faults.md)."},
		{"2", "The command line is wrong; nothing was done."},
	})
	p.line("## Environment\n")
	p.table([]string{"variable", "meaning"}, [][]string{
		{"`THALAMUS_DATA`", "data folder of the server on this machine, as `--data`"},
		{"`THALAMUS_SERVER`", "address of another server, as `--server`"},
		{"`THALAMUS_TOKEN`", "API token for that server; there is no flag for it, because everybody on a machine can read its command lines"},
		{"`THALAMUS_TOKEN_FILE`", "a file that holds the token instead"},
		{"`THALAMUS_AUTHORITY`", "PEM file of the authority that server's certificate is from, as `--authority`"},
	})
	p.line("## Flags of every command\n")
	p.table(flagHead, flagRows(root.PersistentFlags()))
	for _, g := range root.Groups() {
		p.line("## %s\n", strings.TrimSuffix(g.Title, ":"))
		var rows [][]string
		for _, c := range root.Commands() {
			if shown(c, g.ID) {
				rows = append(rows, []string{fmt.Sprintf("[`%s`](#%s)", c.Name(), anchor(c.CommandPath())), sentenceOf(c.Short)})
			}
		}
		p.table([]string{"command", "what it does"}, rows)
		for _, c := range root.Commands() {
			if shown(c, g.ID) {
				command(p, c, 3)
			}
		}
	}
	return p.bytes()
}

func shown(c *cobra.Command, group string) bool {
	return c.GroupID == group && !c.Hidden && c.Name() != "help"
}

func sentenceOf(s string) string { return strings.TrimSuffix(s, ".") + "." }

func command(p *page, c *cobra.Command, depth int) {
	p.line("%s %s\n", strings.Repeat("#", min(depth, 6)), c.CommandPath())
	text := c.Long
	if text == "" {
		text = sentenceOf(c.Short)
	}
	if len(c.Commands()) == 0 {
		p.line("%s\n", text)
		use := c.Parent().CommandPath() + " " + c.Use
		if c.HasAvailableLocalFlags() {
			use += " [flags]"
		}
		example := strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n")
		p.code("sh", strings.TrimSpace(use+"\n\n"+example))
		var rows [][]string
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && !f.Hidden {
				rows = append(rows, flagRow(f))
			}
		})
		if len(rows) > 0 {
			p.table(flagHead, rows)
		}
		return
	}
	p.line("%s\n", sentenceOf(c.Short))
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			command(p, sub, depth+1)
		}
	}
}

var flagHead = []string{"flag", "takes", "default", "meaning"}

func flagRows(flags *pflag.FlagSet) [][]string {
	var rows [][]string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			rows = append(rows, flagRow(f))
		}
	})
	return rows
}

func flagRow(f *pflag.Flag) []string {
	name := "`--" + f.Name + "`"
	if f.Shorthand != "" {
		name += " `-" + f.Shorthand + "`"
	}
	kind := f.Value.Type()
	if kind == "bool" || kind == "true/false" {
		kind = ""
	}
	standard := f.DefValue
	if standard == "false" || standard == "0" || standard == "0s" || standard == "[]" {
		standard = ""
	}
	return []string{name, kind, quoted(standard), f.Usage}
}
