package powercut

import (
	"testing"

	"thalamus/internal/flow/journal"
)

// Dir is where the suite lets a journal live on a Disk.
const Dir = "/journal"

// Open opens a journal on a disk, with small segments (64 to 256 KiB).
type Open func(files journal.Files) (journal.Journal, error)

// Run runs what a journal that keeps files must survive.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"power cut at every operation", everyOperation}, {"power cut under load", underLoad},
		{"power cut while keeping", whileKeeping}, {"rot", rot}, {"rot then crash", rotThenCrash},
		{"full disk", fullDisk}, {"error on write", func(t *testing.T, o Open) { failing(t, o, "write") }},
		{"error on sync", func(t *testing.T, o Open) { failing(t, o, "sync") }}, {"error at random", failingAtRandom},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}
