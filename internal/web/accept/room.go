// Package accept holds the pages of acceptances: what may be used, who signed,
// what contradicts it (R32).
//
//	list.go, list.templ   all of them, the gravest first; beginning one
//	page.go, page.templ   one: questions, evidence, conditions, signatures, import
//	words.go              its words
package accept

import "thalamus/internal/web/ui"

// uploadLimit is how large a form with a worksheet may be, in bytes.
const uploadLimit = 9 << 20

// Room lists the pages and acts.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/acceptances", Name: ui.N("Acceptance"), Place: ui.Devices, Icon: "shield", Needs: "acceptance.list", Show: list},
			{Path: "/acceptances/{id}", Place: ui.Devices, Under: "/acceptances", Needs: "acceptance.get", Thing: ui.Thing{Kind: "acceptance"}, Show: show},
		},
		Acts: []ui.Act{
			{Path: "/acceptances", Needs: "acceptance.begin", Do: begin, Again: list},
			{Path: "/acceptances/{id}/answer/{question}", Needs: "acceptance.answer", Do: answer, Again: show},
			{Path: "/acceptances/{id}/sign/{role}", Needs: "acceptance.sign", Do: sign, Again: show},
			{Path: "/acceptances/{id}/demand", Needs: "acceptance.demand", Do: demand, Again: show},
			{Path: "/acceptances/{id}/meet/{condition}", Needs: "acceptance.meet", Do: meet, Again: show},
			{Path: "/acceptances/{id}/reject", Needs: "acceptance.reject", Do: reject, Again: show},
			{Path: "/acceptances/{id}/reopen", Needs: "acceptance.reopen", Do: reopen, Again: show},
			{Path: "/acceptances/{id}/import", Needs: "acceptance.import", Limit: uploadLimit, Do: bring, Again: show},
		},
	}
}
