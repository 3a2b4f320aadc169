package service

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/care"
	"thalamus/internal/register/state"
)

// OrderAsk says which work orders to list.
type OrderAsk struct {
	Device model.DeviceID `json:"device,omitempty" arg:"device" doc:"only of this device"`
	Plan   string         `json:"plan,omitempty" doc:"only by this plan"`
	Kind   care.Kind      `json:"kind,omitempty" doc:"only preventive, calibration, electrical-safety, corrective or disposal"`
	State  care.State     `json:"state,omitempty" doc:"only open, in-work, waiting, done or cancelled"`
	Ended  bool           `json:"ended,omitempty" doc:"also those that are done or cancelled"`
	After  int64          `json:"after,omitempty" doc:"the next page: what the page before gave"`
	Limit  int            `json:"limit,omitempty" doc:"rows of a page, 100 unless told"`
}

// OrderRow is an order in a list.
type OrderRow struct {
	care.Order
	DeviceName string `json:"deviceName"`
	Place      string `json:"place,omitempty"`
}

// OrderID names an order.
type OrderID struct {
	ID int64 `json:"id" arg:"id" doc:"number of the order"`
}

// OrderNew is an order to open.
type OrderNew struct {
	Device   model.DeviceID `json:"device" arg:"device" doc:"device the work is on"`
	Plan     string         `json:"plan,omitempty" doc:"plan it is due by, which says what is to be done"`
	State    state.Kind     `json:"state,omitempty" doc:"state of the device it is opened for, as device.stat counts them: silent, clock-off"`
	Kind     care.Kind      `json:"kind,omitempty" doc:"corrective unless told, or the plan's"`
	Title    string         `json:"title,omitempty" doc:"what is to be done; the plan's name or the state when left out"`
	Due      care.Day       `json:"due,omitempty" doc:"the day it is wished for, as 2026-05-03"`
	Assigned string         `json:"assigned,omitempty" doc:"who does it"`
	Note     string         `json:"note,omitempty" doc:"anything worth knowing; no names of patients"`
	Reason   string         `json:"reason,omitempty" doc:"why, for the audit"`
}

// OrderChange changes an order. What is left out stays; a single - takes it
// away.
type OrderChange struct {
	ID       int64      `json:"id" arg:"id" doc:"number of the order"`
	Version  int64      `json:"version,omitempty" doc:"refuse when another version is in force"`
	State    care.State `json:"state,omitempty" doc:"open, in-work or waiting; open also opens a done one again"`
	Title    string     `json:"title,omitempty" doc:"what is to be done"`
	Assigned string     `json:"assigned,omitempty" doc:"who does it; - for nobody"`
	Waits    string     `json:"waits,omitempty" doc:"what it waits for; - for nothing"`
	Note     string     `json:"note,omitempty" doc:"anything worth knowing; no names of patients; - for none"`
	Due      string     `json:"due,omitempty" doc:"the day it is wished for; - for none"`
	Reason   string     `json:"reason,omitempty" doc:"why, for the order and the audit"`
}

// OrderFinish ends an order.
type OrderFinish struct {
	ID      int64       `json:"id" arg:"id" doc:"number of the order"`
	Version int64       `json:"version,omitempty" doc:"refuse when another version is in force"`
	Finish  care.Finish `json:"finish,omitempty" doc:"what was measured, used and found, as JSON"`
	Failed  bool        `json:"failed,omitempty" doc:"it did not pass, whatever was measured"`
	Reason  string      `json:"reason,omitempty" doc:"why, for the audit"`
}

// OrderEnded is a finished order, and what follows from it.
type OrderEnded struct {
	Order care.Order `json:"order"`
	Next  care.Day   `json:"next,omitempty"`  // day the same work is due next
	Opens int64      `json:"opens,omitempty"` // corrective order opened because it did not pass
}

// OrderStop cancels an order.
type OrderStop struct {
	ID      int64  `json:"id" arg:"id" doc:"number of the order"`
	Version int64  `json:"version,omitempty" doc:"refuse when another version is in force"`
	Reason  string `json:"reason" doc:"why, for the order and the audit"`
}

