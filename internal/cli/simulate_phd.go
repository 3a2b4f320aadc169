package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
	"thalamus/internal/sim/phdagent"
)

// measured is what simulated personal health devices were told.
type measured struct {
	Seconds   float64 `json:"seconds"`
	Sent      int     `json:"sent"`      // different measurements
	Confirmed int     `json:"confirmed"` // of these
	Resent    int     `json:"resent"`
}

// simulatePHD lets simulated personal health devices connect to a channel.
func (c *program) simulatePHD() *cobra.Command {
	var w phdagent.Ward
	cmd := &cobra.Command{
		Use: "phd", Short: "Let simulated personal health devices connect to a channel",
		Long: "Let simulated personal health devices associate with a channel of the driver phd (IEEE 11073-20601 over TCP): at each bed " + strings.Join(phdagent.Kinds(), ", ") +
			". Each keeps a measurement until it is confirmed and sends it again. Exits with 1 when something was never confirmed.",
		Example: "  thalamus simulate phd --to 127.0.0.1:6024 --beds 4 --for 1m\n  thalamus simulate phd --to 127.0.0.1:6024 --devices pressure,scale --fault reset,half-frame --for 20s",
	}
	f := cmd.Flags()
	f.StringVar(&w.Address, "to", "127.0.0.1:6024", "address of the channel")
	f.IntVar(&w.Beds, "beds", 1, "number of beds")
	f.StringSliceVar(&w.Devices, "devices", phdagent.Kinds(), "kinds of devices")
	f.DurationVar(&w.Every, "every", 2*time.Second, "time between measurements of a device")
	return c.simulates(simulation{Command: cmd, kind: "phd", number: &w.Beds, flag: "beds",
		devices: func(set faults.Set) (sim.Devices, error) {
			w.Faults = set
			return &w, nil
		},
		outcome: func(seconds float64) (any, error) {
			t := w.Told()
			failure := unacknowledged(t, "measurements were never confirmed", w.Address)
			if t.Sent == 0 {
				failure = fault.New(fault.Transient, "sim.unacknowledged", "nothing was measured").At(w.Address)
			}
			return measured{seconds, t.Sent, t.Acknowledged, t.Resent}, failure
		}})
}
