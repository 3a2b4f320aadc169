package app

import (
	"context"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/model"
)

// accepted says whether what waits for a device to be accepted may go: it is,
// or its channel asks for it no more. A channel that is gone asks as it did.
func (a *App) accepted(channel model.ChannelID, id model.DeviceID) bool {
	c, ok := a.channelOf(channel)
	return ok && c.Accept == "" || a.register.Accepted(id, c.Accept == model.AcceptStrict, time.Now())
}

// channelOf gives a channel in force.
func (a *App) channelOf(id model.ChannelID) (model.Channel, bool) {
	all := a.routing.channels.Load()
	if all == nil {
		return model.Channel{}, false
	}
	r, ok := (*all)[id]
	return r.channel, ok
}

// plain says whether a channel's link is known not to be encrypted.
func (l *links) plain(id model.ChannelID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.running[id]
	if k == nil || k.driver == nil {
		return false
	}
	e, ok := k.driver.(driver.Encrypter)
	return ok && !e.Encrypted()
}

// startAttending lets the service attend to what contradicts acceptances.
func (a *App) startAttending(context.Context) error {
	a.work.Go(func() { a.service.Attend(a.background, a.report("acceptances")) })
	return nil
}

// blocked says whether a message of a device that arrived at an instant may not
// leave.
func (a *App) blocked(id model.DeviceID, arrived time.Time) bool {
	return a.register.Blocked(id, arrived, time.Now())
}

// freed says whether what was set aside of a device may go: somebody decided so
// after its block, and its channel asks for nothing more.
func (a *App) freed(channel model.ChannelID, id model.DeviceID) bool {
	if a.register.Undecided(id) {
		return false
	}
	c, _ := a.channelOf(channel)
	return (c.Unknown != "quarantine" || a.register.Adopted(id)) && a.accepted(channel, id)
}