func orderOps() []Op {
	return []Op{
		define(Reads, "order.list", "List work orders, the newest first; only those that have not ended unless told.", "--device dev-abc --ended", listOrders),
		define(Reads, "order.get", "Show one work order with every step it took, what was measured and used.", "17", func(ctx context.Context, c *call, r OrderID) (OrderRow, error) {
			o, err := c.s.Store.Order(ctx, r.ID)
			if err != nil {
				return OrderRow{}, err
			}
			return c.s.orderRow(o), nil
		}),
		define(Acts, "order.open", "Open a work order: for a plan, for a state the device is in, or for anything else.", "dev-abc --state silent --assigned 'Nele W.'", openOrder),
		define(Acts, "order.change", "Change a work order: take it in work, let it wait, say who does it, open a done one again.", "17 --state waiting --waits 'battery from the maker'", changeOrder),
		define(Acts, "order.finish", "Finish a work order with what was measured, used and found. What does not pass opens corrective work.", `17 --finish '{"minutes":25,"results":[{"name":"Earth leakage current","value":"120"}]}'`, finishOrder),
		define(Acts, "order.cancel", "Cancel a work order.", "17 --reason 'device was exchanged'", func(ctx context.Context, c *call, r OrderStop) (care.Order, error) {
			c.reason = r.Reason
			o, err := c.order(ctx, r.ID, r.Version)
			if err == nil {
				err = o.Change(care.Change{State: care.Cancelled, Text: r.Reason}, c.worker())
			}
			if err != nil {
				return care.Order{}, err
			}
			return c.s.Register.PutOrder(ctx, c.tx, o)
		}),
	}
}

func (s *Service) orderRow(o care.Order) OrderRow {
	row := OrderRow{Order: o, DeviceName: string(o.Device)}
	if d, err := s.Register.Get(o.Device); err == nil {
		dev := deviceRow(d)
		row.DeviceName, row.Place = nameOf(&dev), dev.Place
	}
	return row
}

func listOrders(ctx context.Context, c *call, r OrderAsk) (List[OrderRow], error) {
	q := care.OrderQuery{Device: r.Device, Plan: r.Plan, Kind: r.Kind, Before: r.After, Limit: r.Limit}
	switch {
	case r.State != "":
		q.States = []care.State{r.State}
	case !r.Ended:
		q.States = liveStates()
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, 1000)
	found, err := c.s.Store.Orders(ctx, q)
	if err != nil {
		return List[OrderRow]{}, err
	}
	out := List[OrderRow]{Rows: make([]OrderRow, len(found))}
	for i, o := range found {
		out.Rows[i] = c.s.orderRow(o)
		if len(found) == q.Limit {
			out.Next = strconv.FormatInt(o.ID, 10)
		}
	}
	return out, nil
}

// order reads an order that is to be changed.
func (c *call) order(ctx context.Context, id, version int64) (care.Order, error) {
	o, err := c.tx.Order(ctx, id)
	if err == nil && version != 0 && version != o.Version {
		err = register.VersionFault("order", strconv.FormatInt(id, 10), o.Version, version)
	}
	return o, err
}

func openOrder(ctx context.Context, c *call, r OrderNew) (care.Order, error) {
	c.object, c.reason = "device "+string(r.Device), r.Reason
	v, err := c.s.Register.View(r.Device)
	if err != nil {
		return care.Order{}, err
	}
	o := care.Order{Device: r.Device, Kind: cmp.Or(r.Kind, care.Corrective), Title: r.Title}
	switch {
	case r.Plan != "" && r.State != "":
		return o, fault.New(fault.Invalid, "service.argument", "an order is for a plan or for a state, not for both").At("state")
	case r.Plan != "":
		o, err = c.byPlan(ctx, r.Plan, &v)
	case r.State != "":
		o.Cause, err = c.causeOf(ctx, &v, r.State)
		o.Title = cmp.Or(o.Title, string(r.State))
	}
	if err != nil {
		return care.Order{}, err
	}
	if o.Kind == care.Disposal {
		return o, fault.New(fault.Invalid, "service.argument", "a device is disposed of with device.dispose").At("kind")
	}
	o.Title, o.Due, o.Assigned, o.Note = cmp.Or(r.Title, o.Title), cmp.Or(r.Due, o.Due), strings.TrimSpace(r.Assigned), strings.TrimSpace(r.Note)
	if err := c.single(ctx, &o); err != nil {
		return care.Order{}, err
	}
	return c.begin1(ctx, o)
}

// begin1 opens an order and stores it.
func (c *call) begin1(ctx context.Context, o care.Order) (care.Order, error) {
	o, err := care.Begin(o, c.worker())
	if err != nil {
		return o, err
	}
	o, err = c.s.Register.PutOrder(ctx, c.tx, o)
	c.object = "order " + strconv.FormatInt(o.ID, 10)
	return o, err
}

// byPlan gives the order that a plan asks for.
func (c *call) byPlan(ctx context.Context, id string, v *register.View) (care.Order, error) {
	p, err := register.Plans().Get(ctx, c.tx, id)
	if err != nil {
		return care.Order{}, err
	}
	if !p.Value.Covers(v.ID, v.Model) {
		return care.Order{}, fault.New(fault.Invalid, "care.plan", "the plan %s is not for this device, or is off", clip(id, 64)).At("plan")
	}
	dues, err := c.s.duesOf(ctx, v, c.s.now())
	if err != nil {
		return care.Order{}, err
	}
	var due care.Day
	for _, d := range dues {
		if d.Plan == id {
			due = d.On
		}
	}
	return care.FromPlan(&p.Value, v.ID, due), nil
}

