package normalise_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
)

func inForce(all ...model.Label) *normalise.Labels {
	var v []normalise.VersionedLabel
	for i, l := range all {
		v = append(v, normalise.VersionedLabel{Label: l, Version: int64(i + 1)})
	}
	return normalise.NewLabels(v)
}

// R15: what a label means is said by a person, else by the tables' labels,
// else nobody knows and the most similar metrics are named.
func TestLabels(t *testing.T) {
	mapped := inForce(
		model.Label{ID: "a", Label: "ZZ-7", Code: "MDC_PULS_OXIM_SAT_O2"},
		model.Label{ID: "b", Label: "ZZ 7", Channel: "ward", Code: "MDC_ECG_HEART_RATE"},
		model.Label{ID: "c", Label: "ZZ_7", Unit: "Cel", Code: "MDC_TEMP"},
		model.Label{ID: "d", Label: "elsewhere", Channel: "icu", Code: "MDC_TEMP"},
		model.Label{ID: "e", Label: "wgt", Code: "29463-7", UCUM: "[lb_av]"},
		model.Label{ID: "f", Label: "other make", Manufacturer: "Acme", Code: "MDC_TEMP"},
		model.Label{ID: "g", Label: "MDC_PULS_RATE", Channel: "ward", Code: "MDC_ECG_HEART_RATE"},
		model.Label{ID: "h", Label: "wrong", Code: "MDC_DIM_MMHG"},
	)
	for _, c := range []struct {
		name, code, value, unit string
		labels                  *normalise.Labels
		want, number, ucum, by  string
		issue, hint             string
	}{
		{"unknown", "X77^Zorglub^99ACME", "5", "mg/dL", nil, "", "5", "mg/dL", "", "unknown-code", "label map"},
		{"unknown, nearest", "77^Sp02^99ACME", "97", "%", nil, "", "97", "%", "", "unknown-code", "most like it: MDC_PULS_OXIM_SAT_O2 (Oxygen saturation (pulse oximetry)), "},
		{"by its label", "77^O2Sat^99ACME", "97", "%", nil, "MDC_PULS_OXIM_SAT_O2", "97", "%", "", "code-by-label", "confirm"},
		{"label in the code", "SpO2^^L", "97", "%", nil, "MDC_PULS_OXIM_SAT_O2", "97", "%", "", "code-by-label", "confirm"},
		{"label without a unit", "77^O2Sat^99ACME", "97", "", nil, "", "97", "", "", "unknown-code", "most like it: MDC_PULS_OXIM_SAT_O2"},
		{"label with another unit", "77^HR^99ACME", "97", "mm[Hg]", nil, "", "97", "mm[Hg]", "", "unknown-code", "most like it"},
		{"label of a standard", "77^SpO2^SCT", "97", "%", nil, "", "97", "%", "", "unknown-code", "most like it"},
		{"mapped, narrower scope first", "77^ZZ7^99ACME", "60", "/min", mapped, "MDC_ECG_HEART_RATE", "60", "/min", "label b@2", "", ""},
		{"mapped for a unit", "77^zz7^99ACME", "37.1", "Cel", mapped, "MDC_TEMP", "37.1", "Cel", "label c@3", "", ""},
		{"mapped elsewhere", "77^elsewhere^99ACME", "37", "Cel", mapped, "", "37", "Cel", "", "unknown-code", "most like it"},
		{"mapped by LOINC, with a unit", "wgt^^99ACME", "150", "", mapped, "29463-7", "68.038855500", "kg", "label e@5", "", ""},
		{"mapped, unit sent counts", "wgt^^99ACME", "68", "kg", mapped, "29463-7", "68", "kg", "label e@5", "", ""},
		{"another maker's", "x^other make^99ACME", "37", "Cel", mapped, "", "37", "Cel", "", "unknown-code", "most like it"},
		{"a person counts more than the tables", "149514^MDC_PULS_RATE^MDC", "60", "/min", mapped, "MDC_ECG_HEART_RATE", "60", "/min", "label g@7", "", ""},
		{"a label mapped to no metric maps nothing", "1^wrong^99ACME", "60", "mm[Hg]", mapped, "", "60", "mm[Hg]", "", "unknown-code", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			unit := c.unit
			if unit != "" {
				unit += "^" + unit + "^UCUM"
			}
			m := obx(t, normalise.Context{Labels: c.labels}, "OBX|1|NM|"+c.code+"|1|"+c.value+"|"+unit+"|||||R")
			o := m.Observations[0]
			code := o.Code.RefID
			if code == "" {
				code = o.Code.LOINC
			}
			if code != c.want || o.Value.Number.String() != c.number && !strings.HasPrefix(o.Value.Number.String(), strings.TrimRight(c.number, "0")) || o.UnitUCUM != c.ucum || o.Mapping().By != c.by || issues(m) != c.issue {
				t.Errorf("%s %s %q by %q, issues %q", code, o.Value.Number, o.UnitUCUM, o.Mapping().By, issues(m))
			}
			if c.hint != "" && !strings.Contains(m.Issues[0].Hint, c.hint) {
				t.Errorf("hint %q", m.Issues[0].Hint)
			}
			// Read again with other labels, it means what those say; with the
			// same, the same.
			before, _ := json.Marshal(m)
			normalise.Normalise(&m, normalise.Context{Labels: inForce(model.Label{ID: "z", Label: "77", Code: "MDC_RESP_RATE"})})
			normalise.Normalise(&m, normalise.Context{Labels: c.labels})
			if after, _ := json.Marshal(m); !bytes.Equal(before, after) {
				t.Errorf("not the same again:\n%s\n%s", before, after)
			}
		})
	}
}

