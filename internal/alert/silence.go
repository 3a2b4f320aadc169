package alert

import "time"

// What a source's silence is measured by: its own rhythm, and at least so
// long, as networks and devices pause now and then (decision 46).
const (
	LateFloor   = 30 * time.Second
	SilentFloor = 2 * time.Minute
	lateBeats   = 5
	silentBeats = 20
)

// Hearing is how a device is heard, by its own rhythm.
type Hearing struct {
	Beat   time.Duration `json:"beat,omitempty"` // between two messages on the average; 0: too few to tell
	Late   time.Duration `json:"late"`           // silent for longer than this it is late
	Silent time.Duration `json:"silent"`         // and for longer than this silent
	Last   time.Time     `json:"last,omitzero"`  // when it was last heard
	IsLate bool          `json:"isLate,omitempty"`
	// IsSilent since Last. It says that nothing came, and nothing else: an
	// alert of a silent source has not ended.
	IsSilent bool `json:"isSilent,omitempty"`
}

// Hear judges a device by when it was first and last heard and how many
// messages came in between, at the time now.
func Hear(first, last time.Time, messages uint64, now time.Time) Hearing {
	h := Hearing{Late: LateFloor, Silent: SilentFloor, Last: last}
	if messages >= 3 && last.After(first) {
		h.Beat = last.Sub(first) / time.Duration(messages-1)
		h.Late, h.Silent = max(LateFloor, lateBeats*h.Beat), max(SilentFloor, silentBeats*h.Beat)
	}
	if last.IsZero() {
		return h
	}
	silence := now.Sub(last)
	h.IsLate, h.IsSilent = silence > h.Late, silence > h.Silent
	return h
}
