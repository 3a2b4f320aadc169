package fhir

import (
	"slices"
	"time"

	"thalamus/internal/model"
)

// DeviceSaid is what a transaction says of one Device. Its entry makes the
// Device where there is none; whether one that is there is brought up to date is
// for whoever knows what the receiver has (decision 0300).
type DeviceSaid struct {
	ID       Identity
	Entry    int // of the bundle
	From, To int // where the resource lies in Transaction.JSON
	// Query finds the Device, "identifier=…" escaped. Names find it where it was
	// told of under weaker names only, before it said its strongest.
	Query string
	Names []string
	Heard time.Time // when the newest message that tells of it reached us
}

// says notes the Device under way, before its request is written. d is nil for
// the gateway.
func (b *builder) says(id Identity, key model.Identifier, d *model.Device, heard time.Time) {
	if b.apart {
		return
	}
	one := DeviceSaid{ID: id, Entry: b.count - 1, From: b.from, To: len(b.w.b) + len("}"), Query: string(b.queryFor(nil, key)), Heard: heard}
	if d != nil && key.Type == "EUI-64" {
		for _, i := range d.Identifiers {
			if i.Type == "MAC" && clean(i.Value) != "" {
				one.Names = append(one.Names, string(b.queryFor(nil, deviceIdentifier(d, i))))
			}
		}
	}
	b.devices = append(b.devices, one)
}

// toldDevice is a device as several messages together tell of it.
type toldDevice struct {
	device model.Device
	heard  time.Time
}

// tellDevices joins what messages, the oldest first, tell of each of their
// devices: a transaction has a Device once, and what only the second message
// knows must be in it.
func (b *builder) tellDevices(messages []*model.Message) {
	b.told = nil
	if len(messages) < 2 {
		return
	}
	b.told = map[Identity]*toldDevice{}
	for _, m := range messages {
		for i := range m.Devices {
			d := &m.Devices[i]
			id, ok := b.deviceIdentity(d)
			if !ok {
				continue
			}
			have := b.told[id]
			switch {
			case have == nil:
				b.told[id] = &toldDevice{*d, m.Arrived}
			case m.Arrived.Before(have.heard):
				have.device = joined(*d, have.device)
			default:
				have.device, have.heard = joined(have.device, *d), m.Arrived
			}
		}
	}
}

// tells gives a device of the message under way with all that the messages of
// the transaction tell of it, and when that was heard last.
func (b *builder) tells(d *model.Device, id Identity) (*model.Device, time.Time) {
	t := b.told[id]
	if t == nil {
		return d, b.spoken.m.Arrived
	}
	all := t.device
	all.Parent, all.Level, all.SubID = d.Parent, d.Level, d.SubID // of the message's own list
	return &all, t.heard
}

// joined is what is known of a device after something newer was heard: the newer
// counts where it says something.
func joined(old, newer model.Device) model.Device {
	newer.Identifiers = slices.Clone(newer.Identifiers)
	for _, i := range old.Identifiers {
		if !slices.Contains(newer.Identifiers, i) {
			newer.Identifiers = append(newer.Identifiers, i)
		}
	}
	for _, f := range [...]struct{ to, from *string }{
		{&newer.Manufacturer, &old.Manufacturer}, {&newer.Model, &old.Model}, {&newer.Serial, &old.Serial},
		{&newer.Release, &old.Release}, {&newer.Hardware, &old.Hardware}, {&newer.UDI, &old.UDI}} {
		if clean(*f.to) == "" {
			*f.to = *f.from
		}
	}
	if newer.Kind.Key() == "" {
		newer.Kind = old.Kind
	}
	switch {
	case newer.Personal == nil:
		newer.Personal = old.Personal
	case old.Personal != nil:
		newer.Personal = joinedPersonal(*old.Personal, *newer.Personal)
	}
	return newer
}

func joinedPersonal(old, newer model.Personal) *model.Personal {
	for _, s := range old.Specialisations {
		if !slices.ContainsFunc(newer.Specialisations, func(n model.Specialisation) bool { return n.Code == s.Code }) {
			newer.Specialisations = append(slices.Clip(newer.Specialisations), s)
		}
	}
	for _, v := range old.Versions {
		if !slices.ContainsFunc(newer.Versions, func(n model.DeviceVersion) bool { return n.Kind == v.Kind }) {
			newer.Versions = append(slices.Clip(newer.Versions), v)
		}
	}
	if newer.Clock.Kind == 0 {
		newer.Clock = old.Clock
	}
	if newer.TimeBits == 0 {
		newer.TimeBits = old.TimeBits
	}
	if newer.TimeSync == 0 {
		newer.TimeSync = old.TimeSync
	}
	if newer.TimeAccuracyUS == 0 {
		newer.TimeAccuracyUS = old.TimeAccuracyUS
	}
	for i, us := range newer.ResolutionUS {
		if us == 0 {
			newer.ResolutionUS[i] = old.ResolutionUS[i]
		}
	}
	if len(newer.Certified) == 0 {
		newer.Certified = old.Certified
	}
	if newer.Regulated == "" {
		newer.Regulated = old.Regulated
	}
	return &newer
}
