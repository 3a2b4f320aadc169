package reference

import (
	"reflect"
	"strings"

	"thalamus/internal/model"
)

// messages describes the lines that `thalamus decode` prints.
func messages() []byte {
	p := newPage("Messages", "`thalamus decode` prints one JSON object a message and line; `thalamus message get` and the API show the same object, file destinations and webhooks send it. "+
		"[message.schema.json](message.schema.json) is its JSON Schema (`thalamus decode --schema` prints it).\n\n"+
		"**Stability.** Fields may be added; a field that is here keeps its name, type and meaning. Fields that hold nothing are left out. Numbers keep every digit that was sent: read them as decimals, not as floating point. "+
		"Three times are never mixed: `deviceTime` is what the sender said, `arrived` when our socket had the bytes, `recorded` when it was stored.")
	p.line("An example, put on several lines to be read:\n")
	p.code("json", messageExample)
	m := modelSchema{words: modelWords(), defs: map[string]*schema{}}
	m.structure(reflect.TypeFor[model.Message]())
	for _, t := range m.order {
		p.line("## %s\n", t.Name())
		if doc := m.words.types[t.Name()]; doc != "" {
			p.line("%s\n", doc)
		}
		var rows [][]string
		for _, f := range jsonFields(t) {
			doc := m.words.fields[t.Name()][f.GoName]
			if values := m.values(f.Type); values != "" {
				if doc != "" {
					doc = sentenceOf(doc) + " "
				}
				doc += values
			}
			always := ""
			if f.Required {
				always = "yes"
			}
			rows = append(rows, []string{quoted(f.Name), m.link(f.Type), always, doc})
		}
		p.table([]string{"field", "type", "always there", "meaning"}, rows)
	}
	return p.bytes()
}

// values lists the constants of a type.
func (m *modelSchema) values(t reflect.Type) string {
	var out []string
	for _, v := range m.words.values[t.Name()] {
		if v.text == "" {
			continue
		}
		text := quoted(v.text)
		if v.doc != "" {
			text += " (" + v.doc + ")"
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return ""
	}
	return "One of " + strings.Join(out, ", ")
}

// link names a type, with a link where it stands on this page.
func (m *modelSchema) link(t reflect.Type) string {
	s := m.of(t)
	switch {
	case s.Type == "array" && s.Items.Ref != "":
		return "list of " + m.link(t.Elem())
	case s.Ref != "":
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		return "[" + t.Name() + "](#" + anchor(t.Name()) + ")"
	case s.Type == "array":
		return "list of " + s.Items.Type + "s"
	case s.Format != "":
		return "time (RFC 3339)"
	}
	return s.Type
}

const messageExample = `{
  "ref": "1.0", "channel": "file", "codec": "hl7v2",
  "type": "ORU^R01", "version": "2.6", "controlId": "1",
  "sender": {"application": "MON"}, "receiver": {},
  "patient": {"identifiers": [{"value": "123", "system": "HOSP", "type": "MR"}], "family": "Doe", "given": ["Jane"]},
  "observations": [{
    "field": "OBX[1]",
    "received": {"code": "150456", "text": "MDC_PULS_OXIM_SAT_O2", "system": "MDC"},
    "code": {"mdc": 150456, "refid": "MDC_PULS_OXIM_SAT_O2", "loinc": "2708-6", "name": "Oxygen saturation (pulse oximetry)"},
    "value": {"kind": "number", "number": 98}, "unit": "%",
    "status": "final", "device": 0, "order": 0
  }]
}`