// causeOf gives the state of a device as the cause of work; it must be so.
func (c *call) causeOf(ctx context.Context, v *register.View, kind state.Kind) (*care.Cause, error) {
	states, err := c.s.statesOf(ctx, v, c.s.now())
	if err != nil {
		return nil, err
	}
	for _, s := range states {
		if s.Kind != kind {
			continue
		}
		if s.Grade == state.Good || s.Grade == state.Info {
			return nil, fault.New(fault.Invalid, "care.no-state", "that the device is %q is nothing to repair; open the order without a state, with a title", kind).At("state")
		}
		return &care.Cause{State: string(s.Kind), Since: s.Since, Was: s.Why.Was, Now: s.Why.Now}, nil
	}
	return nil, fault.New(fault.Invalid, "care.no-state", "the device is not %q now; open the order without a state, with a title", clip(string(kind), 40)).At("state")
}

// single refuses a second order for the same thing.
func (c *call) single(ctx context.Context, o *care.Order) error {
	if o.Plan == "" && o.Cause == nil {
		return nil
	}
	open, err := c.tx.Orders(ctx, care.OrderQuery{Device: o.Device, States: liveStates(), Limit: 1000})
	if err != nil {
		return err
	}
	for _, other := range open {
		if o.Plan != "" && other.Plan == o.Plan || o.Cause != nil && other.Cause != nil && other.Cause.State == o.Cause.State {
			return fault.New(fault.Conflict, "care.open", "order %d is open for this already; go on with that one", other.ID)
		}
	}
	return nil
}

func changeOrder(ctx context.Context, c *call, r OrderChange) (care.Order, error) {
	c.reason = r.Reason
	o, err := c.order(ctx, r.ID, r.Version)
	if err != nil {
		return o, err
	}
	if r.State == care.Cancelled {
		return o, fault.New(fault.Invalid, "service.argument", "an order is cancelled with order.cancel").At("state")
	}
	change := care.Change{State: r.State, Title: given(r.Title), Assigned: given(r.Assigned), Waits: given(r.Waits), Note: given(r.Note), Text: r.Reason}
	if due := given(r.Due); due != nil {
		day := care.Day(*due)
		change.Due = &day
	}
	err = o.Change(change, c.worker())
	if err != nil {
		return o, err
	}
	return c.s.Register.PutOrder(ctx, c.tx, o)
}

// given reads a field that stays when it is left out.
func given(text string) *string {
	switch text = strings.TrimSpace(text); text {
	case "":
		return nil
	case "-":
		text = ""
	}
	return &text
}

func finishOrder(ctx context.Context, c *call, r OrderFinish) (OrderEnded, error) {
	c.reason = r.Reason
	o, err := c.order(ctx, r.ID, r.Version)
	if err != nil {
		return OrderEnded{}, err
	}
	r.Finish.Wiping = nil // device.dispose keeps that
	if err := o.End(r.Finish, r.Failed, c.s.Register.Day(c.s.now()), c.worker()); err != nil {
		return OrderEnded{}, err
	}
	if o, err = c.s.Register.PutOrder(ctx, c.tx, o); err != nil {
		return OrderEnded{}, err
	}
	out := OrderEnded{Order: o}
	if o.Plan != "" {
		if out.Next, err = c.nextOf(ctx, o); err != nil {
			return out, err
		}
	}
	if o.Finish.Passed || o.Kind == care.Corrective {
		return out, nil
	}
	object := c.object
	repair, err := c.begin1(ctx, care.Order{
		Device: o.Device, Kind: care.Corrective, Title: clip("Did not pass: "+o.Title, 180), Assigned: o.Assigned,
		Cause: &care.Cause{State: "failed", Since: o.Finish.At, Order: o.ID},
	})
	c.object, out.Opens = object, repair.ID
	return out, err
}

// nextOf gives the day an order's work is due next, as it will be once the
// transaction is through.
func (c *call) nextOf(ctx context.Context, o care.Order) (care.Day, error) {
	p, err := register.Plans().Get(ctx, c.tx, o.Plan)
	if fault.KindOf(err) == fault.Absent {
		return "", nil // it was removed meanwhile
	}
	if err != nil {
		return "", err
	}
	rows, err := c.tx.LastDone(ctx, o.Device)
	if err != nil {
		return "", err
	}
	var last care.Done
	for _, r := range rows {
		if r.Plan == o.Plan {
			last = r.Done
		}
	}
	v, err := c.s.Register.View(o.Device)
	if err != nil {
		return "", err
	}
	return c.s.Register.Next(&p.Value, &v, last, c.s.now()), nil
}
