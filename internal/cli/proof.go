package cli

import (
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/bench"
)

func (c *program) torture() *cobra.Command {
	var t bench.Torture
	cmd := &cobra.Command{
		Use: "torture", Short: "Kill the server at random moments under load and count what was lost", GroupID: groupProof, Args: cobra.NoArgs,
		Long:    "Start the server in a folder of its own, send to it without pause, kill it (kill -9) at random moments and start it again. At the end every acknowledged message must be in the journal, in the record once, and at each destination once in effect and in order. Exits with 1 on any loss.",
		Example: "  thalamus torture --kills 20 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if t.Seed == 0 {
				t.Seed = uint64(time.Now().UnixNano())
			}
			bar := c.progress("killing")
			t.Progress = func(kills int) { bar.set(float64(kills), float64(t.Kills)) }
			out, err := t.Run(cmd.Context())
			bar.end()
			if err != nil {
				return err
			}
			if err := c.print(out); err != nil {
				return err
			}
			if !out.OK {
				return errSilent
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&t.Kills, "kills", 20, "how often it is killed")
	f.IntVar(&t.Senders, "senders", 6, "devices that send without pause")
	f.DurationVar(&t.Between, "between", 1200*time.Millisecond, "mean time between kills")
	f.StringVar(&t.Folder, "folder", "", "folder to work in; empty: a temporary one")
	f.Uint64Var(&t.Seed, "seed", 0, "seed of the random moments; 0: another one each time")
	return cmd
}
