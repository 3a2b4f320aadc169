package service

import (
	"context"
	"slices"

	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/acceptance"
)

// templateOps are those of templates of questions (R32). The standard one is
// there without anybody having made it, until somebody makes it their own.
func templateOps() []Op {
	ops := governedOps("template", "template of questions", `{"id":"pumps","name":"Infusion pumps","roles":["biomed","it"],"months":24,"questions":[{"id":"patches","text":"Are there updates?","want":"yes","lead":"CSUP-11"}]}`,
		register.Templates(), func(*Service, acceptance.Template) error { return nil })
	ops = slices.DeleteFunc(ops, func(o Op) bool { return o.Name == "template.get" })
	return append(ops,
		define(Reads, "template.get", "Show one template of questions with its version and who made it so.", "standard", func(ctx context.Context, c *call, r ID) (register.Versioned[acceptance.Template], error) {
			v, err := register.Templates().Get(ctx, c.s.Store, r.ID)
			if fault.KindOf(err) == fault.Absent && r.ID == acceptance.DefaultID {
				return register.Versioned[acceptance.Template]{Value: acceptance.Standard()}, nil
			}
			return v, err
		}),
		define(Reads, "template.list", "List the templates of questions that are asked before something is used.", "", func(ctx context.Context, c *call, _ None) ([]acceptance.Template, error) {
			rows, err := register.Templates().List(ctx, c.s.Store)
			out := []acceptance.Template{}
			for _, v := range rows {
				out = append(out, v.Value)
			}
			if !slices.ContainsFunc(out, func(t acceptance.Template) bool { return t.ID == acceptance.DefaultID }) {
				out = append([]acceptance.Template{acceptance.Standard()}, out...)
			}
			return out, err
		}),
	)
}
