package api

import (
	"encoding/json"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

type object = map[string]any

// Document is the OpenAPI 3.1 description of the operations.
func Document(version string, ops []service.Op) ([]byte, error) {
	schemas := Schemas()
	paths := object{
		"/api/v1/events": object{"get": object{
			"operationId": "events", "summary": "Changes as server-sent events.", "x-permission": "overview.get",
			"description": "Ends when the session or token does. An event \"missed\" says that some were lost: read everything again.",
			"parameters":  []object{{"name": "Last-Event-ID", "in": "header", "description": "number of the last event seen; the stream goes on after it", "schema": object{"type": "string"}}},
			"responses": withErrors(object{"200": object{"description": "A stream; the data of each event is an Event.", "content": object{"text/event-stream": object{
				"schema": object{"type": "string"}, "example": "id: 1\nevent: recorded\ndata: {\"id\":1,\"kind\":\"recorded\",\"messages\":2,\"channel\":\"icu\",\"seq\":4711}\n\n",
			}}}}),
		}},
		extractPath: describeExtractFile(),
	}
	schemas.Schema(reflect.TypeFor[service.Event](), true, "Event")
	tags := []object{}
	for _, o := range ops {
		if !slices.ContainsFunc(tags, func(t object) bool { return t["name"] == o.Noun() }) {
			tags = append(tags, object{"name": o.Noun()})
		}
		path, err := describePath(o, schemas)
		if err != nil {
			return nil, err
		}
		paths[pathOf(o)] = path
		if o.Name == "care.calendar" {
			if paths[calendarPath], err = describeCalendar(o); err != nil {
				return nil, err
			}
		}
		if o.Name == "waveform.export" {
			if paths[archivePath], err = describeArchive(o); err != nil {
				return nil, err
			}
		}
	}
	problem := schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	return json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Thalamus", "version": version,
			"description": "Every operation of Thalamus. The operation's name is the permission it needs and the action in the audit.",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []object{{"url": "/"}},
		"security": []object{{"token": []string{}}, {"session": []string{}}},
		"tags":     tags,
		"paths":    paths,
		"components": object{
			"schemas": schemas.Map(), "responses": errorResponses(problem),
			"securitySchemes": object{
				"token":   object{"type": "http", "scheme": "bearer", "description": "An API token, made with token.create."},
				"session": object{"type": "apiKey", "in": "cookie", "name": "__Host-thalamus", "description": "The console's session."},
			},
		},
	}, "", "  ")
}

func pathOf(o service.Op) string { return "/api/v1/" + o.Noun() + "/" + o.Verb() }

func describePath(o service.Op, schemas huma.Registry) (object, error) {
	example, err := o.ExampleRequest()
	if err != nil {
		return nil, err
	}
	answer := object{
		"description": "Done.",
		"content":     object{"application/json": object{"schema": schemas.Schema(o.Response, true, o.Name+" response")}},
	}
	headers := object{}
	if versionIn(reflect.New(o.Response).Interface()).IsValid() {
		headers["ETag"] = object{"description": "the version, for If-Match", "schema": object{"type": "string"}}
	}
	if o.Mode == service.Acts {
		headers[changeHeader] = object{"description": "id of the change, for change.undo", "schema": object{"type": "string"}}
	}
	if len(headers) > 0 {
		answer["headers"] = headers
	}
	describe := func(id string) object {
		d := object{
			"operationId": id, "summary": o.Doc, "tags": []string{o.Noun()}, "x-permission": o.Name,
			"responses": withErrors(object{"200": answer}),
		}
		if o.Patients {
			d["description"] = "The answer holds patients' data: every look is audited."
		}
		return d
	}
	post := describe(o.Name)
	post["requestBody"] = object{"content": object{"application/json": object{"schema": schemas.Schema(o.Request, true, o.Name+" request"), "example": example}}}
	if versionIn(reflect.New(o.Request).Interface()).IsValid() {
		post["parameters"] = []object{{"name": "If-Match", "in": "header", "description": "refuse with 409 when another version is in force; in place of the body's version", "schema": object{"type": "string"}, "example": `"3"`}}
	}
	path := object{"post": post}
	if o.Mode != service.Reads {
		return path, nil
	}
	get := describe(o.Name + ".query")
	var parameters []object
	for _, f := range service.Fields(o.Request) {
		if f.Private || f.Secret {
			continue
		}
		p := object{"name": f.Name, "in": "query", "description": f.Doc, "schema": inQuery(f)}
		if f.Required {
			p["required"] = true
		}
		parameters = append(parameters, p)
	}
	if parameters != nil {
		get["parameters"] = parameters
	}
	path["get"] = get
	return path, nil
}

// errorExamples gives for each status what it means and a code that has it.
var errorExamples = []struct {
	status     int
	kind       fault.Kind
	code, text string
}{
	{http.StatusBadRequest, fault.Invalid, "api.unknown-field", "The request is wrong: change it."},
	{http.StatusUnauthorized, fault.Denied, "access.unauthenticated", "Nobody is signed in, or the token or session has ended."},
	{http.StatusForbidden, fault.Denied, "access.denied", "Whoever calls may not; the refusal is audited."},
	{http.StatusNotFound, fault.Absent, "register.absent", "There is no such thing."},
	{http.StatusMethodNotAllowed, fault.Invalid, "api.method", "The operation is called with another method."},
	{http.StatusConflict, fault.Conflict, "register.version", "It was changed meanwhile, or exists already: read it again."},
	{http.StatusPreconditionFailed, fault.Conflict, "api.if-match", "If-Match cannot be used."},
	{http.StatusRequestEntityTooLarge, fault.Invalid, "api.oversize", "The body is too large."},
	{http.StatusUnsupportedMediaType, fault.Invalid, "api.media", "The body is not application/json."},
	{http.StatusTooManyRequests, fault.Denied, "access.slow-down", "Too many wrong tries; the message says how long to wait."},
	{http.StatusInternalServerError, fault.Broken, "internal", "Our fault, or the disk's; the log says more."},
	{http.StatusServiceUnavailable, fault.Transient, "journal.full", "Try again later."},
}

func errorResponses(problem *huma.Schema) object {
	out := object{}
	for _, e := range errorExamples {
		example := problemOf(fault.New(e.kind, e.code, "%s", e.text))
		out["e"+strconv.Itoa(e.status)] = object{
			"description": e.text,
			"content":     object{"application/problem+json": object{"schema": problem, "example": example}},
		}
	}
	return out
}

func withErrors(responses object) object {
	for _, e := range errorExamples {
		responses[strconv.Itoa(e.status)] = object{"$ref": "#/components/responses/e" + strconv.Itoa(e.status)}
	}
	return responses
}

// Schemas describes types as they stand in JSON.
func Schemas() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", schemaName)
	r.RegisterTypeAlias(reflect.TypeFor[model.Decimal](), reflect.TypeFor[float64]()) // written as a JSON number
	return r
}

// inQuery describes a parameter as it stands in an address, where times may be
// relative ("-15m") and durations have units.
func inQuery(f service.Field) object {
	t := f.Type()
	if f.List {
		t = t.Elem()
	}
	one := object{"type": "string"}
	switch {
	case t == reflect.TypeFor[model.Duration]():
	case t.Kind() == reflect.Bool:
		one = object{"type": "boolean"}
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		one = object{"type": "integer"}
	}
	if f.List {
		return object{"type": "array", "items": one}
	}
	return one
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
