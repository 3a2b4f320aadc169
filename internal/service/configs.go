package service

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"thalamus/internal/conf"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/acceptance"
	"thalamus/internal/register/care"
)

// governed is everything that is configured, as one text. Its order is the
// order in which it is written.
type governed struct {
	Channels     []model.Channel       `yaml:"channels,omitempty"`
	Destinations []model.Destination   `yaml:"destinations,omitempty"`
	Routes       []model.Route         `yaml:"routes,omitempty"`
	Labels       []model.Label         `yaml:"labels,omitempty"`
	Profiles     []model.DeviceProfile `yaml:"profiles,omitempty"`
	Services     []model.Service       `yaml:"services,omitempty"`
	Templates    []acceptance.Template `yaml:"templates,omitempty"`
	Segments     []model.Segment       `yaml:"segments,omitempty"`
	Approvals    []model.Approval      `yaml:"approvals,omitempty"`
	Plans        []care.Plan           `yaml:"plans,omitempty"`
	Contracts    []care.Contract       `yaml:"contracts,omitempty"`
	Devices      []register.DeviceText `yaml:"devices,omitempty"`
}

// ConfigText is a configuration text with the name it goes by in errors.
type ConfigText struct {
	Name   string `json:"name,omitempty" doc:"name of the text in errors"`
	Text   string `json:"text" doc:"the configuration text"`
	Base   string `json:"base,omitempty" doc:"the state that the text was made from, as config.export gave it; refuse when something else is in force"`
	Reason string `json:"reason,omitempty" doc:"why, for the audit"`
}

func configOps() []Op {
	return []Op{
		define(Reads, "config.export", "Write what is governed as text: channels, routes, destinations, labels, profiles, services, templates, segments, approved connections, plans, contracts, adopted devices; secrets are left out.", "", exportConfig),
		define(Reads, "config.diff", "Compare a text with what is in force.", "", diffConfig),
		forcing(define(Acts, "config.apply", "Bring a text in force: all of it, or nothing.", "", applyConfig)),
	}
}

// inForce gives what is governed, with its secrets.
func (s *Service) inForce(ctx context.Context, r register.Reader) (governed, error) {
	var g governed
	for _, k := range textKinds() {
		if err := k.load(ctx, s, r, &g); err != nil {
			return g, err
		}
	}
	return g, nil
}

func exportConfig(ctx context.Context, c *call, _ None) (ConfigText, error) {
	g, err := c.s.inForce(ctx, c.s.Store)
	if err != nil {
		return ConfigText{}, err
	}
	text := writeYAML(c.s.redacted(g))
	base := baseOf(text)
	head := "# Governed configuration of Thalamus. Bring it in force with `thalamus apply FILE`.\n" +
		"# Secrets stand as (secret): applied to this server they stay as they are. Comments are not kept.\n"
	count, empty := 0, ""
	for _, k := range textKinds() {
		count += k.count(g)
		empty += k.key + ": []\n"
	}
	if count == 0 {
		text = empty
	}
	return ConfigText{Name: "export.yaml", Text: head + text, Base: base}, nil
}

// baseOf names a state by its text without secrets: a text that leaves a secret
// out does not run over one that somebody changed.
func baseOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// since refuses a text that was made from another state than have, so that
// what somebody else changed meanwhile is not run over (R56).
func (s *Service) since(have governed, t ConfigText) error {
	if t.Base == "" || t.Base == baseOf(writeYAML(s.redacted(have))) {
		return nil
	}
	return fault.New(fault.Conflict, "service.base", "the configuration was changed since this text was made; compare it with what is in force now, bring in what the other changed, and apply that").At("base")
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
	var known []string
	for _, k := range textKinds() {
		known = append(known, k.key)
	}
	slices.Sort(known)
	for key := range top {
		if !slices.Contains(known, key) {
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
	for _, k := range textKinds() {
		if err := read(k.key, k.list(&g)); err != nil {
			return g, lines.Place(err)
		}
	}
	for i := range g.Channels {
		s.complete(&g.Channels[i])
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
	for _, k := range textKinds() {
		if err := k.check(s, g); err != nil {
			return err
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
	"locations", "codes", "patient_class", "destinations", "delivery", "critical", "needs",
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
	if err := c.s.since(have, t); err != nil {
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
	if err := c.s.since(have, t); err != nil {
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
	c.forceOver(have, func(string) bool { return true })
	return changes, c.set(ctx, have, want)
}
