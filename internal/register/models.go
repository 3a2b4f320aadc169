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
		switch r.names.list[f.name] {
		case "manufacturer":
			to = &m.manufacturer
		case "model":
			to = &m.name
		case "release":
			to = &m.version
		default:
			continue
		}
		if *to == "" || truths[f.truth] == fact.Decided {
			*to = f.value
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
	if u := r.unit(id); u != nil {
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
	text = strings.ToLower(strings.TrimSpace(text))
	var list []Model
	see := func(id string) {
		m, ok := r.model(id)
		if ok && (text == "" || strings.Contains(strings.ToLower(m.Manufacturer+" "+m.Name), text) || r.holdsFact(fact.Of(fact.OfModel, id), text)) {
			list = append(list, m)
		}
	}
	known := r.kin().models
	for id := range known {
		see(id)
	}
	for s := range r.beliefs { // models that somebody entered before there was a device
		if s.Layer() == fact.OfModel && known[s.ID()] == nil {
			see(s.ID())
		}
	}
	slices.SortFunc(list, func(a, b Model) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Manufacturer), strings.ToLower(b.Manufacturer)), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	if list == nil {
		list = []Model{}
	}
	return list
}

// Model gives a model.
func (r *Register) Model(id string) (Model, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.model(id)
}

// ReleaseOf gives a release by its id.
func (r *Register) ReleaseOf(id string) (Release, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if of := r.kin().release[id]; of != nil {
		return *of.releases[id], true
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
