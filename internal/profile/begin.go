package profile

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"thalamus/internal/fault"
)

// File of a profile's folder.
type File struct {
	Name string
	Text []byte
}

// Begin gives the files of a new profile, with an example of each part.
func Begin(name, codec string) ([]File, error) {
	vendor, device, ok := strings.Cut(name, "/")
	if !ok || !isID(vendor) || !isID(device) {
		return nil, fault.New(fault.Invalid, "profile.wrong", "expected maker/model in small letters, digits, - and _, such as acme/vm200").At(name)
	}
	input, rules := `{"serial": "SN-1", "time": "2026-11-01T11:59:58Z", "patient": "4711", "values": [{"name": "HR", "value": 72, "unit": "/min"}]}`,
		`each: values[*]                 # where the rows lie
time: {from: [$.time, arrived]}
device: {serial: $.serial, manufacturer: '"Maker"', model: '"Model"'}
patient: {id: $.patient}
observe:
  - {label: name, value: value, unit: unit}
`
	applies := "channel: my-channel"
	switch codec {
	case "json":
	case "csv":
		input = "serial,time,patient,name,value,unit\nSN-1,2026-11-01T11:59:58Z,4711,HR,72,/min\n"
		rules = strings.NewReplacer("each: values[*]                 # where the rows lie\n", "", "$.", "").Replace(rules)
	case "hl7v2":
		input = "MSH|^~\\&|VM200|MAKER|||20261101115959+0000||ORU^R01^ORU_R01|1|P|2.6\rPID|||4711^^^Hospital^MR\rOBR|1|||X\rOBX|1|NM|1^HR^99MAKER||72|/min|||||F|||20261101115958+0000\r"
		rules, applies = "", "sender: VM200"
	default:
		return nil, fault.New(fault.Invalid, "profile.wrong", "there is no codec %q for profiles; expected hl7v2, json or csv", codec).At("--codec")
	}
	text := fmt.Sprintf(`profile: %s
version: 1
title: one line that says which device this is
codec: %s
applies_to: {%s}     # or manufacturer, model, software, sender, type, when
hardware: never              # or when and where it was tried on a device
evidence:
  - {document: "title or address of what shows it", shows: "what it shows"}
table: labels.csv
%s`, name, codec, applies, rules)
	extension := map[string]string{"hl7v2": "hl7"}[codec]
	if extension == "" {
		extension = codec
	}
	return []File{
		{FileName, []byte(text)},
		{"labels.csv", []byte("label;code;unit_in;missing\nHR;MDC_ECG_HEART_RATE;/min;---\n")},
		{"README.md", []byte("# " + name + "\n\nWhat it is, how it is connected, on what evidence this profile stands, and\nwhether it was tried on a device.\n")},
		{"cases/first/input." + extension, []byte(input)},
	}, nil
}

// Schema is the JSON Schema (2020-12) of profile.yaml, made of the same struct
// that reads it.
func Schema() []byte {
	schema := structSchema(reflect.TypeFor[Profile]())
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "Thalamus device profile"
	schema["required"] = []string{"profile", "version", "title", "codec", "applies_to", "evidence"}
	out, _ := json.MarshalIndent(schema, "", "  ") // made of texts: nothing can fail
	return append(out, '\n')
}

func structSchema(t reflect.Type) map[string]any {
	properties := map[string]any{}
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		if key == "" {
			continue
		}
		s := typeSchema(f.Type)
		if doc := f.Tag.Get("doc"); doc != "" {
			s["description"] = doc
		}
		properties[key] = s
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

func typeSchema(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[Fields](), t == reflect.TypeFor[Texts]():
		return map[string]any{"anyOf": []any{map[string]any{"type": []string{"string", "number", "boolean"}}, map[string]any{"type": "array", "items": map[string]any{"type": []string{"string", "number", "boolean"}}}}}
	case t == reflect.TypeFor[time.Duration](), t.Kind() == reflect.String:
		return map[string]any{"type": "string"}
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	case t.Kind() == reflect.Int:
		return map[string]any{"type": "integer"}
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": typeSchema(t.Elem())}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": typeSchema(t.Elem())}
	}
	return structSchema(t)
}
