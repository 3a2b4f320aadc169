package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
	"thalamus/internal/sim/files"
)

// filed is what became of the files of simulated devices.
type filed struct {
	Seconds      float64 `json:"seconds"`
	Sent         int     `json:"sent"`         // files, or records, as they were meant
	Acknowledged int     `json:"acknowledged"` // of these: they lie where what was taken does
	Resent       int     `json:"resent"`       // once more, or what went wrong on purpose
	Refused      int     `json:"refused"`      // moved aside with a report
}

// simulateFile lets simulated devices file into a folder.
func (c *program) simulateFile() *cobra.Command {
	var w files.Ward
	grace := settle
	cmd := &cobra.Command{
		Use: "file", Short: "Let simulated devices file into a folder that a channel watches",
		Long: "Let simulated devices file into the folder of a channel of the driver filedrop: at each bed " + strings.Join(files.Kinds(), ", ") +
			" (HL7 v2 batches, tables that the profile thalamus/spot reads, EDF+, WFDB, PDF). The files are named PATIENT_SERIAL_NUMBER, so the channel may have name: \"{patient}_{serial}_{any}\", and any way of knowing that a file is whole but markers. " +
			"A file counts as acknowledged when it lies in the subfolder of what was taken. Exits with 1 when one never did.",
		Example: "  thalamus simulate file --to /srv/in --beds 4 --for 1m\n  thalamus simulate file --to /srv/in --devices batch,spot --fault half-frame,garbage --for 1m",
	}
	f := cmd.Flags()
	f.StringVar(&w.Folder, "to", ".", "folder of the channel")
	f.StringVar(&w.Done, "done", "done", "its subfolder for what was taken")
	f.StringVar(&w.Refused, "refused", "refused", "its subfolder for what cannot be taken")
	f.StringVar(&w.Name, "ward", "SIM", "name of the ward")
	f.IntVar(&w.Beds, "beds", 2, "number of beds")
	f.StringSliceVar(&w.Devices, "devices", files.Kinds(), "kinds of devices")
	f.DurationVar(&w.Every, "every", 5*time.Second, "time between files of a device")
	return c.simulates(simulation{Command: cmd, kind: "file", number: &w.Beds, flag: "beds", grace: &grace,
		devices: func(set faults.Set) (sim.Devices, error) {
			w.Faults = set
			return &w, nil
		},
		outcome: func(seconds float64) (any, error) {
			t := w.Told()
			return filed{seconds, t.Sent, t.Acknowledged, t.Resent, t.Refused}, unacknowledged(t, "files were never taken", w.Folder)
		}})
}
