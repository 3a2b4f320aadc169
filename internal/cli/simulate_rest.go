package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
	"thalamus/internal/sim/home"
)

// simulatedHomes is what the gateways of simulated homes were told.
type simulatedHomes struct {
	Seconds      float64 `json:"seconds"`
	Sent         int     `json:"sent"` // Observations measured
	Acknowledged int     `json:"acknowledged"`
	Refused      int     `json:"refused"`
	Waiting      int     `json:"waiting"`
}

// simulateRest lets simulated homes send to a REST channel.
func (c *program) simulateRest() *cobra.Command {
	var h home.Homes
	var secret string
	cmd := &cobra.Command{
		Use: "rest", Short: "Let simulated homes send FHIR Observations to a REST channel",
		Long: "Let simulated homes send to a REST channel: in each a blood-pressure cuff, an oximeter and a thermometer, and a gateway that keeps what they measure on the disk and sends it when it can. " +
			"With --folder what was not sent is sent by the next run. Exits with 1 when something waits at the end.",
		Example: "  thalamus simulate rest --to https://localhost:8443/ingest/home --authority thalamus-data/tls/authority.pem --name gateway-7 --secret-file secret --homes 20 --for 1m",
	}
	f := cmd.Flags()
	f.StringVar(&h.URL, "to", "https://localhost:8443/ingest/home", "address of the channel")
	f.StringVar(&h.Name, "name", "", "name of the credential")
	f.StringVar(&secret, "secret-file", "", "file with the secret of the credential")
	f.StringVar(&h.Folder, "folder", "", "where the gateways keep what waits; a temporary one unless told")
	f.StringVar(&h.Ward, "ward", "HOME", "beginning of the patients' numbers")
	f.IntVar(&h.Number, "homes", 2, "number of homes")
	f.Float64Var(&h.Rate, "rate", 0.1, "measurements a second of each home")
	return c.simulates(simulation{Command: cmd, kind: "rest", number: &h.Number, flag: "homes",
		devices: func(set faults.Set) (_ sim.Devices, err error) {
			h.Faults, h.Mark = set, fmt.Sprintf("%x", time.Now().UnixNano())
			if h.TLS, err = c.simTLS(true); err != nil {
				return nil, err
			}
			h.Secret, err = firstLine(secret)
			return &h, err
		},
		outcome: func(seconds float64) (any, error) {
			t, waiting := h.Told(), h.Waiting()
			var failure error
			if waiting > 0 || t.Refused > 0 {
				f := fault.New(fault.Transient, "sim.unacknowledged", "%d of %d Observations wait and %d were refused", waiting, t.Sent, t.Refused)
				f.Err = t.Failure
				failure = f.At(h.URL)
			}
			return simulatedHomes{seconds, t.Sent, t.Acknowledged, t.Refused, waiting}, failure
		}})
}
