package service

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"thalamus/internal/conf"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// governed is everything that is configured, as one text. Its order is the
// order in which it is written.
type governed struct {
	Channels     []model.Channel       `yaml:"channels,omitempty"`
	Destinations []model.Destination   `yaml:"destinations,omitempty"`
	Routes       []model.Route         `yaml:"routes,omitempty"`
	Labels       []model.Label         `yaml:"labels,omitempty"`
	Profiles     []model.DeviceProfile `yaml:"profiles,omitempty"`
	Devices      []register.DeviceText `yaml:"devices,omitempty"`
}

// ConfigText is a configuration text with the name it goes by in errors.
type ConfigText struct {
	Name   string `json:"name,omitempty" doc:"name of the text in errors"`
	Text   string `json:"text" doc:"the configuration text"`
	Reason string `json:"reason,omitempty" doc:"why, for the audit"`
}

func configOps() []Op {
	return []Op{
		define(Reads, "config.export", "Write what is governed as text: channels, routes, destinations, labels, profiles, adopted devices; secrets are left out.", "", exportConfig),
		define(Reads, "config.diff", "Compare a text with what is in force.", "", diffConfig),
		define(Acts, "config.apply", "Bring a text in force: all of it, or nothing.", "", applyConfig),
	}
}

// inForce gives what is governed, with its secrets.
func (s *Service) inForce(ctx context.Context, r register.Reader) (governed, error) {
	var g governed
	channels, err := register.Channels().List(ctx, r)
	if err != nil {
		return g, err
	}
	destinations, err := register.Destinations().List(ctx, r)
	if err != nil {
		return g, err
	}
	routes, err := register.Routes().List(ctx, r)
	if err != nil {
		return g, err
	}
	labels, err := register.Labels().List(ctx, r)
	if err != nil {
		return g, err
	}
	for _, v := range labels {
		g.Labels = append(g.Labels, v.Value)
	}
	profiles, err := register.Profiles().List(ctx, r)
	if err != nil {
		return g, err
	}
	for _, v := range profiles {
		g.Profiles = append(g.Profiles, v.Value)
	}
	for _, v := range channels {
		g.Channels = append(g.Channels, v.Value)
	}
	for _, v := range destinations {
		g.Destinations = append(g.Destinations, v.Value)
	}
	for _, v := range routes {
		g.Routes = append(g.Routes, v.Value)
	}
	adopted := true
	for after := model.DeviceID(""); ; {
		page, _ := s.Register.List(register.Query{Adopted: &adopted, Limit: 1000, After: after})
		for _, d := range page {
			g.Devices = append(g.Devices, d.Text())
			after = d.ID
		}
		if len(page) < 1000 {
			return g, nil
		}
	}
}

func exportConfig(ctx context.Context, c *call, _ None) (ConfigText, error) {
	g, err := c.s.inForce(ctx, c.s.Store)
	if err != nil {
		return ConfigText{}, err
	}
	text := writeYAML(c.s.redacted(g))
	head := "# Governed configuration of Thalamus. Bring it in force with `thalamus apply FILE`.\n" +
		"# Secrets stand as (secret): applied to this server they stay as they are. Comments are not kept.\n"
	if len(g.Channels)+len(g.Destinations)+len(g.Routes)+len(g.Labels)+len(g.Profiles)+len(g.Devices) == 0 {
		text = "channels: []\ndestinations: []\nroutes: []\nlabels: []\nprofiles: []\ndevices: []\n"
	}
	return ConfigText{Name: "export.yaml", Text: head + text}, nil
}

// read checks a text wholly; errors give name, line and what was expected.
// A secret that the text leaves out is the one of have.
func (s *Service) read(t ConfigText, have governed) (governed, error) {
	if t.Name == "" {
		t.Name = "text"
	}
	var g governed
	doc, lines, err := conf.ParseYAML(t.Name, []byte(t.Text))
	if err != nil {
		return g, err
	}
	top, ok := doc.(map[string]any)
	if doc != nil && !ok {
		return g, fault.New(fault.Invalid, "conf.wrong-type", "expected keys and values at the top").At(t.Name + ":1")
	}
	if len(top) == 0 {
		return g, fault.New(fault.Invalid, "service.empty-text", "the text is empty, and bringing it in force would remove everything that is governed; to do that, write channels: [] in it").At(t.Name)
	}
	for key := range top {
		if known := []string{"channels", "destinations", "devices", "labels", "profiles", "routes"}; !slices.Contains(known, key) {
			return g, lines.Place(conf.UnknownKey(key, known).At(key))
		}
	}
	read := func(key string, into any) error {
		list, ok := top[key].([]any)
		if !ok {
			if top[key] == nil {
				return nil
			}
			return fault.New(fault.Invalid, "conf.wrong-type", "expected a list").At(key)
		}
		return decodeList(list, into, key)
	}
	for _, one := range []struct {
		key  string
		into any
	}{{"channels", &g.Channels}, {"destinations", &g.Destinations}, {"routes", &g.Routes}, {"labels", &g.Labels}, {"profiles", &g.Profiles}, {"devices", &g.Devices}} {
		if err := read(one.key, one.into); err != nil {
			return g, lines.Place(err)
		}
	}
	if err := restore(g, have); err != nil {
		return g, lines.Place(err)
	}
	if err := s.check(g); err != nil {
		return g, lines.Place(err)
	}
	return g, nil
}

