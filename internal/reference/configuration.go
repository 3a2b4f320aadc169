package reference

import (
	"fmt"
	"reflect"
	"strings"

	"thalamus/internal/builtin"
	"thalamus/internal/conf"
	"thalamus/internal/model"
)

// configuration describes the boot file, the governed things and the settings
// of every driver and destination in the program.
func configuration() []byte {
	p := newPage("Configuration", "Two texts configure Thalamus. The **boot file** holds what is needed to start and is read once. "+
		"Everything else is **governed**: channels, destinations, routes and adopted devices live in the data folder, "+
		"are changed with `thalamus apply`, the API or the console, and every change is in the audit.\n\n"+
		"Both are YAML without anchors, aliases and tags. A key that is not known, stands twice or has the wrong type is an error that names file and line, and nothing is changed. "+
		"Sizes may be written as `64MiB`, durations as `30s`, `5m` or `2160h`.")
	p.line("## The boot file\n")
	p.line("`thalamus serve --config FILE`; without a file every key has its default. `thalamus serve --sample` prints this. A path that does not begin with `/` or `.` is taken from the folder of the file. [thalamus.schema.json](thalamus.schema.json) lets an editor check it.\n")
	p.code("yaml", conf.Sample(&conf.Boot{}))
	p.table(keyHead, keyRows(conf.Describe(&conf.Boot{})))
	p.line("## Governed things\n")
	p.line("`thalamus export` writes this text, `thalamus diff FILE` says what it would change, `thalamus apply FILE` brings it in force as a whole or not at all. What a text leaves out is removed. Secrets are written as `(secret)`, which applied again leaves them as they are.\n")
	p.code("yaml", governedExample)
	w := modelWords()
	for _, one := range []struct {
		title string
		typ   reflect.Type
	}{
		{"channels", reflect.TypeFor[model.Channel]()},
		{"destinations", reflect.TypeFor[model.Destination]()},
		{"destinations: delivery", reflect.TypeFor[model.DeliveryRules]()},
		{"routes", reflect.TypeFor[model.Route]()},
		{"labels", reflect.TypeFor[model.Label]()},
		{"profiles", reflect.TypeFor[model.DeviceProfile]()},
	} {
		p.line("### %s\n", one.title)
		p.line("%s\n", w.types[one.typ.Name()])
		p.table([]string{"key", "type", "needed", "meaning"}, governedRows(one.typ, w))
	}
	p.line("## Settings of channels, by driver\n")
	for _, k := range builtin.Drivers() {
		p.line("### driver %s\n", k.Name)
		p.line("%s Codecs: `%s`.\n", sentenceOf(k.Doc), strings.Join(k.Codecs, "`, `"))
		p.table(keyHead, keyRows(conf.Describe(k.Settings)))
	}
	p.line("## Settings of destinations, by kind\n")
	for _, k := range builtin.Destinations() {
		p.line("### kind %s\n", k.Name)
		p.line("%s At most %d messages in one call, %d calls at once unless told.\n", sentenceOf(k.Doc), k.MaxBatch, k.Concurrency)
		p.table(keyHead, keyRows(conf.Describe(k.Settings)))
	}
	return p.bytes()
}

const governedExample = `channels:
  - id: icu
    driver: mllp
    codec: hl7v2
    zone: Europe/Berlin
    settings: {listen: "0.0.0.0:2575"}
destinations:
  - id: ehr
    kind: fhir
    settings: {base_url: "https://ehr.example/fhir"}
routes:
  - id: icu-to-ehr
    channels: [icu]
    destinations: [ehr]
devices: []`

var keyHead = []string{"key", "type", "default", "meaning"}

func keyRows(keys []conf.Key) [][]string {
	rows := make([][]string, len(keys))
	for i, k := range keys {
		doc := k.Doc
		if k.Secret {
			doc += " (secret: shown to nobody)"
		}
		rows[i] = []string{quoted(k.Path), k.Type, quoted(k.Default), doc}
	}
	return rows
}

func governedRows(t reflect.Type, w words) [][]string {
	var rows [][]string
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		needed := ""
		if !strings.Contains(options, "omit") {
			needed = "yes"
		}
		doc := w.fields[t.Name()][f.Name]
		rows = append(rows, []string{quoted(name), yamlType(f.Type), needed, doc})
	}
	return rows
}

func yamlType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "list"
	case reflect.Map, reflect.Struct:
		return "group"
	case reflect.Bool:
		return "true/false"
	case reflect.String:
		return "text"
	}
	return "number"
}

// bootSchema is the JSON Schema of the boot file.
func bootSchema() []byte {
	top := group(reflect.TypeFor[conf.Boot]())
	top.Schema, top.ID, top.Title = draft, "https://thalamus.example/schema/thalamus.json", "Boot file of Thalamus"
	return encode(top)
}

func group(t reflect.Type) *schema {
	closed := false
	s := &schema{Type: "object", Properties: map[string]*schema{}, AdditionalProperties: &closed}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if f.Type.Kind() == reflect.Struct {
			s.Properties[name] = group(f.Type)
			continue
		}
		p := &schema{Description: f.Tag.Get("doc")}
		if standard, ok := f.Tag.Lookup("default"); ok {
			p.Default = standard
		}
		switch {
		case f.Type.Kind() == reflect.Slice:
			p.Type, p.Items = "array", &schema{Type: "string"}
			p.Default = strings.Split(fmt.Sprint(p.Default), ",")
		case f.Type.Kind() == reflect.Bool:
			p.Type, p.Default = "boolean", p.Default == "true"
		case f.Type.Kind() == reflect.String:
			p.Type = "string"
		case f.Type.String() == "time.Duration":
			p.Type, p.Pattern = "string", `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`
		default:
			p.AnyOf = []*schema{{Type: "integer"}, {Type: "string", Pattern: "^[0-9]+ ?(KiB|MiB|GiB)?$"}}
		}
		s.Properties[name] = p
	}
	return s
}