// Labels of a device's maker and model hold for it and for what it is part of.
func TestLabelsOfADevice(t *testing.T) {
	labels := inForce(model.Label{ID: "m", Label: "Q1", Manufacturer: "ACME", Model: "VM 200", Code: "MDC_RESP_RATE"})
	for _, c := range []struct {
		devices []model.Device
		device  int
		want    string
	}{
		{[]model.Device{{Manufacturer: "Acme", Model: "VM-200", Parent: -1}}, 0, "MDC_RESP_RATE"},
		{[]model.Device{{Manufacturer: "Acme", Model: "VM-200", Parent: -1}}, -1, "MDC_RESP_RATE"},
		{[]model.Device{{Manufacturer: "Acme", Model: "VM-200", Parent: -1}, {Parent: 0}}, 1, "MDC_RESP_RATE"},
		{[]model.Device{{Manufacturer: "Acme", Model: "VM-300", Parent: -1}}, 0, ""},
		{[]model.Device{{Manufacturer: "Acme", Model: "VM-200", Parent: -1}, {Manufacturer: "Beta", Parent: -1}}, 1, ""},
		{[]model.Device{{Parent: 0}}, 0, ""}, // part of itself
		{nil, 0, ""},
	} {
		m := model.Message{Codec: "other", Devices: c.devices, Observations: []model.Observation{{Received: model.Coding{Code: "Q1"}, Device: c.device, Value: model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: 12}}}}}
		normalise.Normalise(&m, normalise.Context{Labels: labels})
		if got := m.Observations[0].Code.RefID; got != c.want {
			t.Errorf("%+v: %q, want %q", c.devices, got, c.want)
		}
	}
}

// A label of a profile holds for what is read with any version of it.
func TestLabelsOfAProfile(t *testing.T) {
	labels := inForce(model.Label{ID: "p", Label: "Q1", Profile: "acme/vm200", Code: "MDC_RESP_RATE"}, model.Label{ID: "q", Label: "Q1", Channel: "ward", Code: "MDC_TEMP"})
	for with, want := range map[string]string{"acme/vm200@3": "MDC_RESP_RATE", "acme/vm200@4": "MDC_RESP_RATE", "acme/vm2000@3": "MDC_TEMP", "": "MDC_TEMP"} {
		m := model.Message{Codec: "other", Channel: "ward", ReadWith: with, Observations: []model.Observation{{Received: model.Coding{Code: "Q1"}, Device: -1}}}
		normalise.Normalise(&m, normalise.Context{Labels: labels})
		if got := m.Observations[0].Code.RefID; got != want {
			t.Errorf("%q: %q, want %q", with, got, want)
		}
	}
}

// A label costs nothing where there is none, and little where there is.
func BenchmarkLabels(b *testing.B) {
	labels := inForce(model.Label{ID: "a", Label: "ZZ-7", Code: "MDC_PULS_OXIM_SAT_O2"})
	m := read(oru())[0]
	for _, c := range []struct {
		name   string
		labels *normalise.Labels
	}{{"none", nil}, {"one", labels}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				normalise.Normalise(&m, normalise.Context{Labels: c.labels})
			}
		})
	}
}