// decodeList reads each element strictly; the place in errors is the path of
// the key.
func decodeList(list []any, into any, key string) error {
	slice := reflect.ValueOf(into).Elem()
	seen := map[string]bool{}
	for i, element := range list {
		place := fmt.Sprintf("%s[%d]", key, i)
		m, ok := element.(map[string]any)
		if !ok {
			return fault.New(fault.Invalid, "conf.wrong-type", "expected keys and values").At(place)
		}
		one := reflect.New(slice.Type().Elem())
		if err := conf.DecodeKeys(m, one.Interface(), place); err != nil {
			return err
		}
		id := fmt.Sprint(m["id"])
		if m["id"] == nil || id == "" {
			return fault.New(fault.Invalid, "service.no-id", "an id is missing").At(place)
		}
		if seen[id] {
			return fault.New(fault.Invalid, "service.twice", "the id %q stands twice", id).At(place + ".id")
		}
		seen[id] = true
		slice.Set(reflect.Append(slice, one.Elem()))
	}
	return nil
}

// restore puts the secrets of have where g leaves them out.
func restore(g, have governed) error {
	for i, v := range g.Channels {
		var old map[string]any
		if at := slices.IndexFunc(have.Channels, func(h model.Channel) bool { return h.ID == v.ID }); at >= 0 {
			old = have.Channels[at].Settings
		}
		if err := restoreSecrets(v.Settings, old, fmt.Sprintf("channels[%d].settings", i)); err != nil {
			return err
		}
	}
	for i, v := range g.Destinations {
		var old map[string]any
		if at := slices.IndexFunc(have.Destinations, func(h model.Destination) bool { return h.ID == v.ID }); at >= 0 {
			old = have.Destinations[at].Settings
		}
		if err := restoreSecrets(v.Settings, old, fmt.Sprintf("destinations[%d].settings", i)); err != nil {
			return err
		}
	}
	return nil
}

// check says whether everything in g could be in force together.
func (s *Service) check(g governed) error {
	known := map[model.DestinationID]bool{}
	for i, d := range g.Destinations {
		known[d.ID] = true
		if err := first(register.Destinations().Check(d), s.CheckDestination(d)); err != nil {
			return under(err, fmt.Sprintf("destinations[%d]", i), string(d.ID))
		}
	}
	for i, c := range g.Channels {
		if err := first(register.Channels().Check(c), s.Links.Check(c)); err != nil {
			return under(err, fmt.Sprintf("channels[%d]", i), string(c.ID))
		}
	}
	for i, d := range g.Devices {
		if err := register.CheckID("device", string(d.ID)); err != nil {
			return under(err, fmt.Sprintf("devices[%d]", i), string(d.ID))
		}
		if _, err := register.ParsePlace(d.Place); err != nil {
			return under(err, fmt.Sprintf("devices[%d]", i), string(d.ID))
		}
	}
	for i, l := range g.Labels {
		if err := checkLabel(l); err != nil {
			return under(err, fmt.Sprintf("labels[%d]", i), string(l.ID))
		}
	}
	for i, p := range g.Profiles {
		one, stored, err := parseProfile(p.Files)
		if err == nil && stored.ID != p.ID {
			err = fault.New(fault.Invalid, "register.id", "the profile %s has the id %s", one.Name, stored.ID).At("id")
		}
		if err != nil {
			return under(err, fmt.Sprintf("profiles[%d]", i), string(p.ID))
		}
	}
	for i, r := range g.Routes {
		if err := register.Routes().Check(r); err != nil {
			return under(err, fmt.Sprintf("routes[%d]", i), string(r.ID))
		}
		for j, d := range r.Destinations {
			if !known[d] {
				return fault.New(fault.Invalid, "service.no-destination", "the route names a destination %q that the text does not hold", d).At(fmt.Sprintf("routes[%d].destinations[%d]", i, j))
			}
		}
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// ownKeys are the keys of governed things themselves; other places are within
// their settings.
var ownKeys = []string{
	"id", "name", "driver", "codec", "kind", "zone", "unknown", "place", "label", "code", "ucum", "channels", "types", "devices", "models",
	"locations", "codes", "patient_class", "destinations", "delivery",
}

// under puts a fault's place under an element's path; what the fault says of
// the element's id is dropped, because the path says it.
func under(err error, path, id string) error {
	var place string
	f, ok := err.(*fault.Fault)
	if !ok {
		return err
	}
	if i := strings.LastIndex(f.Place, ": "); i >= 0 {
		place = f.Place[i+2:]
	} else if f.Place != id {
		place = f.Place
	}
	for _, noun := range []string{"channel ", "route ", "destination "} {
		if place == noun+id {
			place = ""
		}
	}
	if place == "" {
		place = map[string]string{"register.id": "id", "register.zone": "zone", "register.place": "place"}[f.Code]
	}
	if place == "" || strings.Contains(place, " ") {
		return f.At(path)
	}
	if top, _, _ := strings.Cut(strings.ReplaceAll(place, "[", "."), "."); top != "settings" && !slices.Contains(ownKeys, top) {
		place = "settings." + place
	}
	return f.At(path + "." + place)
}

func diffConfig(ctx context.Context, c *call, t ConfigText) ([]ConfigChange, error) {
	have, err := c.s.inForce(ctx, c.s.Store)
	if err != nil {
		return nil, err
	}
	want, err := c.s.read(t, have)
	if err != nil {
		return nil, err
	}
	return c.s.compare(have, want), nil
}

func applyConfig(ctx context.Context, c *call, t ConfigText) ([]ConfigChange, error) {
	have, err := c.s.inForce(ctx, c.tx)
	if err != nil {
		return nil, err
	}
	want, err := c.s.read(t, have)
	if err != nil {
		return nil, err
	}
	changes := c.s.compare(have, want)
	if len(changes) == 0 {
		c.silent = true
		return changes, nil
	}
	if err := c.bringInForce(ctx); err != nil {
		return nil, err
	}
	return changes, c.set(ctx, have, want)
}
