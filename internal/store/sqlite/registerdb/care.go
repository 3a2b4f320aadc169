package registerdb

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/care"
)

const orderColumns = "id, version, body"

func scanOrder(scan func(...any) error) (care.Order, error) {
	var o care.Order
	var id, version int64
	var body []byte
	if err := scan(&id, &version, &body); err != nil {
		return o, err
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return o, fault.Wrap(err, fault.Broken, "register.body", "the stored order %d cannot be read", id)
	}
	o.ID, o.Version = id, version
	return o, nil
}

// Order gives one order.
func (r reader) Order(ctx context.Context, id int64) (care.Order, error) {
	found, err := all(ctx, r, scanOrder, "SELECT "+orderColumns+" FROM orders WHERE id = ?", id)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.Absent, "care.absent", "there is no order %d; list the orders to see their numbers", id)
	}
	if err != nil {
		return care.Order{}, err
	}
	return found[0], nil
}

// Orders gives the orders that match, the newest first.
func (r reader) Orders(ctx context.Context, q care.OrderQuery) ([]care.Order, error) {
	where, args := []string{"1"}, []any{}
	if q.Device != "" {
		where, args = append(where, "device = ?"), append(args, string(q.Device))
	}
	if q.Plan != "" {
		where, args = append(where, "plan = ?"), append(args, q.Plan)
	}
	if q.Kind != "" {
		where, args = append(where, "kind = ?"), append(args, string(q.Kind))
	}
	if q.Before > 0 {
		where, args = append(where, "id < ?"), append(args, q.Before)
	}
	switch marks, values := list(q.States); {
	case len(q.States) == 0:
	case live(q.States):
		where = append(where, "state IN ('open', 'in-work', 'waiting')") // as the index has it
	default:
		where, args = append(where, "state IN ("+marks+")"), append(args, values...)
	}
	args = append(args, limited(q.Limit, 100))
	return all(ctx, r, scanOrder, "SELECT "+orderColumns+" FROM orders WHERE "+strings.Join(where, " AND ")+" ORDER BY id DESC LIMIT ?", args...)
}

// live says whether exactly the orders that have not ended are wanted.
func live(states []care.State) bool {
	n := 0
	for _, s := range states {
		if s.Ended() {
			return false
		}
		n++
	}
	return n == 3
}

// LastDone gives the last work that passed, by device and plan.
func (r reader) LastDone(ctx context.Context, device model.DeviceID) ([]care.DoneRow, error) {
	where, args := "passed = 1 AND plan <> ''", []any{}
	if device != "" {
		where, args = where+" AND device = ?", append(args, string(device))
	}
	return all(ctx, r, func(scan func(...any) error) (care.DoneRow, error) {
		var d care.DoneRow
		err := scan(&d.Device, &d.Plan, &d.On, &d.Due)
		return d, err
	}, "SELECT device, plan, max(done_on), max(due_on) FROM orders WHERE "+where+" GROUP BY device, plan", args...)
}

// Accessories gives what belongs to a device, or to all.
func (r reader) Accessories(ctx context.Context, q care.AccessoryQuery) ([]care.Accessory, error) {
	where, args := "id > ?", []any{q.After}
	if !q.Removed {
		where += " AND removed_at = 0"
	}
	if q.Device != "" {
		where, args = where+" AND device = ?", append(args, string(q.Device))
	}
	args = append(args, limited(q.Limit, 100))
	return all(ctx, r, scanAccessory, "SELECT id, body FROM accessories WHERE "+where+" ORDER BY id LIMIT ?", args...)
}

func scanAccessory(scan func(...any) error) (care.Accessory, error) {
	var a care.Accessory
	var id int64
	var body []byte
	if err := scan(&id, &body); err != nil {
		return a, err
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return a, fault.Wrap(err, fault.Broken, "register.body", "the stored accessory %d cannot be read", id)
	}
	a.ID = id
	return a, nil
}

// Order gives one order.
func (d *DB) Order(ctx context.Context, id int64) (care.Order, error) {
	return d.read().Order(ctx, id)
}

// Orders gives the orders that match, the newest first.
func (d *DB) Orders(ctx context.Context, q care.OrderQuery) ([]care.Order, error) {
	return d.read().Orders(ctx, q)
}

// LastDone gives the last work that passed, by device and plan.
func (d *DB) LastDone(ctx context.Context, device model.DeviceID) ([]care.DoneRow, error) {
	return d.read().LastDone(ctx, device)
}

// Accessories gives what belongs to a device, or to all.
func (d *DB) Accessories(ctx context.Context, q care.AccessoryQuery) ([]care.Accessory, error) {
	return d.read().Accessories(ctx, q)
}

func (t *tx) PutOrder(ctx context.Context, o care.Order) (care.Order, error) {
	if o.ID != 0 {
		have, err := t.Order(ctx, o.ID)
		if err != nil {
			return o, err
		}
		if have.Version != o.Version {
			return o, register.VersionFault("order", strconv.FormatInt(o.ID, 10), have.Version, o.Version)
		}
	}
	o.Version++
	body, err := json.Marshal(o)
	if err != nil {
		return o, fault.Wrap(err, fault.Invalid, "register.body", "the order cannot be written as JSON")
	}
	id, doneOn, passed := any(nil), care.Day(""), false
	if o.ID != 0 {
		id = o.ID
	}
	if o.Finish != nil && o.State == care.Finished {
		doneOn, passed = o.Finish.On, o.Finish.Passed
	}
	row := t.q.QueryRowContext(ctx, `INSERT INTO orders (id, device, plan, kind, state, due_on, done_on, passed, version, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, due_on = excluded.due_on, done_on = excluded.done_on, passed = excluded.passed, version = excluded.version, body = excluded.body
		RETURNING id`, id, string(o.Device), o.Plan, string(o.Kind), string(o.State), string(o.Due), string(doneOn), passed, o.Version, string(body))
	return o, writeFault(row.Scan(&o.ID))
}

func (t *tx) AddAccessory(ctx context.Context, a care.Accessory) (care.Accessory, error) {
	a.ID = 0
	body, err := json.Marshal(a)
	if err != nil {
		return a, fault.Wrap(err, fault.Invalid, "register.body", "the accessory cannot be written as JSON")
	}
	row := t.q.QueryRowContext(ctx, "INSERT INTO accessories (device, body, removed_at, removed_by) VALUES (?, ?, 0, '') RETURNING id", string(a.Device), string(body))
	return a, writeFault(row.Scan(&a.ID))
}

func (t *tx) PutAccessory(ctx context.Context, a care.Accessory) error {
	body, err := json.Marshal(a)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "register.body", "the accessory cannot be written as JSON")
	}
	at, by := int64(0), ""
	if a.Removed != nil {
		at, by = micros(a.Removed.At), string(a.Removed.By)
	}
	found, err := all(ctx, t.reader, scanAccessory, "UPDATE accessories SET removed_at = ?, removed_by = ?, body = ? WHERE id = ? RETURNING id, body", at, by, string(body), a.ID)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.Absent, "care.absent", "there is no accessory %d; list the accessories of the device to see their numbers", a.ID)
	}
	return writeFault(err)
}
