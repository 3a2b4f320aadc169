package register

import (
	"cmp"
	"slices"

	"thalamus/internal/register/fact"
)

// kinship counts the devices of models and releases, kept up by what changed:
// a device that was touched is counted anew before somebody asks next. Guarded
// by Register.mu.
type kinship struct {
	models  map[string]*kin
	release map[string]*kin // by its id, the model it is of
	adopted int             // of all devices
	stale   []*unit
}

// kin is the devices of one model.
type kin struct {
	id, maker, name  string
	devices, adopted int
	releases         map[string]*Release
}

// counted is as what a unit was counted last.
type counted struct {
	of      *kin
	release string // id
	adopted bool
	stale   bool // it stands in kinship.stale
}

// recount notes that a unit is to be counted anew. Called with r.mu held.
func (r *Register) recount(u *unit) {
	if !u.counted.stale {
		u.counted.stale = true
		r.kinship.stale = append(r.kinship.stale, u)
	}
}

// kin brings the counts up to date. Called with r.mu held.
func (r *Register) kin() *kinship {
	k := &r.kinship
	if k.models == nil {
		k.models, k.release = map[string]*kin{}, map[string]*kin{}
	}
	for _, u := range k.stale {
		k.leave(u)
		if r.units[u.dev.ID] == u {
			k.join(u, r.modelOf(u))
		}
	}
	k.stale = nil
	return k
}

// leave takes a unit out of the counts.
func (k *kinship) leave(u *unit) {
	c := u.counted
	u.counted = counted{}
	if c.adopted {
		k.adopted--
	}
	m := c.of
	if m == nil {
		return
	}
	m.devices--
	if c.adopted {
		m.adopted--
	}
	if rel := m.releases[c.release]; rel != nil {
		if rel.Devices--; rel.Devices == 0 {
			delete(m.releases, c.release)
			delete(k.release, c.release)
		}
	}
	if m.devices == 0 {
		delete(k.models, m.id)
	}
}

// join counts a unit as what it is.
func (k *kinship) join(u *unit, is modelled) {
	c := &u.counted
	if c.adopted = u.dev.Adoption != nil; c.adopted {
		k.adopted++
	}
	if is.models == "" {
		return
	}
	m := k.models[is.models]
	if m == nil {
		m = &kin{id: is.models, maker: is.manufacturer, name: is.name, releases: map[string]*Release{}}
		k.models[is.models] = m
	}
	c.of = m
	m.devices++
	if c.adopted {
		m.adopted++
	}
	if is.releases == "" {
		return
	}
	rel := m.releases[is.releases]
	if rel == nil {
		rel = &Release{ID: is.releases, Model: is.models, Version: is.version}
		m.releases[is.releases] = rel
		k.release[is.releases] = m
	}
	c.release = is.releases
	rel.Devices++
}

// model gives one as it is counted, and what was entered of it before there
// was a device. Called with r.mu held.
func (r *Register) model(id string) (m Model, ok bool) {
	m = Model{ID: id}
	for _, f := range r.beliefs[fact.Of(fact.OfModel, id)] {
		switch f.Name {
		case "manufacturer":
			m.Manufacturer = f.Value
		case "model":
			m.Name = f.Value
		}
	}
	entered := m.Name != ""
	of := r.kin().models[id]
	if of == nil {
		return m, entered
	}
	if !entered {
		m.Manufacturer, m.Name = of.maker, of.name
	}
	m.Devices, m.Adopted = of.devices, of.adopted
	for _, rel := range of.releases {
		m.Releases = append(m.Releases, *rel)
	}
	slices.SortFunc(m.Releases, func(a, b Release) int {
		return cmp.Or(cmp.Compare(b.Devices, a.Devices), cmp.Compare(a.Version, b.Version))
	})
	return m, true
}

// Totals says how many devices there are, and how many of them nobody adopted.
func (r *Register) Totals() (devices, waiting int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.order), len(r.order) - r.kin().adopted
}
