// Package labels holds the pages of labels nobody knows: the inbox, one label
// with what it may mean, and what it was mapped to.
//
//	inbox.go, inbox.templ      what nobody knows, and what somebody said
//	label.go, label.templ      one unknown label: candidates, scope, one form
//	mapping.go, mapping.templ  one mapped label: taken back, said anew, and what was stored before read again
package labels

import "thalamus/internal/web/ui"

// styles are the stylesheets of the room's pages.
var styles = []string{"meaning.css"}

// Room lists the pages and acts.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/labels", Name: ui.N("Labels"), Place: ui.Integration, Icon: "tag", Needs: "label.list", Show: inbox},
			{Path: "/labels/{id}", Under: "/labels", Place: ui.Integration, Needs: "label.list", Show: label},
			{Path: "/mappings/{id}", Under: "/labels", Place: ui.Integration, Needs: "label.get", Thing: ui.Thing{Kind: "label"}, Show: mapping},
		},
		Acts: []ui.Act{
			{Path: "/labels/{id}/search", Needs: "term.find", Do: search, Again: label},
			{Path: "/labels/{id}/map", Needs: "label.map", Do: mapIt, Again: label},
			{Path: "/mappings/{id}/change", Needs: "label.map", Do: change, Again: mapping},
			{Path: "/mappings/{id}/unmap", Needs: "label.unmap", Do: unmap, Again: mapping},
			{Path: "/mappings/{id}/stored", Needs: "label.try", Do: stored, Again: mapping},
			{Path: "/mappings/{id}/reread", Needs: "entry.replay", Do: reread, Again: mapping},
		},
	}
}
