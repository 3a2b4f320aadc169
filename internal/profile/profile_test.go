package profile

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

const monitor = `profile: acme/vm200
version: 3
title: Acme VM-200 bedside monitor
codec: json
applies_to: {manufacturer: Acme, model: VM-2*, software: ">=2.1 <3"}
evidence: [{document: interface description 7.1, shows: all fields}]
hardware: never
table: labels.csv
each: $.obs[*]
time: {from: [ts, $.ts, arrived], format: epoch_ms}
device: {serial: $.sn, manufacturer: '"Acme"', model: '"VM-200"', software: $.fw}
patient: {id: [mrn, $.mrn], system: HOSP}
enumerations:
  lead: {"0": "off", "1": MDC_PULS_OXIM_SAT_O2}
observe:
  - {label: name, value: [v, value], unit: u, when: 'quality != "LEAD_OFF" && kind == null'}
  - {code: MDC_PULS_OXIM_SAT_O2, value: state, meaning: lead, when: kind == "lead"}
  - {label: name, samples: s, rate: hz, unit: u, when: kind == "wave"}
derive:
  - {code: MDC_PRESS_BLD_ART_MEAN, value: 'v["MDC_PRESS_BLD_ART_DIA"] + (v["MDC_PRESS_BLD_ART_SYS"] - v["MDC_PRESS_BLD_ART_DIA"]) / 3.0', unit: 'mm[Hg]', digits: 1}
quirks:
  - {id: kpa-as-mmhg, says: "sends kPa under the name mmHg below 30", evidence: capture 4, when: 'unit == "mmHg" && value < 30.0', set: {unit: '"kPa"'}}
`

const labels = `label;code;unit_in;missing;min;max
# evidence: interface description 7.1
HR;MDC_ECG_HEART_RATE;/min;-1|---;20;300
SpO2;MDC_PULS_OXIM_SAT_O2;%;;;
ART-S;MDC_PRESS_BLD_ART_SYS;mm[Hg];;;
ART-D;MDC_PRESS_BLD_ART_DIA;mm[Hg];;;
II;MDC_ECG_ELEC_POTL_II;mV;;;
`

func folder(profile, table string) fstest.MapFS {
	return fstest.MapFS{"acme/vm200/profile.yaml": {Data: []byte(profile)}, "acme/vm200/labels.csv": {Data: []byte(table)}}
}

