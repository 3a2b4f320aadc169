package service

import (
	"context"
	"fmt"
	"slices"

	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// QuarantineAsk says which quarantined deliveries to list.
type QuarantineAsk struct {
	Device model.DeviceID `json:"device,omitempty" arg:"device" doc:"that wait for this device"`
}

// QuarantineReject sets aside what waits for a device.
type QuarantineReject struct {
	Device model.DeviceID `json:"device" arg:"device" doc:"device id"`
	Reason string         `json:"reason" doc:"why, for the audit; needed"`
}

// QuarantineRejected is how many deliveries that were.
type QuarantineRejected struct {
	Deliveries int `json:"deliveries"`
}

func quarantineOps() []Op {
	return []Op{
		define(Reads, "quarantine.list", "List what waits until somebody adopts its devices, by destination.", "dev-abc", listQuarantine),
		define(Works, "quarantine.reject", "Set aside for good what waits for a device, with a reason.", "dev-abc --reason 'belongs next door'", rejectQuarantine),
	}
}

func listQuarantine(ctx context.Context, c *call, r QuarantineAsk) ([]deliver.Quarantine, error) {
	all, err := c.s.Deliveries.Quarantined(ctx)
	out := []deliver.Quarantine{}
	for _, q := range all {
		if r.Device == "" || slices.Contains(q.Devices, r.Device) {
			out = append(out, q)
		}
	}
	return out, err
}

func rejectQuarantine(ctx context.Context, c *call, r QuarantineReject) (QuarantineRejected, error) {
	c.object, c.reason = "device "+string(r.Device), r.Reason
	if err := needReason(r.Reason); err != nil {
		return QuarantineRejected{}, err
	}
	n, err := c.s.Deliveries.Reject(ctx, r.Device, r.Reason)
	return QuarantineRejected{n}, err
}

// adoptDevice takes a device into use; what waited for it is queued as soon as
// that is committed, and the audit says how much that was (R11, R29, R44).
func adoptDevice(ctx context.Context, c *call, r DeviceAct) (register.Device, error) {
	c.object, c.reason = "device "+string(r.ID), r.Reason
	waiting, err := listQuarantine(ctx, c, QuarantineAsk{Device: r.ID})
	if err != nil {
		return register.Device{}, err
	}
	d, err := c.s.Register.Adopt(ctx, c.tx, r.ID, expected(r.Version), c.mark())
	if err != nil {
		return d, err
	}
	if n := deliveriesOf(waiting); n > 0 {
		if c.reason != "" {
			c.reason += "; "
		}
		c.reason += fmt.Sprintf("%d deliveries waited for it", n)
	}
	c.after(func(context.Context) error {
		c.s.Deliveries.Adopted()
		return nil
	})
	return d, nil
}

func deliveriesOf(all []deliver.Quarantine) (n int) {
	for _, q := range all {
		n += q.Deliveries
	}
	return n
}
