package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
	"thalamus/internal/sim/lab"
)

// simulatedLab is what simulated laboratory instruments were told.
type simulatedLab struct {
	simulated
	Answers int `json:"answers,omitempty"` // to queries for orders
}

// instrument is what is one kind of instrument's own.
type instrument struct {
	kind, port string
	make       func(l *lab.Outcome, to, run string, n int, rhythm time.Duration, set faults.Set) lab.Instrument
}

func (c *program) simulateASTM() *cobra.Command {
	return c.simulateLab(&cobra.Command{
		Use: "astm", Short: "Let simulated analysers send over ASTM E1381",
		Long:    "Let simulated chemistry analysers send results (ASTM E1394) to a channel with driver astm, and ask it for orders before every tenth. Each keeps a message until it is acknowledged. Exits with 1 when something never was.",
		Example: "  thalamus simulate astm --to 127.0.0.1:4001 --instruments 3 --for 1m\n  thalamus simulate astm --fault wrong-checksum,reset --for 20s",
	}, instrument{"astm", "4001", func(o *lab.Outcome, to, run string, n int, rhythm time.Duration, set faults.Set) lab.Instrument {
		return &lab.Analyser{Address: to, Number: n, Run: run, Rhythm: rhythm, Queries: true, Faults: set, Outcome: o}
	}})
}

func (c *program) simulatePOCT1A() *cobra.Command {
	return c.simulateLab(&cobra.Command{
		Use: "poct1a", Short: "Let simulated glucose meters talk over POCT1-A2",
		Long:    "Let simulated glucose meters hold conversations with a channel with driver poct1a: hello, status, results when asked, then results by themselves. Exits with 1 when a result was never acknowledged.",
		Example: "  thalamus simulate poct1a --to 127.0.0.1:6667 --instruments 5 --for 1m",
	}, instrument{"poct1a", "6667", func(o *lab.Outcome, to, run string, n int, rhythm time.Duration, set faults.Set) lab.Instrument {
		return &lab.Meter{Address: to, Number: n, Run: run, Rhythm: rhythm, Faults: set, Outcome: o}
	}})
}

// simulateLab lets instruments send to a channel.
func (c *program) simulateLab(cmd *cobra.Command, kind instrument) *cobra.Command {
	var to string
	w := lab.Ward{Outcome: lab.NewOutcome(nil)}
	f := cmd.Flags()
	f.StringVar(&to, "to", "127.0.0.1:"+kind.port, "address of the channel")
	f.IntVar(&w.Instruments, "instruments", 2, "number of instruments")
	f.Float64Var(&w.Rate, "rate", 1, "messages a second of each; 0: one after another")
	return c.simulates(simulation{Command: cmd, kind: kind.kind, number: &w.Instruments, flag: "instruments",
		devices: func(set faults.Set) (sim.Devices, error) {
			run := fmt.Sprintf("%x", time.Now().UnixNano())
			w.Make = func(n int, rhythm time.Duration) lab.Instrument { return kind.make(w.Outcome, to, run, n, rhythm, set) }
			return &w, nil
		},
		outcome: func(seconds float64) (any, error) {
			t := w.Told()
			return simulatedLab{newSimulated(seconds, t, w.Outcome.Refused(), w.Outcome.Latencies()), w.Outcome.Answers()}, unacknowledged(t, "messages were never acknowledged", to)
		}})
}
