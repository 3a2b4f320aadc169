package relay

import (
	"slices"
	"strconv"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

func destinations(v *ui.Visit) (ui.View, error) {
	var rows []service.DestinationRow
	if err := v.Call("destination.list", nil, &rows); err != nil {
		return ui.View{}, err
	}
	return ui.View{Styles: styles, Title: ui.T(v.Context(), "Destinations"), Body: destinationsPage(rows), Actions: add("/new/destination", "destination.put", ui.T(v.Context(), "Make a destination"))}, nil
}

// destinationView is everything shown of one destination.
type destinationView struct {
	Row         service.DestinationRow
	Stats       service.Deliveries
	Destination service.Versioned[model.Destination]
	Kind        service.Kind
	Settings    []setting
	Routes      []model.Route
	Letters     []service.DeadLetter
}

// someLetters are shown on the destination's page; the list has the rest.
const someLetters = 5

func destination(v *ui.Visit) (ui.View, error) {
	id := service.ID{ID: v.Path("id")}
	var p destinationView
	if err := v.Call("destination.get", id, &p.Destination); err != nil {
		return ui.View{}, err
	}
	var rows []service.DestinationRow
	if err := v.Call("destination.list", nil, &rows); err != nil {
		return ui.View{}, err
	}
	for _, r := range rows {
		if string(r.ID) == id.ID {
			p.Row = r
		}
	}
	if err := v.Call("destination.stat", id, &p.Stats); err != nil && fault.KindOf(err) != fault.Absent {
		return ui.View{}, err
	}
	var kinds []service.Kind
	if err := v.Call("kind.list", nil, &kinds); err != nil {
		return ui.View{}, err
	}
	p.Kind = kindOf(kinds, p.Destination.Value.Kind)
	p.Settings = settings(p.Kind.Keys, p.Destination.Value.Settings)
	var all []model.Route
	if err := v.Call("route.list", nil, &all); err != nil {
		return ui.View{}, err
	}
	for _, r := range all {
		if slices.Contains(r.Destinations, model.DestinationID(id.ID)) {
			p.Routes = append(p.Routes, r)
		}
	}
	if p.Row.Dead > 0 && v.May("deadletter.list") {
		var letters service.List[service.DeadLetter]
		if err := v.Call("deadletter.list", service.DeadLetterAsk{Destination: model.DestinationID(id.ID), Limit: someLetters}, &letters); err != nil {
			return ui.View{}, err
		}
		p.Letters = letters.Rows
	}
	return ui.View{
		Styles: styles, Title: called(p.Destination.Value.Name, id.ID), Trail: trail(v.Context(), ui.T(v.Context(), "Destinations"), "/destinations"),
		Body: destinationPage(p), Actions: destinationActions(p),
	}, nil
}

func pause(v *ui.Visit) (ui.Done, error) {
	return switched(v, "destination.pause", "/destinations/"+v.Path("id"), ui.T(v.Context(), "Paused. What it is owed waits, in order."), "resume")
}

func resume(v *ui.Visit) (ui.Done, error) {
	return switched(v, "destination.resume", "/destinations/"+v.Path("id"), ui.T(v.Context(), "Delivering again."), "pause")
}

func destinationForm(v *ui.Visit) (ui.View, error) {
	f := form{Noun: "destination", ID: v.Path("id")}
	ctx := v.Context()
	if err := v.Call("kind.list", nil, &f.Kinds); err != nil {
		return ui.View{}, err
	}
	d := model.Destination{Kind: v.Query("kind")}
	if f.ID != "" {
		now, err := versionWanted[model.Destination](v, "destination")
		if err != nil {
			return ui.View{}, err
		}
		d, f.Version = now.Value, now.Version
	}
	if typed := v.Typed("value.kind"); typed != "" {
		d.Kind = typed
	}
	f.Kind = kindOf(f.Kinds, d.Kind)
	f.Groups = groups(settings(f.Kind.Keys, d.Settings))
	title := ui.T(ctx, "New destination")
	if f.ID != "" {
		title = ui.T(ctx, "Change %s", f.ID)
	}
	return ui.View{Styles: styles, Title: title, Trail: trail(ctx, ui.T(ctx, "Destinations"), "/destinations"), Body: destinationFormPage(f, d)}, nil
}

func putDestination(v *ui.Visit) (ui.Done, error) {
	var kinds []service.Kind
	if err := v.Call("kind.list", nil, &kinds); err != nil {
		return ui.Done{}, err
	}
	d := model.Destination{
		ID: model.DestinationID(called(v.Path("id"), v.Typed("value.id"))), Name: v.Typed("value.name"), Kind: v.Typed("value.kind"),
	}
	var before service.Versioned[model.Destination]
	if v.Path("id") != "" {
		if err := v.Call("destination.get", service.ID{ID: v.Path("id")}, &before); err != nil {
			return ui.Done{}, err
		}
		d.Disabled = before.Value.Disabled
	} else if err := unused(v, "destination", string(d.ID)); err != nil {
		return ui.Done{}, err
	}
	for name, into := range map[string]*int{
		"concurrency": &d.Delivery.Concurrency, "batch": &d.Delivery.Batch, "timeout_seconds": &d.Delivery.TimeoutSeconds,
		"max_attempts": &d.Delivery.MaxAttempts, "max_age_hours": &d.Delivery.MaxAgeHours,
	} {
		name = "value.delivery." + name
		text := v.Typed(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return ui.Done{}, fault.New(fault.Invalid, "service.argument", "expected a whole number").At(name)
		}
		*into = n
	}
	d.Delivery.OnDead = v.Typed("value.delivery.on_dead")
	var err error
	if d.Settings, err = typedSettings(v, kindOf(kinds, d.Kind).Keys, before.Value.Settings); err != nil {
		return ui.Done{}, err
	}
	if err := v.Call("destination.put", service.Put[model.Destination]{Value: d, Version: typedVersion(v), Reason: v.Typed("reason")}, nil); err != nil {
		return ui.Done{}, atField(err)
	}
	return ui.Done{To: "/destinations/" + string(d.ID), Toast: &ui.Toast{Text: ui.T(v.Context(), "The destination %s is in force.", d.ID)}}, nil
}
