package devices

import (
	"context"
	"net/url"
	"strings"

	"thalamus/internal/model"
	"thalamus/internal/service"
)

// Filter reads the filters of the register out of an address, for who does
// something with all devices that match.
func Filter(q url.Values) service.DeviceAsk {
	one := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	ask := service.DeviceAsk{
		Text: one("text"), Channel: model.ChannelID(one("channel")), New: one("new") != "",
		State: service.StateKind(one("state")), Profile: one("profile"), Outside: one("outside") != "", Model: one("model"), Release: one("release"),
	}
	for _, f := range q["fact"] {
		if f != "" {
			ask.Facts = append(ask.Facts, f)
		}
	}
	return ask
}

// FactName is a fact as people call it.
func FactName(ctx context.Context, fact string) string { return factName(ctx, fact) }

// ValueText is a fact's value as people read it.
func ValueText(ctx context.Context, fact, value string) string { return valueText(ctx, fact, value) }
