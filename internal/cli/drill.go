package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"thalamus/internal/conf"
	"thalamus/internal/fault"
	"thalamus/internal/sim/drill"
	"thalamus/internal/sim/faults"
)

// drilled is one line of a drill as a person reads it.
type drilled struct {
	Fault  string `json:"fault"`
	Kind   string `json:"kind"`
	Result string `json:"result"`
	Lost   string `json:"lost"`
	Sees   string `json:"sees"`
	After  string `json:"after"`
}

func (c *program) drill() *cobra.Command {
	var (
		o       drill.Options
		running bool
	)
	cmd := &cobra.Command{
		Use: "drill", Short: "Run the catalogue of faults against a server: what was lost, what a person sees", GroupID: groupProof, Args: cobra.NoArgs,
		Long: "Run the catalogue of faults against a server of its own, which starts in a folder and stops at the end: simulated devices whose messages go wrong in every way, receivers that are down, slow or refuse, credentials that are revoked or expire, a full disk. " +
			"For each it prints what was lost of what devices were told was acknowledged, which codes and states a person sees, and how long that took. Exits with 1 when anything was lost or not to be seen.\n\n" +
			"--running drills the server that runs on --data on this machine instead; it makes channels, routes and destinations whose names begin with drill- and removes them, and begins only when no route takes from every channel, so that no receiver but its own gets anything. Do that where nobody is treated.",
		Example: "  thalamus drill\n  thalamus drill --fault half-frame,disk-full\n  thalamus drill --json\n  thalamus drill --list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if list, _ := cmd.Flags().GetBool("list"); list {
				return c.listFaults()
			}
			if running {
				if err := c.drillRunning(&o); err != nil {
					return err
				}
			}
			o.Version, o.Log = c.version, c.logger(conf.Log{Level: "error", Format: "text"})
			o.Done = func(r drill.Result) { fmt.Fprintln(c.err, line(r)) }
			report, err := drill.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			if err := c.printDrill(report); err != nil {
				return err
			}
			if !report.Good() {
				return errSilent
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.Faults, "fault", nil, "only these faults")
	f.StringVar(&o.Folder, "folder", "", "folder of its server; a temporary one unless told")
	f.BoolVar(&o.Short, "short", false, "only some faults of each place")
	f.BoolVar(&running, "running", false, "drill the server that runs on --data on this machine")
	f.Bool("list", false, "show the catalogue and do nothing")
	return cmd
}

// drillRunning sets a drill up for the server that runs on this machine.
func (c *program) drillRunning(o *drill.Options) (err error) {
	if c.server != "" {
		return fault.New(fault.Invalid, "sim.drill-remote", "a drill works on this machine alone").At("--server")
	}
	if o.Caller, err = c.connect(); err != nil {
		return err
	}
	own := *c
	if own.authority == "" {
		own.authority = filepath.Join(c.data, "tls", "authority.pem")
	}
	secure, err := own.simTLS(true)
	if err != nil {
		return err
	}
	o.Authority = secure.RootCAs
	return nil
}

// line tells of one fault while the drill runs.
func line(r drill.Result) string {
	switch {
	case r.Skipped != "":
		return fmt.Sprintf("%-20s %-7s skipped: %s", r.Fault, r.Kind, r.Skipped)
	case !r.OK:
		return fmt.Sprintf("%-20s %-7s NOT GOOD: %d lost; %s", r.Fault, r.Kind, r.Lost, r.Problem)
	}
	return fmt.Sprintf("%-20s %-7s %d acknowledged, none lost%s", r.Fault, r.Kind, r.Acknowledged, seen(r))
}

func seen(r drill.Result) string {
	if len(r.Sees) == 0 {
		return "; nothing need be seen"
	}
	return fmt.Sprintf("; %s after %.1f s", strings.Join(r.Sees, ", "), r.After)
}

func (c *program) printDrill(r drill.Report) error {
	if c.json {
		return c.print(r)
	}
	var rows []drilled
	for _, x := range r.Results {
		row := drilled{Fault: x.Fault, Kind: x.Kind, Result: "good", Lost: fmt.Sprintf("%d of %d", x.Lost, x.Acknowledged), Sees: strings.Join(x.Sees, ", ")}
		switch {
		case x.Skipped != "":
			row.Result, row.Lost = "skipped: "+x.Skipped, ""
		case !x.OK:
			row.Result = "NOT GOOD: " + x.Problem
		}
		if len(x.Sees) > 0 {
			row.After = fmt.Sprintf("%.1f s", x.After)
		}
		rows = append(rows, row)
	}
	if err := c.print(rows); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d faults in %.0f s: %d messages lost, %d not seen, %d skipped\n", r.Faults, r.Seconds, r.Lost, r.Unseen, r.Skipped)
	return nil
}

// catalogued is one fault of the catalogue.
type catalogued struct {
	faults.Fault
	Kinds string `json:"kinds"`
}

func (c *program) listFaults() error {
	var out []catalogued
	for _, f := range faults.Catalogue() {
		out = append(out, catalogued{f, strings.Join(faults.Having(f.Name), " ")})
	}
	return c.print(out)
}
