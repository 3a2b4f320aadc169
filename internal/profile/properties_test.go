package profile

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"thalamus/internal/model"
)

const ownRows = `profile: acme/hub
version: 1
title: Acme hub
codec: json
applies_to: {channel: hub}
evidence: [{document: description, shows: all fields}]
table: labels.csv
time: {from: $.ts}
device: {id: $.hub}
observe:
  - {label: '"HR"', value: hr, unit: '"/min"', each: $.., match: "@.hr && @.kind == 'beat'", needs: [hr, at], time: at, device: [strap, $.hub], patient: who}
  - {label: '"HR2"', compute: 'double(string(row.interval)) > 0.0 ? 60000.0 / double(string(row.interval)) : 1.0 / 0.0', each: '$.beats[*]', match: '@.interval'}
`

const ownLabels = "label;code;unit_in\nHR;MDC_ECG_HEART_RATE;/min\nHR2;MDC_PULS_RATE;/min\n"

const ownDocument = `{"hub": "H1", "ts": "2026-11-01T10:00:00Z", "beats": [
  {"kind": "beat", "hr": 61, "at": "2026-11-01T09:59:00Z", "who": "4711", "strap": "S1"},
  {"kind": "beat", "hr": 62, "who": "4712"},
  {"kind": "rest", "hr": 63, "at": "2026-11-01T09:59:02Z", "who": "4711"},
  {"interval": "800"}, {"interval": 0}]}`

