package ward

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// alertRow is one alert's life in a list.
type alertRow struct {
	Key                          string
	Text, Priority, Kind, Source string
	Value, Unit                  string
	Muted                        string
	Active, Latched              bool
	Lost                         bool      // no end was reported, and its source is silent
	Silent                       time.Time // since when
	Told                         time.Time // arrival of its last news
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

func alertRows(ctx context.Context, states []service.AlertRow, where whereabouts) []alertRow {
	rows := make([]alertRow, 0, len(states))
	for i := range states {
		a := &states[i]
		r := alertRow{
			Text: alertText(ctx, &a.Alert), Priority: priority(a.Alert.Priority), Kind: a.Alert.Kind, Muted: a.Alert.Muted, Active: a.Active,
			Began: a.Since, Events: a.Events, Unit: unitText(a.Alert.UnitUCUM), Source: ui.Term(ctx, a.Alert.Source.RefID, a.Alert.Source.Name),
			Key: a.Key, Latched: a.Stage == model.AlertLatched, Lost: a.Lost, Silent: a.SilentSince, Told: a.Arrived,
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
		if r.Place, r.Who = at.place, at.who; r.Place == "" {
			r.Place = ui.PlaceText(a.Place)
		}
		if r.Place == "" {
			r.Place = a.DeviceName
		}
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

// alertsShown is everything on the page.
type alertsShown struct {
	Active  []alertGroup
	Past    []alertRow
	Sources []service.AlarmSource // that are silent
	Span    span
	Least   string // the least priority shown
}

// count gives how many alerts are active, and how many of them are of high
// priority.
func (p alertsShown) count() (all, high int) {
	for _, g := range p.Active {
		for _, r := range g.Rows {
			all++
			if r.Priority == "high" {
				high++
			}
		}
	}
	return all, high
}

// said is what a reader who does not see the page is told when it changes.
func (p alertsShown) said(ctx context.Context) string {
	all, high := p.count()
	text := ui.Plural(ctx, all, "%s active alert", "%s active alerts")
	if high > 0 {
		text += ", " + ui.Plural(ctx, high, "%s of high priority", "%s of high priority")
	}
	if n := len(p.Sources); n > 0 {
		text += ", " + ui.Plural(ctx, n, "%s source silent", "%s sources silent")
	}
	return text
}

func alertsView(v *ui.Visit) (ui.View, error) {
	var beds []service.Bed
	if v.May("live.get") {
		if err := v.Call("live.get", nil, &beds); err != nil {
			return ui.View{}, err
		}
	}
	where := whereaboutsOf(beds)
	page := alertsShown{Span: spanOf(v.Query("span")), Least: v.Query("priority")}
	if alertRank(page.Least) < 0 {
		page.Least = ""
	}
	var active, past []service.AlertRow
	if err := v.Call("alert.list", service.AlertAsk{Active: true, Priority: page.Least, Limit: 500}, &active); err != nil {
		return ui.View{}, err
	}
	if err := v.Call("alert.list", service.AlertAsk{From: v.Now.Add(-page.Span.Long), Priority: page.Least, Limit: 500}, &past); err != nil {
		return ui.View{}, err
	}
	if v.May("alert.sources") {
		if err := v.Call("alert.sources", service.SourceAsk{Silent: true}, &page.Sources); err != nil {
			return ui.View{}, err
		}
	}
	page.Active, page.Past = groups(alertRows(v.Context(), active, where)), alertRows(v.Context(), past, where)
	return ui.View{
		Title: ui.T(v.Context(), "Alerts"), Body: alertsPage(page), Actions: alertActions(),
		Styles: []string{"ward.css"}, Scripts: []string{"alerts.js"},
	}, nil
}

// alertRank is the place of a priority in the filter, -1 for none of it.
func alertRank(p string) int { return slices.Index([]string{"low", "medium", "high"}, p) }

// priorityMark is a priority's sign, as alarm systems show it beside colour and
// text (IEC 60601-1-8): its shape tells it apart where colours do not.
func priorityMark(p string) string {
	switch p {
	case "high":
		return "!!!"
	case "medium":
		return "!!"
	case "low":
		return "!"
	}
	return "i"
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

// mutedText says what keeps an alert from being heard at its device; empty
// where nothing does.
func mutedText(ctx context.Context, muted string) string {
	var said []string
	for one := range strings.FieldsSeq(muted) {
		switch one {
		case "enabled":
		case "audio-paused":
			said = append(said, ui.T(ctx, "Sound paused"))
		case "audio-off":
			said = append(said, ui.T(ctx, "Sound off"))
		case "alarm-paused":
			said = append(said, ui.T(ctx, "Alarm paused"))
		case "alarm-off":
			said = append(said, ui.T(ctx, "Alarm off"))
		case "alert-acknowledged":
			said = append(said, ui.T(ctx, "Acknowledged at the device"))
		default:
			said = append(said, one)
		}
	}
	return strings.Join(said, ", ")
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

// silentWhy says what an alert without an end follows from.
func silentWhy(ctx context.Context) string {
	return ui.T(ctx, "Its device reported no end, and has sent nothing since for longer than it does. Whether the alert goes on, nobody knows.")
}

// latchedWhy says what a latched alert follows from.
func latchedWhy(ctx context.Context) string {
	return ui.T(ctx, "Its device reports that the cause is over and holds the alert until somebody confirms it there.")
}
