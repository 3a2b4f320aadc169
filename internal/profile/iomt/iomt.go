// Package iomt makes profiles of the device mapping templates of iomt-fhir,
// the connector that turns JSON of wearables and hubs into FHIR. It is pure.
//
// A template names a type, says by an expression which parts of a document are
// of that type, and where device, time and values lie in them. Each of its
// values becomes a rule of a profile; its label is the type and the value's
// name. Templates carry no codes, so the table of the profile holds the labels
// as lines to be done: until somebody says what they mean, the values are kept
// under their labels and stand in the label inbox.
package iomt

import (
	"bytes"
	"fmt"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/profile"
)

// Result of an import.
type Result struct {
	Files  []profile.File // profile.yaml, labels.csv and README.md
	Labels []string       // what an engineer has to give a code, in order of the templates
	Notes  []Note         // what the profile does otherwise than the templates
}

// Note is one thing that could not be taken over as it was.
type Note struct {
	Place string `json:"place"` // in the template file
	Text  string `json:"text"`
}

const maxTemplates = 500

// Import reads a device mapping file. name is the profile's, maker/model.
// Faults are Invalid and name the place in the file; a file with one wrong
// template is refused wholly.
func Import(raw []byte, name string) (*Result, error) {
	text := uncommented(bytes.TrimPrefix(raw, []byte("\ufeff")))
	if err := jsonFault(text); err != nil {
		return nil, err
	}
	tree, err := profile.Document("json", text)
	if err != nil {
		return nil, err
	}
	im := importing{}
	if err := im.collection(tree, ""); err != nil {
		return nil, err
	}
	if len(im.templates) == 0 {
		return nil, wrong("template", "the file holds no template, so there is nothing to import")
	}
	return im.result(name)
}

func wrong(place, text string, args ...any) *fault.Fault {
	return fault.New(fault.Invalid, "profile.import", text, args...).At(place)
}

type importing struct {
	templates []template
	notes     []Note
}

func (im *importing) note(place, text string, args ...any) {
	im.notes = append(im.notes, Note{place, fmt.Sprintf(text, args...)})
}

// template is one mapping in the terms of profiles: paths begin at the row.
type template struct {
	each, match           string
	device, patient, time []string
	visit, format         string
	values                []value
	needs                 []string
}

type value struct{ label, path, compute string }

// collection reads a CollectionContent, a list of templates, or one template.
func (im *importing) collection(tree any, place string) error {
	if list, ok := tree.([]any); ok {
		for i, one := range list {
			if err := im.collection(one, fmt.Sprintf("%s[%d]", place, i)); err != nil {
				return err
			}
		}
		return nil
	}
	t, ok := tree.(map[string]any)
	if !ok {
		return wrong(place, "expected a template: an object with templateType and template")
	}
	kind, _ := t["templateType"].(string)
	inside := join(place, "template")
	if strings.EqualFold(kind, "CollectionContent") {
		list, ok := t["template"].([]any)
		if !ok {
			return wrong(inside, "a CollectionContent holds a list of templates")
		}
		return im.collection(list, inside)
	}
	read, ok := kinds[strings.ToLower(kind)]
	if !ok {
		return wrong(join(place, "templateType"), "%q is no device template; known are CollectionContent, JsonPathContent, IotJsonPathContent, IotCentralJsonPathContent and CalculatedContent", kind)
	}
	keys, ok := t["template"].(map[string]any)
	if !ok {
		return wrong(inside, "expected an object with typeName, typeMatchExpression and values")
	}
	if len(im.templates) == maxTemplates {
		return wrong(place, "the file holds more than %d templates", maxTemplates)
	}
	return im.template(keys, read, inside)
}

// kind says what a type of template knows by itself.
type kind struct {
	calculated   bool
	device, time []string // where the hub puts them
}

var kinds = map[string]kind{
	"jsonpathcontent":   {},
	"calculatedcontent": {calculated: true},
	"iotjsonpathcontent": {device: []string{"SystemProperties.iothub-connection-device-id"},
		time: []string{"Properties.iothub-creation-time-utc", "SystemProperties.iothub-enqueuedtime"}},
	"iotcentraljsonpathcontent": {device: []string{"deviceId"}, time: []string{"enqueuedTime"}},
}

func join(place, key string) string {
	if place == "" {
		return key
	}
	return place + "." + key
}

