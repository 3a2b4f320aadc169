package service

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"

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
	Devices      []register.DeviceText `yaml:"devices,omitempty"`
}

// ConfigText is a configuration text with the name it goes by in errors.
type ConfigText struct {
	Name   string `json:"name,omitempty" doc:"name of the text in errors"`
	Text   string `json:"text" doc:"the configuration text"`
	Reason string `json:"reason,omitempty" doc:"why, for the audit"`
}

// ConfigChange is one difference between what is in force and a text.
type ConfigChange struct {
	What string `json:"what"`          // channel icu
	Do   string `json:"do"`            // add, change, remove
	Key  string `json:"key,omitempty"` // settings.listen
	Was  string `json:"was,omitempty"`
	Now  string `json:"now,omitempty"`
}

func configOps() []Op {
	return []Op{
		define(Reads, "config.export", "Write what is governed as text: channels, routes, destinations, adopted devices; secrets are left out.", "", exportConfig),
		define(Reads, "config.diff", "Compare a text with what is in force.", "", diffConfig),
		define(Acts, "config.apply", "Bring a text in force: all of it, or nothing.", "", applyConfig),
	}
}

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
	for _, v := range channels {
		g.Channels = append(g.Channels, s.redact(v.Value).(model.Channel))
	}
	for _, v := range destinations {
		g.Destinations = append(g.Destinations, s.redact(v.Value).(model.Destination))
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
	text, err := yaml.MarshalWithOptions(g, yaml.IndentSequence(true))
	head := "# Governed configuration of Thalamus. Bring it in force with `thalamus apply FILE`.\n"
	if len(g.Channels)+len(g.Destinations)+len(g.Routes)+len(g.Devices) == 0 {
		text = []byte("channels: []\ndestinations: []\nroutes: []\ndevices: []\n")
	}
	return ConfigText{Name: "export.yaml", Text: head + string(text)}, err
}

// read checks a text wholly; errors give name, line and what was expected.
func (s *Service) read(t ConfigText) (governed, error) {
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
	for key := range top {
		if !slices.Contains([]string{"channels", "destinations", "routes", "devices"}, key) {
			return g, lines.Place(fault.New(fault.Invalid, "conf.unknown-key", "unknown key %q; known here: channels, destinations, devices, routes", key).At(key))
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
	for key, into := range map[string]any{"channels": &g.Channels, "destinations": &g.Destinations, "routes": &g.Routes, "devices": &g.Devices} {
		if err := read(key, into); err != nil {
			return g, lines.Place(err)
		}
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
	if place == "" || strings.Contains(place, " ") {
		return f.At(path)
	}
	if !strings.HasPrefix(place, "settings") && place != "driver" && place != "codec" && place != "kind" && place != "id" && place != "zone" {
		place = "settings." + place
	}
	return f.At(path + "." + place)
}

func diffConfig(ctx context.Context, c *call, t ConfigText) ([]ConfigChange, error) {
	want, err := c.s.read(t)
	if err != nil {
		return nil, err
	}
	have, err := c.s.inForce(ctx, c.s.Store)
	if err != nil {
		return nil, err
	}
	return compare(have, want), nil
}

func compare(have, want governed) []ConfigChange {
	out := []ConfigChange{}
	out = append(out, compareLists("channel", flat(have.Channels), flat(want.Channels))...)
	out = append(out, compareLists("destination", flat(have.Destinations), flat(want.Destinations))...)
	out = append(out, compareLists("route", flat(have.Routes), flat(want.Routes))...)
	return append(out, compareLists("device", flat(have.Devices), flat(want.Devices))...)
}

// flat gives things by id, each as path → JSON text.
func flat[T any](list []T) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, v := range list {
		text, _ := json.Marshal(v) // our own types always marshal
		var tree map[string]any
		_ = json.Unmarshal(text, &tree)
		one := map[string]string{}
		flatten(one, "", tree)
		out[fmt.Sprint(tree["id"])] = one
	}
	return out
}

func flatten(into map[string]string, path string, v any) {
	if m, ok := v.(map[string]any); ok {
		for k, x := range m {
			p := k
			if path != "" {
				p = path + "." + k
			}
			flatten(into, p, x)
		}
		return
	}
	text, _ := json.Marshal(v)
	into[path] = strings.Trim(string(text), `"`)
}

func compareLists(noun string, have, want map[string]map[string]string) []ConfigChange {
	var out []ConfigChange
	for _, id := range sortedKeys(have, want) {
		h, w := have[id], want[id]
		what := noun + " " + id
		switch {
		case h == nil:
			out = append(out, ConfigChange{What: what, Do: "add"})
		case w == nil:
			out = append(out, ConfigChange{What: what, Do: "remove"})
		default:
			for _, k := range sortedKeys(h, w) {
				if h[k] != w[k] && w[k] != secret {
					out = append(out, ConfigChange{What: what, Do: "change", Key: k, Was: h[k], Now: w[k]})
				}
			}
		}
	}
	return out
}

func sortedKeys[V any](a, b map[string]V) []string {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	keys := make([]string, 0, len(all))
	for k := range all {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func applyConfig(ctx context.Context, c *call, t ConfigText) ([]ConfigChange, error) {
	c.object, c.reason = "config "+t.Name, t.Reason
	want, err := c.s.read(t)
	if err != nil {
		return nil, err
	}
	have, err := c.s.inForce(ctx, c.tx)
	if err != nil {
		return nil, err
	}
	if err := putAll(ctx, c, register.Channels(), have.Channels, want.Channels); err != nil {
		return nil, err
	}
	if err := putAll(ctx, c, register.Destinations(), have.Destinations, want.Destinations); err != nil {
		return nil, err
	}
	if err := putAll(ctx, c, register.Routes(), have.Routes, want.Routes); err != nil {
		return nil, err
	}
	keep := map[model.DeviceID]bool{}
	for _, d := range want.Devices {
		keep[d.ID] = true
		if _, err := c.s.Register.Put(ctx, c.tx, d, register.AnyVersion, c.mark()); err != nil {
			return nil, err
		}
	}
	for _, d := range have.Devices {
		if !keep[d.ID] {
			if _, err := c.s.Register.Release(ctx, c.tx, d.ID, register.AnyVersion, c.mark()); err != nil {
				return nil, err
			}
		}
	}
	c.after(c.s.apply)
	return compare(have, want), nil
}

func putAll[T any](ctx context.Context, c *call, set register.Set[T], have, want []T) error {
	keep := map[string]bool{}
	for _, v := range want {
		keep[idOf(v)] = true
		value, err := c.s.unredact(ctx, v)
		if err != nil {
			return err
		}
		if _, err := set.Put(ctx, c.tx, value.(T), register.AnyVersion, c.mark()); err != nil {
			return err
		}
	}
	for _, v := range have {
		if !keep[idOf(v)] {
			if err := set.Remove(ctx, c.tx, idOf(v), register.AnyVersion, c.mark()); err != nil {
				return err
			}
		}
	}
	return nil
}
