package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"thalamus/internal/sim/faults"
)

// faultFlag is what simulated devices are told to do wrong.
type faultFlag struct {
	kind  string
	names []string
}

// add gives a command that simulates a kind the flag, and says in its help what
// there is.
func (f *faultFlag) add(cmd *cobra.Command, kind string) {
	f.kind = kind
	k, _ := faults.KindOf(kind)
	cmd.Flags().StringSliceVar(&f.names, "fault", nil, "what goes wrong with every fifth message, by turns; list: show the catalogue")
	cmd.Long += "\n\n--fault makes every fifth message go wrong, by turns: " + strings.Join(k.All(), ", ") + ". `--fault list` says what each does."
}

// listed is one fault that a kind can have.
type listed struct {
	Fault string `json:"fault"`
	Where string `json:"where"`
	Does  string `json:"does"`
	Seen  string `json:"seen"`
}

// set gives what was asked for; shown says that the catalogue was asked for and
// printed, and that nothing else is to be done.
func (f *faultFlag) set(c *program) (set faults.Set, shown bool, err error) {
	if len(f.names) != 1 || f.names[0] != "list" {
		set, err = faults.Parse(f.kind, f.names)
		return set, false, err
	}
	k, _ := faults.KindOf(f.kind)
	var out []listed
	for _, name := range k.All() {
		one, _ := faults.Find(name)
		out = append(out, listed{one.Name, string(one.Where), one.Does, one.Seen})
	}
	return nil, true, c.print(out)
}
