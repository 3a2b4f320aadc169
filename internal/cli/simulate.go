package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// simulated is what simulated devices were told: the acknowledgements they
// count themselves.
type simulated struct {
	Seconds      float64        `json:"seconds"`
	Sent         int            `json:"sent"`         // different messages
	Acknowledged int            `json:"acknowledged"` // of these
	Resent       int            `json:"resent"`
	Refused      map[string]int `json:"refused,omitempty"` // answers other than AA and CA
	P50          float64        `json:"p50Ms"`
	P99          float64        `json:"p99Ms"`
	Slowest      float64        `json:"slowestMs"`
}

func newSimulated(seconds float64, t sim.Told, refused map[string]int, latencies []time.Duration) simulated {
	out := simulated{Seconds: seconds, Sent: t.Sent, Acknowledged: t.Acknowledged, Resent: t.Resent, Refused: refused}
	out.P50, out.P99, out.Slowest = percentiles(latencies)
	return out
}

func (c *program) simulate() *cobra.Command {
	var (
		w       *sim.Ward
		address string
		ward    string
		beds    int
		rate    float64
		devices []string
		secure  bool
	)
	cmd := &cobra.Command{
		Use: "simulate", Short: "Let simulated devices send to a channel", GroupID: groupProof,
		Long: "Let simulated devices send HL7 v2 over MLLP to an address: at each bed a monitor (PCD-01 with a second of ECG) and an infusion pump (PCD-01, PCD-04), and a feed of patient events (ADT). " +
			"Each keeps what is not acknowledged and sends it again. At the end it prints what they were told; exits with 1 when something was never acknowledged.",
		Example: "  thalamus simulate --to 127.0.0.1:2575 --beds 4 --for 1m\n  thalamus simulate --to 127.0.0.1:2575 --devices monitor --rate 20 --for 10s --json\n  thalamus simulate --to 127.0.0.1:2575 --fault half-frame,duplicate --for 20s",
	}
	f := cmd.Flags()
	f.StringVar(&address, "to", "127.0.0.1:2575", "MLLP address")
	f.StringVar(&ward, "ward", "SIM", "name of the ward")
	f.IntVar(&beds, "beds", 2, "number of beds")
	f.StringSliceVar(&devices, "devices", sim.Kinds(), "kinds of devices")
	f.Float64Var(&rate, "rate", 1, "messages a second of each monitor")
	f.BoolVar(&secure, "tls", false, "speak TLS; --authority names whom to trust")
	cmd.AddCommand(c.simulatePHD(), c.simulateASTM(), c.simulatePOCT1A(), c.simulateRest())
	cmd.AddCommand(c.simulateMQTT(), c.simulateIntelliVue(), c.simulateFile(), c.simulateBLE(), c.simulatePull())
	cmd.AddCommand(c.simulateLines()...)
	return c.simulates(simulation{Command: cmd, kind: "hl7", number: &beds, flag: "beds",
		devices: func(set faults.Set) (sim.Devices, error) {
			config, err := c.simTLS(secure)
			if err != nil {
				return nil, err
			}
			w = sim.NewWard(address, config, ward, beds, sim.NewTerms(), fmt.Sprintf("%x", time.Now().UnixNano()))
			w.Rate, w.Faults = rate, set
			return w, w.Only(devices)
		},
		outcome: func(seconds float64) (any, error) {
			t := w.Told()
			return newSimulated(seconds, t, w.Ledger.Refused(), w.Ledger.Latencies()), unacknowledged(t, "messages were never acknowledged", w.Address)
		}})
}
