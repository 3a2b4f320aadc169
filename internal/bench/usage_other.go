//go:build !linux

package bench

import "time"

// usage is what a process has used so far.
type usage struct {
	cpu      time.Duration
	written  int64
	resident int64
	peak     int64
}

// usageOf tells nothing here: only Linux has /proc.
func usageOf(int) usage { return usage{} }

// ownCPU is not asked for here; times of the clock stand in for it.
func ownCPU() time.Duration { return 0 }