func parse(t *testing.T, profile, table string) *Profile {
	t.Helper()
	p, err := Parse(folder(profile, table), "acme/vm200")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestReadDocument(t *testing.T) {
	p := parse(t, monitor, labels)
	doc, err := Document("json", []byte(`{"sn":"7","fw":"2.4","ts":1700000000000,"mrn":"P1","obs":[
		{"name":"HR","v":72.50,"u":"/min"}, {"name":"hr","v":"---"}, {"name":"ART-S","v":120}, {"name":"ART-D","v":80,"ts":1700000001000},
		{"name":"SpO2","v":97,"quality":"LEAD_OFF"}, {"kind":"lead","state":1}, {"name":"ART-S","v":16,"u":"mmHg"},
		{"name":"II","kind":"wave","s":[0.1,-0.25,null,1],"hz":250}, {"name":"HR","v":55,"mrn":"P2"}, {"name":"XYZ","v":"<4.5"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	messages, err := p.Read(doc, model.Message{Codec: "json"})
	if err != nil {
		t.Fatal(err)
	}
	if len(messages) != 2 {
		t.Fatalf("%d messages: two patients came into one", len(messages))
	}
	p.Refine(&messages[0])
	m := messages[0]
	for i := range m.Observations {
		m.Observations[i].Code = m.Observations[i].Mapping().Code // as normalise does
	}
	p.Derived(&m)
	if m.Patient.Identifiers[0].Value != "P1" || messages[1].Patient.Identifiers[0].Value != "P2" || len(messages[1].Observations) != 1 {
		t.Error("patients")
	}
	if len(m.Devices) != 1 || m.Devices[0].Serial != "7" || m.Devices[0].Release != "2.4" {
		t.Errorf("devices %+v", m.Devices)
	}
	type seen struct{ field, code, value, unit, absent string }
	var got []seen
	for _, o := range m.Observations {
		got = append(got, seen{o.Field, o.Mapping().Code.Key(), shownText(o.Value), o.Mapping().UnitUCUM, o.Absent})
	}
	want := []seen{
		{"obs[0].v", "MDC_ECG_HEART_RATE", "72.50", "", ""},
		{"obs[1].v", "MDC_ECG_HEART_RATE", "", "/min", "error"},
		{"obs[2].v", "MDC_PRESS_BLD_ART_SYS", "120", "mm[Hg]", ""},
		{"obs[3].v", "MDC_PRESS_BLD_ART_DIA", "80", "mm[Hg]", ""},
		{"obs[5].state", "MDC_PULS_OXIM_SAT_O2", "150456", "", ""},
		{"obs[6].v", "MDC_PRESS_BLD_ART_SYS", "16", "kPa", ""},
		{"obs[9].v", "", "<4.5", "", ""},
		{"derive[0]", "MDC_PRESS_BLD_ART_MEAN", "93.3", "mm[Hg]", ""},
	}
	if len(got) != len(want) {
		t.Fatalf("%d observations: %+v", len(got), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
	if o := m.Observations[3]; o.DeviceTime.Original != "1700000001000" || o.DeviceTime.Format != "epoch_ms" {
		t.Errorf("time %+v", o.DeviceTime)
	}
	w := m.Waveforms[0]
	if w.PeriodNS != 4_000_000 || w.Scale != (model.Decimal{Coef: 1, Exp: -2}) || len(w.Samples) != 4 || w.Samples[1] != -25 || w.Samples[2] != model.Gap || w.Samples[3] != 100 {
		t.Errorf("wave %+v", w)
	}
	codes := map[string]int{}
	for _, i := range m.Issues {
		codes[i.Code]++
	}
	if codes["profile.row"] != 1 || codes["profile.quirk"] != 1 || codes["profile.missing-marker"] != 1 || codes["profile.samples"] != 1 {
		t.Errorf("issues %v", codes)
	}
}

func TestReadTable(t *testing.T) {
	text := strings.NewReplacer("codec: json", "codec: csv", "each: $.obs[*]\n", "", "serial: $.sn", "serial: \"['Serial No']\"", "software: $.fw", "software: fw", "[name]", "name").Replace(monitor)
	p := parse(t, text, labels)
	doc, err := Document("csv", []byte("\ufeffSerial No;name;v;u;mrn\r\n7;HR;61;/min;P1\r\n8;SpO2;97;%;P1\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	messages, err := p.Read(doc, model.Message{Codec: "csv"})
	if err != nil || len(messages) != 1 || len(messages[0].Devices) != 2 || messages[0].Observations[1].Device != 1 {
		t.Fatalf("%v %+v", err, messages)
	}
}

func TestRefineMessage(t *testing.T) {
	text := strings.NewReplacer("codec: json", "codec: hl7v2", "each: $.obs[*]\n", "", "from: [ts, $.ts, arrived], ", "", `"MDC_PRESS_BLD_ART_DIA"`, `"art-d"`, `"MDC_PRESS_BLD_ART_SYS"`, `"ART_S"`).Replace(monitor)
	text = text[:strings.Index(text, "observe:")] + "observe:\n  - {simulated: '\"DEMO\" in flags', setting: 'sub_id.endsWith(\".9\")'}\n" + text[strings.Index(text, "derive:"):]
	p := parse(t, text, labels)
	m := model.Message{Codec: "hl7v2", Observations: []model.Observation{
		{Field: "OBX[1]", Received: model.Coding{Code: "99", Text: "ART_S", System: "99ACME"}, Value: scalar("118"), Flags: []string{"DEMO"}, SubID: "1.9"},
		{Field: "OBX[2]", Received: model.Coding{Code: "art-d"}, Value: scalar("78"), UnitSent: model.Coding{Code: "mmHg"}},
	}}
	for range 2 {
		p.Refine(&m)
		p.Derived(&m)
		o := m.Observations
		if len(o) != 3 || o[0].Mapping().Code.Key() != "MDC_PRESS_BLD_ART_SYS" || !o[0].Simulated || !o[0].Setting || o[0].Mapping().UnitUCUM != "mm[Hg]" ||
			o[1].Mapping().UnitUCUM != "" || o[1].Simulated || o[2].Value.Number.String() != "91.3" || o[2].Mapping().By != "acme/vm200@3" {
			t.Fatalf("%+v", o)
		}
	}
}

func TestWrongProfilesSayWhere(t *testing.T) {
	cut := func(old, new string) string {
		if !strings.Contains(monitor, old) {
			t.Fatalf("%q", old)
		}
		return strings.Replace(monitor, old, new, 1)
	}
	for name, c := range map[string]struct {
		profile, table string
		code, place    string
		says           string
	}{
		"unknown key":           {cut("hardware:", "hardwear:"), labels, "conf.unknown-key", "acme/vm200/profile.yaml:7:1: hardwear", "hardware"},
		"not yaml":              {cut("version: 3", "version: [3"), labels, "conf.syntax", "acme/vm200/profile.yaml:", ""},
		"no version":            {cut("version: 3", "version: 0"), labels, "profile.wrong", "acme/vm200/profile.yaml:2:1: version", "from 1"},
		"bad name":              {cut("acme/vm200", "Acme"), labels, "profile.wrong", "acme/vm200/profile.yaml:1:1: profile", "maker/model"},
		"no evidence":           {cut("[{document: interface description 7.1, shows: all fields}]", "[]"), labels, "profile.wrong", "acme/vm200/profile.yaml:6:1: evidence", "document"},
		"unknown code":          {cut("code: MDC_PRESS_BLD_ART_MEAN", "code: MDC_PRESS_BLD_ART_MEEN"), labels, "profile.unknown-code", "acme/vm200/profile.yaml:20:6: derive[0].code", "MEEN"},
		"bad unit":              {cut("unit: 'mm[Hg]'", "unit: mmHg"), labels, "profile.wrong", "derive[0].unit", "UCUM"},
		"bad path":              {cut("each: $.obs[*]", "each: $.obs[*"), labels, "profile.path", "acme/vm200/profile.yaml:9:1: each", "character 8"},
		"bad path in a list":    {cut("value: [v, value]", "value: [v, 'a b']"), labels, "profile.path", "observe[0].value[1]", ""},
		"bad expression":        {cut(`when: kind == "lead"`, `when: kind ==`), labels, "profile.expression", "observe[1].when", ""},
		"slip in a quirk":       {cut(`when: 'unit == "mmHg"`, `when: 'unti == "mmHg"`), labels, "profile.expression", "quirks[0].when", "did you mean unit?"},
		"slip in a change":      {cut(`set: {unit: '"kPa"'}`, "set: {unit: unitt}"), labels, "profile.expression", "quirks[0].set.unit", "did you mean unit?"},
		"slip in a derivation":  {cut("unit: 'mm[Hg]', digits: 1", "unit: 'mm[Hg]', digits: 1, when: w.X > 0.0"), labels, "profile.expression", "derive[0].when", "known here: v"},
		"unknown field of set":  {cut("set: {unit:", "set: {units:"), labels, "conf.unknown-key", "quirks[0].set.units", "unit"},
		"no table":              {cut("table: labels.csv", "table: other.csv"), labels, "profile.no-table", "acme/vm200/profile.yaml:8:1: table", ""},
		"unknown enumeration":   {cut("meaning: lead", "meaning: leads"), labels, "profile.wrong", "observe[1].meaning", "lead"},
		"range":                 {cut(">=2.1 <3", ">= 2.1"), labels, "profile.range", "applies_to.software", ""},
		"match":                 {cut("{label: name, value: [v", "{match: '@.x ==', label: name, value: [v"), labels, "profile.path", "observe[0].match", "expected"},
		"match: rest":           {cut("{label: name, value: [v", "{match: '@.x y', label: name, value: [v"), labels, "profile.path", "observe[0].match", "no part"},
		"needs":                 {cut("{label: name, value: [v", "{needs: ['a b'], label: name, value: [v"), labels, "profile.path", "observe[0].needs", "character"},
		"value told twice":      {cut("{label: name, value: [v", "{compute: 1 + 1, label: name, value: [v"), labels, "profile.wrong", "observe[0].compute", "twice"},
		"compute":               {cut("value: state", "compute: state +"), labels, "profile.expression", "observe[1].compute", ""},
		"json keys in hl7v2":    {strings.NewReplacer("codec: json", "codec: hl7v2", "from: [ts, $.ts, arrived], ", "", "{label: name, value: [v", "{needs: v, label: name, value: [v").Replace(monitor), labels, "profile.wrong", "observe[0]", "json and csv"},
		"time of json in hl7v2": {cut("codec: json", "codec: hl7v2"), labels, "profile.wrong", "time.from", "time.format"},
		"codec":                 {cut("codec: json", "codec: xml"), labels, "profile.wrong", "profile.yaml:4:1: codec", "hl7v2, astm, poct1a, intellivue, medibus, masimo, nonin, dri, json, csv"},
		"no title":              {cut("title: Acme VM-200 bedside monitor", "title: ''"), labels, "profile.wrong", "title", "one line"},
		"no value":              {cut("value: state, ", ""), labels, "profile.wrong", "observe[1]", "which field"},
		"samples without rate":  {cut("rate: hz, ", ""), labels, "profile.wrong", "observe[2].rate", "need a rate"},
		"quirk without reason":  {cut("evidence: capture 4, ", ""), labels, "profile.wrong", "quirks[0]", "evidence"},
		"quirk never":           {cut(`, when: 'unit == "mmHg" && value < 30.0'`, ""), labels, "profile.wrong", "quirks[0].when", "when it happens"},
		"quirk of nothing":      {cut(`, set: {unit: '"kPa"'}`, ""), labels, "profile.wrong", "quirks[0].set", "becomes what"},
		"digits":                {cut("digits: 1", "digits: 12"), labels, "profile.wrong", "derive[0].digits", "decimal places"},
		"levels behind all":     {cut(`software: ">=2.1 <3"}`, `topic: "ward/#/vitals"}`), labels, "profile.wrong", "applies_to.topic[0]", "is the last"},
		"applies to everybody":  {cut(`applies_to: {manufacturer: Acme, model: VM-2*, software: ">=2.1 <3"}`, "applies_to: {}"), labels, "profile.wrong", "applies_to", "whose"},
		"correct":               {cut("format: epoch_ms", "correct: maybe"), labels, "profile.wrong", "time.correct", "offset"},
		"table: kind":           {monitor, "label;code;kind\nHR;MDC_ECG_HEART_RATE;number\n", "profile.table", "labels.csv:2:23", "number"},
		"zone":                  {cut("format: epoch_ms", "zone: Mars/Olympus"), labels, "profile.wrong", "time.zone", ""},
		"table: column":         {monitor, strings.Replace(labels, "missing", "mising", 1), "profile.table", "acme/vm200/labels.csv:1:20", "mising"},
		"table: unit":           {monitor, strings.Replace(labels, ";mV", ";mVolt", 1), "profile.table", "acme/vm200/labels.csv:7:25", "mVolt"},
		"table: code":           {monitor, strings.Replace(labels, "SAT_O2", "SAT_02", 1), "profile.table", "acme/vm200/labels.csv:4:6", "SAT_02"},
		"table: twice":          {monitor, labels + "h r;MDC_ECG_HEART_RATE\n", "profile.table", "acme/vm200/labels.csv:8:1", "twice"},
		"table: unit and code":  {monitor, strings.Replace(labels, "HR;MDC_ECG_HEART_RATE;/min", "HR;MDC_ECG_HEART_RATE;kg", 1), "profile.table", "acme/vm200/labels.csv:3:1", "kg"},
		"table: no code":        {monitor, labels + "foo;;\n", "profile.table", "acme/vm200/labels.csv:8:1", "ignore"},
		"table: number":         {monitor, strings.Replace(labels, ";20;300", ";x;300", 1), "profile.table", "acme/vm200/labels.csv:3:35", "number"},
		"table: too many cells": {monitor, labels + "a;MDC_ECG_HEART_RATE;;;;;;;\n", "profile.table", "acme/vm200/labels.csv:8:", "heading"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(folder(c.profile, c.table), "acme/vm200")
			var f *fault.Fault
			if !errors.As(err, &f) {
				t.Fatal(err)
			}
			if f.Kind != fault.Invalid || f.Code != c.code || !strings.Contains(f.Place, c.place) || !strings.Contains(f.Text, c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestPaths(t *testing.T) {
	var doc any
	d := json.NewDecoder(strings.NewReader(`{"a":{"b c":[1,2,{"x":"y","n":3}],"t":true},"list":[{"k":"hr","v":1},{"k":"rr","v":2,"u":null}],"x":9}`))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{
		"x": "9", "$.x": "9", "$['x']": "9", "a['b c'][0]": "1", "a['b c'][-1].x": "y", "a['b c'][9]": "", "list[*].k": "hr rr",
		"list[?(@.k == 'rr')].v": "2", "list[?@.v > 1].k": "rr", "list[?(@.k == 'hr' || @.v >= 2)].k": "hr rr", "list[?(!(@.k == 'hr'))].k": "rr",
		"list[?(@.u)].k": "rr", "list[?(@.u == null)].k": "rr", "list[?(@.k != 'hr' && $.x == 9)].v": "2", "$..k": "hr rr", "$..[?(@.n)].x": "y", "a.t..": "true", "a.*[1]": "2", `"lit eral"`: "",
	} {
		q, err := parsePath(p)
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		if q.literal {
			continue
		}
		var got []string
		w := walk{document: doc, left: 1000}
		for _, n := range w.all(q, doc, 100) {
			got = append(got, text(n.value))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", p, got, want)
		}
	}
	for _, bad := range []string{"a[", "a]", "a[?(@.x]", "a b", "[?@.x == ]", "['x", strings.Repeat("a.", 60) + "a", "[?" + strings.Repeat("(", 50), "[?1]"} {
		if _, err := parsePath(bad); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		is, in string
		want   bool
	}{
		{"2.1", ">=2.1 <3", true}, {"2.10", ">=2.9", true}, {"3.0", ">=2.1 <3", false}, {"A.01.21", ">=A.01.20", true}, {"A.02", "<A.01.99", false},
		{"", "", true}, {"", ">=1", false}, {"v2.1.0", "=2.1", true}, {"2.1.0-rc1", ">2.1", true}, {"2.4", "!=2.4", false}, {"2.4", "2.4", true},
	} {
		r, err := parseRange(c.in)
		if err != nil {
			t.Fatal(err)
		}
		if r.holds(c.is) != c.want {
			t.Errorf("%q in %q", c.is, c.in)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"vm-200", "VM-200", true}, {"vm*", "VM-200", true}, {"*200", "VM-200", true}, {"*m*0*", "VM-200", true}, {"*", "", true}, {"", "", true},
		{"vm", "VM-200", false}, {"*201", "VM-200", false}, {"a*b*c", "aXbXbc", true}, {"a*b", "ab c", false}, {"**", "x", true},
	} {
		if glob(c.pattern, c.s) != c.want {
			t.Errorf("%q %q", c.pattern, c.s)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	var all []InForce
	for i := range 40 {
		text := strings.NewReplacer("acme/vm200", "acme/vm"+strconv.Itoa(i), "VM-2*", "VM-"+strconv.Itoa(i)+"*", "manufacturer: Acme", "manufacturer: Maker"+strconv.Itoa(i)).Replace(monitor)
		p, err := Parse(fstest.MapFS{"profile.yaml": {Data: []byte(text)}, "labels.csv": {Data: []byte(labels)}}, ".")
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, InForce{Profile: p})
	}
	s, err := NewSet(all)
	if err != nil {
		b.Fatal(err)
	}
	from := Sender{Codec: "json", Manufacturer: "MAKER7", Model: "VM-7", Software: "2.2"}
	b.ReportAllocs()
	for b.Loop() {
		if p, _ := s.Find(from); p == nil {
			b.Fatal("none")
		}
	}
}

func TestFind(t *testing.T) {
	old := parse(t, strings.Replace(monitor, "version: 3", "version: 2", 1), labels)
	now := parse(t, monitor, labels)
	any := parse(t, strings.NewReplacer("acme/vm200", "acme/any", "model: VM-2*, software: \">=2.1 <3\"", "model: '*'").Replace(monitor), labels)
	since := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	s, err := NewSet([]InForce{{now, since}, {old, time.Time{}}, {any, time.Time{}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from    Sender
		want    string
		outside bool
	}{
		{Sender{Codec: "json", Manufacturer: "ACME", Model: "vm-200", Software: "2.2", Arrived: since}, "acme/vm200@3", false},
		{Sender{Codec: "json", Manufacturer: "ACME", Model: "vm-200", Software: "2.2", Arrived: since.Add(-1)}, "acme/vm200@2", false},
		{Sender{Codec: "json", Manufacturer: "Acme", Model: "X", Arrived: since}, "acme/any@3", false},
		{Sender{Codec: "hl7v2", Manufacturer: "Acme", Model: "VM-200", Arrived: since}, "", false},
		{Sender{Codec: "json", Manufacturer: "Other", Arrived: since}, "", false},
	} {
		p, outside := s.Find(c.from)
		got := ""
		if p != nil {
			got = p.Ref()
		}
		if got != c.want || outside != c.outside {
			t.Errorf("%+v: %s %v", c.from, got, outside)
		}
	}
	alone, _ := NewSet([]InForce{{now, time.Time{}}})
	if p, outside := alone.Find(Sender{Codec: "json", Manufacturer: "Acme", Model: "VM-200", Software: "4.0"}); p == nil || !outside {
		t.Error("firmware outside the range: the profile goes on, and it is said")
	}
	if p, outside := alone.Find(Sender{Codec: "json", Manufacturer: "Acme", Model: "VM-200"}); p == nil || outside {
		t.Error("firmware that is not told lies neither inside nor outside")
	}
	if _, err := NewSet([]InForce{{now, since}, {old, since}}); fault.KindOf(err) != fault.Conflict {
		t.Error(err)
	}
}

func FuzzDocument(f *testing.F) {
	p, err := Parse(folder(monitor, labels), "acme/vm200")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"sn":"7","obs":[{"name":"HR","v":72},{"kind":"wave","name":"II","s":[1,2.5e3],"hz":250}]}`))
	f.Add([]byte(`{"obs":[{"name":"HR","v":{"a":[1]},"mrn":5,"ts":null}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc, err := Document("json", raw)
		if err != nil {
			return
		}
		one, err := p.Read(doc, model.Message{})
		two, err2 := p.Read(doc, model.Message{})
		if (err == nil) != (err2 == nil) || len(one) != len(two) {
			t.Fatal("not deterministic")
		}
		for i := range one {
			p.Refine(&one[i])
			p.Derived(&one[i])
			n := len(one[i].Observations)
			p.Refine(&one[i])
			p.Derived(&one[i])
			if len(one[i].Observations) != n {
				t.Fatal("refined twice, other observations")
			}
		}
	})
}

func FuzzProfile(f *testing.F) {
	f.Add(monitor, labels)
	f.Fuzz(func(t *testing.T, profile, table string) {
		p, err := Parse(folder(profile, table), "acme/vm200")
		if err != nil {
			var known *fault.Fault
			if !errors.As(err, &known) {
				t.Fatal(err)
			}
			return
		}
		if doc, err := Document("json", []byte(`{"obs":[{"name":"HR","v":1}]}`)); err == nil {
			if out, err := p.Read(doc, model.Message{}); err == nil {
				p.Refine(&out[0])
			}
		}
	})
}

// R17: values of no device are told of, where the profile knows how devices
// are named; those of the document are found from the document.
func TestRowsWithoutDevice(t *testing.T) {
	p := parse(t, monitor, labels)
	for document, want := range map[string]int{`{"obs":[{"name":"HR","v":72,"unit":"/min"},{"name":"HR","v":73,"unit":"/min"}]}`: 1, `{"sn":"S1","obs":[{"name":"HR","v":72,"unit":"/min"}]}`: 0} {
		d, err := Document("json", []byte(document))
		if err != nil {
			t.Fatal(err)
		}
		messages, err := p.Read(d, model.Message{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, i := range messages[0].Issues {
			if i.Code == "profile.no-device" {
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d issues, want %d: %+v", document, n, want, messages[0].Issues)
		}
	}
}
