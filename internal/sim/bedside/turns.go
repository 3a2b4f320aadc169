package bedside

import (
	"fmt"
	"slices"
	"strings"

	"thalamus/internal/fault"
)

// Turns gives one of its names every fifth time, by turns. It is for one
// device, not for several goroutines.
type Turns struct {
	Names []string
	count int
}

// every says how often something goes wrong.
const every = 5

// Next gives the fault of the next message, "" for most.
func (t *Turns) Next() string {
	t.count++
	if len(t.Names) == 0 || t.count%every != 0 {
		return ""
	}
	return t.Names[(t.count/every-1)%len(t.Names)]
}

// CheckFaults says which name a device does not know.
func CheckFaults(names, known []string) error {
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		meant := "."
		if near := fault.Nearest(name, known); near != "" {
			meant = fmt.Sprintf("; did you mean %q?", near)
		}
		return fault.New(fault.Invalid, "sim.fault", "there is no fault %q%s There are: %s", name, meant, strings.Join(known, ", ")).At("--fault")
	}
	return nil
}
