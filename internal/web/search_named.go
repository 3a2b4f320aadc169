package web

import (
	"strings"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// has says whether one of the parts holds the text, whatever the case.
func has(text string, parts ...string) bool {
	text = strings.ToLower(text)
	for _, p := range parts {
		if strings.Contains(strings.ToLower(p), text) {
			return true
		}
	}
	return false
}

// add adds what leads to a page the visitor may see, up to hitsOfAKind.
func add(v *ui.Visit, hits *[]hit, text, about, to string) {
	if len(*hits) < hitsOfAKind && v.Leads(to) {
		*hits = append(*hits, hit{text, about, to})
	}
}

// findDevices looks for devices by whatever is known of them, also what
// somebody entered, such as an asset number, and for models.
func findDevices(v *ui.Visit, text string, f *found) error {
	if v.May("device.list") {
		var l service.List[service.DeviceRow]
		if err := v.Call("device.list", service.DeviceAsk{Text: text, Limit: hitsOfAKind}, &l); err != nil {
			return err
		}
		for _, d := range l.Rows {
			name := strings.TrimSpace(d.Manufacturer + " " + d.Model)
			if d.Name != "" {
				name = joined(d.Name, name)
			}
			if name == "" {
				name = string(d.ID)
			}
			add(v, &f.devices, name, joined(d.Serial, ui.PlaceText(d.Place), string(d.ID)), "/devices/"+string(d.ID))
		}
	}
	if !v.May("model.list") {
		return nil
	}
	var models []service.Model
	if err := v.Call("model.list", service.ModelAsk{Text: text}, &models); err != nil {
		return err
	}
	for _, m := range models {
		to := "/models/" + m.ID
		if !v.Leads(to) {
			to = "/devices?model=" + m.ID
		}
		add(v, &f.models, strings.TrimSpace(m.Manufacturer+" "+m.Name), ui.Plural(v.Context(), m.Devices, "%s device", "%s devices"), to)
	}
	return nil
}

// findMeanings looks for mapped labels, profiles and services.
func findMeanings(v *ui.Visit, text string, f *found) error {
	if v.May("label.list") {
		var in service.LabelInbox
		// Of what nobody knows, the inbox tells: finding it reads messages.
		if err := v.Call("label.list", service.LabelAsk{Messages: 1}, &in); err != nil {
			return err
		}
		for _, l := range in.Mapped {
			if has(text, l.Label, l.Code, l.Name) {
				add(v, &f.labels, l.Label, joined(l.Name, l.Code), "/mappings/"+string(l.ID))
			}
		}
	}
	if v.May("profile.list") {
		var rows []service.ProfileRow
		if err := v.Call("profile.list", nil, &rows); err != nil {
			return err
		}
		for _, p := range rows {
			if has(text, p.Name, p.Title, strings.Join(p.For, " ")) {
				add(v, &f.profiles, p.Name, p.Title, "/profiles/"+string(p.ID))
			}
		}
	}
	if !v.May("service.list") {
		return nil
	}
	var services []model.Service
	if err := v.Call("service.list", nil, &services); err != nil {
		return err
	}
	for _, s := range services {
		if has(text, string(s.ID), s.Name) {
			add(v, &f.services, joined(s.Name, string(s.ID)), "", "/services/"+string(s.ID))
		}
	}
	return nil
}

// findLinks looks for channels, routes and destinations.
func findLinks(v *ui.Visit, text string, f *found) error {
	if v.May("overview.get") {
		var o service.Overview
		if err := v.Call("overview.get", nil, &o); err != nil {
			return err
		}
		for _, c := range o.Channels {
			if has(text, c.Name, string(c.ID), c.Driver, c.Address) {
				add(v, &f.links, named(c.Name, string(c.ID)), joined(ui.T(v.Context(), "Channel"), c.Driver, c.Address), "/channels/"+string(c.ID))
			}
		}
		for _, d := range o.Destinations {
			if has(text, d.Name, string(d.ID), d.Kind) {
				add(v, &f.links, named(d.Name, string(d.ID)), joined(ui.T(v.Context(), "Destination"), d.Kind), "/destinations/"+string(d.ID))
			}
		}
	}
	if !v.May("route.list") {
		return nil
	}
	var routes []model.Route
	if err := v.Call("route.list", nil, &routes); err != nil {
		return err
	}
	for _, r := range routes {
		if has(text, string(r.ID)) {
			add(v, &f.links, string(r.ID), ui.T(v.Context(), "Route"), "/routes/"+string(r.ID))
		}
	}
	return nil
}

// findSettings looks for what can be set of channels and destinations, by its
// name and what it is for. It leads to the form that has it.
func findSettings(v *ui.Visit, text string, f *found) error {
	for _, of := range []struct{ operation, form, name string }{
		{"driver.list", "/new/channel?driver=", ui.T(v.Context(), "Channel")},
		{"kind.list", "/new/destination?kind=", ui.T(v.Context(), "Destination")},
	} {
		if !v.May(of.operation) {
			continue
		}
		var kinds []service.Kind
		if err := v.Call(of.operation, nil, &kinds); err != nil {
			return err
		}
		for _, k := range kinds {
			for _, key := range k.Keys {
				if has(text, key.Path, strings.ReplaceAll(key.Path, "_", " "), key.Doc) {
					add(v, &f.settings, key.Path, joined(of.name, k.Name, key.Doc), of.form+k.Name)
				}
			}
		}
	}
	return nil
}

// findPages looks for pages of the menu.
func findPages(v *ui.Visit, text string, f *found) error {
	ctx := v.Context()
	for _, w := range ui.Workplaces() {
		for _, p := range v.Menu(w.ID) {
			if name := ui.T(ctx, p.Name); has(text, name) {
				add(v, &f.pages, name, ui.T(ctx, w.Name), p.Path)
			}
		}
	}
	return nil
}

func named(name, id string) string {
	if name != "" {
		return name
	}
	return id
}
