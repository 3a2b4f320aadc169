package service

import (
	"context"
	"fmt"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// DeviceBlock says that nothing of a device is to leave.
type DeviceBlock struct {
	DeviceAct
	For   model.Duration `json:"for,omitempty" doc:"how long, e.g. 48h; until somebody ends it unless told"`
	Force bool           `json:"force,omitempty" doc:"although the device is in use"`
}

// DeviceUnblock ends a block.
type DeviceUnblock struct {
	DeviceAct
	Send bool `json:"send,omitempty" doc:"also send what was set aside; it may be called again for that"`
}

// DeviceUnblocked is the device, and what is still set aside.
type DeviceUnblocked struct {
	Device     register.Device `json:"device"`
	Deliveries int             `json:"deliveries"` // set aside: sent now with send, else waiting for a decision
}

// lately is how long ago a device may have given values and count as in use.
const lately = 15 * time.Minute

func blockOps() []Op {
	return []Op{
		define(Acts, "device.block", "Let nothing of a device leave for destinations, with a reason; it is heard and recorded as before.", "dev-abc --reason 'sends under a false name' --for 48h", blockDevice),
		define(Acts, "device.unblock", "End a block: what comes next leaves again, what was set aside only with --send.", "dev-abc --send --reason 'checked at the bed'", unblockDevice),
	}
}

// blockDevice stops what a device sends before it leaves. One that is in use is
// blocked only by force: whoever relies on its values gets none from then on.
func blockDevice(ctx context.Context, c *call, r DeviceBlock) (register.Device, error) {
	c.object, c.reason = "device "+string(r.ID), r.Reason
	if err := needReason(r.Reason); err != nil {
		return register.Device{}, err
	}
	d, err := c.s.Register.Get(r.ID)
	if err != nil {
		return d, err
	}
	if err := c.notInUse(ctx, d, r.Force, "block it"); err != nil {
		return d, err
	}
	ask := register.BlockAsk{ID: r.ID, Expect: expected(r.Version), Reason: r.Reason}
	if r.For != 0 {
		ask.Until = c.s.now().Add(time.Duration(r.For))
	}
	return c.s.Register.Block(ctx, c.tx, ask, c.mark())
}

// notInUse refuses what ends the use of a device while patients depend on it,
// or values of it leave; force is what the actor says to it. do names the act.
func (c *call) notInUse(ctx context.Context, d register.Device, force bool, do string) error {
	n, values, err := c.s.relied(ctx, d)
	switch {
	case err != nil || n == 0 && !values:
		return err
	case !force:
		return fault.New(fault.Conflict, "service.device-in-use",
			"%s is in use: %s%s; see that somebody watches them and another device is connected, then %s with force", d.ID, patientsWords(n), valuesWords(values), do).At("force")
	}
	c.reason += fmt.Sprintf("; by force, %d patients depended on it", n)
	return nil
}

func patientsWords(n int) string {
	switch n {
	case 0:
		return "no patient is known to depend on its values"
	case 1:
		return "1 patient depends on its values"
	}
	return fmt.Sprintf("%d patients depend on its values", n)
}

func valuesWords(values bool) string {
	if values {
		return fmt.Sprintf(", and it gave destinations some within the last %d minutes", int(lately.Minutes()))
	}
	return ""
}

// relied says how many patients depend on a device: who is connected to it, and
// whom its messages named lately; and whether it gave values lately that may
// leave.
func (s *Service) relied(ctx context.Context, d register.Device) (patients int, values bool, err error) {
	now := s.now()
	who := map[model.PatientID]bool{}
	on, err := s.onDevices(ctx, []model.DeviceID{d.ID}, now)
	if err != nil {
		return 0, false, err
	}
	for _, one := range on {
		who[one.Patient] = true
	}
	rows, _, err := s.Record.Search(ctx, record.Query{Device: d.ID, From: now.Add(-lately), Limit: 1000})
	if err != nil {
		return 0, false, err
	}
	for i := range rows {
		if rows[i].Patient != "" {
			who[rows[i].Patient] = true
		}
		values = values || rows[i].Observations+rows[i].Waveforms+rows[i].Alerts > 0 && len(rows[i].Owed) > 0
	}
	return len(who), values, nil
}

// unblockDevice ends a block. What was set aside is queued as soon as the
// decision to send it is committed.
func unblockDevice(ctx context.Context, c *call, r DeviceUnblock) (DeviceUnblocked, error) {
	c.object, c.reason = "device "+string(r.ID), r.Reason
	if err := needReason(r.Reason); err != nil {
		return DeviceUnblocked{}, err
	}
	all, err := listQuarantine(ctx, c, QuarantineAsk{Device: r.ID})
	if err != nil {
		return DeviceUnblocked{}, err
	}
	var out DeviceUnblocked
	for _, q := range all {
		if q.For == "block" {
			out.Deliveries += q.Deliveries
		}
	}
	if out.Device, err = c.s.Register.Unblock(ctx, c.tx, r.ID, r.Send, expected(r.Version), c.mark()); err != nil {
		return DeviceUnblocked{}, err
	}
	if r.Send {
		c.reason += fmt.Sprintf("; %d deliveries that were set aside are sent", out.Deliveries)
		c.after(func(context.Context) error {
			c.s.Deliveries.Adopted()
			return nil
		})
	}
	return out, nil
}
