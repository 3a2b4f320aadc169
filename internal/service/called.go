package service

import (
	"context"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// CalledAsk says whose names to tell.
type CalledAsk struct {
	IDs []string `json:"ids" arg:"ids" doc:"ids of people, tokens, devices and models, at most 1000"`
}

// mostCalled bounds how many names one question gets.
const mostCalled = 1000

func calledOps() []Op {
	return []Op{
		define(Reads, "name.list", "Tell what people, tokens, devices and models are called, by their ids; never patients.", "usr-abc dev-abc", func(_ context.Context, c *call, r CalledAsk) (map[string]string, error) {
			if len(r.IDs) > mostCalled {
				return nil, fault.New(fault.Invalid, "service.argument", "%d ids are too many for one question; ask for %d at once", len(r.IDs), mostCalled).At("ids")
			}
			out := make(map[string]string, len(r.IDs))
			for _, id := range r.IDs {
				if name := c.s.called(id); name != "" {
					out[id] = name
				}
			}
			return out, nil
		}),
	}
}

// called gives the name of what an id is of, from memory; empty where nobody
// knows it. Patients have none here: their names are looks at them (R44).
func (s *Service) called(id string) string {
	kind, rest, _ := strings.Cut(id, "-")
	switch kind {
	case "dev":
		if v, err := s.Register.View(model.DeviceID(id)); err == nil {
			row := deviceRow(v.Device)
			row.said(v.Said, s.now())
			return nameOf(&row)
		}
		return ""
	case "mdl":
		if m, ok := s.Register.Model(id); ok {
			return strings.TrimSpace(m.Manufacturer + " " + m.Name)
		}
		return ""
	case "tok":
		for _, t := range s.Access.Tokens() {
			if t.ID == id {
				return t.Name
			}
		}
		return ""
	}
	if name, ok := strings.CutPrefix(id, "local:"); ok {
		return name
	}
	if id == "system" {
		return "Thalamus"
	}
	if rest == "" {
		return ""
	}
	if a, err := s.Access.Account(id); err == nil && string(a.ID) == id {
		return a.Actor().Name
	}
	return ""
}
