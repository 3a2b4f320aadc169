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
		},
	}
}
