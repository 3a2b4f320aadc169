// Package oversight holds the pages of who may and did what, and of the
// program's own keeping.
//
//	start.go, start.templ      what to look at, and how the program itself is
//	audit.go, audit.templ      who did and saw what, and whether that is whole
//	people.go, people.templ    accounts: roles, shut, password, one-time link
//	tokens.go, tokens.templ    API tokens
//	extracts.go, extracts.templ  the record as files: begin, follow, fetch
//	journal.go, journal.templ  the journal: segments, holds, check, redaction
package oversight

import "thalamus/internal/web/ui"

// styles are the stylesheets of the room's pages.
var styles = []string{"relay.css"}

// Room lists the pages, acts and streams; the first page with a name is where
// the work place starts.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/oversight", Name: ui.N("At a glance"), Place: ui.Oversight, Icon: "shield", Needs: "oversight.get", Show: start},
			{Path: "/audit", Name: ui.N("Audit"), Place: ui.Oversight, Icon: "log", Needs: "audit.list", Show: auditList},
			{Path: "/people", Name: ui.N("People"), Place: ui.Oversight, Icon: "person", Needs: "user.list", Show: people},
			{Path: "/people/{id}", Place: ui.Oversight, Under: "/people", Needs: "user.list", Thing: ui.Thing{Kind: "user"}, Show: person},
			{Path: "/tokens", Name: ui.N("API tokens"), Place: ui.Oversight, Icon: "key", Needs: "token.list", Show: tokens},
			{Path: "/extracts", Name: ui.N("Extracts"), Place: ui.Oversight, Icon: "text", Needs: "extract.list", Show: extracts},
			{Path: "/extracts/{id}", Place: ui.Oversight, Under: "/extracts", Needs: "extract.get", Thing: ui.Thing{Kind: "extract"}, Show: extractView},
			{Path: "/journal", Name: ui.N("Journal"), Place: ui.Oversight, Icon: "journal", Needs: "journal.stat", Show: journal},
		},
		Acts: []ui.Act{
			{Path: "/audit/verify", Needs: "audit.verify", Do: verifyAudit, Again: auditList},
			{Path: "/people/add", Needs: "user.add", Do: addPerson, Again: people},
			{Path: "/people/{id}/change", Needs: "user.change", Do: changePerson, Again: person},
			{Path: "/people/{id}/shut", Needs: "user.change", Do: shutPerson, Again: person},
			{Path: "/people/{id}/open", Needs: "user.change", Do: openPerson, Again: person},
			{Path: "/people/{id}/password", Needs: "user.password", Do: setPassword, Again: person},
			{Path: "/people/{id}/link", Needs: "user.link", Do: makeLink, Again: person},
			{Path: "/people/{id}/remove", Needs: "user.remove", Do: removePerson, Again: person},
			{Path: "/tokens/create", Needs: "token.create", Do: createToken, Again: tokens},
			{Path: "/tokens/{id}/revoke", Needs: "token.revoke", Do: revokeToken, Again: tokens},
			{Path: "/extracts/begin", Needs: "extract.begin", Do: beginExtract, Again: extracts},
			{Path: "/extracts/{id}/stop", Needs: "extract.stop", Do: extractAct("extract.stop", ui.N("The extract stops; what is done of it stays.")), Again: extractView},
			{Path: "/extracts/{id}/resume", Needs: "extract.resume", Do: extractAct("extract.resume", ui.N("The extract goes on.")), Again: extractView},
			{Path: "/extracts/{id}/remove", Needs: "extract.remove", Do: extractAct("extract.remove", ui.N("The extract is removed.")), Again: extractView},
			{Path: "/journal/check", Needs: "journal.check", Do: checkJournal, Again: journal},
			{Path: "/journal/segments/{id}/hold", Needs: "hold.set", Do: hold, Again: journal},
			{Path: "/journal/segments/{id}/release", Needs: "hold.release", Do: release, Again: journal},
			{Path: "/journal/redact", Needs: "entry.redact", Do: redact, Again: journal},
		},
		Streams: []ui.Stream{
			{Path: "/extracts/{id}/files/{file...}", Needs: "extract.fetch", Serve: extractFile},
		},
	}
}