func document(t *testing.T, text string) any {
	t.Helper()
	d, err := Document("json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRulesWithRowsOfTheirOwn: each, match, needs, compute, device and patient
// of one rule.
func TestRulesWithRowsOfTheirOwn(t *testing.T) {
	p := parse(t, ownRows, ownLabels)
	messages, err := p.Read(document(t, ownDocument), model.Message{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range messages {
		patient := "-"
		if m.Patient != nil {
			patient = m.Patient.Identifiers[0].Value
		}
		for _, o := range m.Observations {
			got = append(got, strings.Join([]string{patient, m.Devices[o.Device].Identifiers[0].Value, o.Field, o.Mapping().Code.RefID, o.Value.Number.String(), o.DeviceTime.Original}, " "))
		}
		for _, i := range m.Issues {
			got = append(got, patient+" "+i.Code+" "+i.Field+" "+i.Received)
		}
	}
	want := []string{
		"4711 S1 beats[0].hr MDC_ECG_HEART_RATE 61 2026-11-01T09:59:00Z",
		"4712 profile.needed beats[1] at",
		"- H1 beats[3].value MDC_PULS_RATE 75 2026-11-01T10:00:00Z",
		"- profile.compute beats[4] " + p.Observe[1].Compute,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, err := p.Read(document(t, `{"hub": "H1"}`), model.Message{}); err == nil || !strings.Contains(err.Error(), "no-rows") && !strings.Contains(err.Error(), "nothing lies") {
		t.Errorf("a document without rows: %v", err)
	}
}

// TestDeterministic: what is read, and refined once or again, is always the
// same, whatever order maps are walked in.
func TestDeterministic(t *testing.T) {
	for _, c := range []struct{ profile, table, document string }{
		{ownRows, ownLabels, ownDocument},
		{monitor, labels, `{"sn":"7","fw":"2.2","ts":1793527198000,"mrn":"4711","obs":[{"name":"HR","v":"-1","u":"/min"},{"name":"ART-S","v":"12.0","u":"mmHg"},{"kind":"lead","state":"0"},{"odd":1}]}`},
	} {
		read := func() []byte {
			p := parse(t, c.profile, c.table)
			messages, err := p.Read(document(t, c.document), model.Message{})
			if err != nil {
				t.Fatal(err)
			}
			for i := range messages {
				p.Refine(&messages[i])
			}
			once, _ := json.Marshal(messages)
			for i := range messages {
				p.Refine(&messages[i])
			}
			again, _ := json.Marshal(messages)
			if count(once, "profile.quirk\"") != count(again, "profile.quirk\"") {
				t.Errorf("refining again doubles issues:\n%s\n%s", once, again)
			}
			return once
		}
		first := read()
		for range 20 {
			if next := read(); string(next) != string(first) {
				t.Fatalf("read otherwise:\n%s\n%s", first, next)
			}
		}
	}
}

func count(text []byte, part string) int { return strings.Count(string(text), part) }

// TestDigest: equal texts have equal digests, other texts of profile or table
// others; cases do not count, because they do not read anything.
func TestDigest(t *testing.T) {
	digest := func(profile, table string, cases bool) string {
		files := folder(profile, table)
		if cases {
			files["acme/vm200/cases/one/input.json"] = files["acme/vm200/labels.csv"]
		}
		p, err := Parse(files, "acme/vm200")
		if err != nil {
			t.Fatal(err)
		}
		return p.Digest()
	}
	d := digest(monitor, labels, false)
	if digest(monitor, labels, true) != d || len(d) != 64 {
		t.Error("the digest is not that of profile and table alone")
	}
	other := map[string]bool{d: true}
	for _, c := range [][2]string{{strings.Replace(monitor, "version: 3", "version: 4", 1), labels}, {monitor + "# a comment\n", labels}, {monitor, labels + "RR;MDC_RESP_RATE;/min;;;\n"}} {
		if got := digest(c[0], c[1], false); other[got] {
			t.Error("another text has the same digest")
		} else {
			other[got] = true
		}
	}
	texts := Files{FileName: monitor, "labels.csv": labels}
	if p, err := Parse(texts, "."); err != nil || p.Digest() != d {
		t.Errorf("the files as texts have another digest: %v", err)
	}
}

// TestShortcuts: expressions that need no interpreter give what CEL gives.
func TestShortcuts(t *testing.T) {
	for source, want := range map[string]bool{`unit == "mmHg"`: true, `unit == 'kPa'`: false, `missing == "mmHg"`: false, `value == "mmHg"`: false, `type == "NM"`: true} {
		g, err := compile(source)
		if err != nil {
			t.Fatal(err)
		}
		field := func(name string) any {
			return map[string]any{"unit": "mmHg", "value": 1.5, "type": "NM"}[name]
		}
		if got, err := g.holds(field); err != nil || got != want || !g.plain {
			t.Errorf("%s: %v, %v", source, got, err)
		}
		g.plain = false
		if got, _ := g.holds(field); got != want {
			t.Errorf("%s: CEL gives %v", source, got)
		}
	}
}

// TestNobody: an id that stands for no patient makes none, in documents as in
// messages, and others stay.
func TestNobody(t *testing.T) {
	p := parse(t, ownRows+"patient: {id: who, nobody: [Unknown*, 4712]}\n", ownLabels)
	messages, err := p.Read(document(t, ownDocument), model.Message{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if m.Patient != nil && m.Patient.Identifiers[0].Value != "4711" {
			t.Errorf("patient %v", m.Patient.Identifiers)
		}
	}
	h := parse(t, "profile: acme/pump\nversion: 1\ntitle: pump\ncodec: hl7v2\napplies_to: {sender: PUMP}\nevidence: [{document: x, shows: x}]\npatient: {nobody: Unknown Patient}\n", "label;code\n")
	for _, c := range []struct{ ids, left []string }{{[]string{"unknown patient"}, nil}, {[]string{"Unknown Patient", "7"}, []string{"7"}}, {[]string{"7"}, []string{"7"}}} {
		m := model.Message{Patient: &model.Patient{Family: "Doe"}}
		for _, id := range c.ids {
			m.Patient.Identifiers = append(m.Patient.Identifiers, model.Identifier{Value: id})
		}
		h.Refine(&m)
		h.Refine(&m)
		var left []string
		if m.Patient != nil {
			for _, i := range m.Patient.Identifiers {
				left = append(left, i.Value)
			}
		}
		if !reflect.DeepEqual(left, c.left) {
			t.Errorf("%v: %v", c.ids, left)
		}
	}
}
