package ward

import (
	"context"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// alertView shows one alert with the history of its life.
func alertView(v *ui.Visit) (ui.View, error) {
	var a service.AlertRow
	if err := v.Call("alert.show", service.ID{ID: v.Path("key")}, &a); err != nil {
		return ui.View{}, err
	}
	rows := alertRows(v.Context(), []service.AlertRow{a}, nil)
	ctx := v.Context()
	return ui.View{
		Title: ui.T(ctx, "Alert"), Body: alertBody(a, rows[0]), Styles: []string{"ward.css"},
		Trail: []ui.Link{{Text: ui.T(ctx, "Alerts"), To: "/alerts"}},
	}, nil
}

// stepText says what happened to an alert, as people read it.
func stepText(ctx context.Context, s service.AlertStep) string {
	switch s.What {
	case "start":
		return ui.T(ctx, "Began")
	case "seen":
		return ui.T(ctx, "First report that came; it began before")
	case "update":
		return ui.T(ctx, "Changed")
	case "escalate":
		return ui.T(ctx, "Escalated")
	case "de-escalate":
		return ui.T(ctx, "De-escalated")
	case "mute":
		return ui.T(ctx, "Muted at the device")
	case "unmute":
		return ui.T(ctx, "No longer muted")
	case "latch":
		return ui.T(ctx, "Over, held by the device")
	case "resume":
		return ui.T(ctx, "There again")
	case "end":
		if s.Vanished {
			return ui.T(ctx, "Ended: no longer on the list of its device, which is complete")
		}
		return ui.T(ctx, "Ended")
	case "late":
		return ui.T(ctx, "Report that came late; it changed nothing")
	}
	return s.What
}
