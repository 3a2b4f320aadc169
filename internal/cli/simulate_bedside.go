package cli

import (
	"github.com/spf13/cobra"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
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
	cmd := &cobra.Command{
		Use: "intellivue", Short: "Let simulated Philips IntelliVue monitors wait for a channel",
		Long: "Let simulated Philips IntelliVue monitors speak the data export interface over UDP: at each bed one that tells with a beacon where it is, takes one association and answers polls of numerics, waves, alerts and the patient. " +
			"Simulated from the public programming guide. Exits with 1 when nobody associated.",
		Example: "  thalamus simulate intellivue --beds 4 --for 1m\n  thalamus simulate intellivue --listen 127.0.0.1:24105 --fault half-frame,unplugged --for 5m",
	}
	f := cmd.Flags()
	f.StringVar(&w.Listen, "listen", "127.0.0.1:24105", "UDP address of the first monitor; each next one has the next port")
	f.StringVar(&w.Beacon, "beacon", "127.0.0.1:24005", "where the monitors tell that they are there; empty: nowhere")
	f.StringVar(&w.Name, "ward", "SIM", "name of the ward")
	f.IntVar(&w.Beds, "beds", 1, "number of beds")
	return c.simulates(simulation{Command: cmd, kind: "intellivue", number: &w.Beds, flag: "beds",
		devices: func(set faults.Set) (sim.Devices, error) {
			w.Faults = set
			return &w, nil
		},
		outcome: func(seconds float64) (any, error) {
			count := w.Count()
			return answered{seconds, count}, unheard(count.Associations, "nobody associated with the monitors", w.Listen)
		}})
}
