// Package bulk holds the pages on which many devices are changed at once, in
// the background: inventories of other systems taken in, edits of all devices
// that match, and the jobs that do it, with their logs and the way back (R29,
// R56).
//
//	import.go, import.templ  the file, and what was imported before
//	upload.go                a form that brings a file
//	draft.go, draft.templ    what a table would do, before anything is written:
//	                         columns, problems row by row, doubtful rows, begin
//	edit.go, edit.templ      one thing said of all devices that match
//	jobs.go, jobs.templ      jobs, their progress, log and undo
//	words.go                 columns, outcomes and states in words
package bulk

import (
	"thalamus/internal/web/ui"
)

// styles are the stylesheets of the room's pages.
var styles = []string{"ward.css", "bulk.css"}

// largest is how many bytes a table may have as it is sent, with its form.
const largest = 65 << 20

// Room lists the pages, acts and streams.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/import", Name: ui.N("Import"), Place: ui.Devices, Icon: "upload", Needs: "device.import", Show: importPage},
			{Path: "/import/{job}", Place: ui.Devices, Under: "/import", Needs: "device.import", Show: draft},
			{Path: "/edit", Place: ui.Devices, Under: "/devices", Needs: "device.edit", Show: edit},
			{Path: "/jobs", Name: ui.N("Jobs"), Place: ui.Oversight, Icon: "jobs", Needs: "job.list", Show: jobs},
			{Path: "/jobs/{id}", Place: ui.Oversight, Under: "/jobs", Needs: "job.get", Thing: ui.Thing{Kind: "job"}, Show: job},
		},
		Acts: []ui.Act{
			{Path: "/import/check", Needs: "device.import", Limit: largest, Do: upload, Again: importPage},
			{Path: "/import/{job}/columns", Needs: "device.import", Do: mapColumns, Again: draft},
			{Path: "/import/{job}/choose", Needs: "device.import", Do: choose, Again: draft},
			{Path: "/import/{job}/begin", Needs: "device.import", Do: begin, Again: draft},
			{Path: "/edit/count", Needs: "device.edit", Do: count, Again: edit},
			{Path: "/edit/begin", Needs: "device.edit", Do: beginEdit, Again: edit},
			{Path: "/jobs/{id}/undo", Needs: "job.undo", Do: undo, Again: job},
			{Path: "/jobs/{id}/cancel", Needs: "job.cancel", Do: cancel, Again: job},
			{Path: "/jobs/{id}/resume", Needs: "job.resume", Do: resume, Again: job},
		},
		Streams: []ui.Stream{
			{Path: "/import/{job}/problems.csv", Needs: "device.import", Serve: problemsCSV},
			{Path: "/jobs/{id}/log.csv", Needs: "job.history", Serve: logCSV},
		},
	}
}
