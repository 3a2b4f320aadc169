//go:build !linux

package loopdisk

import "testing"

// Volume is an ext4 file system of its own, on a loop device.
type Volume struct {
	Dir string // where it is mounted
}

// New skips the test.
func New(t testing.TB, mib int) *Volume {
	t.Skip("a file system on a loop device needs Linux")
	return nil
}

// Cut cuts the power.
func (v *Volume) Cut() error { return nil }

// Remount gives power again.
func (v *Volume) Remount() {}

// Fill takes all room but some bytes, until free is called.
func (v *Volume) Fill(leave int64) (free func()) { return func() {} }
