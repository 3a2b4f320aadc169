// Package profiles holds the pages of device profiles: what is known of each
// model, as text, tried on what is stored before it comes into force.
//
//	list.go, list.templ        which there are, on what evidence, and who is read with them
//	profile.go, profile.templ  one profile: text, quirks, cases, versions
//	compare.go, compare.templ  two versions line by line
//	edit.go, edit.templ        a text to be: checked, tried, brought in force
package profiles

import "thalamus/internal/web/ui"

// styles are the stylesheets of the room's pages.
var styles = []string{"meaning.css"}

// textLimit bounds the texts of a profile that are sent, with their form.
const textLimit = 5 << 20

// Room lists the pages and acts.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/profiles", Name: ui.N("Profiles"), Place: ui.Integration, Icon: "profile", Needs: "profile.list", Show: list},
			{Path: "/profiles/{id}", Under: "/profiles", Place: ui.Integration, Needs: "profile.get", Thing: ui.Thing{Kind: "profile"}, Show: profile},
			{Path: "/profiles/{id}/compare", Under: "/profiles", Place: ui.Integration, Needs: "profile.get", Show: compare},
			{Path: "/profiles/{id}/edit", Under: "/profiles", Place: ui.Integration, Needs: "profile.put", Show: edit},
			{Path: "/new/profile", Under: "/profiles", Place: ui.Integration, Needs: "profile.put", Show: begin},
		},
		Acts: []ui.Act{
			{Path: "/profiles/try", Needs: "profile.try", Limit: textLimit, Do: try, Again: typedAgain},
			{Path: "/profiles/put", Needs: "profile.put", Limit: textLimit, Do: put, Again: typedAgain},
			{Path: "/profiles/{id}/rollback", Needs: "profile.rollback", Do: rollback, Again: profile},
			{Path: "/profiles/{id}/remove", Needs: "profile.remove", Do: remove, Again: profile},
		},
	}
}
