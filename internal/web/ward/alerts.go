package ward

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/a-h/templ"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// alertRow is one alert's life in a list.
type alertRow struct {
	Text, Priority, Kind, Source string
	Value, Unit                  string
	Muted                        string
	Active                       bool
	Began, Ended                 time.Time // by arrival
	Events                       int
	Place, Who                   string
	To                           templ.SafeURL // whom it is about
	Ref, First                   string
}

// alertGroup is what is active at one bed.
type alertGroup struct {
	Place, Who string
	To         templ.SafeURL
	Rows       []alertRow
}

// whereabouts says where a patient or device is and what it is called.
type whereabouts map[string]struct{ place, who string }

func whereaboutsOf(beds []service.Bed) whereabouts {
	w := whereabouts{}
	for _, b := range beds {
		at := struct{ place, who string }{ui.PlaceText(b.Place), b.PatientName}
		if b.Patient != "" {
			w["p"+string(b.Patient)] = at
		}
		for _, d := range b.Devices {
			if at.place == "" {
				at.place = d.Name
			}
			w["d"+string(d.ID)] = at
		}
	}
	return w
}

func alertRows(states []service.AlertState, where whereabouts) []alertRow {
	rows := make([]alertRow, 0, len(states))
	for i := range states {
		a := &states[i]
		r := alertRow{
			Text: alertText(&a.Alert), Priority: priority(a.Alert.Priority), Kind: a.Alert.Kind, Muted: a.Alert.Muted, Active: a.Active,
			Began: a.Since, Events: a.Events, Unit: unitText(a.Alert.UnitUCUM), Source: a.Alert.Source.Name,
		}
		if !a.Active {
			r.Ended = a.Arrived
		}
		if a.Alert.Value.Kind != "" {
			r.Value = ui.Shown(context.Background(), a.Alert.Value)
		}
		ref, _ := a.Ref.MarshalText()
		first, _ := a.First.MarshalText()
		r.Ref, r.First = string(ref), string(first)
		key := "d" + string(a.Device)
		r.To = ui.To("/devices/", string(a.Device))
		if a.Patient != "" {
			key = "p" + string(a.Patient)
			r.To = ui.To("/patients/", string(a.Patient))
		}
		at := where[key]
		r.Place, r.Who = at.place, at.who
		rows = append(rows, r)
	}
	return rows
}

// groups puts active alerts together by bed, the most urgent bed first.
func groups(rows []alertRow) []alertGroup {
	var out []alertGroup
	for _, r := range rows {
		i := slices.IndexFunc(out, func(g alertGroup) bool { return g.To == r.To })
		if i < 0 {
			out = append(out, alertGroup{Place: r.Place, Who: r.Who, To: r.To})
			i = len(out) - 1
		}
		out[i].Rows = append(out[i].Rows, r)
	}
	for _, g := range out {
		slices.SortStableFunc(g.Rows, func(a, b alertRow) int { return cmp.Compare(urgency(a.Priority), urgency(b.Priority)) })
	}
	slices.SortStableFunc(out, func(a, b alertGroup) int {
		return cmp.Or(cmp.Compare(urgency(a.Rows[0].Priority), urgency(b.Rows[0].Priority)), a.Rows[0].Began.Compare(b.Rows[0].Began))
	})
	return out
}

func alertsView(v *ui.Visit) (ui.View, error) {
	var beds []service.Bed
	if v.May("live.get") {
		if err := v.Call("live.get", nil, &beds); err != nil {
			return ui.View{}, err
		}
	}
	where := whereaboutsOf(beds)
	var active, past []service.AlertState
	if err := v.Call("alert.list", service.AlertAsk{Active: true, Limit: 500}, &active); err != nil {
		return ui.View{}, err
	}
	s := spanOf(v.Query("span"))
	if err := v.Call("alert.list", service.AlertAsk{From: v.Now.Add(-s.Long), Limit: 500}, &past); err != nil {
		return ui.View{}, err
	}
	return ui.View{
		Title: ui.T(v.Context(), "Alerts"), Body: alertsPage(groups(alertRows(active, where)), alertRows(past, where), s),
		Styles: []string{"ward.css"},
	}, nil
}

func priorityKind(p string) string {
	switch p {
	case "high":
		return "bad"
	case "medium":
		return "warn"
	}
	return "info"
}

// lasted says how long an alert was or has been on.
func lasted(ctx context.Context, r alertRow) string {
	if r.Active {
		return ui.Span(ctx, ui.From(ctx).Now.Sub(r.Began))
	}
	return ui.Span(ctx, r.Ended.Sub(r.Began))
}

func mutedText(ctx context.Context, muted string) string {
	switch muted {
	case "audio-paused":
		return ui.T(ctx, "Sound paused")
	case "audio-off":
		return ui.T(ctx, "Sound off")
	case "alarm-paused":
		return ui.T(ctx, "Alarm paused")
	case "alarm-off":
		return ui.T(ctx, "Alarm off")
	}
	return ""
}

func kindText(ctx context.Context, kind string) string {
	switch kind {
	case "physiological":
		return ui.T(ctx, "Physiological")
	case "technical":
		return ui.T(ctx, "Technical")
	case "advisory":
		return ui.T(ctx, "Advisory")
	}
	return kind
}
