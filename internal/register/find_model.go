package register

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// ModelQuery selects models; empty fields match all.
type ModelQuery struct {
	IDs    []string
	Maker  string // begins so
	Name   string // begins so
	DI     string // UDI device identifier that was said of it
	Code   string // EMDN or GMDN code that was said of it
	After  string // page on
	Limit  int    // 0 means 50, at most 1000
	Counts bool   // count all that match
}

// SearchModels gives a page of models by id, with what is said of them. Its
// cost goes by the number of models, not of devices.
func (r *Register) SearchModels(q ModelQuery, now time.Time) (page []ModelSheet, next string, total int) {
	r.TakeUp(now)
	if q.Limit <= 0 {
		q.Limit = 50
	}
	q.Limit = min(q.Limit, 1000)
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.catalogue.models()
	if q.IDs != nil {
		list = slices.Clone(q.IDs)
		slices.Sort(list)
		list = slices.Compact(list)
	}
	i := 0
	if !q.Counts && q.After != "" {
		found := false
		if i, found = slices.BinarySearch(list, q.After); found {
			i++
		}
	}
	for _, id := range list[i:] {
		m, ok := r.modelSheet(id)
		if !ok || !m.is(&q, now) {
			continue
		}
		total++
		if id <= q.After {
			continue
		}
		if len(page) == q.Limit {
			next = page[len(page)-1].ID
			if q.Counts {
				continue
			}
			break
		}
		page = append(page, m)
	}
	return page, next, total
}

// models gives the ids of all models, sorted.
func (c *catalogue) models() []string {
	if c.list == nil {
		c.list = make([]string, 0, len(c.fields[ByModel])+len(c.entered))
		for id := range c.fields[ByModel] {
			c.list = append(c.list, id)
		}
		for id := range c.entered {
			c.list = append(c.list, id)
		}
		slices.Sort(c.list)
		c.list = slices.Compact(c.list)
	}
	return c.list
}

// modelSheet gives a model. Called with r.mu held.
func (r *Register) modelSheet(id string) (ModelSheet, bool) {
	c := &r.catalogue
	m := ModelSheet{Model: Model{ID: id}, Said: r.beliefs[fact.Of(fact.OfModel, id)], Updated: c.entered[id]}
	if d := c.fields[ByModel][id]; d != nil {
		m.Manufacturer, m.Name, m.Devices = d.maker, d.name, len(d.units)
		for rel := range d.inner {
			one := Release{ID: rel.value, Model: id, Version: rel.name, Devices: len(rel.units)}
			m.Releases = append(m.Releases, one)
			if said := r.beliefs[fact.Of(fact.OfRelease, rel.value)]; len(said) > 0 {
				if m.ReleaseSaid == nil {
					m.ReleaseSaid = map[string][]fact.Fact{}
				}
				m.ReleaseSaid[rel.value] = said
				for i := range said {
					m.Updated = later(m.Updated, said[i].Believed)
				}
			}
		}
		slices.SortFunc(m.Releases, func(a, b Release) int {
			return cmp.Or(cmp.Compare(b.Devices, a.Devices), cmp.Compare(a.Version, b.Version))
		})
	}
	for i := range m.Said {
		switch f := &m.Said[i]; f.Name {
		case "manufacturer":
			m.Manufacturer = f.Value
		case "model":
			m.Name = f.Value
		}
	}
	return m, m.Name != ""
}

func (m *ModelSheet) is(q *ModelQuery, now time.Time) bool {
	said := func(wanted string, names ...string) bool {
		if wanted == "" {
			return true
		}
		for _, n := range names {
			if kind, _ := fact.KindOf(n); kind.Same(factOf(m.Said, n, now), wanted) {
				return true
			}
		}
		return false
	}
	return strings.HasPrefix(foldLower(m.Manufacturer), foldLower(q.Maker)) && strings.HasPrefix(foldLower(m.Name), foldLower(q.Name)) &&
		said(q.DI, "udi-di") && said(q.Code, "emdn", "gmdn")
}

// cursorOf names a device in the order of changes.
func cursorOf(at time.Time, id model.DeviceID) string {
	return fmt.Sprintf("%d.%s", at.UnixMicro(), id)
}

// readCursor reads one; the error is fault.Invalid, code register.cursor.
func readCursor(text string) (at int64, id model.DeviceID, err error) {
	number, rest, ok := strings.Cut(text, ".")
	at, bad := strconv.ParseInt(number, 10, 64)
	if !ok || bad != nil {
		return 0, "", fault.New(fault.Invalid, "register.cursor", "no page begins after %q; take what the page before gave", clip(text)).At("after")
	}
	return at, model.DeviceID(rest), nil
}