// known keys of a template; what else stands in it is said.
var known = []string{"typename", "typematchexpression", "deviceidexpression", "patientidexpression", "encounteridexpression",
	"timestampexpression", "correlationidexpression", "values", "defaultexpressionlanguage"}

func (im *importing) template(given map[string]any, k kind, place string) error {
	keys := map[string]any{}
	for _, key := range sorted(given) {
		small := strings.ToLower(key)
		if !contains(known, small) {
			im.note(join(place, key), "this key is unknown and was left out")
		}
		keys[small] = given[key]
	}
	e := expressions{im: im, calculated: k.calculated, language: "jsonpath"}
	if l, ok := keys["defaultexpressionlanguage"].(string); ok {
		e.language = strings.ToLower(l)
	}
	name, _ := keys["typename"].(string)
	if name = strings.TrimSpace(name); name == "" {
		return wrong(join(place, "typeName"), "the template does not name its type")
	}
	var t template
	source, err := e.source(keys["typematchexpression"], join(place, "typeMatchExpression"))
	if err != nil {
		return err
	}
	if t.each, t.match, err = e.matching(source); err != nil {
		return err
	}
	t.device, t.time = k.device, k.time
	for _, f := range []struct {
		key      string
		to       *[]string
		required bool
	}{{"deviceIdExpression", &t.device, true}, {"timestampExpression", &t.time, true}, {"patientIdExpression", &t.patient, false}} {
		at := join(place, f.key)
		given, stands := keys[strings.ToLower(f.key)]
		switch {
		case stands && *f.to != nil:
			im.note(at, "the hub tells this by itself; the expression was left out")
			continue
		case !stands && (!f.required || *f.to != nil):
			continue
		}
		source, err := e.source(given, at)
		if err != nil {
			return err
		}
		path, format, err := e.field(source, f.key == "timestampExpression")
		if err != nil {
			return err
		}
		*f.to = []string{path}
		if t.format = max(t.format, format); f.required {
			t.needs = append(t.needs, path)
		}
	}
	if given, ok := keys["encounteridexpression"]; ok {
		source, err := e.source(given, join(place, "encounterIdExpression"))
		if err != nil {
			return err
		}
		if t.visit, _, err = e.field(source, false); err != nil {
			return err
		}
	}
	if _, ok := keys["correlationidexpression"]; ok {
		im.note(join(place, "correlationIdExpression"), "values are not grouped by a correlation: each is an observation of its own, with its own time")
	}
	values, _ := keys["values"].([]any)
	if len(values) == 0 {
		return wrong(join(place, "values"), "the template names no value")
	}
	for i, v := range values {
		if err := t.value(&e, name, v, fmt.Sprintf("%s.values[%d]", place, i)); err != nil {
			return err
		}
	}
	im.templates = append(im.templates, t)
	return nil
}

// value reads one entry of values.
func (t *template) value(e *expressions, typeName string, given any, place string) error {
	keys, _ := given.(map[string]any)
	name, _ := keys["valueName"].(string)
	if name = strings.TrimSpace(name); name == "" {
		return wrong(join(place, "valueName"), "the value has no name")
	}
	source, err := e.source(keys["valueExpression"], join(place, "valueExpression"))
	if err != nil {
		return err
	}
	v := value{label: strings.Join(strings.Fields(typeName+"/"+name), " ")}
	if v.path, v.compute, err = e.value(source); err != nil {
		return err
	}
	required := keys["required"] == true
	if s, ok := keys["required"].(string); ok {
		required = strings.EqualFold(s, "true")
	}
	if required && v.path != "" {
		t.needs = append(t.needs, v.path)
	}
	t.values = append(t.values, v)
	return nil
}

// uncommented blanks // and /* */ comments, which such files may hold.
func uncommented(raw []byte) []byte {
	out := bytes.Clone(raw)
	for i := 0; i < len(out); i++ {
		switch {
		case out[i] == '"':
			for i++; i < len(out) && out[i] != '"'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
		case bytes.HasPrefix(out[i:], []byte("//")):
			for ; i < len(out) && out[i] != '\n'; i++ {
				out[i] = ' '
			}
		case bytes.HasPrefix(out[i:], []byte("/*")):
			end := bytes.Index(out[i:], []byte("*/"))
			if end < 0 {
				return out
			}
			for j := range out[i : i+end+2] {
				if out[i+j] != '\n' { // lines keep their numbers
					out[i+j] = ' '
				}
			}
		}
	}
	return out
}
