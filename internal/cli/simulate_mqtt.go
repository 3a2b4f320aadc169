package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
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
	var secure bool
	var secret string
	cmd := &cobra.Command{
		Use: "mqtt", Short: "Let simulated wearables publish to a channel",
		Long: "Let simulated wearables publish JSON with QoS 1 to an MQTT broker, a channel of the driver mqtt: one at each bed, to ward/WARD/SERIAL/vitals. " +
			"Each keeps a message until it is acknowledged and sends it again. The profile thalamus/wearable reads them. Exits with 1 when something was never acknowledged.",
		Example: "  thalamus simulate mqtt --to 127.0.0.1:1883 --beds 4 --for 1m\n  thalamus simulate mqtt --to localhost:8883 --tls --authority tls/authority.pem --user gateway --secret-file secret.txt",
	}
	f := cmd.Flags()
	f.StringVar(&w.Address, "to", "127.0.0.1:8883", "address of the broker")
	f.StringVar(&w.Name, "ward", "SIM", "name of the ward")
	f.IntVar(&w.Beds, "beds", 2, "number of beds")
	f.DurationVar(&w.Rhythm, "every", time.Second, "time between messages of a device")
	f.StringVar(&w.User, "user", "", "credential the devices show")
	f.StringVar(&secret, "secret-file", "", "file with its secret")
	f.BoolVar(&secure, "tls", false, "speak TLS; --authority names whom to trust")
	return c.simulates(simulation{Command: cmd, kind: "mqtt", number: &w.Beds, flag: "beds",
		devices: func(set faults.Set) (_ sim.Devices, err error) {
			w.Faults = set
			if w.TLS, err = c.simTLS(secure); err != nil {
				return nil, err
			}
			if w.TLS != nil && w.TLS.ServerName == "" {
				w.TLS.ServerName, _, _ = strings.Cut(w.Address, ":")
			}
			w.Secret, err = firstLine(secret)
			return &w, err
		},
		outcome: func(seconds float64) (any, error) {
			t := w.Told()
			return published{seconds, t.Sent, t.Acknowledged, t.Resent}, unacknowledged(t, "messages were never acknowledged", w.Address)
		}})
}
