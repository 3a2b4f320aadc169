package fhirapi

import (
	"context"

	"thalamus/internal/service"
)

// filter is a search parameter of a type.
type filter struct {
	name      string
	sort      string // of R4: token, string, reference, date
	doc       string
	modifiers []string
	own       bool // R4 has no such parameter; it is ours
}

// private says whether what is looked for may be a patient's number.
func (f *filter) private(modifier string) bool {
	return f.name == "patient" && modifier == "identifier"
}

// kind is a type of resource that is served.
type kind struct {
	name        string
	doc         string
	filters     []filter
	includes    []string
	revincludes []string
	sorts       []string
	history     bool

	// read gives those that are there, of some ids.
	read func(ctx context.Context, c *caller, ids []string) ([]*resource, error)
	// search gives a page.
	search func(ctx context.Context, c *caller, q *request) (page, error)
	// versions gives how one was believed to be, the newest first; nil where
	// nothing is kept.
	versions func(ctx context.Context, c *caller, id string, most int) ([]*resource, error)
}

// page is what a search found.
type page struct {
	rows  []*resource
	next  string // cursor of the next page
	total int    // -1: not counted
}

func (k *kind) filter(name string) *filter {
	for i := range k.filters {
		if k.filters[i].name == name {
			return &k.filters[i]
		}
	}
	return nil
}

// common are the filters of every type.
func common(updated bool) []filter {
	out := []filter{{name: "_id", sort: "token", doc: "id of the resource"}}
	if updated {
		out = append(out, filter{name: "_lastUpdated", sort: "date", doc: "something of it changed then: eq, ge, gt, le, lt, sa, eb; the newest come first"})
	}
	return out
}

// caller is who asks.
type caller struct {
	service.Caller
	// elements that were asked for; nil: all.
	wants func(element string) bool
}

// may says whether the caller may call an operation; who cannot tell may not.
func (c *caller) may(name string) bool {
	m, ok := c.Caller.(interface{ May(string) bool })
	return ok && m.May(name)
}

// kinds are the types served, in the order of their names.
func kinds() []kind { return []kind{deviceKind(), definitionKind(), metricKind(), locationKind()} }
