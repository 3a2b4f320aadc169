package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"thalamus/internal/reference"
)

// reference writes the pages of docs/reference; it is for those who build
// Thalamus and for those who want the manual of the binary they have.
func (c *program) reference(root *cobra.Command) *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use: "reference [FOLDER]", Short: "Write the reference manual of this program into a folder", GroupID: groupFiles, Args: cobra.MaximumNArgs(1),
		Long:    "Write the reference manual of this program into a folder (docs/reference unless told): commands, configuration, operations, faults and messages as Markdown, and the JSON Schemas of messages and boot file.",
		Example: "  thalamus reference ./manual\n  thalamus reference --check docs/reference",
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "docs/reference"
			if len(args) == 1 {
				dir = args[0]
			}
			files := reference.Files(root)
			if !check {
				return reference.Write(dir, files)
			}
			stale := reference.Stale(os.DirFS(dir), files)
			for _, name := range stale {
				fmt.Fprintf(c.err, "%s/%s is not what the program says; run make generate\n", dir, name)
			}
			if len(stale) > 0 {
				return errSilent
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing; exit with 1 when a file is not what would be written")
	return cmd
}
