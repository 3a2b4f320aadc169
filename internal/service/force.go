package service

import (
	"context"
	"errors"
	"slices"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// bringInForce brings what is governed in force once the transaction is
// through; call it before anything is changed. When what this call changed
// cannot be brought in force (a port is in use), what was before comes back,
// so that an error always means: nothing changed. Links that failed before and
// were not touched do not matter.
func (c *call) bringInForce(ctx context.Context) error {
	before, err := c.s.inForce(ctx, c.tx)
	if err != nil {
		return err
	}
	failed := map[model.ChannelID]bool{}
	for id, st := range c.s.Links.Status() {
		failed[id] = st.Why != nil
	}
	c.after(func(ctx context.Context) error {
		why := c.s.Apply(ctx)
		if why == nil {
			return nil
		}
		now, err := c.s.inForce(ctx, c.s.Store)
		if err != nil {
			return err
		}
		ours := true
		for id, st := range c.s.Links.Status() {
			if st.Why != nil && errors.Is(why, st.Why) {
				ours = false // a link, perhaps one that failed before
			}
			if st.Why != nil && (!failed[id] || changed(before.Channels, now.Channels, id)) {
				why, ours = st.Why, true
				break
			}
		}
		if !ours {
			return nil
		}
		return errors.Join(c.undo(ctx, before, why), why)
	})
	return nil
}

func changed(before, now []model.Channel, id model.ChannelID) bool {
	_, changes := compareLists("channel", flat(before), flat(now), nil)
	return changes[string(id)]
}

// undo brings back what was before, and records why.
func (c *call) undo(ctx context.Context, before governed, why error) error {
	err := c.s.Store.Update(ctx, func(tx Tx) error {
		c.tx = tx
		defer func() { c.tx = nil }()
		now, err := c.s.inForce(ctx, tx)
		if err != nil {
			return err
		}
		if err := c.set(ctx, now, before); err != nil {
			return err
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
	if err := setAll(ctx, c, "channel", register.Channels(), have.Channels, want.Channels); err != nil {
		return err
	}
	if err := setAll(ctx, c, "destination", register.Destinations(), have.Destinations, want.Destinations); err != nil {
		return err
	}
	if err := setAll(ctx, c, "route", register.Routes(), have.Routes, want.Routes); err != nil {
		return err
	}
	if err := setAll(ctx, c, "label", register.Labels(), have.Labels, want.Labels); err != nil {
		return err
	}
	if err := setAll(ctx, c, "profile", register.Profiles(), have.Profiles, want.Profiles); err != nil {
		return err
	}
	_, changes := compareLists("device", deviceTexts(have.Devices), deviceTexts(want.Devices), nil)
	for _, d := range want.Devices {
		if !changes[string(d.ID)] {
			continue
		}
		if _, err := c.s.Register.Put(ctx, c.tx, d, register.AnyVersion, c.mark()); err != nil {
			return err
		}
	}
	for _, d := range have.Devices {
		if slices.ContainsFunc(want.Devices, func(w register.DeviceText) bool { return w.ID == d.ID }) {
			continue
		}
		if _, err := c.s.Register.Release(ctx, c.tx, d.ID, register.AnyVersion, c.mark()); err != nil {
			return err
		}
	}
	return nil
}

func setAll[T any](ctx context.Context, c *call, noun string, set register.Set[T], have, want []T) error {
	_, changes := compareLists(noun, flat(have), flat(want), nil)
	keep := map[string]bool{}
	for _, v := range want {
		keep[idOf(v)] = true
		if !changes[idOf(v)] {
			continue
		}
		if _, err := set.Put(ctx, c.tx, v, register.AnyVersion, c.mark()); err != nil {
			return err
		}
	}
	for _, v := range have {
		if keep[idOf(v)] {
			continue
		}
		if err := set.Remove(ctx, c.tx, idOf(v), register.AnyVersion, c.mark()); err != nil {
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
