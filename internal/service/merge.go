package service

import (
	"context"
	"fmt"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/register"
)

// DeviceMerge says that a device seen on the wire is a known one.
type DeviceMerge struct {
	DeviceAct
	Into  model.DeviceID `json:"into" arg:"into" doc:"id of the known device that it is"`
	Force bool           `json:"force,omitempty" doc:"although both spoke at the same time and tell different numbers"`
}

// DeviceMerged is the known device, and what had waited for the other.
type DeviceMerged struct {
	Device     register.Device `json:"device"`
	Deliveries int             `json:"deliveries"` // that waited and go out now, in their order
}

// Alias is another name of a device: a sender that was merged into it.
type Alias struct {
	ID           model.DeviceID  `json:"id"`
	Version      int64           `json:"version"`
	Keys         []string        `json:"keys"` // what leads from messages to the device
	Manufacturer string          `json:"manufacturer,omitempty"`
	Model        string          `json:"model,omitempty"`
	Serial       string          `json:"serial,omitempty"`
	Channel      model.ChannelID `json:"channel,omitempty"` // it was last heard on
	FirstSeen    time.Time       `json:"firstSeen,omitzero"`
	LastSeen     time.Time       `json:"lastSeen,omitzero"`
	Messages     uint64          `json:"messages"`
	Merged       register.Merge  `json:"merged"`
}

func mergeOps() []Op {
	return []Op{
		define(Acts, "device.merge", "Say that a device seen on the wire is a known one; what waited for it goes out under that one, in order.", "dev-abc dev-xyz --reason 'new network card'", mergeDevice),
		define(Acts, "device.separate", "Undo a merge: what comes from now on is the other device's again.", "dev-abc --reason 'two machines after all'", separateDevice),
	}
}

// mergeDevice makes a stranger another name of a known device (R11, R30). What
// waited is queued as soon as that is committed, and whose the values are is
// looked at again by what is known of the known device (R20).
func mergeDevice(ctx context.Context, c *call, r DeviceMerge) (DeviceMerged, error) {
	c.object, c.reason = fmt.Sprintf("device %s into %s", r.ID, r.Into), r.Reason
	if err := needReason(r.Reason); err != nil {
		return DeviceMerged{}, err
	}
	waiting, err := listQuarantine(ctx, c, QuarantineAsk{Device: r.ID})
	if err != nil {
		return DeviceMerged{}, err
	}
	stranger, err := c.s.Register.Get(r.ID)
	if err != nil {
		return DeviceMerged{}, err
	}
	now := c.s.now()
	told, err := c.s.Patients.Connections(ctx, patients.ConnectionQuery{Device: r.ID, Limit: 1000})
	if err != nil {
		return DeviceMerged{}, err
	}
	// What it measured while somebody was connected would be judged by who was
	// connected to the known device then.
	for _, one := range told {
		if one.Until.IsZero() || one.Until.After(one.From) {
			return DeviceMerged{}, fault.New(fault.Conflict, "service.connected", "a patient is or was connected to %s by scan or by hand (connection %d); tell the same of %s, end this one at its beginning, and merge then", r.ID, one.ID, r.Into)
		}
	}
	d, err := c.s.Register.Merge(ctx, c.tx, register.MergeAsk{ID: r.ID, Into: r.Into, Expect: expected(r.Version), Reason: r.Reason, Force: r.Force}, c.mark())
	if err != nil {
		return DeviceMerged{}, err
	}
	out := DeviceMerged{Device: d, Deliveries: deliveriesOf(waiting)}
	if r.Force {
		c.reason += ", by force"
	}
	if out.Deliveries > 0 {
		c.reason += fmt.Sprintf("; %d deliveries waited for it", out.Deliveries)
	}
	if from := stranger.Observed.FirstSeen; !from.IsZero() {
		if err := c.s.Patients.Reconsider(ctx, c.tx, model.Review{Device: r.Into, From: from, Cause: "a device was merged into it", Actor: c.actor.ID, Reason: r.Reason, Made: now}); err != nil {
			return DeviceMerged{}, err
		}
	}
	c.after(func(context.Context) error {
		c.s.Deliveries.Adopted()
		return nil
	})
	return out, nil
}

func separateDevice(ctx context.Context, c *call, r DeviceAct) (register.Device, error) {
	c.object, c.reason = "device "+string(r.ID), r.Reason
	return c.s.Register.Separate(ctx, c.tx, r.ID, expected(r.Version), c.mark())
}

func (s *Service) aliasesOf(id model.DeviceID) []Alias {
	var out []Alias
	for _, d := range s.Register.Aliases(id) {
		if d.Merged == nil {
			continue // it was separated at this moment
		}
		o := &d.Observed
		out = append(out, Alias{ID: d.ID, Version: d.Version, Keys: d.Keys, Manufacturer: o.Manufacturer, Model: o.Model, Serial: o.Serial,
			Channel: d.Seen.Channel, FirstSeen: o.FirstSeen, LastSeen: d.Seen.LastSeen, Messages: d.Seen.Messages, Merged: *d.Merged})
	}
	return out
}
