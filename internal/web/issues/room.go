// Package issues holds the page of what could not be understood: grouped by
// code and channel, with what the catalogue of faults says to do.
package issues

import "thalamus/internal/web/ui"

// Room lists the page.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/issues", Name: ui.N("Issues"), Place: ui.Integration, Icon: "issue", Needs: "issue.list", Show: issues},
		},
	}
}
