package cli

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
	"thalamus/internal/sim/bedside"
	"thalamus/internal/sim/dri"
	"thalamus/internal/sim/faults"
	"thalamus/internal/sim/intellivue"
	"thalamus/internal/sim/masimo"
	"thalamus/internal/sim/medibus"
	"thalamus/internal/sim/nonin"
)

// onLine is a kind of simulated device that speaks over a line of bytes.
type onLine struct {
	kind, port     string
	what, tells    string // "Dräger ventilators", what they do
	faults         string // kind of which it has the faults; "": its own
	make           func(bed sim.Bed, set faults.Set) bedside.Device
	flags          func(cmd *cobra.Command)
	check          func() error
	moreInExamples string
}

func (c *program) simulateLines() []*cobra.Command {
	format := 2
	kinds := []onLine{
		{kind: "medibus", port: "4010", what: "Dräger ventilators", tells: "that answer MEDIBUS commands: identity, measured values, limits, alarms, settings, texts, time and realtime curves",
			make: func(b sim.Bed, f faults.Set) bedside.Device { return medibus.New(b, f) }},
		{kind: "intellivue-serial", port: "4020", what: "Philips IntelliVue monitors", tells: "that speak their data export interface over the serial port, in frames of the fixed baudrate protocol", faults: "intellivue",
			make: func(b sim.Bed, f faults.Set) bedside.Device { return intellivue.NewSerial(b, f) }},
		{kind: "masimo", port: "4030", what: "Masimo Radical-7 pulse oximeters", tells: "that send a line of text a second (output ASCII 1)",
			make: func(b sim.Bed, f faults.Set) bedside.Device { return masimo.New(b, f) }},
		{kind: "nonin", port: "4040", what: "Nonin pulse oximeters", tells: "that send the data formats 2, 7 (75 frames a second with the pleth) or 8 (once a second)",
			make: func(b sim.Bed, f faults.Set) bedside.Device { return nonin.New(b, format, f) },
			flags: func(cmd *cobra.Command) {
				cmd.Flags().IntVar(&format, "format", 2, "data format: 2, 7 or 8")
			},
			check: func() error {
				if !slices.Contains(nonin.Formats(), format) {
					return fault.New(fault.Invalid, "cli.argument", "expected 2, 7 or 8").At("--format")
				}
				return nil
			}, moreInExamples: " --format 8"},
		{kind: "dri", port: "4050", what: "GE Datex-Ohmeda S/5 monitors", tells: "that answer DRI requests with values, trends, alarms and waves",
			make: func(b sim.Bed, f faults.Set) bedside.Device { return dri.New(b, f) }},
	}
	var out []*cobra.Command
	for _, k := range kinds {
		out = append(out, c.simulateLine(k))
	}
	return out
}

// spoken is what simulated devices on lines did.
type spoken struct {
	Seconds float64 `json:"seconds"`
	bedside.Count
}

func (c *program) simulateLine(k onLine) *cobra.Command {
	var w bedside.Ward
	cmd := &cobra.Command{
		Use: k.kind, Short: "Let simulated " + k.what + " speak over TCP",
		Long: "Let simulated " + k.what + " work at each bed, " + k.tells + ". Each waits behind a TCP port of its own, as behind a terminal server; with --to each calls a channel that listens. " +
			"Simulated from public descriptions. Exits with 1 when nobody was at the other end.",
		Example: fmt.Sprintf("  thalamus simulate %s --listen 127.0.0.1:%s --beds 4 --for 1m\n  thalamus simulate %s --to 127.0.0.1:4001 --fault half-frame,garbage%s --for 5m", k.kind, k.port, k.kind, k.moreInExamples),
	}
	f := cmd.Flags()
	f.StringVar(&w.Listen, "listen", "127.0.0.1:"+k.port, "TCP address of the first device; each next one has the next port")
	f.StringVar(&w.To, "to", "", "address of a channel that the devices call instead of waiting")
	f.StringVar(&w.Name, "ward", "SIM", "name of the ward")
	f.IntVar(&w.Beds, "beds", 1, "number of beds")
	if k.flags != nil {
		k.flags(cmd)
	}
	return c.simulates(simulation{Command: cmd, kind: cmp.Or(k.faults, k.kind), number: &w.Beds, flag: "beds",
		devices: func(set faults.Set) (sim.Devices, error) {
			w.Make = func(bed sim.Bed) bedside.Device { return k.make(bed, set) }
			if k.check != nil {
				return &w, k.check()
			}
			return &w, nil
		},
		outcome: func(seconds float64) (any, error) {
			count := w.Count()
			return spoken{seconds, count}, unheard(count.Connections, "nobody was at the other end of the devices' lines", cmp.Or(w.To, w.Listen))
		}})
}
