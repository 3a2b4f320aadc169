package service

import (
	"context"

	"thalamus/internal/register"
)

// DeviceClock is what a person says of a device's clock.
type DeviceClock struct {
	DeviceAct
	Zone string `json:"zone,omitempty" doc:"IANA zone of its times that name none, Europe/Berlin; the channel's when left out"`
	Rule string `json:"rule,omitempty" doc:"offset: correct its times by the estimated offset; none: never; left out: the channel's rule, else only times that cannot be"`
}

func clockOps() []Op {
	return []Op{
		define(Acts, "device.clock", "Say a device's time zone, and what is done when its clock is off; what is left out is taken back.", "dev-abc --rule offset --zone Europe/Berlin", setClock),
	}
}

func setClock(ctx context.Context, c *call, r DeviceClock) (register.Device, error) {
	c.object, c.reason = "device "+string(r.ID), r.Reason
	return c.s.Register.SetClock(ctx, c.tx, r.ID, r.Zone, r.Rule, expected(r.Version), c.mark())
}
