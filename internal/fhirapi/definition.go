package fhirapi

import (
	"context"
	"slices"
	"strings"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

func definitionKind() kind {
	return kind{
		name: "DeviceDefinition", doc: "The models of the register with their releases, UDI device identifiers, EMDN and GMDN codes.",
		filters: append(common(false),
			filter{name: "identifier", sort: "token", doc: "its UDI device identifier, or its id here"},
			filter{name: "type", sort: "token", doc: "its EMDN or GMDN code"},
			filter{name: "manufacturer", sort: "string", doc: "who makes it", own: true},
			filter{name: "model", sort: "string", doc: "what its maker calls it", own: true},
		),
		sorts: []string{"_id"},
		read: func(ctx context.Context, c *caller, ids []string) ([]*resource, error) {
			found, err := models(ctx, c, service.ModelSearch{IDs: ids, Limit: mostCount})
			return found.rows, err
		},
		search: searchDefinitions,
	}
}

func models(ctx context.Context, c *caller, ask service.ModelSearch) (page, error) {
	var found service.ModelsFound
	if err := c.Call(ctx, "model.search", ask, &found); err != nil {
		return page{}, err
	}
	out := page{next: found.Next, total: -1}
	if found.Total != nil {
		out.total = *found.Total
	}
	for i := range found.Rows {
		out.rows = append(out.rows, definition(&found.Rows[i]))
	}
	return out, nil
}

func searchDefinitions(ctx context.Context, c *caller, q *request) (page, error) {
	ask := service.ModelSearch{Limit: max(q.count, 1), After: q.cursor, Count: q.total || q.summary == "count"}
	for i := range q.params {
		p := &q.params[i]
		if p.name != "_id" && len(p.values) > 1 {
			return page{}, fault.New(fault.Invalid, "fhirapi.value", "give one value").At(p.place())
		}
		t := tokenOf(p.values[0])
		switch p.name {
		case "_id":
			ask.IDs = append([]string{}, p.values...)
		case "identifier":
			if strings.HasPrefix(t.code, "mdl-") && (t.bare || t.system == systemModel) {
				ask.IDs = []string{t.code}
			} else if ask.DI = t.code; !t.bare && !slices.Contains(diSystems(), t.system) {
				return page{total: 0}, nil
			}
		case "type":
			if ask.Code = t.code; !t.bare && t.system != systemEMDN && t.system != systemGMDN {
				return page{total: 0}, nil
			}
		case "manufacturer":
			ask.Manufacturer = p.values[0]
		case "model":
			ask.Name = p.values[0]
		}
	}
	return models(ctx, c, ask)
}

func diSystems() []string { return []string{issuer("GS1"), issuer("HIBCC"), issuer("ICCBBA"), ""} }

// definition is a DeviceDefinition (FHIR R4 §8.17).
func definition(m *service.ModelSheet) *resource {
	r := &resource{kind: "DeviceDefinition", id: m.ID, updated: m.Updated}
	n := resourceOf(r.kind, r.id)
	di := m.Facts["udi-di"]
	n.list("identifier", identifier(diSystem(di), di, "UDI-DI"), identifier(systemModel, m.ID, "Thalamus"))
	n.text("manufacturerString", m.Manufacturer)
	n.list("deviceName", name(m.Name, "model-name"))
	n.text("modelNumber", m.Name)
	var codes []*node
	if code := m.Facts["gmdn"]; code != "" {
		codes = append(codes, coding(systemGMDN, code, ""))
	}
	if code := m.Facts["emdn"]; code != "" {
		codes = append(codes, coding(systemEMDN, code, ""))
	}
	if len(codes) > 0 {
		n.put("type", concept("", codes...))
	}
	var versions []string
	for _, rel := range m.Releases {
		versions = append(versions, rel.Version)
	}
	slices.Sort(versions)
	n.texts("version", slices.Compact(versions))
	var more []*node
	for _, p := range []struct{ fact, title string }{
		{"class", "Risk class"}, {"support", "Support"}, {"support-until", "Support ends"}, {"holds", "Keeps patients' records"}, {"risk", "Risk"}, {"supplier", "Supplier"}, {"fallback", "Fallback"}, {"contact", "Contact"},
	} {
		if value := fhir.Clean(m.Facts[p.fact]); value != "" {
			more = append(more, property(p.fact, p.title, value))
		}
	}
	for _, rel := range m.Releases {
		facts := m.Versions[rel.ID]
		for _, p := range []struct{ fact, title string }{{"support", "Support of "}, {"support-until", "Support ends of "}, {"patch", "Patch status of "}, {"system", "Operating system of "}} {
			if value := fhir.Clean(facts[p.fact]); value != "" {
				more = append(more, property(p.fact, p.title+rel.Version, value))
			}
		}
	}
	n.list("property", more...)
	n.text("onlineInformation", m.Facts["document"])
	if note := fhir.Clean(m.Facts["note"]); note != "" {
		n.list("note", object().text("text", note))
	}
	r.node = n
	return r
}

// diSystem is the naming system of a UDI device identifier by its form: GS1
// gives fourteen digits, HIBCC begins with a letter.
func diSystem(di string) string {
	switch {
	case len(di) == 14 && strings.Trim(di, "0123456789") == "":
		return issuer("GS1")
	case di != "" && di[0] >= 'A' && di[0] <= 'Z':
		return issuer("HIBCC")
	}
	return ""
}
