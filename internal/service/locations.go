package service

import (
	"context"
	"time"

	"thalamus/internal/register"
	"thalamus/internal/register/fact"
)

// LocationAsk says which locations to list.
type LocationAsk struct {
	Text   string         `json:"text,omitempty" arg:"text" doc:"what its name begins with"`
	Match  register.How   `json:"match,omitempty" doc:"how the name is compared: begins unless told, whole or contains"`
	IDs    []string       `json:"ids,omitempty" doc:"one of these locations"`
	Parent string         `json:"parent,omitempty" doc:"only those directly in this one, by its id"`
	Level  register.Level `json:"level,omitempty" doc:"only sites, wards, rooms or beds: site, ward, room, bed"`
	Place  string         `json:"place,omitempty" doc:"the one of this place: ICU^2^23"`
	After  string         `json:"after,omitempty" doc:"the next page: what the page before gave"`
	Limit  int            `json:"limit,omitempty" doc:"rows of a page, 50 unless told, at most 1000"`
}

// LocationsFound is a page of locations.
type LocationsFound struct {
	Rows  []register.Location `json:"rows"`
	Next  string              `json:"next,omitempty" doc:"give this as 'after' to get the next page"`
	Total int                 `json:"total"`
}

// ModelSearch says which models are wanted.
type ModelSearch struct {
	IDs          []string `json:"ids,omitempty" doc:"one of these models"`
	Manufacturer string   `json:"manufacturer,omitempty" arg:"manufacturer" doc:"what its maker's name begins with"`
	Name         string   `json:"name,omitempty" arg:"name" doc:"what its name begins with"`
	DI           string   `json:"di,omitempty" doc:"its UDI device identifier"`
	Code         string   `json:"code,omitempty" doc:"its EMDN or GMDN code"`
	Count        bool     `json:"count,omitempty" doc:"also say how many there are"`
	After        string   `json:"after,omitempty" doc:"the next page: what the page before gave"`
	Limit        int      `json:"limit,omitempty" doc:"rows of a page, 50 unless told, at most 1000"`
}

// ModelsFound is a page of models.
type ModelsFound struct {
	Rows  []ModelSheet `json:"rows"`
	Next  string       `json:"next,omitempty" doc:"give this as 'after' to get the next page"`
	Total *int         `json:"total,omitempty"` // where it was asked for
}

// ModelSheet is a model with what counts of it.
type ModelSheet struct {
	Model
	Facts    map[string]string            `json:"facts"`
	Versions map[string]map[string]string `json:"versions,omitempty"` // what counts of its releases, by their ids
	Updated  time.Time                    `json:"updated,omitzero"`   // something said of it changed
}

func locationOps() []Op {
	return []Op{
		define(Reads, "location.list", "List the places devices stand at: sites, departments, rooms and beds.", "ICU", func(_ context.Context, c *call, r LocationAsk) (LocationsFound, error) {
			q := register.LocationQuery{IDs: r.IDs, Parent: r.Parent, Level: r.Level, Place: r.Place, Text: r.Text, Match: r.Match, After: r.After, Limit: r.Limit}
			var found LocationsFound
			found.Rows, found.Next, found.Total = c.s.Register.Locations(q, c.s.now())
			return found, nil
		}),
		define(Reads, "model.search", "Find models by maker, name, UDI device identifier or EMDN or GMDN code.", "Acme", searchModels),
	}
}

func searchModels(_ context.Context, c *call, r ModelSearch) (ModelsFound, error) {
	now := c.s.now()
	q := register.ModelQuery{IDs: r.IDs, Maker: r.Manufacturer, Name: r.Name, DI: r.DI, Code: r.Code, After: r.After, Limit: r.Limit, Counts: r.Count}
	page, next, total := c.s.Register.SearchModels(q, now)
	found := ModelsFound{Rows: make([]ModelSheet, len(page)), Next: next}
	if r.Count {
		found.Total = &total
	}
	for i := range page {
		m := &page[i]
		found.Rows[i] = ModelSheet{Model: m.Model, Facts: saidNow(m.Said, now), Updated: m.Updated.UTC()}
		for id, said := range m.ReleaseSaid {
			if found.Rows[i].Versions == nil {
				found.Rows[i].Versions = map[string]map[string]string{}
			}
			found.Rows[i].Versions[id] = saidNow(said, now)
		}
	}
	return found, nil
}

// saidNow gives what counts of what is said, by the names of facts.
func saidNow(said []fact.Fact, now time.Time) map[string]string {
	rows := make([]fact.Fact, 0, len(said))
	for i := range said {
		if said[i].TrueAt(now) {
			rows = append(rows, said[i])
		}
	}
	out := make(map[string]string, len(rows))
	for _, r := range fact.Resolve(rows) {
		out[r.Name] = r.Value
	}
	return out
}
