package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
)

// explain says what a code of an error or an issue means.
func (c *program) explain() *cobra.Command {
	var language string
	cmd := &cobra.Command{
		Use: "explain CODE", Short: "Say what a code of an error or issue means, and what to do", GroupID: groupFiles, Args: cobra.ExactArgs(1),
		Long:    "Say what the code of an error, an issue or a report means and what to do about it. It needs no server. With --lang de or fr it says so in German or French.",
		Example: "  thalamus explain mllp.half-frame\n  thalamus explain mllp.half-frame --lang de",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return codes(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if language != "" && language != "en" && !slices.Contains(fault.Languages(), language) {
				return fault.New(fault.Invalid, "cli.argument", "codes are explained in en, %s; not in %q", strings.Join(fault.Languages(), ", "), language).At("lang")
			}
			for _, d := range fault.CatalogueIn(language) {
				if d.Code == args[0] {
					if c.json {
						return c.printJSON(c.out, map[string]string{"code": d.Code, "meaning": d.Meaning, "todo": d.ToDo})
					}
					_, err := fmt.Fprintf(c.out, "%s\n%s\n", d.Meaning, d.ToDo)
					return err
				}
			}
			meant := ""
			if near := fault.Nearest(args[0], codes()); near != "" {
				meant = fmt.Sprintf("; did you mean %q?", near)
			}
			return fault.New(fault.Absent, "cli.code", "no error or issue has the code %q%s", args[0], meant).At("CODE")
		},
	}
	cmd.Flags().StringVar(&language, "lang", "", "language of the answer: en, "+strings.Join(fault.Languages(), ", "))
	return cmd
}

func codes() []string {
	var out []string
	for _, d := range fault.Catalogue() {
		out = append(out, d.Code)
	}
	return out
}
