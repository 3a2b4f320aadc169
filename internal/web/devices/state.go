package devices

import (
	"context"
	"time"

	"thalamus/internal/web/ui"
)

// state is how a device is, and why we think so.
type state struct {
	Kind, Text, Why string
}

// What a device's silence is measured by: its own rhythm, and at least so
// long, as networks and devices pause now and then.
const (
	lateFloor   = 30 * time.Second
	silentFloor = 2 * time.Minute
	lateBeats   = 5
	silentBeats = 20
)

// rhythm is the time between two messages, on the average since the device
// was first heard; 0 when it cannot be told.
func rhythm(first, last time.Time, messages uint64) time.Duration {
	if messages < 3 || !last.After(first) {
		return 0
	}
	return last.Sub(first) / time.Duration(messages-1)
}

// heard says whether a device still speaks, by its own rhythm.
func heard(ctx context.Context, first, last time.Time, messages uint64) state {
	now := ui.From(ctx).Now
	if last.IsZero() {
		return state{"quiet", ui.T(ctx, "Never heard"), ui.T(ctx, "No message has come from it; it was entered or imported.")}
	}
	silence, beat := now.Sub(last), rhythm(first, last, messages)
	why := ui.T(ctx, "Last heard %s ago.", ui.Span(ctx, silence))
	if beat > 0 {
		why += " " + ui.T(ctx, "On the average it sends every %s.", ui.Span(ctx, max(beat, time.Second)))
	} else {
		why += " " + ui.T(ctx, "It sent too little to know its rhythm.")
	}
	switch {
	case silence > max(silentFloor, silentBeats*beat):
		return state{"bad", ui.T(ctx, "Silent"), why + " " + ui.T(ctx, "Silent means: nothing for %s.", ui.Span(ctx, max(silentFloor, silentBeats*beat)))}
	case silence > max(lateFloor, lateBeats*beat):
		return state{"warn", ui.T(ctx, "Late"), why + " " + ui.T(ctx, "Late means: nothing for %s.", ui.Span(ctx, max(lateFloor, lateBeats*beat)))}
	}
	return state{"good", ui.T(ctx, "Online"), why}
}
