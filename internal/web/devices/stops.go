package devices

import (
	"context"

	"thalamus/internal/web/ui"
)

// needText says which need of a service is touched, and what is left of it.
func needText(ctx context.Context, kind, id string, left, of, least int) string {
	what := id
	switch kind {
	case "device":
		what = ui.T(ctx, "device %s", id)
	case "model":
		what = ui.T(ctx, "devices of model %s", id)
	case "place":
		what = ui.T(ctx, "devices at %s", ui.PlaceText(id))
	case "channel":
		what = ui.T(ctx, "channel %s", id)
	case "route":
		what = ui.T(ctx, "route %s", id)
	case "destination":
		what = ui.T(ctx, "destination %s", id)
	case "service":
		what = ui.T(ctx, "service %s", id)
	}
	if kind != "model" && kind != "place" {
		return ui.T(ctx, "It needs %s.", what)
	}
	return ui.T(ctx, "It needs %s: %s of %s are left, %s must be.", what, ui.Num(ctx, left), ui.Num(ctx, of), ui.Num(ctx, least))
}
