// Package care holds the pages of maintenance: what is due, work orders, and
// the plans and contracts behind them.
//
//	due.go, due.templ      what is due, with its filters in the address
//	order.go, order.templ  orders, and one order with the form that finishes it
//	plan.go, plan.templ    the forms of plans and contracts
//	belongs.go             accessories and consumables, and disposal
//	words.go               kinds and states in words
package care

import "thalamus/internal/web/ui"

// Room lists the pages and acts.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/care", Name: ui.N("Maintenance"), Place: ui.Devices, Icon: "clock", Needs: "care.list", Show: due},
			{Path: "/orders", Place: ui.Devices, Under: "/care", Needs: "order.list", Show: orders},
			{Path: "/orders/{id}", Place: ui.Devices, Under: "/care", Needs: "order.get", Thing: ui.Thing{Kind: "order"}, Show: order},
			{Path: "/plans", Place: ui.Devices, Under: "/care", Needs: "plan.list", Show: plans},
			{Path: "/plans/{id}", Place: ui.Devices, Under: "/care", Needs: "plan.get", Thing: ui.Thing{Kind: "plan"}, Show: planForm},
			{Path: "/contracts/{id}", Place: ui.Devices, Under: "/care", Needs: "contract.get", Thing: ui.Thing{Kind: "contract"}, Show: contractForm},
			{Path: "/accessories", Place: ui.Devices, Under: "/devices", Needs: "accessory.list", Show: belongs},
			{Path: "/dispose", Place: ui.Devices, Under: "/devices", Needs: "device.dispose", Show: disposal},
		},
		Acts: []ui.Act{
			{Path: "/orders/open", Needs: "order.open", Do: open, Again: orders},
			{Path: "/orders/{id}/change", Needs: "order.change", Do: change, Again: order},
			{Path: "/orders/{id}/finish", Needs: "order.finish", Do: finish, Again: order},
			{Path: "/orders/{id}/cancel", Needs: "order.cancel", Do: cancel, Again: order},
			{Path: "/plans/{id}/keep", Needs: "plan.put", Do: keepPlan, Again: planForm},
			{Path: "/plans/{id}/remove", Needs: "plan.remove", Do: removed("plan"), Again: planForm},
			{Path: "/contracts/{id}/keep", Needs: "contract.put", Do: keepContract, Again: contractForm},
			{Path: "/contracts/{id}/remove", Needs: "contract.remove", Do: removed("contract"), Again: contractForm},
			{Path: "/accessories/add", Needs: "accessory.add", Do: addAccessory, Again: belongs},
			{Path: "/accessories/remove", Needs: "accessory.remove", Do: removeAccessory, Again: belongs},
			{Path: "/dispose/do", Needs: "device.dispose", Do: dispose, Again: disposal},
		},
	}
}
