package app

import (
	"context"

	"thalamus/internal/driver"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// admit says to drivers who a peer is, by the credentials of devices.
func (a *App) admit(_ context.Context, channel model.ChannelID, shown driver.Credentials) (driver.Admission, error) {
	s := register.Shown{Peer: shown.Peer, Client: shown.Client, User: shown.User, Secret: string(shown.Secret)}
	if shown.Certificate != nil {
		s.Print = register.SumOf(shown.Certificate.Raw)
	}
	got, err := a.gatekeeper.Admit(channel, s)
	if err != nil {
		return driver.Admission{}, err
	}
	out := driver.Admission{Identity: got.Credential, Device: got.Device, Publish: got.Publish, Receive: got.Subscribe, Ended: got.Gone}
	if shown.Certificate != nil && len(shown.Secret) == 0 {
		out.Identity = shown.Certificate.Subject.String()
	}
	return out, nil
}
