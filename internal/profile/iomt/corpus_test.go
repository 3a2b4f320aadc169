package iomt

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/model"
	"thalamus/internal/profile"
)

// corpus is the folder of iomt-fhir's templates, payloads and documentation.
func corpus(t *testing.T) string {
	t.Helper()
	root := os.Getenv("THALAMUS_CORPUS")
	if root == "" {
		dir, err := os.Getwd()
		for ; err == nil && dir != "/"; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				root = filepath.Join(dir, "../shared/corpus")
				break
			}
		}
	}
	root = filepath.Join(root, "iomt/iomt-fhir")
	if _, err := os.Stat(root); err != nil {
		t.Skip("corpus not present")
	}
	return root
}

// said is what a document says, read with an imported profile: label, value,
// device, patient and time of each observation, sorted.
func said(t *testing.T, r *Result, payload []byte) []string {
	t.Helper()
	files := profile.Files{}
	for _, f := range r.Files {
		files[f.Name] = string(f.Text)
	}
	p, err := profile.Parse(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	document, err := profile.Document("json", payload)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := p.Read(document, model.Message{})
	if err != nil {
		return []string{"nothing"}
	}
	var out []string
	for _, m := range messages {
		patient := "-"
		if m.Patient != nil {
			patient = m.Patient.Identifiers[0].Value
		}
		for _, o := range m.Observations {
			device := "-"
			if o.Device >= 0 {
				device = m.Devices[o.Device].Identifiers[0].Value
			}
			value := o.Value.Text
			if o.Value.Kind == model.ValueNumber {
				value = o.Value.Number.String()
			}
			out = append(out, strings.Join([]string{o.Received.Code, value, device, patient, o.DeviceTime.Original}, " "))
		}
		for _, i := range m.Issues {
			out = append(out, "issue "+i.Code+" "+i.Received)
		}
	}
	slices.Sort(out)
	return out
}

const noon = " 2019-02-01T22:46:01.8750000Z"

// expected are the normalised results that documentation and tests of
// iomt-fhir name for its templates and payloads.
var expected = []struct {
	template, payload string
	says              []string
}{
	{"Documentation_CalculatedFunction_HeartRate_Template", "Documentation_CalculatedFunction_HeartRate_Payload", []string{"heartrate/hr 78 device123 -" + noon}},
	{"Documentation_CalculatedFunction_BloodPressure_Template", "Documentation_CalculatedFunction_BloodPressure_Payload",
		[]string{"bloodpressure/diastolic 87 device123 -" + noon, "bloodpressure/systolic 123 device123 -" + noon}},
	{"Documentation_CalculatedFunction_MultipleMeasurements_Template", "Documentation_CalculatedFunction_MultipleMeasurements_Payload",
		[]string{"heartrate/hr 78 device123 -" + noon, "stepcount/steps 2 device123 -" + noon}},
	{"Documentation_CalculatedFunction_HeartRate_Template", "Documentation_CalculatedFunction_MultipleMeasurements_FromArray_Payload",
		[]string{"heartrate/hr 72 device123 -" + noon, "heartrate/hr 78 device123 - 2019-02-01T20:46:01.8750000Z", "heartrate/hr 81 device123 - 2019-02-01T21:46:01.8750000Z"}},
	{"Documentation_CalculatedFunction_MultipleMatches_Template", "Documentation_CalculatedFunction_MultipleMatches_Payload",
		[]string{"heartrate/diastolic 80 device123 - 2021-07-13T17:29:01.061144Z", "heartrate/diastolic 82 device123 - 2021-07-13T17:28:01.061122Z",
			"heartrate/systolic 120 device123 - 2021-07-13T17:29:01.061144Z", "heartrate/systolic 122 device123 - 2021-07-13T17:28:01.061122Z"}},
	{"Documentation_CalculatedFunction_TransformData_Template", "Documentation_CalculatedFunction_TransformData_Payload",
		[]string{"heightInMeters/height 1.9304 device123 - 2019-02-01T23:46:01.8750000Z", "heightInMeters/height 1.9812 device123 -" + noon}},
	{"IotJsonPathContentTemplateValid", "IotHubPayloadExample", []string{"heartrate/hr 203 ev-d795-1d04-55ae - 2019-01-30T22:45:02.6073744Z"}},
	{"IotJsonPathContentTemplateValidWithOptional", "IotHubPayloadExample", []string{"heartrate/hr 203 ev-d795-1d04-55ae - 2019-01-30T22:45:02.6073744Z"}},
	{"IotJsonPathContentTemplateValid", "IotHubPayloadExampleMissingCreateTime", []string{"heartrate/hr 203 ev-d795-1d04-55ae - 2019-02-01T22:46:01.875Z"}},
	{"IotJsonPathContentTemplateValid", "IotHubPayloadMultiValueExample", []string{"nothing"}},
	{"CollectionContentTemplateMultipleIotCentralJsonPath", "IotCentralPayloadExample",
		[]string{"bloodpressure/diastolic 7 1vzb5ghlsg1 1vzb5ghlsg1 2020-08-05T22:26:55.455Z", "bloodpressure/systolic 71 1vzb5ghlsg1 1vzb5ghlsg1 2020-08-05T22:26:55.455Z",
			"respiratoryrate/respiratoryrate 13 1vzb5ghlsg1 1vzb5ghlsg1 2020-08-05T22:26:55.455Z"}},
	{"CollectionContentTemplateMultipleIotCentralJsonPath", "IotCentralPayloadExampleMultipleMessages",
		[]string{"bloodpressure/diastolic 30 1qsi9p8t5l2 1qsi9p8t5l2 2021-06-08T19:45:20.2020000Z", "bloodpressure/diastolic 34 1qsi9p8t5l2 1qsi9p8t5l2 2021-06-08T19:44:04.9410000Z",
			"bloodpressure/systolic 43 1qsi9p8t5l2 1qsi9p8t5l2 2021-06-08T19:44:04.9410000Z", "bloodpressure/systolic 62 1qsi9p8t5l2 1qsi9p8t5l2 2021-06-08T19:45:20.2020000Z",
			"heartrate/hr 69 1qsi9p8t5l2 1qsi9p8t5l2 2021-06-08T19:44:04.9410000Z", "heartrate/hr 75 1qsi9p8t5l2 1qsi9p8t5l2 2021-06-08T19:45:20.2020000Z",
			"respiratoryrate/respiratoryrate 15 1qsi9p8t5l2 1qsi9p8t5l2 2021-06-08T19:44:04.9410000Z", "respiratoryrate/respiratoryrate 15 1qsi9p8t5l2 1qsi9p8t5l2 2021-06-08T19:45:20.2020000Z"}},
	// The template of this name looks for its values in another place than the
	// payload has them: they are required, so nothing may come of it.
	{"IotCentralJsonPathContentTemplateValid", "IotCentralPayloadExample", []string{"issue profile.needed template.Activity"}},
}

// TestCorpus reads every device template and payload of iomt-fhir.
func TestCorpus(t *testing.T) {
	root := corpus(t)
	read := func(name string) []byte {
		found, _ := filepath.Glob(filepath.Join(root, "test/*Template*/TestInput/data_"+name+".json"))
		raw, err := os.ReadFile(append(found, name)[0])
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	pass := 0
	payloads := map[string]bool{}
	for _, c := range expected {
		payloads[c.payload] = true
		r, err := Import(read(c.template), "any/any")
		if err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		if got := said(t, r, read(c.payload)); !slices.Equal(got, c.says) {
			t.Errorf("%s with %s:\n got %s\nwant %s", c.template, c.payload, strings.Join(got, "\n     "), strings.Join(c.says, "\n     "))
			continue
		}
		pass++
	}
	t.Logf("results as named: %d of %d", pass, len(expected))
	all, _ := filepath.Glob(filepath.Join(root, "test/*/TestInput/data_*Payload*.json"))
	for _, file := range all {
		if name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "data_"), ".json"); !payloads[name] {
			t.Errorf("no expected result for payload %s", name)
		}
	}
	templates(t, root)
}

