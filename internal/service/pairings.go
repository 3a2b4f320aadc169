package service

import (
	"context"
	"slices"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Pairers are links whose devices come only with a person's consent. Parts.Links
// may be one.
type Pairers interface {
	Pairings() map[model.ChannelID][]model.Pairing
	Decide(ctx context.Context, channel model.ChannelID, id string, accept bool, passkey string) error
}

// PairingAsk narrows the list.
type PairingAsk struct {
	Channel model.ChannelID `json:"channel,omitempty" doc:"only devices near this channel's adapter"`
	State   string          `json:"state,omitempty" doc:"only those in this state: waiting, confirm, accepted, pairing, bonded, refused, failed"`
}

// PairingRow is a device near us and the channel that heard it.
type PairingRow struct {
	model.Pairing
	Channel model.ChannelID `json:"channel"`
}

// PairingList are the devices near us.
type PairingList struct {
	Rows []PairingRow `json:"rows"`
}

// PairingAccept takes a device in.
type PairingAccept struct {
	ID      string          `json:"id" arg:"id" doc:"address of the device, as the list has it"`
	Channel model.ChannelID `json:"channel" doc:"channel that heard it"`
	Passkey string          `json:"passkey,omitempty" doc:"number that the device shows, where it asks for one"`
	Reason  string          `json:"reason,omitempty" doc:"why, for the audit"`
}

// PairingRefuse has nothing to do with a device.
type PairingRefuse struct {
	ID      string          `json:"id" arg:"id" doc:"address of the device, as the list has it"`
	Channel model.ChannelID `json:"channel" doc:"channel that heard it"`
	Reason  string          `json:"reason,omitempty" doc:"why, for the audit"`
}

func pairingOps() []Op {
	return []Op{
		define(Reads, "pairing.list", "List the Bluetooth devices near the adapters: those that wait for consent first.", "", listPairings),
		define(Works, "pairing.accept", "Agree to a Bluetooth device being taken in; accept once more where a number is to be compared.", "C0:26:DA:00:12:34 --channel ward-ble --reason 'thermometer of room 4'", acceptPairing),
		define(Works, "pairing.refuse", "Have nothing to do with a Bluetooth device, also with one that was taken in before.", "C0:26:DA:00:12:34 --channel ward-ble --reason 'of a visitor'", refusePairing),
	}
}

func (c *call) pairers() (Pairers, error) {
	if p, ok := c.s.Links.(Pairers); ok {
		return p, nil
	}
	return nil, fault.New(fault.Absent, "service.no-pairing", "no channel here takes in devices by pairing")
}

func listPairings(_ context.Context, c *call, r PairingAsk) (PairingList, error) {
	p, err := c.pairers()
	if err != nil {
		return PairingList{}, nil
	}
	all := p.Pairings()
	var channels []model.ChannelID
	for id := range all {
		channels = append(channels, id)
	}
	slices.Sort(channels)
	var out PairingList
	for _, id := range channels {
		for _, one := range all[id] {
			if (r.Channel == "" || r.Channel == id) && (r.State == "" || r.State == one.State) {
				out.Rows = append(out.Rows, PairingRow{one, id})
			}
		}
	}
	return out, nil
}

func acceptPairing(ctx context.Context, c *call, r PairingAccept) (None, error) {
	return None{}, c.decidePairing(ctx, r.Channel, r.ID, true, r.Passkey, r.Reason)
}

func refusePairing(ctx context.Context, c *call, r PairingRefuse) (None, error) {
	return None{}, c.decidePairing(ctx, r.Channel, r.ID, false, "", r.Reason)
}

func (c *call) decidePairing(ctx context.Context, channel model.ChannelID, id string, accept bool, passkey, reason string) error {
	c.object, c.reason = "pairing "+string(channel)+" "+id, reason
	p, err := c.pairers()
	if err != nil {
		return err
	}
	return p.Decide(ctx, channel, id, accept, passkey)
}
