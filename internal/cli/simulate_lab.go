package cli

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/sim/lab"
)

// simulatedLab is what simulated laboratory instruments were told.
type simulatedLab struct {
	simulated
	Answers int `json:"answers,omitempty"` // to queries for orders
}

// labFlags are what both kinds of instruments have.
type labFlags struct {
	to          string
	instruments int
	rate        float64
	length      time.Duration
	wrong       faultFlag
}

func (l *labFlags) add(cmd *cobra.Command, kind, port string) {
	l.wrong.add(cmd, kind)
	f := cmd.Flags()
	f.StringVar(&l.to, "to", "127.0.0.1:"+port, "address of the channel")
	f.IntVar(&l.instruments, "instruments", 2, "number of instruments")
	f.Float64Var(&l.rate, "rate", 1, "messages a second of each; 0: one after another")
	f.DurationVar(&l.length, "for", 0, "stop after this long; 0: until interrupted")
}

func (l *labFlags) check() (rhythm time.Duration, err error) {
	if l.instruments < 1 || l.instruments > 1000 {
		return 0, fault.New(fault.Invalid, "cli.argument", "expected a number from 1 to 1000").At("--instruments")
	}
	if l.rate < 0 {
		return 0, fault.New(fault.Invalid, "cli.argument", "expected a rate of 0 or more").At("--rate")
	}
	if l.rate > 0 {
		rhythm = time.Duration(float64(time.Second) / l.rate)
	}
	return rhythm, nil
}

func (c *program) simulateASTM() *cobra.Command {
	var l labFlags
	cmd := &cobra.Command{
		Use: "astm", Short: "Let simulated analysers send over ASTM E1381", Args: cobra.NoArgs,
		Long:    "Let simulated chemistry analysers send results (ASTM E1394) to a channel with driver astm, and ask it for orders before every tenth. Each keeps a message until it is acknowledged. Exits with 1 when something never was.",
		Example: "  thalamus simulate astm --to 127.0.0.1:4001 --instruments 3 --for 1m\n  thalamus simulate astm --fault wrong-checksum,reset --for 20s",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, shown, err := l.wrong.set(c)
			if err != nil || shown {
				return err
			}
			rhythm, err := l.check()
			if err != nil {
				return err
			}
			run := fmt.Sprintf("%x", time.Now().UnixNano())
			return c.runLab(cmd.Context(), l, func(ctx context.Context, n int, o *lab.Outcome) {
				(&lab.Analyser{Address: l.to, Number: n, Run: run, Rhythm: rhythm, Queries: true, Faults: set, Outcome: o}).Work(ctx)
			})
		},
	}
	l.add(cmd, "astm", "4001")
	return cmd
}

func (c *program) simulatePOCT1A() *cobra.Command {
	var l labFlags
	cmd := &cobra.Command{
		Use: "poct1a", Short: "Let simulated glucose meters talk over POCT1-A2", Args: cobra.NoArgs,
		Long:    "Let simulated glucose meters hold conversations with a channel with driver poct1a: hello, status, results when asked, then results by themselves. Exits with 1 when a result was never acknowledged.",
		Example: "  thalamus simulate poct1a --to 127.0.0.1:6667 --instruments 5 --for 1m",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, shown, err := l.wrong.set(c)
			if err != nil || shown {
				return err
			}
			rhythm, err := l.check()
			if err != nil {
				return err
			}
			run := fmt.Sprintf("%x", time.Now().UnixNano())
			return c.runLab(cmd.Context(), l, func(ctx context.Context, n int, o *lab.Outcome) {
				(&lab.Meter{Address: l.to, Number: n, Run: run, Rhythm: rhythm, Faults: set, Outcome: o}).Work(ctx)
			})
		},
	}
	l.add(cmd, "poct1a", "6667")
	return cmd
}

func (c *program) runLab(ctx context.Context, l labFlags, work func(ctx context.Context, n int, o *lab.Outcome)) error {
	if l.length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.length)
		defer cancel()
	}
	o := lab.NewOutcome(nil)
	began := time.Now()
	var instruments sync.WaitGroup
	for n := range l.instruments {
		instruments.Go(func() { work(ctx, n+1, o) })
	}
	instruments.Wait()
	out := simulatedLab{simulated: simulated{Seconds: time.Since(began).Seconds(), Refused: o.Refused()}}
	out.Sent, out.Acknowledged, out.Resent, out.Answers = o.Counts()
	if all := o.Latencies(); len(all) > 0 {
		slices.Sort(all)
		ms := func(part float64) float64 { return float64(all[int(part*float64(len(all)-1))].Microseconds()) / 1000 }
		out.P50, out.P99, out.Slowest = ms(0.5), ms(0.99), ms(1)
	}
	if err := c.print(out); err != nil {
		return err
	}
	if out.Acknowledged < out.Sent {
		f := fault.New(fault.Transient, "sim.unacknowledged", "%d of %d messages were never acknowledged", out.Sent-out.Acknowledged, out.Sent)
		f.Err = o.Trouble()
		return f.At(l.to)
	}
	return nil
}
