// Package care holds the pages of maintenance: what is due, work orders, and
// the plans and contracts behind them.
//
//	due.go, due.templ      what is due, with its filters in the address
//	order.go, order.templ  orders, and one order with the form that finishes it
//	words.go               kinds and states in words
package care

import "thalamus/internal/web/ui"

// Room lists the pages and acts.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/care", Name: ui.N("Maintenance"), Place: ui.Devices, Icon: "clock", Needs: "care.list", Show: due},
			{Path: "/orders", Place: ui.Devices, Under: "/care", Needs: "order.list", Show: orders},
			{Path: "/orders/{id}", Place: ui.Devices, Under: "/care", Needs: "order.get", Show: order},
			{Path: "/plans", Place: ui.Devices, Under: "/care", Needs: "plan.list", Show: plans},
		},
		Acts: []ui.Act{
			{Path: "/orders/open", Needs: "order.open", Do: open, Again: orders},
			{Path: "/orders/{id}/change", Needs: "order.change", Do: change, Again: order},
			{Path: "/orders/{id}/finish", Needs: "order.finish", Do: finish, Again: order},
			{Path: "/orders/{id}/cancel", Needs: "order.cancel", Do: cancel, Again: order},
		},
	}
}
