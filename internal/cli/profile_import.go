package cli

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/profile/iomt"
)

// imported is what an import made, and what is left to do.
type imported struct {
	Folder string      `json:"folder"`
	Rules  int         `json:"labels"`
	ToDo   []string    `json:"toDo"`            // labels that nobody has given a code
	Notes  []iomt.Note `json:"notes,omitempty"` // what is otherwise than in the mapping
}

// profileImport makes profiles of other systems' descriptions of devices.
func (c *program) profileImport() *cobra.Command {
	parent := &cobra.Command{Use: "import", Short: "Make a profile of another system's description of a device"}
	var name, out string
	cmd := &cobra.Command{
		Use: "iomt-fhir FILE", Short: "Make a profile of a device mapping of iomt-fhir", Args: cobra.ExactArgs(1),
		Long:    "Read a device mapping file of iomt-fhir (CollectionContent, JsonPathContent, IotJsonPathContent, IotCentralJsonPathContent, CalculatedContent) and write a profile of it: profile.yaml, labels.csv and README.md. The mapping has no codes, so labels.csv holds the labels as lines to be done; until then the values are kept under their labels, and the label inbox lists them. What cannot be imported is said, and a mapping with an error is refused.",
		Example: "  thalamus profile import iomt-fhir devicecontent.json --name acme/watch",
		RunE: func(_ *cobra.Command, args []string) error {
			raw, err := os.ReadFile(args[0])
			if err != nil {
				return fileFault(err, args[0])
			}
			result, err := iomt.Import(raw, name)
			if err != nil {
				if f, ok := err.(*fault.Fault); ok {
					return f.At(args[0] + ": " + f.Place)
				}
				return err
			}
			folder := out
			if folder == "" {
				folder = filepath.FromSlash(name)
			}
			if _, err := os.Stat(folder); err == nil {
				return fault.New(fault.Conflict, "cli.file", "the folder exists already").At(folder)
			}
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return fileFault(err, folder)
			}
			for _, f := range result.Files {
				path := filepath.Join(folder, f.Name)
				if err := os.WriteFile(path, f.Text, 0o644); err != nil {
					return fileFault(err, path)
				}
			}
			return c.print(imported{folder, len(result.Labels), result.Labels, result.Notes})
		},
	}
	cmd.Flags().StringVar(&name, "name", "imported/device", "name of the profile, maker/model")
	cmd.Flags().StringVar(&out, "out", "", "folder to write, the name unless told")
	parent.AddCommand(cmd)
	return parent
}
