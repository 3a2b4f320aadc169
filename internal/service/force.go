package service

import (
	"context"
	"errors"
	"slices"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// rules tells the kinds of governed things that say how messages come, are read
// and go, and what work is due: a change of one is brought in force. The others
// only stand in the store.
func rules(kind string) bool {
	return slices.Contains([]string{"channel", "destination", "route", "label", "profile", "plan"}, kind)
}

// bringInForce brings what is governed in force once the transaction is
// through; call it before anything is changed, in an operation that forces.
// When what this call changed cannot be brought in force (a port is in use), it
// is taken back, so that an error always means: nothing changed. Links that
// failed before and were not touched do not matter.
func (c *call) bringInForce(ctx context.Context) error {
	before := governed{}
	for _, k := range textKinds() {
		if rules(k.noun) {
			if err := k.load(ctx, c.s, c.tx, &before); err != nil {
				return err
			}
		}
	}
	c.forceOver(before, rules)
	return nil
}

// forceOver is bringInForce where the call may change things of the kinds that
// of names, and before is what they were.
func (c *call) forceOver(before governed, of func(kind string) bool) {
	failed := map[model.ChannelID]bool{}
	for id, st := range c.s.Links.Status() {
		failed[id] = st.Why != nil
	}
	c.after(func(ctx context.Context) error {
		why := c.s.Apply(ctx)
		if why == nil {
			return nil
		}
		now, err := register.Channels().List(ctx, c.s.Store)
		if err != nil {
			return err
		}
		ours := true
		for id, st := range c.s.Links.Status() {
			if st.Why != nil && errors.Is(why, st.Why) {
				ours = false // a link, perhaps one that failed before
			}
			if st.Why != nil && (!failed[id] || changed(before.Channels, now, id)) {
				why, ours = st.Why, true
				break
			}
		}
		if !ours {
			return nil
		}
		return errors.Join(c.undo(ctx, before, of, why), why)
	})
}

func changed(before []model.Channel, now []register.Versioned[model.Channel], id model.ChannelID) bool {
	var is []model.Channel
	for _, v := range now {
		is = append(is, v.Value)
	}
	_, changes := compareLists("channel", flat(before), flat(is), nil)
	return changes[string(id)]
}

// undo takes back what this call changed, and records why. What somebody else
// changed since stays.
func (c *call) undo(ctx context.Context, before governed, of func(kind string) bool, why error) error {
	err := c.s.Store.Update(ctx, func(tx Tx) error {
		c.tx = tx
		defer func() { c.tx = nil }()
		for _, k := range textKinds() {
			if !of(k.noun) {
				continue
			}
			if err := k.revert(ctx, c, before); err != nil {
				return err
			}
		}
		return c.write(ctx, tx, why)
	})
	if err != nil {
		return err
	}
	_ = c.s.Apply(ctx) // what was in force before; its links' state tells the rest
	return nil
}

// set makes what is governed be want; have is what it is now, both with
// their secrets.
func (c *call) set(ctx context.Context, have, want governed) error {
	for _, k := range textKinds() {
		if err := k.set(ctx, c, have, want); err != nil {
			return err
		}
	}
	return nil
}

// free refuses to remove what something else in force names.
func (c *call) free(ctx context.Context, noun, id string) error {
	if noun != "destination" {
		return nil
	}
	routes, err := register.Routes().List(ctx, c.tx)
	if err != nil {
		return err
	}
	for _, r := range routes {
		if slices.Contains(r.Value.Destinations, model.DestinationID(id)) {
			return fault.New(fault.Conflict, "service.in-use", "the route %s names this destination; change or remove the route first", r.Value.ID).At("destination " + id)
		}
	}
	return nil
}
