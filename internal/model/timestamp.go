package model

import "time"

// Clock is what the sender's clock said: UTC, but for a correction of it.
func (t Timestamp) Clock() time.Time {
	if t.UTC.IsZero() {
		return t.UTC
	}
	return t.UTC.Add(time.Duration(t.ClockOffsetNS))
}

// Corrected says whether UTC is not simply what the sender's clock said.
func (t Timestamp) Corrected() bool { return t.ClockOffsetNS != 0 || t.UncertaintyNS != 0 }
