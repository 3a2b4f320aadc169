package cli

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// simulation is a command that simulates devices of a kind. What all of them do
// is done here, what is one kind's own is in the fields.
type simulation struct {
	*cobra.Command                // its name, texts and own flags
	kind           string         // of whose faults the devices have
	number         *int           // of beds, homes or instruments
	flag           string         // that tells it
	grace          *time.Duration // for what is under way at the end; nil: half of settle
	// devices makes them of what the flags say.
	devices func(set faults.Set) (sim.Devices, error)
	// outcome gives what is printed of them, and why the command fails.
	outcome func(seconds float64) (report any, failure error)
}

// mostBeds of a simulated ward: each has devices with connections of their own.
const mostBeds = 1000

// checkNumber bounds how many of something are simulated.
func checkNumber(n int, flag string) error {
	if n < 1 || n > mostBeds {
		return fault.New(fault.Invalid, "cli.argument", "expected a number from 1 to %d", mostBeds).At("--" + flag)
	}
	return nil
}

// simulates makes the command of a kind.
func (c *program) simulates(s simulation) *cobra.Command {
	var wrong faultFlag
	var length time.Duration
	s.Args = cobra.NoArgs
	s.RunE = func(cmd *cobra.Command, _ []string) error {
		set, shown, err := wrong.set(c)
		if err != nil || shown {
			return err
		}
		if err := checkNumber(*s.number, s.flag); err != nil {
			return err
		}
		all, err := s.devices(set)
		if err != nil {
			return err
		}
		if err := all.Open(); err != nil {
			return err
		}
		ctx := cmd.Context()
		if length > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, length)
			defer cancel()
		}
		grace := settle / 2
		if s.grace != nil {
			grace = *s.grace
		}
		began := time.Now()
		c.runDevices(ctx, all, grace)
		report, failure := s.outcome(time.Since(began).Seconds())
		if err := c.print(report); err != nil {
			return err
		}
		return failure
	}
	wrong.add(s.Command, s.kind)
	s.Flags().DurationVar(&length, "for", 0, "stop after this long; 0: until interrupted")
	return s.Command
}

// runDevices lets devices work and shows meanwhile where they wait, and how much
// was acknowledged.
func (c *program) runDevices(ctx context.Context, all sim.Devices, grace time.Duration) {
	if w, ok := all.(interface{ Waits() []string }); ok {
		for _, line := range w.Waits() {
			c.err.Write([]byte(line + "\n")) // for whoever looks
		}
	}
	bar := c.progress("simulating")
	stop, drawn := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(drawn)
		senders, ok := all.(sim.Senders)
		tick := time.NewTicker(progressRhythm)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if ok {
					bar.count(int64(senders.Told().Acknowledged), "acknowledged")
				}
			}
		}
	}()
	all.Run(ctx, grace)
	close(stop)
	<-drawn
	bar.end()
}

// unacknowledged is why a command fails whose devices were not told that all they
// sent was taken; nil when they were. never says what: "messages were never
// acknowledged".
func unacknowledged(t sim.Told, never, at string) error {
	if t.Acknowledged >= t.Sent {
		return nil
	}
	f := fault.New(fault.Transient, "sim.unacknowledged", "%d of %d %s", t.Sent-t.Acknowledged, t.Sent, never)
	f.Err = t.Failure
	return f.At(at)
}

// unheard is why a command fails whose devices wait for others, and nobody came.
func unheard(came int, nobody, at string) error {
	if came > 0 {
		return nil
	}
	return fault.New(fault.Transient, "sim.unheard", "%s", nobody).At(at)
}

// percentiles of how long acknowledgements took, in milliseconds.
func percentiles(all []time.Duration) (p50, p99, slowest float64) {
	if len(all) == 0 {
		return 0, 0, 0
	}
	slices.Sort(all)
	ms := func(part float64) float64 { return float64(all[int(part*float64(len(all)-1))].Microseconds()) / 1000 }
	return ms(0.5), ms(0.99), ms(1)
}

// firstLine gives the first line of a file that holds a secret; "" without one.
func firstLine(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fileFault(err, path)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line), nil
}
