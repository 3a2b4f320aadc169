package relay

import (
	"context"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

func routes(v *ui.Visit) (ui.View, error) {
	var rows []model.Route
	if err := v.Call("route.list", nil, &rows); err != nil {
		return ui.View{}, err
	}
	return ui.View{Styles: styles, Title: ui.T(v.Context(), "Routes"), Body: routesPage(rows), Actions: add("/new/route", "route.put", ui.T(v.Context(), "Make a route"))}, nil
}

// routeView is everything shown of one route.
type routeView struct {
	Route service.Versioned[model.Route]
}

func route(v *ui.Visit) (ui.View, error) {
	id := service.ID{ID: v.Path("id")}
	var p routeView
	if err := v.Call("route.get", id, &p.Route); err != nil {
		return ui.View{}, err
	}
	return ui.View{
		Styles: styles, Title: id.ID, Trail: trail(v.Context(), ui.T(v.Context(), "Routes"), "/routes"), Body: routePage(p), Actions: routeActions(p),
	}, nil
}

// condition is one filter of a route: what messages must be.
type condition struct{ Name, Of string }

// conditions says in words what a route passes.
func conditions(ctx context.Context, r model.Route) []condition {
	var out []condition
	add := func(name, of string) {
		if of != "" {
			out = append(out, condition{name, of})
		}
	}
	add(ui.T(ctx, "From channel"), joined(r.Channels))
	add(ui.T(ctx, "Of type"), joined(r.Types))
	add(ui.T(ctx, "From device"), joined(r.Devices))
	add(ui.T(ctx, "From model"), joined(r.Models))
	add(ui.T(ctx, "From place"), joined(r.Locations))
	add(ui.T(ctx, "Holding"), joined(r.Codes))
	add(ui.T(ctx, "Patient class"), joined(r.PatientClass))
	return out
}

// routeFormView is the form of a route with what it can choose from.
type routeFormView struct {
	ID           string
	Version      int64
	Route        model.Route
	Channels     []service.ChannelRow
	Destinations []service.DestinationRow
}

func routeForm(v *ui.Visit) (ui.View, error) {
	f := routeFormView{ID: v.Path("id")}
	ctx := v.Context()
	if f.ID != "" {
		now, err := versionWanted[model.Route](v, "route")
		if err != nil {
			return ui.View{}, err
		}
		f.Route, f.Version = now.Value, now.Version
	}
	if v.Form != nil {
		f.Route = typedRoute(v)
	}
	if err := v.Call("channel.list", nil, &f.Channels); err != nil {
		return ui.View{}, err
	}
	if err := v.Call("destination.list", nil, &f.Destinations); err != nil {
		return ui.View{}, err
	}
	title := ui.T(ctx, "New route")
	if f.ID != "" {
		title = ui.T(ctx, "Change %s", f.ID)
	}
	return ui.View{Styles: styles, Title: title, Trail: trail(ctx, ui.T(ctx, "Routes"), "/routes"), Body: routeFormPage(f)}, nil
}

func typedRoute(v *ui.Visit) model.Route {
	r := model.Route{
		ID: model.RouteID(called(v.Path("id"), v.Typed("value.id"))), Types: texts[string](v.Typed("value.types")), Devices: texts[model.DeviceID](v.Typed("value.devices")),
		Models: texts[string](v.Typed("value.models")), Locations: texts[string](v.Typed("value.locations")), Codes: texts[string](v.Typed("value.codes")),
		PatientClass: texts[string](v.Typed("value.patient_class")), Simulated: v.Typed("value.simulated") != "", Disabled: v.Typed("value.disabled") != "",
	}
	for _, id := range v.Form["value.channels"] {
		r.Channels = append(r.Channels, model.ChannelID(id))
	}
	for _, id := range v.Form["value.destinations"] {
		r.Destinations = append(r.Destinations, model.DestinationID(id))
	}
	return r
}

func putRoute(v *ui.Visit) (ui.Done, error) {
	r := typedRoute(v)
	if v.Path("id") == "" {
		if err := unused(v, "route", string(r.ID)); err != nil {
			return ui.Done{}, err
		}
	}
	if err := v.Call("route.put", service.Put[model.Route]{Value: r, Version: typedVersion(v), Reason: v.Typed("reason")}, nil); err != nil {
		return ui.Done{}, atField(err)
	}
	return ui.Done{To: "/routes/" + string(r.ID), Toast: &ui.Toast{Text: ui.T(v.Context(), "The route %s is in force.", r.ID)}}, nil
}
