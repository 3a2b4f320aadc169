package fhir

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// root is the folder of go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// peerMissing skips, or fails where every peer must be there.
func peerMissing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal("peer missing: " + what)
	}
	t.Skip("peer missing: " + what)
}

type verdict struct {
	Name     string         `json:"name"`
	FHIR     []string       `json:"fhir"`
	Medplum  []string       `json:"medplum"`
	Profiles map[string]int `json:"profiles"`
}

// validate hands all resources to one node process that asks two validators.
func validate(t testing.TB, resources map[string][]byte) []verdict {
	t.Helper()
	peers := filepath.Join(root(t), "build", "peers")
	if _, err := os.Stat(filepath.Join(peers, "node_modules", "@medplum", "definitions")); err != nil {
		peerMissing(t, "FHIR validators (make peers)")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		peerMissing(t, "node")
	}
	var in bytes.Buffer
	for name, r := range resources {
		line, _ := json.Marshal(map[string]any{"name": name, "resource": json.RawMessage(r)})
		in.Write(append(line, '\n'))
	}
	cmd := exec.Command(node, "--experimental-websocket", "--no-warnings", filepath.Join(root(t), "test", "peers", "fhirvalidate.mjs"))
	cmd.Dir = peers
	cmd.Stdin = &in
	var errText bytes.Buffer
	cmd.Stderr = &errText
	out, err := cmd.Output()
	if err != nil {
		text := errText.Bytes()
		t.Fatalf("validator: %v\n%s", err, text[max(0, len(text)-2000):])
	}
	var all []verdict
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var v verdict
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if len(all) != len(resources) {
		t.Fatalf("%d verdicts for %d resources", len(all), len(resources))
	}
	return all
}

// TestGoldenValid holds every golden bundle against both validators, and the
// validators against resources that are wrong on purpose.
func TestGoldenValid(t *testing.T) {
	all := map[string][]byte{
		"wrong: status":   []byte(`{"resourceType":"Observation","status":"finale","code":{"text":"x"}}`),
		"wrong: date":     []byte(`{"resourceType":"Observation","status":"final","code":{"text":"x"},"effectiveDateTime":"2020-13-45"}`),
		"wrong: pressure": []byte(`{"resourceType":"Observation","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/bp"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"subject":{"reference":"Patient/1"},"effectiveDateTime":"2026-11-21","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":1}},{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":1}}]}`),
		"wrong: profile":  []byte(`{"resourceType":"Observation","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/heartrate"]},"status":"final","code":{"text":"x"}}`),
	}
	for _, folder := range cases(t) {
		for form, o := range map[string]Options{
			"put": gatewayTold, "tag": {Provenance: ProvenanceTag}, "replace": {Replace: true, Provenance: ProvenanceNone, KeepPatients: true},
		} {
			all[filepath.Base(folder)+" "+form] = Bundle(messagesOf(t, folder), o)
		}
	}
	profiles := map[string]int{}
	for _, v := range validate(t, all) {
		wrong := len(v.FHIR)+len(v.Medplum) > 0
		if bytes.HasPrefix([]byte(v.Name), []byte("wrong: ")) {
			if !wrong {
				t.Errorf("%s: the validators take it", v.Name)
			}
			continue
		}
		if wrong {
			t.Errorf("%s is not valid R4\n  fhir: %q\n  medplum: %q", v.Name, v.FHIR, v.Medplum)
		}
		for p, n := range v.Profiles {
			profiles[p] += n
		}
	}
	for _, p := range []string{"heartrate", "resprate", "oxygensat", "bodytemp", "bodyweight", "bodyheight", "bmi", "bp"} {
		if profiles[p] == 0 {
			t.Errorf("no golden bundle claims the profile %s", p)
		}
	}
}
