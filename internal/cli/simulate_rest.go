package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/sim/home"
)

// simulatedHomes is what the gateways of simulated homes were told.
type simulatedHomes struct {
	Seconds      float64 `json:"seconds"`
	Sent         int64   `json:"sent"` // Observations measured
	Acknowledged uint64  `json:"acknowledged"`
	Refused      uint64  `json:"refused"`
	Waiting      uint64  `json:"waiting"`
}

// simulateRest lets simulated homes send to a REST channel.
func (c *program) simulateRest() *cobra.Command {
	var (
		h      home.Homes
		length time.Duration
		secret string
		wrong  faultFlag
	)
	cmd := &cobra.Command{
		Use: "rest", Short: "Let simulated homes send FHIR Observations to a REST channel", Args: cobra.NoArgs,
		Long: "Let simulated homes send to a REST channel: in each a blood-pressure cuff, an oximeter and a thermometer, and a gateway that keeps what they measure on the disk and sends it when it can. " +
			"With --folder what was not sent is sent by the next run. Exits with 1 when something waits at the end.",
		Example: "  thalamus simulate rest --to https://localhost:8443/ingest/home --authority thalamus-data/tls/authority.pem --name gateway-7 --secret-file secret --homes 20 --for 1m",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, shown, err := wrong.set(c)
			if err != nil || shown {
				return err
			}
			config, err := c.simTLS(true)
			if err != nil {
				return err
			}
			if err := checkBeds(h.Number); err != nil {
				return err
			}
			if h.Rate < 0 {
				return fault.New(fault.Invalid, "cli.argument", "expected a rate above 0").At("--rate")
			}
			if secret != "" {
				text, err := os.ReadFile(secret)
				if err != nil {
					return fileFault(err, secret)
				}
				h.Secret = firstLine(text)
			}
			h.Faults, h.TLS, h.Run = set, config, fmt.Sprintf("%x", time.Now().UnixNano())
			return c.runHomes(cmd.Context(), &h, length)
		},
	}
	f := cmd.Flags()
	f.StringVar(&h.URL, "to", "https://localhost:8443/ingest/home", "address of the channel")
	f.StringVar(&h.Name, "name", "", "name of the credential")
	f.StringVar(&secret, "secret-file", "", "file with the secret of the credential")
	f.StringVar(&h.Folder, "folder", "", "where the gateways keep what waits; a temporary one unless told")
	f.StringVar(&h.Ward, "ward", "HOME", "beginning of the patients' numbers")
	f.IntVar(&h.Number, "homes", 2, "number of homes")
	f.Float64Var(&h.Rate, "rate", 0.1, "measurements a second of each home")
	f.DurationVar(&length, "for", 0, "stop after this long; 0: until interrupted")
	wrong.add(cmd, "rest")
	return cmd
}

// firstLine gives the first line of a file.
func firstLine(text []byte) string {
	for i, c := range text {
		if c == '\n' || c == '\r' {
			return string(text[:i])
		}
	}
	return string(text)
}

func (c *program) runHomes(ctx context.Context, h *home.Homes, length time.Duration) error {
	if length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, length)
		defer cancel()
	}
	began := time.Now()
	got, err := h.Send(ctx, settle/2)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "sim.home", "the gateways of the homes cannot work").At(h.URL)
	}
	out := simulatedHomes{Seconds: time.Since(began).Seconds(), Sent: got.Measured, Acknowledged: got.Acknowledged, Refused: got.Refused, Waiting: got.Waiting}
	if err := c.print(out); err != nil {
		return err
	}
	if got.Waiting > 0 || got.Refused > 0 {
		return fault.New(fault.Transient, "sim.unacknowledged", "%d of %d Observations wait and %d were refused; the last failure: %s", got.Waiting, got.Measured, got.Refused, got.Failure).At(h.URL)
	}
	return nil
}
