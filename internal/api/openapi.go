package api

import (
	"encoding/json"
	"path"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"thalamus/internal/service"
)

// Document is the OpenAPI 3.1 description of the operations.
func Document(version string, ops []service.Op) ([]byte, error) {
	schemas := huma.NewMapRegistry("#/components/schemas/", schemaName)
	problem := map[string]any{
		"description": "An error; its code is described in the fault list.",
		"content":     map[string]any{"application/problem+json": map[string]any{"schema": schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")}},
	}
	paths := map[string]any{
		"/api/v1/events": map[string]any{"get": map[string]any{
			"operationId": "events", "summary": "Changes as server-sent events.",
			"responses": map[string]any{"200": map[string]any{"description": "A stream.", "content": map[string]any{"text/event-stream": map[string]any{"schema": schemas.Schema(reflect.TypeFor[service.Event](), true, "Event")}}}, "default": problem},
		}},
	}
	tags := []map[string]any{}
	seen := map[string]bool{}
	for _, o := range ops {
		if !seen[o.Noun()] {
			seen[o.Noun()] = true
			tags = append(tags, map[string]any{"name": o.Noun()})
		}
		answer := map[string]any{
			"200":     map[string]any{"description": "Done.", "content": map[string]any{"application/json": map[string]any{"schema": schemas.Schema(o.Response, true, o.Name+" response")}}},
			"default": problem,
		}
		describe := func(id string) map[string]any {
			return map[string]any{
				"operationId": id, "summary": o.Doc, "tags": []string{o.Noun()}, "responses": answer,
				"x-permission": o.Name, "x-patients": o.Patients,
			}
		}
		post := describe(o.Name)
		post["requestBody"] = map[string]any{"content": map[string]any{"application/json": map[string]any{"schema": schemas.Schema(o.Request, true, o.Name+" request")}}}
		path := map[string]any{"post": post}
		if o.Mode == service.Reads {
			get := describe(o.Name + ".query")
			var parameters []map[string]any
			for _, f := range service.Fields(o.Request) {
				kind := "string"
				if f.Bool {
					kind = "boolean"
				}
				schema := map[string]any{"type": kind}
				if f.List {
					schema = map[string]any{"type": "array", "items": schema}
				}
				parameters = append(parameters, map[string]any{"name": f.Name, "in": "query", "description": f.Doc, "schema": schema})
			}
			if parameters != nil {
				get["parameters"] = parameters
			}
			path["get"] = get
		}
		paths["/api/v1/"+o.Noun()+"/"+o.Verb()] = path
	}
	return json.MarshalIndent(map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title": "Thalamus", "version": version,
			"description": "Every operation of Thalamus. The operation's name is the permission it needs and the action in the audit.",
			"license":     map[string]any{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":    []map[string]any{{"url": "/"}},
		"security":   []map[string]any{{"token": []string{}}},
		"tags":       tags,
		"paths":      paths,
		"components": map[string]any{"schemas": schemas.Map(), "securitySchemes": map[string]any{"token": map[string]any{"type": "http", "scheme": "bearer"}}},
	}, "", "  ")
}

// schemaName names a type by its package and name, because two packages may
// use the same word.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if t.Name() == "" || t.PkgPath() == "" {
		return name
	}
	room := path.Base(t.PkgPath())
	return strings.ToUpper(room[:1]) + room[1:] + name
}
