package bulk

import (
	"context"
	"time"

	"github.com/a-h/templ"

	"thalamus/internal/service"
	"thalamus/internal/web/devices"
	"thalamus/internal/web/ui"
)

func whatText(ctx context.Context, what string) string {
	if what == "models" {
		return ui.T(ctx, "models")
	}
	return ui.T(ctx, "devices")
}

// formText says how a table is written.
func formText(ctx context.Context, form string) string {
	switch form {
	case "csv":
		return ui.T(ctx, "CSV with commas")
	case "csv;":
		return ui.T(ctx, "CSV with semicolons")
	case "tsv":
		return ui.T(ctx, "CSV with tabs")
	case "bar":
		return ui.T(ctx, "text with bars")
	case "xlsx":
		return ui.T(ctx, "a workbook (XLSX)")
	}
	return form
}

// originText is the program a table comes from; its name is the same in every
// language.
func originText(origin string) string {
	return map[string]string{"snipe-it": "Snipe-IT", "glpi": "GLPI", "gudid": "AccessGUDID"}[origin]
}

// targetText is what a column may tell.
func targetText(ctx context.Context, target string) string {
	switch target {
	case "id":
		return ui.T(ctx, "Id of the device in Thalamus")
	case "ward":
		return ui.T(ctx, "Ward")
	case "room":
		return ui.T(ctx, "Room")
	case "bed":
		return ui.T(ctx, "Bed")
	case "facility":
		return ui.T(ctx, "House")
	}
	return devices.FactName(ctx, target)
}

// outcomes of the rows of a draft, in the order they are shown.
func outcomes() []string { return []string{"new", "changed", "same", "doubtful", "wrong"} }

func outcomeText(ctx context.Context, o string) string {
	switch o {
	case "new":
		return ui.T(ctx, "New")
	case "changed":
		return ui.T(ctx, "Changed")
	case "same":
		return ui.T(ctx, "As it is")
	case "doubtful":
		return ui.T(ctx, "Doubtful")
	case "wrong":
		return ui.T(ctx, "With problems")
	case "skipped":
		return ui.T(ctx, "Left out")
	case "undone":
		return ui.T(ctx, "Taken back")
	case "removed":
		return ui.T(ctx, "Removed")
	case "kept":
		return ui.T(ctx, "Left as it is now")
	}
	return o
}

func outcomeHint(ctx context.Context, o string) string {
	switch o {
	case "new":
		return ui.T(ctx, "the register does not know them")
	case "changed":
		return ui.T(ctx, "known, and more is said of them")
	case "same":
		return ui.T(ctx, "known, and all of it is known")
	case "doubtful":
		return ui.T(ctx, "may be several: left out until you choose")
	case "wrong":
		return ui.T(ctx, "see below, row by row")
	}
	return ""
}

func outcomeKind(o string) string {
	switch o {
	case "new", "changed":
		return "good"
	case "wrong":
		return "bad"
	case "doubtful", "kept":
		return "warn"
	case "undone", "removed":
		return "info"
	}
	return "quiet"
}

// whyText says by what a row was taken for a known device.
func whyText(ctx context.Context, why string) string {
	switch why {
	case "id":
		return ui.T(ctx, "its id")
	case "chosen":
		return ui.T(ctx, "your choice")
	case "udi":
		return ui.T(ctx, "its UDI")
	case "udi-di":
		return ui.T(ctx, "its UDI device identifier")
	case "asset number":
		return ui.T(ctx, "its asset number")
	case "MAC address":
		return ui.T(ctx, "its MAC address")
	case "maker and name":
		return ui.T(ctx, "its maker and name")
	case "serial number and maker":
		return ui.T(ctx, "its serial number and maker")
	case "serial number and model":
		return ui.T(ctx, "its serial number and model")
	case "serial number alone":
		return ui.T(ctx, "its serial number alone")
	case "serial number; its maker is not known":
		return ui.T(ctx, "its serial number; its maker is not known")
	case "serial number; maker or model are written in another way":
		return ui.T(ctx, "its serial number; maker or model are written in another way")
	case "asset number, but another serial number":
		return ui.T(ctx, "its asset number, but with another serial number")
	case "MAC address, but another serial number":
		return ui.T(ctx, "its MAC address, but with another serial number")
	}
	return why
}

// subjectPage is the page of what a row is about.
func subjectPage(what, id string) templ.SafeURL {
	if what == "models" {
		return ui.To("/models/", id)
	}
	return ui.To("/devices/", id)
}

func kindText(ctx context.Context, kind string) string {
	switch kind {
	case "import":
		return ui.T(ctx, "Import")
	case "edit":
		return ui.T(ctx, "Edit of many devices")
	case "undo":
		return ui.T(ctx, "Undo")
	}
	return kind
}

// stateOf says how a job's state looks and what it is called.
func stateOf(ctx context.Context, j service.Job) (kind, text string) {
	switch j.State {
	case "draft":
		return "quiet", ui.T(ctx, "Draft")
	case "waiting":
		return "busy", ui.T(ctx, "Waiting for another job")
	case "running":
		return "busy", ui.T(ctx, "Running")
	case "done":
		if j.Undone != "" {
			return "info", ui.T(ctx, "Done, and taken back")
		}
		return "good", ui.T(ctx, "Done")
	case "stopped":
		return "warn", ui.T(ctx, "Stopped by somebody")
	case "failed":
		return "bad", ui.T(ctx, "Failed")
	}
	return "quiet", string(j.State)
}

// stateWhy says why a job is in its state.
func stateWhy(ctx context.Context, j service.Job) string {
	switch j.State {
	case "draft":
		return ui.T(ctx, "It was checked and not begun; nothing is changed.")
	case "waiting":
		return ui.T(ctx, "One job changes the register at a time; this one begins when those before it have ended.")
	case "running":
		return ui.T(ctx, "%s of %s rows are settled.", ui.Num(ctx, j.Done), ui.Num(ctx, j.Total))
	case "done":
		if j.Undone != "" {
			return ui.T(ctx, "The job %s took back what this one had done.", j.Undone)
		}
		return ui.T(ctx, "All rows are settled; its log says what became of each.")
	case "stopped":
		return ui.T(ctx, "Somebody stopped it after %s of %s rows; what was done until then stays.", ui.Num(ctx, j.Done), ui.Num(ctx, j.Total))
	case "failed":
		if meaning := ui.Meaning(ctx, j.Code); meaning != "" {
			return meaning + " " + ui.ToDo(ctx, j.Code)
		}
		return j.Failed
	}
	return ""
}

// tookText says how long a job took.
func tookText(ctx context.Context, j service.Job) string {
	if j.Began.IsZero() || j.Ended.IsZero() {
		return ""
	}
	return ui.Span(ctx, max(j.Ended.Sub(j.Began), time.Millisecond))
}
