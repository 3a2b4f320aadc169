package normalise_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/hl7v2/clinical"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
	"thalamus/internal/profile"
)

const shelf = `profile: acme/vm200
version: 2
title: Acme VM-200
codec: hl7v2
applies_to: {sender: VM200, software: "<3"}
evidence: [{document: made for this test}]
table: labels.csv
quirks:
  - {id: demo, says: marks demonstration by sub-id 9, evidence: this test, when: sub_id == "9", set: {simulated: "true"}, silent: true}
derive:
  - {code: MDC_PRESS_BLD_ART_MEAN, value: 'v["MDC_PRESS_BLD_ART_DIA"] + (v["MDC_PRESS_BLD_ART_SYS"] - v["MDC_PRESS_BLD_ART_DIA"]) / 3.0', unit: 'mm[Hg]', digits: 0}
`

// TestProfile: a message with labels nobody else knows is read by its profile,
// and reading it again, or without the profile, starts from what was sent.
func TestProfile(t *testing.T) {
	files := fstest.MapFS{"profile.yaml": {Data: []byte(shelf)}, "labels.csv": {Data: []byte(
		"label;code;unit_in;unit;min;max;missing\nPuls;MDC_ECG_HEART_RATE;/min;;20;300;999\nART-S;MDC_PRESS_BLD_ART_SYS;kPa;;;;\nART-D;MDC_PRESS_BLD_ART_DIA;mm[Hg];;;;\nTemp1;MDC_TEMP;[degF];K;;;\n")}}
	p, err := profile.Parse(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	set, err := profile.NewSet([]profile.InForce{{Profile: p}})
	if err != nil {
		t.Fatal(err)
	}
	raw := "MSH|^~\\&|VM200|ACME|||20260131120000+0100||ORU^R01^ORU_R01|1|P|2.6\rPID|||P1^^^H^MR\rOBR|1|||X\r" +
		"OBX|1|NM|101^Puls^99A||72||||||F\rOBX|2|NM|102^Puls^99A||999||||||F\rOBX|3|NM|^ART-S^99A||16||||||F\rOBX|4|NM|^ART-D^99A|9|80||||||F\rOBX|5|NM|^Temp1^99A||98.6||||||F\rOBX|6|NM|^Temp1^99A||310.15|K^K^UCUM|||||F\r"
	m := clinical.New().Decode(model.Entry{Frame: model.Frame{Codec: "hl7v2", Arrived: time.Date(2026, 1, 31, 11, 0, 1, 0, time.UTC), Bytes: []byte(raw)}}, codec.Context{})[0]
	bare, _ := json.Marshal(again(m, normalise.Context{}))
	read := again(m, normalise.Context{Profiles: set})
	for i, want := range []struct{ key, value, unit, absent string }{
		{"MDC_ECG_HEART_RATE", "72", "/min", ""}, {"MDC_ECG_HEART_RATE", "0", "/min", "error"}, {"MDC_PRESS_BLD_ART_SYS", "120", "mm[Hg]", ""},
		{"MDC_PRESS_BLD_ART_DIA", "80", "mm[Hg]", ""}, {"MDC_TEMP", "310.15", "K", ""}, {"MDC_TEMP", "310.15", "K", ""}, {"MDC_PRESS_BLD_ART_MEAN", "93", "mm[Hg]", ""},
	} {
		o := read.Observations[i]
		if o.Code.Key() != want.key || !strings.HasPrefix(o.Value.Number.String(), want.value) || o.Absent != want.absent || o.Absent == "" && o.UnitUCUM != want.unit {
			t.Errorf("%d: %s %s %s %s, want %v", i, o.Code.Key(), o.Value.Number, o.UnitUCUM, o.Absent, want)
		}
	}
	if read.ReadWith != "acme/vm200@2" || !read.Observations[3].Simulated {
		t.Errorf("%s %v", read.ReadWith, read.Observations[3].Simulated)
	}
	once, _ := json.Marshal(read)
	twice, _ := json.Marshal(again(read, normalise.Context{Profiles: set}))
	if string(once) != string(twice) {
		t.Errorf("read twice:\n%s\n%s", once, twice)
	}
	if undone, _ := json.Marshal(again(m, normalise.Context{})); string(undone) != string(bare) {
		t.Error("the message itself was changed")
	}
}

func again(m model.Message, c normalise.Context) model.Message {
	m.Observations = append([]model.Observation(nil), m.Observations...)
	m.Issues = append([]model.Issue(nil), m.Issues...)
	normalise.Normalise(&m, c)
	return m
}
