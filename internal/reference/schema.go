package reference

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"thalamus/internal/model"
)

// schema is a JSON Schema in the order in which it is written.
type schema struct {
	Schema               string             `json:"$schema,omitempty"`
	ID                   string             `json:"$id,omitempty"`
	Title                string             `json:"title,omitempty"`
	Ref                  string             `json:"$ref,omitempty"`
	Description          string             `json:"description,omitempty"`
	Type                 string             `json:"type,omitempty"`
	Format               string             `json:"format,omitempty"`
	Pattern              string             `json:"pattern,omitempty"`
	Default              any                `json:"default,omitempty"`
	Enum                 []string           `json:"enum,omitempty"`
	AnyOf                []*schema          `json:"anyOf,omitempty"`
	Items                *schema            `json:"items,omitempty"`
	Required             []string           `json:"required,omitempty"`
	Properties           map[string]*schema `json:"properties,omitempty"`
	AdditionalProperties *bool              `json:"additionalProperties,omitempty"`
	Defs                 map[string]*schema `json:"$defs,omitempty"`
}

const draft = "https://json-schema.org/draft/2020-12/schema"

// MessageSchema is the JSON Schema of a line that `thalamus decode` prints.
// Fields are added to it over time; none changes its meaning or goes.
func MessageSchema() []byte {
	m := modelSchema{words: modelWords(), defs: map[string]*schema{}}
	top := m.structure(reflect.TypeFor[model.Message]())
	top.Schema, top.ID, top.Title = draft, "https://thalamus.example/schema/message.json", "Message"
	top.Defs = m.defs
	return encode(top)
}

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // our own types always marshal
	return b.Bytes()
}

// modelSchema makes schemas of the types of package model.
type modelSchema struct {
	words words
	defs  map[string]*schema
	order []reflect.Type // structures, as they were met
}

var (
	marshalsText = reflect.TypeFor[encoding.TextMarshaler]()
	timeType     = reflect.TypeFor[time.Time]()
	decimalType  = reflect.TypeFor[model.Decimal]()
	refType      = reflect.TypeFor[model.MessageRef]()
)

func (m *modelSchema) of(t reflect.Type) *schema {
	switch {
	case t == timeType:
		return &schema{Type: "string", Format: "date-time"}
	case t == decimalType:
		return &schema{Type: "number"}
	case t == refType:
		return &schema{Type: "string", Pattern: `^[0-9]+\.[0-9]+$`}
	case t.Implements(marshalsText):
		return &schema{Type: "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.of(t.Elem())
	case reflect.String:
		s := &schema{Type: "string"}
		for _, v := range m.words.values[t.Name()] {
			s.Enum = append(s.Enum, v.text)
		}
		return s
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Slice:
		return &schema{Type: "array", Items: m.of(t.Elem())}
	case reflect.Struct:
		if _, known := m.defs[t.Name()]; !known {
			m.defs[t.Name()] = nil // met: types may hold themselves
			m.defs[t.Name()] = m.structure(t)
		}
		return &schema{Ref: "#/$defs/" + t.Name()}
	}
	return &schema{Type: "integer"}
}

func (m *modelSchema) structure(t reflect.Type) *schema {
	m.order = append(m.order, t)
	s := &schema{Type: "object", Description: m.words.types[t.Name()], Properties: map[string]*schema{}}
	for _, f := range jsonFields(t) {
		p := m.of(f.Type)
		if doc := m.words.fields[t.Name()][f.GoName]; doc != "" {
			p.Description = doc
		}
		s.Properties[f.Name] = p
		if f.Required {
			s.Required = append(s.Required, f.Name)
		}
	}
	return s
}

// jsonField is a field of a struct as JSON names it.
type jsonField struct {
	Name, GoName string
	Required     bool
	Type         reflect.Type
}

func jsonFields(t reflect.Type) []jsonField {
	var out []jsonField
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" || !f.IsExported() {
			continue
		}
		out = append(out, jsonField{name, f.Name, !strings.Contains(options, "omit"), f.Type})
	}
	return out
}