// refusals are the templates that must not be imported, and why.
var refusals = map[string]string{
	"data_CalculatedFunctionContentTemplateValidInvalidAndMissingMembers.json": "template.typeMatchExpression: the expression is missing",
	"data_CollectionContentTemplateEmpty.json":                                 "templateType: \"\" is no device template",
	"data_CollectionContentTemplateEmptyWithType.json":                         "the file holds no template",
	"data_CollectionContentTemplateInvalid.json":                               "template[0].template.deviceIdExpression: the expression is missing",
	"data_CollectionContentTemplateMixedValidity.json":                         "template[2].template.typeMatchExpression: the expression is missing",
	"data_CollectionContentTemplateMultipleMocks.json":                         "template[0].templateType: \"mockA\" is no device template",
	"data_InvalidCollectionContentTemplateWithNoTemplateArray.json":            "template: a CollectionContent holds a list",
	"data_InvalidJson.txt":                                                     "the file is not JSON",
	"data_InvalidTemplateType.json":                                            "\"templateType\" is no device template",
	"data_IotCentralJsonPathContentTemplateInvalidMissingTypeMetadata.json":    "template.typeName: the template does not name its type",
	"data_IotCentralJsonPathContentTemplateInvalidMissingValueField.json":      "template.values[0].valueName: the value has no name",
	"data_IotJsonPathContentTemplateInvalidMissingTypeMetadata.json":           "template.typeName: the template does not name its type",
	"data_IotJsonPathContentTemplateInvalidMissingValueField.json":             "template.values[0].valueName: the value has no name",
	"data_JsonPathContentTemplateInvalidMissingExpression.json":                "template.deviceIdExpression: the expression is missing",
}

func templates(t *testing.T, root string) {
	var files []string
	for _, pattern := range []string{"test/*/TestInput/data_*", "sample/templates/*/devicecontent.json", "sample/templates/*/*/devicecontent.json", "tools/*/*/Expected/deviceData_*.json"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	pass, total, refused := 0, 0, 0
	for _, file := range files {
		name := filepath.Base(file)
		if strings.Contains(name, "Payload") || strings.Contains(name, "FhirTemplate") {
			continue // payloads are read above; FHIR templates are no device templates
		}
		total++
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Import(raw, "any/any")
		why, bad := refusals[name]
		switch {
		case bad && err == nil:
			t.Errorf("%s: imported", name)
		case bad && !strings.Contains(err.Error(), why):
			t.Errorf("%s: refused with %q, want %q", name, err, why)
		case bad:
			refused++
			pass++
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case len(r.Labels) == 0:
			t.Errorf("%s: no labels", name)
		default:
			pass++
		}
	}
	t.Logf("templates: %d of %d as they should be, %d of them refused", pass, total, refused)
}
