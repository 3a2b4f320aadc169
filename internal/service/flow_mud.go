package service

import (
	"context"
	"encoding/json"
	"slices"

	"thalamus/internal/fault"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/flows"
)

// MUDAsk asks for the MUD file of a model.
type MUDAsk struct {
	ID       string `json:"id" arg:"id" doc:"id of the model"`
	URL      string `json:"url,omitempty" arg:"url" doc:"where the file will be found, https; an address made of the model's id when left out, to be corrected"`
	Observed bool   `json:"observed,omitempty" doc:"also connections that were seen and are not approved: a draft to look through"`
}

// MUDAnswer is a MUD file with what it was made of.
type MUDAnswer struct {
	Used int             `json:"used"` // connections in it
	Left int             `json:"left"` // of the model, that access lists cannot name
	File json.RawMessage `json:"file"` // application/mud+json
}

// mudPlace is where a file is said to be when nobody says where: a name that
// is never in use (RFC 2606 §3), so that it is seen and corrected.
const mudPlace = "https://mud.example.com/"

func modelMUD(ctx context.Context, c *call, r MUDAsk) (MUDAnswer, error) {
	m, ok := c.s.Register.Model(r.ID)
	if !ok {
		return MUDAnswer{}, fault.New(fault.Absent, "register.no-subject", "there is no model %q in the register; list them to see their ids", clip(r.ID, 60))
	}
	rows, _, err := c.s.judged(ctx)
	if err != nil {
		return MUDAnswer{}, err
	}
	if !r.Observed {
		rows = slices.DeleteFunc(rows, func(row FlowRow) bool { return row.Approved == flows.ByNone })
	}
	now := c.s.now()
	what := flows.MUD{URL: r.URL, Manufacturer: m.Manufacturer, Model: m.Name, Info: m.Manufacturer + " " + m.Name, Updated: now}
	if what.URL == "" {
		what.URL = mudPlace + m.ID + ".json"
	}
	if len(m.Releases) == 1 {
		what.Release = m.Releases[0].Version
	}
	// is-supported: whether the maker still provides updates (RFC 8520 §7).
	what.Supported = saidOf(c.s.Register.Said(fact.Of(fact.OfModel, m.ID), now), "support", now) != "ended"
	var out MUDAnswer
	out.File, out.Used, out.Left, err = flows.MUDFile(what, rows, m.ID)
	return out, err
}
