// Package web is the console: pages that call service, and nothing else (R53).
//
// # Which file has what
//
//	web.go          New: the list of rooms, routes, headers, cross-origin check
//	visit.go        one request: session, language, theme; errors become pages
//	sign.go         sign-in (password, one-time link), sign-out
//	preferences.go  theme and language, kept in a cookie
//	events.go       /events: changes as server-sent events, at most one a second
//	tabs.go         history and raw tabs of every page that is about one thing
//	seen.go         any table of a page as CSV: ?as=csv&table=its-id
//	search.go       the search of the top bar; search_named.go: of all that has a name
//	texts/          languages: the key is the English text
//	assets/         stylesheet, scripts (htmx 4), pictures; hashed names
//	graph/          lays out a picture of what leads to what, pure
//	ui/             visit, page, act, components; one templ file each
//	ward/ integration/ devices/ oversight/   the pages of the four work places
//	issues/ labels/ profiles/ relay/ letters/   further pages of Integration
//	care/ accept/ connections/   maintenance, acceptance, who talks to whom
//	admit/          credentials of devices, and Bluetooth devices with consent
//	views/          saved views and chosen columns of the account
//	bulk/           imports, edits of many devices, and the jobs that do them
//	browser/        looks at every page with a real browser
//
// # How to add a page
//
// Write a function and a template in the room's package; the template
// (thingsPage, in things.templ) uses the components of ui:
//
//	func things(v *ui.Visit) (ui.View, error) {
//		var l service.List[service.Thing]
//		if err := v.Call("thing.list", service.ThingAsk{After: v.Query("after")}, &l); err != nil {
//			return ui.View{}, err // becomes the fault page
//		}
//		return ui.View{Title: ui.T(v.Context(), "Things"), Body: thingsPage(l)}, nil
//	}
//
// Add it to the room's list, Room() in room.go:
//
//	{Path: "/things", Name: ui.N("Things"), Place: ui.Devices, Icon: "device", Needs: "thing.list", Show: things},
//
// A page with a Name stands in the menu of who may call Needs. A page without
// one is reached by links; Under says below which menu entry it lies.
//
// A page about one thing names it, Thing: ui.Thing{Kind: "channel"}, and gets two
// tabs: who changed it (and View.History, what the page itself tells of the
// past), and the thing as the API gives it.
//
// What changes something is an Act: a POST to a path of its own, with a plain
// form, so that it works without scripts. It answers with the page to show next
// and a Toast, where there is a way back with Undo. A fault whose Place is a
// field's name shows up at that field when Act.Again is set.
//
// Run `make generate`, and commit the *_templ.go with the template.
//
// # Rules
//
//   - Every visible text goes through ui.T (or ui.N where it is only named, as
//     in a list). A test finds texts that do not.
//   - No patient's name or number in an address, a page's Title (browsers keep
//     it) or a toast: addresses hold ids, a search by name is a POST that leads
//     to ids or shows its answer at once (Done.View).
//   - No inline script or style, no hx-on, no js: in attributes: the
//     Content-Security-Policy forbids them. No condition in brackets in
//     hx-trigger, for the same reason.
//   - A templ component call with children stands on several lines; on one
//     line its text is swallowed.
//   - A link to a page that may not be there, or may not be seen, is ui.A or
//     ui.Button; a number that leads to what it counts is ui.Count.
//   - State is a word with a sign (ui.Badge, ui.State), never colour alone.
//   - A list has a caption, says what to do when it is empty (ui.Empty), pages
//     with ui.Pager and keeps its filters in the address (Visit.Here).
//   - A region that changes by itself is ui.Live, unless reading it is audited.
package web
