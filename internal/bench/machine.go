package bench

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/bench/bare"
	"thalamus/internal/fault"
)

// machine describes where the folder of a measurement lies.
func machine(folder string) (Machine, error) {
	m := Machine{Processors: runtime.GOMAXPROCS(0), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.Processor = strings.TrimSpace(value)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.System += " " + strings.TrimSpace(string(text))
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(text), " ")
		m.Load, _ = strconv.ParseFloat(first, 64)
	}
	var err error
	m.SyncMs, err = syncTime(folder)
	return m, err
}

// syncTime is the median of writing 4 KiB and syncing it.
func syncTime(folder string) (float64, error) {
	f, err := bare.Open(filepath.Join(folder, "sync"), 1<<20, true)
	if err != nil {
		return 0, diskFault(err, folder)
	}
	defer os.Remove(filepath.Join(folder, "sync"))
	defer f.Close()
	var took [101]time.Duration
	page := make([]byte, 4096)
	for i := range took {
		began := time.Now()
		if err := f.Append(page); err != nil {
			return 0, diskFault(err, folder)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took[:])
	return ms(took[len(took)/2]), nil
}

func diskFault(err error, folder string) error {
	return fault.Wrap(err, fault.Broken, "bench.disk", "the disk does not take what is written to it for comparison; --folder names another place").At(folder)
}
