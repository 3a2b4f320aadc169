package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/sim/files"
)

// filed is what became of the files of simulated devices.
type filed struct {
	Seconds float64 `json:"seconds"`
	files.Count
}

// simulateFile lets simulated devices file into a folder.
func (c *program) simulateFile() *cobra.Command {
	var w files.Ward
	var length time.Duration
	var wrong faultFlag
	cmd := &cobra.Command{
		Use: "file", Short: "Let simulated devices file into a folder that a channel watches", Args: cobra.NoArgs,
		Long: "Let simulated devices file into the folder of a channel of the driver filedrop: at each bed " + strings.Join(files.Kinds(), ", ") +
			" (HL7 v2 batches, tables that the profile thalamus/spot reads, EDF+, WFDB, PDF). The files are named PATIENT_SERIAL_NUMBER, so the channel may have name: \"{patient}_{serial}_{any}\", and any way of knowing that a file is whole but markers. " +
			"A file counts as acknowledged when it lies in the subfolder of what was taken. Exits with 1 when one never did.",
		Example: "  thalamus simulate file --to /srv/in --beds 4 --for 1m\n  thalamus simulate file --to /srv/in --devices batch,spot --fault half-frame,garbage --for 1m",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, shown, err := wrong.set(c)
			if err != nil || shown {
				return err
			}
			w.Faults = set
			if err := checkBeds(w.Beds); err != nil {
				return err
			}
			if err := w.Check(); err != nil {
				return err
			}
			ctx := cmd.Context()
			if length > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, length)
				defer cancel()
			}
			began := time.Now()
			w.Run(ctx, settle)
			out := filed{Seconds: time.Since(began).Seconds()}
			var last error
			out.Count, last = w.Counts()
			if err := c.print(out); err != nil {
				return err
			}
			if out.Acknowledged < out.Sent {
				f := fault.New(fault.Transient, "sim.unacknowledged", "%d of %d files were never taken", out.Sent-out.Acknowledged, out.Sent)
				f.Err = last
				return f.At(w.Folder)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&w.Folder, "to", ".", "folder of the channel")
	f.StringVar(&w.Done, "done", "done", "its subfolder for what was taken")
	f.StringVar(&w.Refused, "refused", "refused", "its subfolder for what cannot be taken")
	f.StringVar(&w.Name, "ward", "SIM", "name of the ward")
	f.IntVar(&w.Beds, "beds", 2, "number of beds")
	f.StringSliceVar(&w.Devices, "devices", files.Kinds(), "kinds of devices")
	f.DurationVar(&w.Every, "every", 5*time.Second, "time between files of a device")
	wrong.add(cmd, "file")
	f.DurationVar(&length, "for", 0, "stop after this long; 0: until interrupted")
	return cmd
}
