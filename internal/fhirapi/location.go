package fhirapi

import (
	"context"

	"thalamus/internal/fault"
	"thalamus/internal/service"
)

func locationKind() kind {
	return kind{
		name: "Location", doc: "The places devices stand at, by what people said and their messages tell: sites, departments, rooms and beds.",
		filters: append(common(false),
			filter{name: "identifier", sort: "token", doc: "the place as HL7 writes it: ICU^2^23"},
			filter{name: "name", sort: "string", doc: "what it is called", modifiers: []string{"exact", "contains"}},
			filter{name: "partof", sort: "reference", doc: "the location it is in"},
			filter{name: "status", sort: "token", doc: "active: others are not kept"},
		),
		includes: []string{"Location:partof"},
		sorts:    []string{"_id"},
		read: func(ctx context.Context, c *caller, ids []string) ([]*resource, error) {
			found, err := locations(ctx, c, service.LocationAsk{IDs: ids, Limit: mostCount})
			return found.rows, err
		},
		search: searchLocations,
	}
}

func locations(ctx context.Context, c *caller, ask service.LocationAsk) (page, error) {
	var found service.LocationsFound
	if err := c.Call(ctx, "location.list", ask, &found); err != nil {
		return page{}, err
	}
	out := page{next: found.Next, total: found.Total}
	for i := range found.Rows {
		out.rows = append(out.rows, location(&found.Rows[i]))
	}
	return out, nil
}

func searchLocations(ctx context.Context, c *caller, q *request) (page, error) {
	ask := service.LocationAsk{Limit: max(q.count, 1), After: q.cursor}
	for i := range q.params {
		p := &q.params[i]
		if p.name == "_id" {
			ask.IDs = append([]string{}, p.values...)
			continue
		}
		if len(p.values) != 1 {
			return page{}, fault.New(fault.Invalid, "fhirapi.value", "give one value").At(p.place())
		}
		switch value := p.values[0]; p.name {
		case "identifier":
			t := tokenOf(value)
			if !t.bare && t.system != systemPlace {
				return page{total: 0}, nil
			}
			ask.Place = t.code
		case "name":
			ask.Text = value
			switch p.modifier {
			case "exact":
				ask.Match = "whole"
			case "contains":
				ask.Match = "contains"
			}
		case "partof":
			ids, err := idsOf(p, "Location")
			if err != nil {
				return page{}, err
			}
			ask.Parent = ids[0]
		case "status":
			if tokenOf(value).code != "active" {
				return page{total: 0}, nil
			}
		}
	}
	return locations(ctx, c, ask)
}

// physical says what kind of place a level is (value set
// location-physical-type).
var physical = map[string][2]string{"site": {"si", "Site"}, "ward": {"wa", "Ward"}, "room": {"ro", "Room"}, "bed": {"bd", "Bed"}}

// location is a Location (FHIR R4 §8.7).
func location(l *service.Location) *resource {
	r := &resource{kind: "Location", id: l.ID}
	n := resourceOf(r.kind, r.id)
	n.list("identifier", identifier(systemPlace, l.Place.String(), ""))
	n.text("status", "active").text("name", l.Name).text("description", words(l.Place)).text("mode", "instance")
	kind := physical[string(l.Level)]
	n.put("physicalType", concept("", coding(systemPhysicalType, kind[0], kind[1])))
	if l.Parent != "" {
		to := "Location/" + l.Parent
		r.refer("partof", to)
		n.put("partOf", reference(to, ""))
	}
	r.node = n
	return r
}
