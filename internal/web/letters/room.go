// Package letters holds the pages of what was given up and of what is to be
// delivered again.
//
//	dead.go, dead.templ        dead letters: why, try again, set aside
//	replays.go, replays.templ  replays: count first, then deliver again
//	replay.go, replay.templ    one replay: how far it is, and what reading again changed
package letters

import "thalamus/internal/web/ui"

// styles are the stylesheets of the room's pages.
var styles = []string{"relay.css"}

// Room lists the pages, acts and streams.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/dead-letters", Name: ui.N("Dead letters"), Place: ui.Integration, Icon: "letter", Needs: "deadletter.list", Show: dead},
			{Path: "/replays", Name: ui.N("Replays"), Place: ui.Integration, Icon: "replay", Needs: "replay.list", Show: replays},
			{Path: "/replays/{id}", Under: "/replays", Place: ui.Integration, Needs: "replay.get", Thing: ui.Thing{Kind: "replay"}, Show: replay},
		},
		Acts: []ui.Act{
			{Path: "/dead-letters/retry", Needs: "deadletter.retry", Do: settle("deadletter.retry"), Again: dead},
			{Path: "/dead-letters/discard", Needs: "deadletter.discard", Do: settle("deadletter.discard"), Again: dead},
			{Path: "/replays/count", Needs: "replay.preview", Do: countReplay, Again: replays},
			{Path: "/replays/start", Needs: "entry.replay", Do: startReplay, Again: replays},
		},
	}
}
