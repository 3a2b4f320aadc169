package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
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
	var length time.Duration
	var wrong faultFlag
	cmd := &cobra.Command{
		Use: "phd", Short: "Let simulated personal health devices connect to a channel", Args: cobra.NoArgs,
		Long: "Let simulated personal health devices associate with a channel of the driver phd (IEEE 11073-20601 over TCP): at each bed " + strings.Join(phdagent.Kinds(), ", ") +
			". Each keeps a measurement until it is confirmed and sends it again. Exits with 1 when something was never confirmed.",
		Example: "  thalamus simulate phd --to 127.0.0.1:6024 --beds 4 --for 1m\n  thalamus simulate phd --to 127.0.0.1:6024 --devices pressure,scale --fault reset,half-frame --for 20s",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, shown, err := wrong.set(c)
			if err != nil || shown {
				return err
			}
			w.Faults = set
			if err := checkBeds(w.Beds); err != nil {
				return err
			}
			if err := w.Check(); err != nil {
				return err
			}
			ctx := cmd.Context()
			if length > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, length)
				defer cancel()
			}
			began := time.Now()
			w.Run(ctx, settle/2)
			out := measured{Seconds: time.Since(began).Seconds()}
			var last error
			out.Sent, out.Confirmed, out.Resent, last = w.Counts()
			if err := c.print(out); err != nil {
				return err
			}
			if out.Confirmed < out.Sent || out.Sent == 0 {
				f := fault.New(fault.Transient, "sim.unacknowledged", "%d of %d measurements were never confirmed", out.Sent-out.Confirmed, out.Sent)
				f.Err = last
				return f.At(w.Address)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&w.Address, "to", "127.0.0.1:6024", "address of the channel")
	f.IntVar(&w.Beds, "beds", 1, "number of beds")
	f.StringSliceVar(&w.Devices, "devices", phdagent.Kinds(), "kinds of devices")
	f.DurationVar(&w.Every, "every", 2*time.Second, "time between measurements of a device")
	wrong.add(cmd, "phd")
	f.DurationVar(&length, "for", 0, "stop after this long; 0: until interrupted")
	return cmd
}
