package service

import (
	"context"

	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
)

// ModelAsk says which models to list.
type ModelAsk struct {
	Text string `json:"text,omitempty" arg:"text" doc:"part of the maker, the name or something said of it"`
}

// ModelNew is a model that nobody owns a device of yet.
type ModelNew struct {
	Manufacturer string `json:"manufacturer" arg:"manufacturer" doc:"who makes it"`
	Name         string `json:"name" arg:"name" doc:"what it is sold as"`
	Reason       string `json:"reason,omitempty" doc:"why, for the audit"`
}

// ModelPage is everything known about a model.
type ModelPage struct {
	Model    register.Model  `json:"model"`
	Facts    []fact.Resolved `json:"facts"` // of the model
	Releases []ReleasePage   `json:"releases"`
}

// ReleasePage is a release with what is said of it.
type ReleasePage struct {
	Release register.Release `json:"release"`
	Facts   []fact.Resolved  `json:"facts"`
}

func modelOps() []Op {
	return []Op{
		define(Reads, "model.list", "List models: what makers sell, how many devices of each there are, and their releases.", "infusion", func(_ context.Context, c *call, r ModelAsk) ([]register.Model, error) {
			return c.s.Register.Models(r.Text), nil
		}),
		define(Reads, "model.get", "Show one model with what is known of it and of its releases.", "mdl-abc", getModel),
		define(Acts, "model.add", "Enter a model before a device of it is there.", "Acme VM-200 --reason 'to be bought'", func(ctx context.Context, c *call, r ModelNew) (register.Model, error) {
			c.object, c.reason = "model "+register.ModelID(r.Manufacturer, r.Name), r.Reason
			return c.s.Register.AddModel(ctx, c.tx, r.Manufacturer, r.Name, c.mark())
		}),
	}
}

func getModel(_ context.Context, c *call, r ID) (ModelPage, error) {
	m, ok := c.s.Register.Model(r.ID)
	if !ok {
		return ModelPage{}, fault.New(fault.Absent, "register.no-subject", "there is no model %q in the register; list them to see their ids", clip(r.ID, 60))
	}
	now := c.s.now()
	page := ModelPage{Model: m, Facts: fact.Resolve(c.s.Register.Said(fact.Of(fact.OfModel, m.ID), now))}
	for _, rel := range m.Releases {
		page.Releases = append(page.Releases, ReleasePage{Release: rel, Facts: fact.Resolve(c.s.Register.Said(fact.Of(fact.OfRelease, rel.ID), now))})
	}
	return page, nil
}
