package app

import (
	"context"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

var _ service.Pairers = (*links)(nil)

// Pairings lists what the channels' links hear of devices that need a person's
// consent.
func (l *links) Pairings() map[model.ChannelID][]model.Pairing {
	out := map[model.ChannelID][]model.Pairing{}
	for id, p := range l.pairers() {
		out[id] = p.Pairings()
	}
	return out
}

func (l *links) pairers() map[model.ChannelID]driver.Pairer {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[model.ChannelID]driver.Pairer{}
	for id, k := range l.running {
		if p, ok := k.driver.(driver.Pairer); ok && k.driver != nil {
			out[id] = p
		}
	}
	return out
}

// Decide hands a person's decision to a channel's link.
func (l *links) Decide(ctx context.Context, channel model.ChannelID, id string, accept bool, passkey string) error {
	p, ok := l.pairers()[channel]
	if !ok {
		return fault.New(fault.Absent, "app.no-pairing", "channel %q is not open, or its devices need no pairing", channel).At("channel")
	}
	return p.Decide(ctx, id, accept, passkey)
}
