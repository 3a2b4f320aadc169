package register

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// Model is a type of device: what its maker sells under one name. It is there
// as long as a device of it is, or something is said of it.
type Model struct {
	ID           string `json:"id"` // mdl-…, made of maker and name
	Manufacturer string `json:"manufacturer"`
	Name         string `json:"name"`
	Devices      int    `json:"devices"` // that the register knows
	Adopted      int    `json:"adopted"` // of them taken into use
	// Releases are the software versions its devices run, most devices first.
	Releases []Release `json:"releases,omitempty"`
}

// Release is one software version of a model.
type Release struct {
	ID      string `json:"id"` // rel-…, made of the model and the version
	Model   string `json:"model"`
	Version string `json:"version"`
	Devices int    `json:"devices"`
}

// ModelID names a model. Maker and name are taken as they are written, without
// regard to case and blanks.
func ModelID(manufacturer, name string) string { return idFrom("mdl-", manufacturer, name) }

// ReleaseID names a release of a model.
func ReleaseID(modelID, version string) string { return idFrom("rel-", modelID, version) }

func idFrom(prefix string, parts ...string) string {
	for i, p := range parts {
		parts[i] = strings.ToLower(strings.Join(strings.Fields(p), " "))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return prefix + hex.EncodeToString(sum[:6])
}

// modelled is what a unit is, as it counts: what it says itself, else what is
// said of it.
type modelled struct {
	manufacturer, name, version string
	models, releases            string // ids, empty where the name is not known
}

// modelOf says which model and release a unit is. Called with r.mu held.
func (r *Register) modelOf(u *unit) modelled {
	if u.isKnown {
		return u.is
	}
	m := modelled{manufacturer: u.dev.Observed.Manufacturer, name: u.dev.Observed.Model, version: u.dev.Observed.Release}
	for i := range u.facts {
		f := &u.facts[i]
		var to *string
		switch f.Name {
		case "manufacturer":
			to = &m.manufacturer
		case "model":
			to = &m.name
		case "release":
			to = &m.version
		default:
			continue
		}
		if *to == "" || f.Truth == fact.Decided {
			*to = f.Value
		}
	}
	if key := [3]string{m.manufacturer, m.name, m.version}; u.key != key {
		u.key, u.models, u.releases = key, "", ""
		if m.name != "" {
			u.models = ModelID(m.manufacturer, m.name)
			if m.version != "" {
				u.releases = ReleaseID(u.models, m.version)
			}
		}
	}
	m.models, m.releases = u.models, u.releases
	u.is, u.isKnown = m, true
	return m
}

// ModelOf gives the ids of the model and release a device is, empty where they
// are not known.
func (r *Register) ModelOf(id model.DeviceID) (modelID, releaseID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.units[id]; u != nil {
		m := r.modelOf(u)
		return m.models, m.releases
	}
	return "", ""
}

// Models gives all models, sorted by maker and name, with their releases.
// text selects those whose maker, name or something said of them holds it.
func (r *Register) Models(text string) []Model {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := r.models()
	text = strings.ToLower(strings.TrimSpace(text))
	list := make([]Model, 0, len(found))
	for id, m := range found {
		if text == "" || strings.Contains(strings.ToLower(m.Manufacturer+" "+m.Name), text) || r.holdsFact(fact.Of(fact.OfModel, id), text) {
			list = append(list, *m)
		}
	}
	slices.SortFunc(list, func(a, b Model) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Manufacturer), strings.ToLower(b.Manufacturer)), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// models counts. Called with r.mu held.
func (r *Register) models() map[string]*Model {
	found := map[string]*Model{}
	releases := map[string]*Release{}
	for s, rows := range r.beliefs { // models that somebody entered before there was a device
		if s.Layer() != fact.OfModel {
			continue
		}
		m := &Model{ID: s.ID()}
		for _, f := range rows {
			switch f.Name {
			case "manufacturer":
				m.Manufacturer = f.Value
			case "model":
				m.Name = f.Value
			}
		}
		if m.Name != "" {
			found[m.ID] = m
		}
	}
	for _, u := range r.units {
		is := r.modelOf(u)
		if is.models == "" {
			continue
		}
		m := found[is.models]
		if m == nil {
			m = &Model{ID: is.models, Manufacturer: is.manufacturer, Name: is.name}
			found[is.models] = m
		}
		m.Devices++
		if u.dev.Adoption != nil {
			m.Adopted++
		}
		if is.releases == "" {
			continue
		}
		rel := releases[is.releases]
		if rel == nil {
			rel = &Release{ID: is.releases, Model: is.models, Version: is.version}
			releases[is.releases] = rel
		}
		rel.Devices++
	}
	for _, rel := range releases {
		m := found[rel.Model]
		m.Releases = append(m.Releases, *rel)
	}
	for _, m := range found {
		slices.SortFunc(m.Releases, func(a, b Release) int {
			return cmp.Or(cmp.Compare(b.Devices, a.Devices), cmp.Compare(a.Version, b.Version))
		})
	}
	return found
}

// Model gives a model.
func (r *Register) Model(id string) (Model, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.models()[id]; m != nil {
		return *m, true
	}
	return Model{}, false
}

// ReleaseOf gives a release by its id.
func (r *Register) ReleaseOf(id string) (Release, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.models() {
		for _, rel := range m.Releases {
			if rel.ID == id {
				return rel, true
			}
		}
	}
	return Release{}, false
}

// AddModel makes a model known before a device of it is, in the caller's
// transaction. Adding a known model changes nothing.
func (r *Register) AddModel(ctx context.Context, tx Tx, manufacturer, name string, mark Mark) (Model, error) {
	id := ModelID(manufacturer, name)
	if m, ok := r.Model(id); ok {
		return m, nil
	}
	var whole fact.Edit
	subject := fact.Of(fact.OfModel, id)
	for _, f := range []struct{ name, value string }{{"manufacturer", manufacturer}, {"model", name}} {
		value, err := fact.Check(fact.OfModel, f.name, f.value)
		if err != nil {
			return Model{}, err
		}
		if value == "" {
			return Model{}, fault.New(fault.Invalid, "register.incomplete", "a model needs its maker and its name").At(f.name)
		}
		e, err := fact.Put(nil, fact.Fact{Subject: subject, Name: f.name, Truth: fact.Asserted, Value: value, From: time.Time{}, Believed: mark.At, By: mark.By, Change: mark.Change})
		if err != nil {
			return Model{}, err
		}
		whole.Add = append(whole.Add, e.Add...)
	}
	if err := r.edit(ctx, tx, whole, []fact.Subject{subject}, mark); err != nil {
		return Model{}, err
	}
	return Model{ID: id, Manufacturer: manufacturer, Name: name}, nil
}
