// Package relay holds the pages of what is configured: channels, routes and
// destinations, each as list, page and form, and the configuration as text.
//
//	channels.go      channels: how each link is, open and close
//	destinations.go  destinations: queue, breaker, pause and resume
//	routes.go        routes: what goes where
//	form.go          forms made from what a driver or kind says can be set
//	governed.go      what the three have in common: history, removal, versions
//	text.go          the configuration as text: export, compare, apply
package relay

import "thalamus/internal/web/ui"

// styles are the stylesheets of the room's pages.
var styles = []string{"relay.css"}

// Room lists the pages, acts and streams.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/channels", Name: ui.N("Channels"), Place: ui.Integration, Icon: "channel", Needs: "channel.list", Show: channels},
			{Path: "/channels/{id}", Place: ui.Integration, Under: "/channels", Needs: "channel.get", Thing: ui.Thing{Kind: "channel"}, Show: channel},
			{Path: "/channels/{id}/edit", Place: ui.Integration, Under: "/channels", Needs: "channel.put", Show: channelForm},
			{Path: "/new/channel", Place: ui.Integration, Under: "/channels", Needs: "channel.put", Show: channelForm},
			{Path: "/routes", Name: ui.N("Routes"), Place: ui.Integration, Icon: "route", Needs: "route.list", Show: routes},
			{Path: "/routes/{id}", Place: ui.Integration, Under: "/routes", Needs: "route.get", Thing: ui.Thing{Kind: "route"}, Show: route},
			{Path: "/routes/{id}/edit", Place: ui.Integration, Under: "/routes", Needs: "route.put", Show: routeForm},
			{Path: "/new/route", Place: ui.Integration, Under: "/routes", Needs: "route.put", Show: routeForm},
			{Path: "/destinations", Name: ui.N("Destinations"), Place: ui.Integration, Icon: "destination", Needs: "destination.list", Show: destinations},
			{Path: "/destinations/{id}", Place: ui.Integration, Under: "/destinations", Needs: "destination.get", Thing: ui.Thing{Kind: "destination"}, Show: destination},
			{Path: "/destinations/{id}/edit", Place: ui.Integration, Under: "/destinations", Needs: "destination.put", Show: destinationForm},
			{Path: "/new/destination", Place: ui.Integration, Under: "/destinations", Needs: "destination.put", Show: destinationForm},
			{Path: "/configuration", Name: ui.N("Configuration"), Place: ui.Integration, Icon: "text", Needs: "config.export", Show: configuration},
		},
		Acts: []ui.Act{
			{Path: "/new/channel", Needs: "channel.put", Do: putChannel, Again: channelForm},
			{Path: "/channels/{id}/edit", Needs: "channel.put", Do: putChannel, Again: channelForm},
			{Path: "/channels/{id}/enable", Needs: "channel.enable", Do: enableChannel, Again: channel},
			{Path: "/channels/{id}/disable", Needs: "channel.disable", Do: disableChannel, Again: channel},
			{Path: "/channels/{id}/remove", Needs: "channel.remove", Do: remove("channel"), Again: channel},
			{Path: "/new/route", Needs: "route.put", Do: putRoute, Again: routeForm},
			{Path: "/routes/{id}/edit", Needs: "route.put", Do: putRoute, Again: routeForm},
			{Path: "/routes/{id}/remove", Needs: "route.remove", Do: remove("route"), Again: route},
			{Path: "/new/destination", Needs: "destination.put", Do: putDestination, Again: destinationForm},
			{Path: "/destinations/{id}/edit", Needs: "destination.put", Do: putDestination, Again: destinationForm},
			{Path: "/destinations/{id}/pause", Needs: "destination.pause", Do: pause, Again: destination},
			{Path: "/destinations/{id}/resume", Needs: "destination.resume", Do: resume, Again: destination},
			{Path: "/destinations/{id}/remove", Needs: "destination.remove", Do: remove("destination"), Again: destination},
			{Path: "/configuration/compare", Needs: "config.diff", Limit: textLimit, Do: compareText, Again: configuration},
			{Path: "/configuration/apply", Needs: "config.apply", Limit: textLimit, Do: applyText, Again: configuration},
		},
		Streams: []ui.Stream{
			{Path: "/configuration/thalamus.yaml", Needs: "config.export", Serve: download},
		},
	}
}
