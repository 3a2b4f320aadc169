package devices

import (
	"context"
	"net/url"

	"thalamus/internal/web/ui"
)

// jobText says what is done with each device scanned.
func jobText(ctx context.Context, j scanJob) string {
	switch j.Do {
	case "adopt":
		return ui.T(ctx, "Each device scanned is adopted.")
	case "move":
		return ui.T(ctx, "Each device scanned is moved to %s.", ui.PlaceText(j.To))
	case "lend":
		if j.ReturnBy != "" {
			return ui.T(ctx, "Each device scanned is lent to %s until %s.", j.Borrower, j.ReturnBy)
		}
		return ui.T(ctx, "Each device scanned is lent to %s.", j.Borrower)
	case "return":
		return ui.T(ctx, "Each device scanned is back.")
	case "count":
		return ui.T(ctx, "Each device scanned is counted at %s.", ui.PlaceText(j.At))
	}
	return ui.T(ctx, "Which device is it, and how is it?")
}

// countQuery is the address of an inventory's file.
func countQuery(j scanJob) string {
	return url.Values{"do": {"count"}, "at": {j.At}, "list": {j.List}}.Encode()
}
