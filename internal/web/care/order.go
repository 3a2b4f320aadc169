package care

import (
	"cmp"
	"strconv"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// ordersPage is a list of orders; Device is set when they are of one, with what
// it may be opened for.
type ordersPage struct {
	List   service.List[service.OrderRow]
	Device string
	State  string // the state of the device that led here
	Ended  bool
}

func orders(v *ui.Visit) (ui.View, error) {
	ctx := v.Context()
	p := ordersPage{Device: v.Query("device"), State: v.Query("state"), Ended: v.Query("ended") != ""}
	if p.Device == "" {
		p.Device, p.State = v.Typed("device"), v.Typed("state") // shown again after a fault
	}
	after, _ := strconv.ParseInt(v.Query("after"), 10, 64)
	ask := service.OrderAsk{Device: model.DeviceID(p.Device), Ended: p.Ended, After: after}
	if err := v.Call("order.list", ask, &p.List); err != nil {
		return ui.View{}, err
	}
	return ui.View{Title: ui.T(ctx, "Work orders"), Trail: trail(v), Body: ordersBody(p)}, nil
}

// orderPage is one order; the rows are what its finish form asks for.
type orderPage struct {
	service.OrderRow
	Results []service.Result
}

// extraRows are the empty rows for what a plan did not ask for.
const extraRows, partRows = 2, 3

func order(v *ui.Visit) (ui.View, error) {
	id, err := number(v)
	if err != nil {
		return ui.View{}, err
	}
	var p orderPage
	if err := v.Call("order.get", service.OrderID{ID: id}, &p.OrderRow); err != nil {
		return ui.View{}, err
	}
	for _, m := range p.Measures {
		p.Results = append(p.Results, service.Result{Measure: m})
	}
	for range extraRows {
		p.Results = append(p.Results, service.Result{})
	}
	ctx := v.Context()
	return ui.View{
		Title: ui.T(ctx, "Order %s: %s", strconv.FormatInt(p.ID, 10), p.Title), Body: orderBody(p), History: orderSteps(p),
		Trail: append(trail(v), ui.Link{Text: ui.T(ctx, "Work orders"), To: "/orders"}),
	}, nil
}

func number(v *ui.Visit) (int64, error) {
	id, err := strconv.ParseInt(v.Path("id"), 10, 64)
	if err != nil {
		return 0, fault.New(fault.Absent, "care.absent", "there is no order %q; list the orders to see their numbers", v.Path("id"))
	}
	return id, nil
}

func to(id int64) string { return "/orders/" + strconv.FormatInt(id, 10) }

func open(v *ui.Visit) (ui.Done, error) {
	ask := service.OrderNew{
		Device: model.DeviceID(v.Typed("device")), Plan: v.Typed("plan"), State: service.StateKind(v.Typed("state")), Title: v.Typed("title"),
		Assigned: v.Typed("assigned"), Note: v.Typed("note"),
	}
	var o service.Order
	if err := v.Call("order.open", ask, &o); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: to(o.ID), Toast: undoable(v, &o, ui.T(v.Context(), "The order is open."))}, nil
}

func change(v *ui.Visit) (ui.Done, error) {
	id, err := number(v)
	if err != nil {
		return ui.Done{}, err
	}
	version, _ := strconv.ParseInt(v.Typed("version"), 10, 64)
	ask := service.OrderChange{ID: id, Version: version, State: service.OrderState(v.Typed("state")), Reason: v.Typed("reason")}
	if _, there := v.Form["assigned"]; there {
		ask.Assigned, ask.Waits = cmp.Or(v.Typed("assigned"), "-"), cmp.Or(v.Typed("waits"), "-")
	}
	var o service.Order
	if err := v.Call("order.change", ask, &o); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: to(id), Toast: undoable(v, &o, ui.T(v.Context(), "The order is changed."))}, nil
}

func cancel(v *ui.Visit) (ui.Done, error) {
	id, err := number(v)
	if err != nil {
		return ui.Done{}, err
	}
	version, _ := strconv.ParseInt(v.Typed("version"), 10, 64)
	var o service.Order
	if err := v.Call("order.cancel", service.OrderStop{ID: id, Version: version, Reason: v.Typed("reason")}, &o); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: to(id), Toast: undoable(v, &o, ui.T(v.Context(), "The order is cancelled."))}, nil
}

func finish(v *ui.Visit) (ui.Done, error) {
	id, err := number(v)
	if err != nil {
		return ui.Done{}, err
	}
	version, _ := strconv.ParseInt(v.Typed("version"), 10, 64)
	ask := service.OrderFinish{ID: id, Version: version, Failed: v.Typed("failed") != ""}
	f := &ask.Finish
	f.On, f.Who, f.Device, f.Text = service.Day(v.Typed("on")), v.Typed("who"), v.Typed("tester"), v.Typed("text")
	if minutes := v.Typed("minutes"); minutes != "" {
		if f.Minutes, err = strconv.Atoi(minutes); err != nil {
			return ui.Done{}, fault.New(fault.Invalid, "service.argument", "minutes are a whole number").At("minutes")
		}
	}
	for i := range 200 {
		n := strconv.Itoa(i)
		name := v.Typed("name-" + n)
		if _, there := v.Form["name-"+n]; !there {
			break
		}
		if name == "" && v.Typed("value-"+n) == "" {
			continue
		}
		f.Results = append(f.Results, service.Result{
			Measure: service.Measure{Name: name, UnitUCUM: v.Typed("unit-" + n), Min: service.Number(v.Typed("min-" + n)), Max: service.Number(v.Typed("max-" + n))},
			Value:   service.Number(v.Typed("value-" + n)), Passed: true,
		})
	}
	for i := range partRows {
		n := strconv.Itoa(i)
		part := service.Part{Name: v.Typed("part-" + n), Number: v.Typed("number-" + n), Lot: v.Typed("lot-" + n), Cost: service.Number(v.Typed("cost-" + n))}
		if part != (service.Part{}) {
			f.Parts = append(f.Parts, part)
		}
	}
	var ended service.OrderEnded
	if err := v.Call("order.finish", ask, &ended); err != nil {
		return ui.Done{}, err
	}
	ctx := v.Context()
	text := ui.T(ctx, "The work is done.")
	switch {
	case ended.Opens > 0:
		text = ui.T(ctx, "It did not pass: order %s is open for the repair.", strconv.FormatInt(ended.Opens, 10))
	case ended.Next != "":
		text = ui.T(ctx, "The work is done. It is due again on %s.", string(ended.Next))
	}
	return ui.Done{To: to(id), Toast: undoable(v, &ended.Order, text)}, nil
}

// undoable tells of what was done to an order last, and takes it back.
func undoable(v *ui.Visit, o *service.Order, text string) *ui.Toast {
	return ui.Undoable(v, text, to(o.ID), o.Steps[len(o.Steps)-1].Change)
}
