// Package ward holds the pages of the ward: live beds, patients, alerts.
//
//	live.go, live.templ          the live page: a card a bed
//	stream.go                    what moves it, over a WebSocket
//	vitals.go                    which values a ward looks at first
//	patients.go, patients.templ  search, and everything of one patient
//	connect.go, connect.templ    who is on which device, by scan and by hand
//	trend.go                     numbers over time as SVG and table
//	alerts.go, alerts.templ      what is active, what was, whose source is silent
//	alert.go, alert.templ        the life of one alert
//	alert_stream.go              what has the alerts page read itself again
//
// The scripts are assets/live.js (stream, numbers, alerts), assets/wave.js (the
// sweep) and assets/alerts.js; decision 0045 says how the first two share the
// work.
package ward

import "thalamus/internal/web/ui"

// Room lists the pages, acts and streams; the first page with a name is where
// the work place starts.
func Room() ui.Room {
	open := newStreams(256, 16)
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/live", Name: ui.N("Live beds"), Place: ui.Ward, Icon: "bed", Needs: "live.get", Show: live},
			{Path: "/patients", Name: ui.N("Patients"), Place: ui.Ward, Icon: "person", Needs: "patient.search", Show: patientsList},
			{Path: "/patients/{id}", Place: ui.Ward, Under: "/patients", Needs: "patient.get", Thing: ui.Thing{Kind: "patient"}, Show: patientView},
			{Path: "/connect", Name: ui.N("Connect"), Place: ui.Ward, Icon: "device", Needs: "association.list", Show: connectView},
			{Path: "/alerts", Name: ui.N("Alerts"), Place: ui.Ward, Icon: "bell", Needs: "alert.list", Show: alertsView},
			{Path: "/alerts/{key}", Place: ui.Ward, Under: "/alerts", Needs: "alert.show", Thing: ui.Thing{Kind: "alert", Get: "alert.show"}, Show: alertView},
		},
		Acts: []ui.Act{
			{Path: "/patients", Needs: "patient.search", Do: findPatients, Again: patientsList},
			{Path: "/connect", Needs: "association.start", Do: connect, Again: connectView},
			{Path: "/connect/undo", Needs: "association.end", Do: undoConnect},
			{Path: "/connect/end", Needs: "association.end", Do: endConnection},
			{Path: "/connect/attach", Needs: "association.attach", Do: attach, Again: connectView},
		},
		Streams: []ui.Stream{
			{Path: "/live/stream", Needs: "live.watch", Serve: open.serving(stream)},
			{Path: "/patients/{id}/waveforms/{form}", Needs: "waveform.export", Serve: waveforms},
			{Path: "/alerts/stream", Needs: "live.watch", Serve: open.serving(alertStream)},
		},
	}
}
