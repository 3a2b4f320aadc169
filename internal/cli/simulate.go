package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
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

func (c *program) simulate() *cobra.Command {
	var (
		w       sim.Ward
		ward    string
		beds    int
		devices []string
		wrong   faultFlag
		length  time.Duration
		secure  bool
	)
	cmd := &cobra.Command{
		Use: "simulate", Short: "Let simulated devices send to a channel", GroupID: groupProof, Args: cobra.NoArgs,
		Long: "Let simulated devices send HL7 v2 over MLLP to an address: at each bed a monitor (PCD-01 with a second of ECG) and an infusion pump (PCD-01, PCD-04), and a feed of patient events (ADT). " +
			"Each keeps what is not acknowledged and sends it again. At the end it prints what they were told; exits with 1 when something was never acknowledged.",
		Example: "  thalamus simulate --to 127.0.0.1:2575 --beds 4 --for 1m\n  thalamus simulate --to 127.0.0.1:2575 --devices monitor --rate 20 --for 10s --json\n  thalamus simulate --to 127.0.0.1:2575 --fault half-frame,duplicate --for 20s",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, shown, err := wrong.set(c)
			if err != nil || shown {
				return err
			}
			config, err := c.simTLS(secure)
			if err != nil {
				return err
			}
			if err := checkBeds(beds); err != nil {
				return err
			}
			if w.Rate < 0 {
				return fault.New(fault.Invalid, "cli.argument", "expected a rate above 0").At("--rate")
			}
			made := sim.NewWard(w.Address, config, ward, beds, sim.NewTerms(), fmt.Sprintf("%x", time.Now().UnixNano()))
			made.Rate = w.Rate
			if err := made.Only(devices); err != nil {
				return err
			}
			made.Faults = set
			return c.runWard(cmd.Context(), made, length)
		},
	}
	f := cmd.Flags()
	f.StringVar(&w.Address, "to", "127.0.0.1:2575", "MLLP address")
	f.StringVar(&ward, "ward", "SIM", "name of the ward")
	f.IntVar(&beds, "beds", 2, "number of beds")
	f.StringSliceVar(&devices, "devices", sim.Kinds(), "kinds of devices")
	f.Float64Var(&w.Rate, "rate", 1, "messages a second of each monitor")
	wrong.add(cmd, "hl7")
	f.DurationVar(&length, "for", 0, "stop after this long; 0: until interrupted")
	f.BoolVar(&secure, "tls", false, "speak TLS; --authority names whom to trust")
	cmd.AddCommand(c.simulatePHD(), c.simulateASTM(), c.simulatePOCT1A(), c.simulateRest())
	cmd.AddCommand(c.simulateMQTT(), c.simulateIntelliVue(), c.simulateFile(), c.simulateBLE())
	cmd.AddCommand(c.simulateLines()...)
	return cmd
}

func (c *program) runWard(ctx context.Context, w *sim.Ward, length time.Duration) error {
	if length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, length)
		defer cancel()
	}
	began := time.Now()
	bar := c.progress("simulating")
	stop := make(chan struct{})
	drawn := make(chan struct{})
	go func() {
		defer close(drawn)
		tick := time.NewTicker(progressRhythm)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				_, acknowledged, _ := w.Ledger.Counts()
				bar.count(int64(acknowledged), "messages acknowledged")
			}
		}
	}()
	w.Run(ctx, settle/2)
	close(stop)
	<-drawn
	bar.end()
	out := simulated{Seconds: time.Since(began).Seconds(), Refused: w.Ledger.Refused()}
	out.Sent, out.Acknowledged, out.Resent = w.Ledger.Counts()
	if all := w.Ledger.Latencies(); len(all) > 0 {
		slices.Sort(all)
		ms := func(part float64) float64 { return float64(all[int(part*float64(len(all)-1))].Microseconds()) / 1000 }
		out.P50, out.P99, out.Slowest = ms(0.5), ms(0.99), ms(1)
	}
	if err := c.print(out); err != nil {
		return err
	}
	if out.Acknowledged < out.Sent {
		why := w.Ledger.Failure()
		f := fault.New(fault.Transient, "sim.unacknowledged", "%d of %d messages were never acknowledged", out.Sent-out.Acknowledged, out.Sent)
		f.Err = why
		return f.At(w.Address)
	}
	return nil
}
