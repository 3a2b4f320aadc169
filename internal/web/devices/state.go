package devices

import (
	"context"
	"time"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// state is how a device is, and why we think so.
type state struct {
	Kind, Text, Why string
}

// heard says whether a device still speaks, by its own rhythm.
func heard(ctx context.Context, first, last time.Time, messages uint64) state {
	now := ui.From(ctx).Now
	if last.IsZero() {
		return state{"quiet", ui.T(ctx, "Never heard"), ui.T(ctx, "No message has come from it; it was entered or imported.")}
	}
	h := service.Hear(first, last, messages, now)
	why := ui.T(ctx, "Last heard %s ago.", ui.Span(ctx, now.Sub(last)))
	if h.Beat > 0 {
		why += " " + ui.T(ctx, "On the average it sends every %s.", ui.Span(ctx, max(h.Beat, time.Second)))
	} else {
		why += " " + ui.T(ctx, "It sent too little to know its rhythm.")
	}
	switch {
	case h.IsSilent:
		return state{"bad", ui.T(ctx, "Silent"), why + " " + ui.T(ctx, "Silent means: nothing for %s.", ui.Span(ctx, h.Silent))}
	case h.IsLate:
		return state{"warn", ui.T(ctx, "Late"), why + " " + ui.T(ctx, "Late means: nothing for %s.", ui.Span(ctx, h.Late))}
	}
	return state{"good", ui.T(ctx, "Online"), why}
}
