package alert

import (
	"time"

	"thalamus/internal/model"
)

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
	Beat   model.Duration `json:"beat,omitempty"` // between two messages on the average; 0: too few to tell
	Late   model.Duration `json:"late"`           // silent for longer than this it is late
	Silent model.Duration `json:"silent"`         // and for longer than this silent
	Last   time.Time      `json:"last,omitzero"`  // when it was last heard
	IsLate bool           `json:"isLate,omitempty"`
	// IsSilent since Last. It says that nothing came, and nothing else: an
	// alert of a silent source has not ended.
	IsSilent bool `json:"isSilent,omitempty"`
}

// Hear judges a device by when it was first and last heard and how many
// messages came in between, at the time now.
func Hear(first, last time.Time, messages uint64, now time.Time) Hearing {
	late, silent, h := LateFloor, SilentFloor, Hearing{Last: last}
	if messages >= 3 && last.After(first) {
		beat := last.Sub(first) / time.Duration(messages-1)
		late, silent = max(late, lateBeats*beat), max(silent, silentBeats*beat)
		h.Beat = model.Duration(beat)
	}
	h.Late, h.Silent = model.Duration(late), model.Duration(silent)
	if last.IsZero() {
		return h
	}
	silence := now.Sub(last)
	h.IsLate, h.IsSilent = silence > late, silence > silent
	return h
}
