package cli

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/sim/wearable"
)

// published is what simulated wearables were told.
type published struct {
	Seconds      float64 `json:"seconds"`
	Sent         int     `json:"sent"`         // different messages
	Acknowledged int     `json:"acknowledged"` // of these
	Resent       int     `json:"resent"`
}

// simulateMQTT lets simulated wearables publish to a channel.
func (c *program) simulateMQTT() *cobra.Command {
	var w wearable.Ward
	var length time.Duration
	var secure bool
	var secret string
	var wrong faultFlag
	cmd := &cobra.Command{
		Use: "mqtt", Short: "Let simulated wearables publish to a channel", Args: cobra.NoArgs,
		Long: "Let simulated wearables publish JSON with QoS 1 to an MQTT broker, a channel of the driver mqtt: one at each bed, to ward/WARD/SERIAL/vitals. " +
			"Each keeps a message until it is acknowledged and sends it again. The profile thalamus/wearable reads them. Exits with 1 when something was never acknowledged.",
		Example: "  thalamus simulate mqtt --to 127.0.0.1:1883 --beds 4 --for 1m\n  thalamus simulate mqtt --to localhost:8883 --tls --authority tls/authority.pem --user gateway --secret-file secret.txt",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			set, shown, err := wrong.set(c)
			if err != nil || shown {
				return err
			}
			w.Faults = set
			if err := checkBeds(w.Beds); err != nil {
				return err
			}
			if w.Rhythm <= 0 {
				return fault.New(fault.Invalid, "cli.argument", "expected a span above 0").At("--every")
			}
			if w.TLS, err = c.simTLS(secure); err != nil {
				return err
			}
			if w.TLS != nil && w.TLS.ServerName == "" {
				w.TLS.ServerName, _, _ = strings.Cut(w.Address, ":")
			}
			if secret != "" {
				text, err := os.ReadFile(secret)
				if err != nil {
					return fileFault(err, secret)
				}
				w.Secret = strings.TrimSpace(string(text))
			}
			ctx := cmd.Context()
			if length > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, length)
				defer cancel()
			}
			began := time.Now()
			w.Run(ctx, settle/2)
			out := published{Seconds: time.Since(began).Seconds()}
			var last error
			out.Sent, out.Acknowledged, out.Resent, last = w.Counts()
			if err := c.print(out); err != nil {
				return err
			}
			if out.Acknowledged < out.Sent {
				f := fault.New(fault.Transient, "sim.unacknowledged", "%d of %d messages were never acknowledged", out.Sent-out.Acknowledged, out.Sent)
				f.Err = last
				return f.At(w.Address)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&w.Address, "to", "127.0.0.1:8883", "address of the broker")
	f.StringVar(&w.Name, "ward", "SIM", "name of the ward")
	f.IntVar(&w.Beds, "beds", 2, "number of beds")
	f.DurationVar(&w.Rhythm, "every", time.Second, "time between messages of a device")
	f.StringVar(&w.User, "user", "", "credential the devices show")
	f.StringVar(&secret, "secret-file", "", "file with its secret")
	f.DurationVar(&length, "for", 0, "stop after this long; 0: until interrupted")
	wrong.add(cmd, "mqtt")
	f.BoolVar(&secure, "tls", false, "speak TLS; --authority names whom to trust")
	return cmd
}
