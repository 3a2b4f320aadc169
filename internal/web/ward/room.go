// Package ward holds the pages of the work place of that name.
package ward

import "thalamus/internal/web/ui"

// Room lists the pages, acts and streams; the first page with a name is where
// the work place starts.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{},
	}
}
