package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/flows"
)

// FlowApprove approves a connection.
type FlowApprove struct {
	ID        string    `json:"id,omitempty" arg:"id" doc:"of a connection that was seen, from flow.list; or give its ends"`
	From      string    `json:"from,omitempty" doc:"who may begin it: address, range, *, device/…, model/…, segment/…"`
	To        string    `json:"to,omitempty" doc:"whom it may reach: address, range, name, *, device/…, model/…, segment/…, channel/…, destination/…"`
	Port      uint16    `json:"port,omitempty" doc:"at whom it reaches; any when left out"`
	Protocol  string    `json:"protocol,omitempty" doc:"tcp, udp …; any when left out"`
	Encrypted bool      `json:"encrypted,omitempty" doc:"only as long as it is encrypted"`
	Expires   time.Time `json:"expires,omitzero" doc:"until then; for good when left out"`
	Reason    string    `json:"reason,omitempty" doc:"why, kept with the approval and for the audit"`
}

// FlowApproved is an approval in force.
type FlowApproved = register.Versioned[model.Approval]

func approveFlow(ctx context.Context, c *call, r FlowApprove) (FlowApproved, error) {
	a := model.Approval{From: r.From, To: r.To, Port: r.Port, Protocol: r.Protocol, Encrypted: r.Encrypted, Expires: r.Expires.UTC(), Reason: r.Reason}
	if r.ID != "" {
		if r.From != "" || r.To != "" || r.Port != 0 || r.Protocol != "" {
			return FlowApproved{}, fault.New(fault.Invalid, "flow.approval", "give the id of a connection, or its ends, not both").At("id")
		}
		rows, _, err := c.s.judged(ctx)
		if err != nil {
			return FlowApproved{}, err
		}
		found := false
		for i := range rows {
			if rows[i].ID == r.ID {
				a.From, a.To, a.Port, a.Protocol = endOf(&rows[i].From), endOf(&rows[i].To), rows[i].Port, rows[i].Protocol
				found = true
			}
		}
		if !found {
			return FlowApproved{}, fault.New(fault.Absent, "flow.absent", "no connection with the id %q was seen; list them to see their ids", clip(r.ID, 40)).At("id")
		}
	}
	if r.Reason == "" {
		return FlowApproved{}, fault.New(fault.Invalid, "flow.approval", "say why it is approved: who reads the list later will ask").At("reason")
	}
	if !a.Expires.IsZero() && !a.Expires.After(c.s.now()) {
		return FlowApproved{}, fault.New(fault.Invalid, "flow.approval", "it would end before it begins; give a day to come").At("expires")
	}
	if err := flows.CheckApproval(a); err != nil {
		return FlowApproved{}, err
	}
	if err := c.endsKnown(ctx, a); err != nil {
		return FlowApproved{}, err
	}
	a.ID = flows.ApprovalID(a)
	c.object, c.reason = "approval "+a.ID, r.Reason
	return register.Approvals().Put(ctx, c.tx, a, register.AnyVersion, c.mark())
}

// endOf names an end of a flow that was seen so that it stays true: our own
// end, the device behind it where there is one, else the address.
func endOf(e *FlowEnd) string {
	switch {
	case e.Own != "":
		return e.Own
	case len(e.Devices) == 1 && e.More == 0:
		return "device/" + string(e.Devices[0].ID)
	}
	return e.Address
}

// endsKnown says whether what an approval names is there.
func (c *call) endsKnown(ctx context.Context, a model.Approval) error {
	for _, f := range []struct{ key, end string }{{"from", a.From}, {"to", a.To}} {
		kind, id, ok := strings.Cut(f.end, "/")
		if !ok || !slices.Contains([]string{"device", "model", "channel", "destination", "segment"}, kind) {
			continue // an address, a range or a name
		}
		var err error
		if kind == "segment" {
			_, err = register.Segments().Get(ctx, c.tx, id)
		} else {
			err = c.s.known(ctx, DependencyAsk{Kind: kind, ID: id})
		}
		if err != nil {
			return under(err, f.key, f.end)
		}
	}
	return nil
}

func revokeFlow(ctx context.Context, c *call, r Remove) (None, error) {
	c.object, c.reason = "approval "+r.ID, r.Reason
	return None{}, register.Approvals().Remove(ctx, c.tx, r.ID, expected(r.Version), c.mark())
}
