package ui

import (
	"context"

	"thalamus/internal/service"
)

// Called is what a person, token, device or model is called, by its id; the id
// itself where nobody knows a name. Each id is asked for once a page. Patients
// are never named this way: a look at one is audited.
func Called(ctx context.Context, id string) string {
	v := From(ctx)
	if id == "" || v.Door == nil {
		return id
	}
	if name, ok := v.names[id]; ok {
		return name
	}
	var names map[string]string
	name := id
	if err := v.Call("name.list", service.CalledAsk{IDs: []string{id}}, &names); err == nil && names[id] != "" {
		name = names[id]
	}
	if v.names == nil {
		v.names = map[string]string{}
	}
	v.names[id] = name
	return name
}

// Who is the person or system that did something: its name, and "you" where it
// is the reader; what the program does by itself is said as that.
func Who[ID ~string](ctx context.Context, by ID) string {
	switch v := From(ctx); {
	case by == "":
		return ""
	case v.Door != nil && string(v.Door.Actor().ID) == string(by):
		return T(ctx, "%s (you)", v.Door.Actor().Name)
	}
	return Called(ctx, string(by))
}
