package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"thalamus/internal/bench"
	"thalamus/internal/fault"
)

func (c *program) bench() *cobra.Command {
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure the server on this machine, beside a bare file on the same disk", GroupID: groupProof,
		Long: "Measure. Each bench starts the real server with a fresh folder, drives it over loopback sockets with simulated devices and receivers, " +
			"and prints throughput, latency, CPU and bytes written a message, memory, and what a bare group-committed file does in the same run on the same disk. " +
			"Exits with 1 when the counts of the parties do not agree; a goal that is missed is shown, and no failure.",
		Example: "  thalamus bench intake --for 10s\n  thalamus bench query --messages 1000000 --json\n  thalamus bench all --for 3s --out bench.json",
	}
	for _, b := range bench.Benches() {
		cmd.AddCommand(c.benchOne(b))
	}
	cmd.AddCommand(c.benchAll())
	return cmd
}

func benchFlags(cmd *cobra.Command, o *bench.Options) {
	f := cmd.Flags()
	f.DurationVar(&o.For, "for", 0, "how long each part is loaded; 5s unless told")
	f.IntVar(&o.Connections, "connections", 0, "devices that send at once; 32 unless told")
	f.IntVar(&o.Size, "size", 0, "bytes of a message; as 20 observations need unless told")
	f.Float64Var(&o.Rate, "rate", 0, "messages a second offered; as many as are taken unless told (drain: 200)")
	f.IntVar(&o.Messages, "messages", 0, "messages in the record before it is asked or started; 200000 unless told")
	f.IntVar(&o.Devices, "devices", 0, "devices in the register; 100000 unless told, 10000 where all benches run")
	f.IntVar(&o.Sightings, "sightings", 0, "how often these devices are heard in all; 10000000 unless told, 200000 where all benches run")
	f.IntVar(&o.Days, "days", 0, "days that an extract is of; 30 unless told, 3 where all benches run")
	f.IntVar(&o.Repeat, "repeat", 1, "make so many runs and give the best, on a machine that others use too")
	f.StringVar(&o.Folder, "folder", "", "where to make the folder to work in; it lies on the disk that is measured. Empty: the system's for temporary files")
	f.StringVar(&o.Profile, "profile", "", "folder for CPU profiles of the server, for `go tool pprof`")
}

func (c *program) benchOne(b bench.Bench) *cobra.Command {
	var o bench.Options
	cmd := &cobra.Command{
		Use: b.Name, Short: b.Doc, Args: cobra.NoArgs, Example: "  thalamus bench " + b.Name + " --for 10s --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := c.measure(cmd.Context(), b.Name, o)
			if err != nil {
				return err
			}
			if c.json {
				err = c.print(r)
			} else {
				err = printBench(c.out, r)
			}
			if err == nil && !r.Agree {
				return errSilent
			}
			return err
		},
	}
	benchFlags(cmd, &o)
	return cmd
}

func (c *program) benchAll() *cobra.Command {
	var o bench.Options
	var file string
	cmd := &cobra.Command{
		Use: "all", Short: "Make all measurements, one after the other.", Args: cobra.NoArgs, Example: "  thalamus bench all --for 3s --out bench.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Devices, o.Sightings, o.Days = cmp.Or(o.Devices, 10_000), cmp.Or(o.Sightings, 200_000), cmp.Or(o.Days, 3) // a whole house takes an hour
			all := benchFile{Schema: bench.Schema, Version: c.version}
			agree := true
			for _, b := range bench.Benches() {
				r, err := c.measure(cmd.Context(), b.Name, o)
				if err != nil {
					return err
				}
				agree = agree && r.Agree
				all.Reports = append(all.Reports, r)
				if !c.json {
					if err := printBench(c.out, r); err != nil {
						return err
					}
				}
			}
			if file != "" {
				text, err := json.MarshalIndent(all, "", "  ")
				if err == nil {
					err = os.WriteFile(file, append(text, '\n'), 0o644)
				}
				if err != nil {
					return fault.Wrap(err, fault.Broken, "cli.file", "cannot write the measurements").At(file)
				}
			}
			if c.json {
				if err := c.print(all); err != nil {
					return err
				}
			}
			if !agree {
				return errSilent
			}
			return nil
		},
	}
	benchFlags(cmd, &o)
	cmd.Flags().StringVar(&file, "out", "", "write the measurements as JSON to this file too")
	return cmd
}

// benchFile is what `bench all` writes.
type benchFile struct {
	Schema  string         `json:"schema"`
	Version string         `json:"version"`
	Reports []bench.Report `json:"reports"`
}

// measure runs a bench with its progress on the standard error.
func (c *program) measure(ctx context.Context, name string, o bench.Options) (bench.Report, error) {
	var bar *progress
	part := ""
	o.Progress = func(what string, done, total float64) {
		if what != part {
			if bar != nil {
				bar.end()
			}
			bar, part = c.progress(name+": "+what), what
		}
		bar.set(done, total)
	}
	r, err := bench.Run(ctx, name, o)
	if bar != nil {
		bar.end()
	}
	return r, err
}

// printBench writes a measurement for people.
func printBench(w io.Writer, r bench.Report) error {
	fmt.Fprintf(w, "\n%s", r.Bench)
	if r.Connections > 0 {
		fmt.Fprintf(w, ", %d connections", r.Connections)
	}
	if r.MessageBytes > 0 {
		fmt.Fprintf(w, ", messages of %d bytes", r.MessageBytes)
	}
	if r.Observations > 0 {
		fmt.Fprintf(w, " with %d observations", r.Observations)
	}
	fmt.Fprintf(w, "\n%d processors, a sync takes %s ms", r.Machine.Processors, number(r.Machine.SyncMs))
	if r.BestOf > 1 {
		fmt.Fprintf(w, ", best of %d runs", r.BestOf)
	}
	fmt.Fprint(w, "\n\n")
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tcount\ta second\tMB/s\tp50 ms\tp99 ms\tmax ms\tCPU µs each\tbytes written each\tresident MiB\tat most\t")
	for _, s := range r.Stretches {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t", s.Name, s.Count, number(s.PerSecond), number(s.MBPerSec))
		latencyCells(t, s.Latency)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", number(s.CPUMs*1000), number(s.WriteBytes), number(s.ResidentMB), number(s.PeakMB))
	}
	for _, b := range r.Bare {
		fmt.Fprintf(t, "%s beside %s\t\t%s\t\t", b.Bare, b.Stretch, number(b.PerSec))
		latencyCells(t, &b.Latency)
		fmt.Fprintf(t, "\tratio %.2f\t\t\t\n", b.Ratio)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, g := range r.Goals {
		mark, sign, bound := "met   ", "≥", g.AtLeast
		if g.Below != 0 {
			sign, bound = "<", g.Below
		}
		if !g.Met {
			mark = "missed"
		}
		fmt.Fprintf(w, "%s  %s: %s %s (goal %s %s)\n", mark, g.What, number(g.Figure), g.Unit, sign, number(bound))
	}
	for _, p := range r.Problems {
		fmt.Fprintln(w, "wrong:", p)
	}
	return nil
}

func latencyCells(w io.Writer, l *bench.Latency) {
	if l == nil {
		fmt.Fprint(w, "\t\t\t")
		return
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t", number(l.P50), number(l.P99), number(l.Max))
}

// number writes a figure with three digits that matter; nothing for 0.
func number(v float64) string {
	switch {
	case v == 0:
		return ""
	case v >= 100 || v <= -100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10 || v <= -10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 1 || v <= -1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}
