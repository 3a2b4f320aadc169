package profile

import (
	"maps"
	"reflect"
	"testing"
	"testing/fstest"
)

// R12: the texts of a profile and its cases are the whole profile, whatever
// bytes a case has.
func TestCasesAsTexts(t *testing.T) {
	input := []byte("MSH|^~\\&|\xe9\rPID\r")
	folder := fstest.MapFS{"profile.yaml": {Data: []byte(monitor)}, "labels.csv": {Data: []byte(labels)},
		"cases/first/input.hl7": {Data: input}, "cases/first/expected.jsonl": {Data: []byte("{}\n")}, "cases/second/input.json": {Data: []byte("{}")}}
	p, err := Parse(folder, ".")
	if err != nil {
		t.Fatal(err)
	}
	files := p.Files()
	maps.Copy(files, p.CaseFiles())
	again, err := Parse(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Cases()) != 2 || !reflect.DeepEqual(p.Cases(), again.Cases()) || !reflect.DeepEqual(p.CaseFiles(), again.CaseFiles()) || p.Digest() != again.Digest() {
		t.Errorf("%+v\n%+v", p.Cases(), again.Cases())
	}
	if _, ok := files["cases/first/input.hl7.base64"]; !ok || files["cases/first/expected.jsonl"] != "{}\n" {
		t.Errorf("%q", files)
	}
	files["cases/first/input.hl7.base64"] = "?"
	if _, err := Parse(files, "."); err == nil {
		t.Error("a case that is no base64 was read")
	}
}
