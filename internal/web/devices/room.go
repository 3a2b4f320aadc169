// Package devices holds the pages of the register: what should be looked at,
// what was seen on the wire, what was adopted, and everything known of one
// device or model.
//
//	tasks.go, tasks.templ        where the work place starts: what to look at
//	list.go, list.templ          the register, with its filters in the address
//	shared.go                    what other rooms use of this one
//	columns.go, views.go, csv.go its columns, saved views, and it as a file
//	inbox.go, inbox.templ        what nobody has adopted yet
//	bars.go                      merging a stranger, blocking a device
//	device.go, device.templ      one device: observed, asserted, decided
//	states.go, states.templ      how a device is, and why we think so, in words
//	identities.go, stops.go      by what it is known; what stops if it stops
//	clock.go, reading.go         its clock and its profile
//	facts.go, facts.templ        what is believed of a thing, and the forms
//	factwords.go, words.go       facts in words
//	models.go, models.templ      models and their software versions
//	scan.go, scan.templ          the scanner: find, adopt, move, lend, return
//	count.go, count.templ        an inventory by scanner, and its differences
package devices

import "thalamus/internal/web/ui"

// styles are the stylesheets of the room's pages.
var styles = []string{"ward.css", "devices.css"}

// Room lists the pages, acts and streams; the first page with a name is where
// the work place starts.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/tasks", Name: ui.N("Tasks"), Place: ui.Devices, Icon: "check", Needs: "task.list", Show: tasks},
			{Path: "/devices", Name: ui.N("Register"), Place: ui.Devices, Icon: "device", Needs: "device.list", Show: list},
			{Path: "/inbox", Name: ui.N("Seen on the wire"), Place: ui.Devices, Icon: "inbox", Needs: "device.list", Show: inbox},
			{Path: "/scan", Name: ui.N("Scan"), Place: ui.Devices, Icon: "scan", Needs: "device.scan", Show: scan},
			{Path: "/models", Name: ui.N("Models"), Place: ui.Devices, Icon: "tag", Needs: "model.list", Show: models},
			{Path: "/models/{id}", Place: ui.Devices, Under: "/models", Needs: "model.get", Thing: ui.Thing{Kind: "model"}, Show: oneModel},
			{Path: "/facts", Place: ui.Devices, Under: "/devices", Needs: "fact.list", Show: facts},
			{Path: "/devices/{id}", Place: ui.Devices, Under: "/devices", Needs: "device.get", Thing: ui.Thing{Kind: "device"}, Show: device},
		},
		Acts: []ui.Act{
			{Path: "/devices/columns", Needs: "device.list", Do: chooseColumns},
			{Path: "/inbox", Needs: "device.adopt", Do: adoptMany, Again: inbox},
			{Path: "/inbox/back", Needs: "device.release", Do: releaseMany},
			{Path: "/inbox/block", Needs: "device.block", Do: blockMany, Again: inbox},
			{Path: "/inbox/unblock", Needs: "device.unblock", Do: unblockMany},
			{Path: "/inbox/merge", Needs: "device.merge", Do: mergeFound, Again: inbox},
			{Path: "/models/add", Needs: "model.add", Do: addModel, Again: models},
			{Path: "/facts/set", Needs: "fact.set", Do: sayFact("fact.set"), Again: facts},
			{Path: "/facts/decide", Needs: "fact.decide", Do: sayFact("fact.decide"), Again: facts},
			{Path: "/changes/undo", Needs: "change.undo", Do: undoChanges},
			{Path: "/scan", Needs: "device.scan", Do: scanned, Again: scan},
			{Path: "/scan/do", Needs: "device.scan", Do: scanAct, Again: scan},
			{Path: "/scan/whose", Needs: "device.list", Do: whose, Again: scan},
			{Path: "/scan/label", Needs: "fact.set", Do: takeLabel, Again: scan},
			{Path: "/devices/{id}/adopt", Needs: "device.adopt", Do: adopt, Again: device},
			{Path: "/devices/{id}/release", Needs: "device.release", Do: release, Again: device},
			{Path: "/devices/{id}/merge", Needs: "device.merge", Do: merge, Again: device},
			{Path: "/devices/{id}/separate", Needs: "device.separate", Do: separate},
			{Path: "/devices/{id}/block", Needs: "device.block", Do: block, Again: device},
			{Path: "/devices/{id}/unblock", Needs: "device.unblock", Do: unblock, Again: device},
			{Path: "/devices/{id}/assert", Needs: "device.assert", Do: assert, Again: device},
			{Path: "/devices/{id}/clock", Needs: "device.clock", Do: setClock, Again: device},
		},
		Streams: []ui.Stream{
			{Path: "/devices.csv", Needs: "device.list", Serve: listCSV},
			{Path: "/scan/count.csv", Needs: "device.list", Serve: countCSV},
		},
	}
}
