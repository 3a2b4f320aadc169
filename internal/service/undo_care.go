package service

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/audit"
	"thalamus/internal/model"
	"thalamus/internal/register/care"
)

// cared takes back what the change did to work orders and accessories: they
// keep by which change each of their steps was made.
func (u *undoing) cared(ctx context.Context) error {
	device, err := u.deviceOf(ctx, u.act)
	if err != nil || device == "" {
		return err
	}
	if err := u.orders(ctx, device); err != nil {
		return err
	}
	return u.accessories(ctx, device)
}

// deviceOf gives the device whose orders and accessories an act may have
// changed; empty for acts on something else.
func (u *undoing) deviceOf(ctx context.Context, act audit.Record) (model.DeviceID, error) {
	for range 100 { // an undoing of an undoing
		kind, id, _ := strings.Cut(act.Object, " ")
		switch kind {
		case "device":
			return model.DeviceID(id), nil
		case "order":
			n, err := strconv.ParseInt(id, 10, 64)
			if err != nil {
				return "", nil
			}
			o, err := u.tx.Order(ctx, n)
			return o.Device, err
		case "change":
			acts, err := u.s.Store.AuditSearch(ctx, audit.Query{Change: id, Outcome: audit.Done, Limit: 1})
			if err != nil || len(acts) == 0 {
				return "", err
			}
			act = acts[0]
		default:
			return "", nil
		}
	}
	return "", nil
}

func (u *undoing) orders(ctx context.Context, device model.DeviceID) error {
	all, err := u.tx.Orders(ctx, care.OrderQuery{Device: device, Limit: 1000})
	if err != nil {
		return err
	}
	for i := range all { // the newest first: what followed from a step before the step
		if err := u.orderBack(ctx, &all[i]); err != nil {
			return err
		}
	}
	return nil
}

// orderBack takes back what the change did to one order.
func (u *undoing) orderBack(ctx context.Context, o *care.Order) error {
	of := func(s care.Step) bool { return s.Change == u.of }
	first := slices.IndexFunc(o.Steps, of)
	if first < 0 {
		return nil
	}
	text, newest := "order "+strconv.FormatInt(o.ID, 10), o.Steps[len(o.Steps)-1]
	switch {
	case o.Kind == care.Disposal:
		return nil // it keeps the proof
	case newest.Change != u.of && first == 0 && u.act.Action == "order.finish":
		u.stays = append(u.stays, text) // opened because the other did not pass, and gone on with since
		return nil
	case newest.Change != u.of:
		return u.newer(ctx, text, newest.Change, newest.At, newest.By)
	}
	if strings.HasPrefix(u.act.Object, "order ") {
		if err := needReason(u.call.reason); err != nil {
			return err
		}
	}
	u.back = append(u.back, text)
	if first == 0 {
		return u.do(ctx, "order.cancel", &OrderStop{ID: o.ID, Reason: u.reason})
	}
	needs := "order.change"
	if was := o.Steps[first].Was; was != nil && was.State.Ended() {
		needs = "order.cancel"
		if was.State == care.Finished {
			needs = "order.finish"
		}
	}
	if err := u.may(needs); err != nil {
		return err
	}
	if err := o.Back(u.reason, u.worker()); err != nil {
		return err
	}
	_, err := u.s.Register.PutOrder(ctx, u.tx, *o)
	return err
}

// accessories gives a device back what the change took away, and takes away
// what it added.
func (u *undoing) accessories(ctx context.Context, device model.DeviceID) error {
	q := care.AccessoryQuery{Device: device, Removed: true, Limit: 1000}
	for {
		page, err := u.tx.Accessories(ctx, q)
		if err != nil {
			return err
		}
		for i := range page {
			if err := u.accessoryBack(ctx, &page[i]); err != nil {
				return err
			}
			q.After = page[i].ID
		}
		if len(page) < q.Limit {
			return nil
		}
	}
}

func (u *undoing) accessoryBack(ctx context.Context, a *care.Accessory) error {
	of := func(m *care.Mark) bool { return m != nil && m.Change == u.of }
	needs := "accessory.remove"
	switch {
	case of(a.Removed):
		needs, a.Removed, a.Back = "accessory.add", nil, new(u.worker())
	case of(&a.Added) || of(a.Back):
		if a.Removed != nil {
			return u.newer(ctx, "accessory "+strconv.FormatInt(a.ID, 10), a.Removed.Change, a.Removed.At, a.Removed.By)
		}
		a.Removed = new(u.worker())
	default:
		return nil
	}
	if err := u.may(needs); err != nil {
		return err
	}
	u.back = append(u.back, "device "+string(a.Device))
	return u.tx.PutAccessory(ctx, *a)
}
