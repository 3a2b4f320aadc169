// Package admit holds the pages of what is let in: credentials of devices, and
// Bluetooth devices that come with a person's consent (R6, R40).
//
//	credentials.go, credentials.templ  make one, shown once; revoke
//	pairings.go, pairings.templ        who is near, agree and refuse
package admit

import "thalamus/internal/web/ui"

// Room lists the pages and acts.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/credentials", Name: ui.N("Credentials"), Place: ui.Devices, Icon: "key", Needs: "credential.list", Show: credentials},
			{Path: "/pairings", Name: ui.N("Bluetooth"), Place: ui.Devices, Icon: "channel", Needs: "pairing.list", Show: pairings},
		},
		Acts: []ui.Act{
			{Path: "/credentials/create", Needs: "credential.create", Do: createCredential, Again: credentials},
			{Path: "/credentials/{id}/revoke", Needs: "credential.revoke", Do: revokeCredential, Again: credentials},
			{Path: "/pairings/{channel}/{id}/accept", Needs: "pairing.accept", Do: accept, Again: pairings},
			{Path: "/pairings/{channel}/{id}/refuse", Needs: "pairing.refuse", Do: refuse, Again: pairings},
		},
	}
}
