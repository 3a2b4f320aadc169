package ui

import (
	"context"

	"thalamus/internal/model"
)

// stampText tells how a sender's time was sent and understood (R16).
func stampText(ctx context.Context, s model.Timestamp) string {
	text := T(ctx, "Sent as %s.", s.Original)
	if s.Original == "" {
		text = T(ctx, "Not sent by the device.")
	}
	if s.UTC.IsZero() {
		return text + " " + T(ctx, "It could not be read as a time.")
	}
	text += " " + T(ctx, "%s UTC.", s.UTC.UTC().Format("2006-01-02 15:04:05.000"))
	switch s.Zone {
	case model.ZoneMessage:
		text += " " + T(ctx, "Its zone stands in the message.")
	case model.ZoneDevice:
		text += " " + T(ctx, "Its zone is the device's.")
	case model.ZoneChannel:
		text += " " + T(ctx, "Its zone is the channel's.")
	case model.ZoneSite:
		text += " " + T(ctx, "Its zone is the site's.")
	}
	if s.Ambiguous {
		text += " " + T(ctx, "The clock change makes it ambiguous.")
	}
	return text
}
