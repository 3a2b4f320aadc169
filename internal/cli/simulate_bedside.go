package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/sim/intellivue"
)

// answered is what simulated monitors that wait for a client did.
type answered struct {
	Seconds float64 `json:"seconds"`
	intellivue.Count
}

// simulateIntelliVue lets simulated monitors wait for clients.
func (c *program) simulateIntelliVue() *cobra.Command {
	var w intellivue.Ward
	var wrong faultFlag
	var length time.Duration
	cmd := &cobra.Command{
		Use: "intellivue", Short: "Let simulated Philips IntelliVue monitors wait for a channel", Args: cobra.NoArgs,
		Long: "Let simulated Philips IntelliVue monitors speak the data export interface over UDP: at each bed one that tells with a beacon where it is, takes one association and answers polls of numerics, waves, alerts and the patient. " +
			"Simulated from the public programming guide. Exits with 1 when nobody associated.",
		Example: "  thalamus simulate intellivue --beds 4 --for 1m\n  thalamus simulate intellivue --listen 127.0.0.1:24105 --fault half-frame,unplugged --for 5m",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, shown, err := wrong.set(c)
			if err != nil || shown {
				return err
			}
			w.Faults = set
			if err := checkBeds(w.Beds); err != nil {
				return err
			}
			if err := w.Open(); err != nil {
				return err
			}
			for i, at := range w.Addresses() {
				fmt.Fprintf(c.err, "monitor %d waits at %s\n", i+1, at)
			}
			ctx := cmd.Context()
			if length > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, length)
				defer cancel()
			}
			began := time.Now()
			w.Run(ctx)
			out := answered{Seconds: time.Since(began).Seconds(), Count: w.Count()}
			if err := c.print(out); err != nil {
				return err
			}
			if out.Associations == 0 {
				return fault.New(fault.Transient, "sim.unheard", "nobody associated with the monitors").At(w.Listen)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&w.Listen, "listen", "127.0.0.1:24105", "UDP address of the first monitor; each next one has the next port")
	f.StringVar(&w.Beacon, "beacon", "127.0.0.1:24005", "where the monitors tell that they are there; empty: nowhere")
	f.StringVar(&w.Name, "ward", "SIM", "name of the ward")
	f.IntVar(&w.Beds, "beds", 1, "number of beds")
	wrong.add(cmd, "intellivue")
	f.DurationVar(&length, "for", 0, "stop after this long; 0: until interrupted")
	return cmd
}
