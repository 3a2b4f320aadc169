// Package devices holds the pages of the register: what was seen on the wire,
// what was adopted, and everything known of one device.
//
//	list.go, list.templ      the register, with its filters in the address
//	inbox.go, inbox.templ    what nobody has adopted yet
//	device.go, device.templ  one device: observed, asserted, decided
//	clock.go                 its clock: how it is, and what is done about it
//	state.go                 how a device is, and why we think so
package devices

import "thalamus/internal/web/ui"

// Room lists the pages, acts and streams; the first page with a name is where
// the work place starts.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/devices", Name: ui.N("Register"), Place: ui.Devices, Icon: "device", Needs: "device.list", Show: list},
			{Path: "/inbox", Name: ui.N("Seen on the wire"), Place: ui.Devices, Icon: "inbox", Needs: "device.list", Show: inbox},
			{Path: "/devices/{id}", Place: ui.Devices, Under: "/devices", Needs: "device.get", Show: device},
		},
		Acts: []ui.Act{
			{Path: "/inbox", Needs: "device.adopt", Do: adoptMany, Again: inbox},
			{Path: "/inbox/back", Needs: "device.release", Do: releaseMany},
			{Path: "/devices/{id}/adopt", Needs: "device.adopt", Do: adopt, Again: device},
			{Path: "/devices/{id}/release", Needs: "device.release", Do: release, Again: device},
			{Path: "/devices/{id}/assert", Needs: "device.assert", Do: assert, Again: device},
			{Path: "/devices/{id}/clock", Needs: "device.clock", Do: setClock, Again: device},
		},
	}
}
