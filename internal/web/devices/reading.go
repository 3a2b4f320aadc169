package devices

import (
	"context"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// outsideWhy says why a device's software lies outside the range of its
// profile, and what happens to its messages.
func outsideWhy(ctx context.Context, r service.DeviceReading) string {
	why := ui.T(ctx, "Its software %s is not within %s.", r.Software, r.Range)
	switch {
	case r.Range == "": // another version of the profile, which says none, came into force
		why = ui.T(ctx, "Its software %s is not what the profile was made for.", r.Software)
	case r.Software == "":
		why = ui.T(ctx, "It does not tell its software; the profile was made for %s.", r.Range)
	}
	return why + " " + ui.T(ctx, "Its messages go on under the profile, each with an issue.")
}
