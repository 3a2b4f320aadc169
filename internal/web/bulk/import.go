package bulk

import (
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// importView is the form, and what was imported before.
type importView struct {
	Before []service.Job
}

// mostBefore is how many earlier imports the page shows.
const mostBefore = 10

func importPage(v *ui.Visit) (ui.View, error) {
	var p importView
	if v.May("job.list") {
		var all []service.Job
		if err := v.Call("job.list", nil, &all); err != nil {
			return ui.View{}, err
		}
		for _, j := range all {
			if j.Kind == "import" && len(p.Before) < mostBefore {
				p.Before = append(p.Before, j)
			}
		}
	}
	return ui.View{Title: ui.T(v.Context(), "Import"), Body: importBody(p), Styles: styles, Actions: importActions()}, nil
}

// upload has a table checked; its draft is the next page.
func upload(v *ui.Visit) (ui.Done, error) {
	name, body, err := table(v)
	if err != nil {
		return ui.Done{}, err
	}
	var c service.ImportCheck
	if err := v.Call("device.import", service.ImportAsk{Name: name, Content: body}, &c); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/import/" + c.Job.ID}, nil
}
