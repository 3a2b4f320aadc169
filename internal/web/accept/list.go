package accept

import (
	"cmp"
	"slices"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// listPage is all acceptances, and what one can be begun of.
type listPage struct {
	Rows      []service.AcceptanceRow
	Filtered  bool
	Subjects  []ui.Option
	Templates []ui.Option
}

func list(v *ui.Visit) (ui.View, error) {
	var p listPage
	ask := service.AcceptanceAsk{Text: v.Query("text"), State: service.AcceptanceState(v.Query("state")), Device: model.DeviceID(v.Query("device"))}
	p.Filtered = ask != service.AcceptanceAsk{}
	if err := v.Call("acceptance.list", ask, &p.Rows); err != nil {
		return ui.View{}, err
	}
	if view := v.Query("view"); view == "waiting" || view == "ending" {
		p.Filtered = true
		p.Rows = slices.DeleteFunc(p.Rows, func(a service.AcceptanceRow) bool {
			if view == "waiting" {
				return a.State == "accepted" || a.State == "rejected"
			}
			return !Ending(a, v.Now)
		})
	}
	order := []service.AcceptanceState{"reopened", "expired", "signed", "answered", "open", "rejected", "accepted"} // what waits for somebody first
	slices.SortStableFunc(p.Rows, func(a, b service.AcceptanceRow) int {
		return cmp.Compare(slices.Index(order, a.State), slices.Index(order, b.State))
	})
	if v.May("acceptance.begin") && v.May("model.list") && v.May("template.list") {
		if err := p.choices(v); err != nil {
			return ui.View{}, err
		}
	}
	return ui.View{Title: ui.T(v.Context(), "Acceptance"), Body: listBody(p)}, nil
}

// endsSoon is how long before its end an acceptance is begun anew.
const endsSoon = 90 * 24 * time.Hour

// Ending says that something accepted will not be accepted for long any more.
func Ending(a service.AcceptanceRow, now time.Time) bool {
	return a.State == "accepted" && !a.Ends.IsZero() && a.Ends.Before(now.Add(endsSoon))
}

// choices are the models and releases, and the one device that the address
// names, and the templates.
func (p *listPage) choices(v *ui.Visit) error {
	var models []service.Model
	if err := v.Call("model.list", service.ModelAsk{}, &models); err != nil {
		return err
	}
	if id := v.Query("device"); id != "" {
		p.Subjects = append(p.Subjects, ui.Option{Value: "device/" + id, Text: ui.T(v.Context(), "This device alone: %s", id)})
	}
	for _, m := range models {
		p.Subjects = append(p.Subjects, ui.Option{Value: "model/" + m.ID, Text: m.Title()})
		for _, r := range m.Releases {
			p.Subjects = append(p.Subjects, ui.Option{Value: "release/" + r.ID, Text: ui.T(v.Context(), "%s, software %s", m.Title(), r.Version)})
		}
	}
	var templates []service.Template
	if err := v.Call("template.list", nil, &templates); err != nil {
		return err
	}
	for _, t := range templates {
		p.Templates = append(p.Templates, ui.Option{Value: t.ID, Text: t.Name})
	}
	return nil
}

func begin(v *ui.Visit) (ui.Done, error) {
	var row service.AcceptanceRow
	ask := service.AcceptanceBegin{Subject: service.FactSubject(v.Typed("subject")), Template: v.Typed("template"), Reason: v.Typed("reason")}
	if err := v.Call("acceptance.begin", ask, &row); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/acceptances/" + row.ID, Toast: &ui.Toast{Text: ui.T(v.Context(), "The acceptance is begun.")}}, nil
}
