package files

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Ward is a set of devices that file into one folder.
type Ward struct {
	Folder        string   // where they write
	Done, Refused string   // its subfolders; "": done and refused
	Name          string   // of the ward
	Beds          int      // each with a device of every kind
	Devices       []string // kinds; nil: all
	Every         time.Duration
	Mark          string     // tells apart the files of several runs; "": by the clock
	Faults        faults.Set // what goes wrong, by turns; none: nothing
	// Acknowledged, when set, is called for each batch that was taken with a part
	// of its last message that no other file has; by several goroutines.
	Acknowledged func(mark string)

	// Account is of files, or records of several: acknowledged are those that lie
	// where what was taken does, refused those that were moved aside with a report.
	sim.Account
}

// Open says what is wrong with a ward.
func (w *Ward) Open() error {
	for _, k := range w.Devices {
		if !slices.Contains(Kinds(), k) {
			return fault.New(fault.Invalid, "sim.device", "there is no simulated device %q; there are: %s", k, strings.Join(Kinds(), ", ")).At("--devices")
		}
	}
	if info, err := os.Stat(w.Folder); err != nil || !info.IsDir() {
		return fault.New(fault.Invalid, "cli.argument", "expected a folder that is there").At("--to")
	}
	if w.Every < 0 {
		return fault.New(fault.Invalid, "cli.argument", "expected a span of 0 or more").At("--every")
	}
	return nil
}

// Run lets every device file until ctx ends; what lies there then is still
// waited for, at most for grace.
func (w *Ward) Run(ctx context.Context, grace time.Duration) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	mark := w.Mark
	if mark == "" {
		mark = fmt.Sprintf("%x", time.Now().UnixMilli())
	}
	kinds := w.Devices
	if len(kinds) == 0 {
		kinds = Kinds()
	}
	var devices sync.WaitGroup
	for _, bed := range sim.Beds(w.Name, w.Beds) {
		for _, kind := range kinds {
			devices.Go(func() {
				plan, s := w.Faults.Plan(), newSource(kind, bed, mark)
				for {
					turn := plan.Next()
					w.file(sending, s, turn)
					if !plan.Pause(ctx, w.Every) {
						return
					}
				}
			})
		}
	}
	devices.Wait()
}
