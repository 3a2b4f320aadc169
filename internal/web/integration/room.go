// Package integration holds the pages of the work place of that name: how
// everything stands, and every message's way.
package integration

import "thalamus/internal/web/ui"

// Room lists the pages, acts and streams; the first page with a name is where
// the work place starts.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/", Name: ui.N("Overview"), Place: ui.Integration, Icon: "overview", Needs: "overview.get", Show: overview},
			{Path: "/flow", Name: ui.N("Flow"), Place: ui.Integration, Icon: "flow", Needs: "graph.get", Show: flow},
			{Path: "/messages", Name: ui.N("Messages"), Place: ui.Integration, Icon: "message", Needs: "message.search", Show: messages},
			{Path: "/messages/{ref}", Under: "/messages", Place: ui.Integration, Needs: "message.get", Thing: ui.Thing{Kind: "entry", Get: "message.get", Ask: askMessage}, Show: messagePage},
		},
		Acts: []ui.Act{
			{Path: "/messages/find", Needs: "message.search", Do: findMessages, Again: findAgain},
			{Path: "/messages/{ref}/replay", Needs: "entry.replay", Do: replayMessage, Again: messagePage},
			{Path: "/messages/{ref}/redact", Needs: "entry.redact", Do: redactEntry, Again: messagePage},
		},
		Streams: []ui.Stream{
			{Path: "/messages/{ref}/bytes", Needs: "entry.get", Serve: download},
			{Path: "/messages/{ref}/waveforms/{form}", Needs: "waveform.export", Serve: waveforms},
		},
	}
}
