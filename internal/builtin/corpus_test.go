package builtin_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// What becomes of each file of the corpus folders for serial lines and personal
// devices: which test counts it, or why nothing of ours can be asked about it. The
// longest prefix counts.
var corpusFiles = []struct{ prefix, by, why string }{
	{"ieee11073/ble-gatt/ble-gatt-vectors.json", "codec/gatt: vectors", ""},
	{"ieee11073/ble-gatt/NOTES.md", "", "says where the vectors are from"},
	{"ieee11073/derived-tables/", "mdc: codes and labels", ""},
	{"ieee11073/signove+antidote/tests/resources/apdu/", "codec/phd: APDUs", ""},
	{"ieee11073/signove+antidote/tests/resources/apdu/pulse_oximeter/description", "", "says what the APDUs beside it are"},
	{"ieee11073/signove+antidote/apps/", "", "XML of antidote's own programming interface, no device sends it"},
	{"ieee11073/HL7+PHD/input/examples/", "codec/fhir: examples read", ""},
	{"ieee11073/HL7+phd/input/examples/", "codec/fhir: examples read, and held against the rules of the profiles", ""},
	{"ieee11073/HL7+PHD/input/resources/", "", "definitions of an older version of the guide; its rules are in codec/fhir by the newer one"},
	{"ieee11073/HL7+phd/input/fsh/", "", "sources of the guide's definitions, which codec/fhir has as rules"},
	{"ieee11073/HL7+phd/", "", "pages of the guide"},
	{"ieee11073/HL7+uv-pocd/input/examples/", "", "FHIR in XML, and codec fhir reads JSON (R3); the codes in it are among the derived tables"},
	{"ieee11073/HL7+uv-pocd/", "", "definitions and pages of a guide for bedside devices, whose mappings are for SDC and FHIR in XML"},
	{"ieee11073/Draegerwerk+sdc11073/", "", "SDC (11073-10207), the second half of R7, is not built"},
	{"serial-lab/blutspende+go-astm/", "codec/astm: captures", ""},
	{"serial-lab/senaite+senaite.astm/", "codec/astm: captures", ""},
	{"serial-lab/openelis-analyzer-bridge/mindray_bc5380-c.3.3.hl7.txt", "codec/hl7v2: messages", ""},
	{"serial-lab/openelis-analyzer-bridge/", "codec/astm: captures", ""},
	{"serial-lab/poct1a/dialogue_expected.md", "drivers/poct1alink: the conversation", ""},
	{"serial-lab/poct1a/", "codec/poct1a: documents", ""},
	{"serial-lab/mdpnp+mdpnp/devices/draeger/", "codec/medibus: codes", ""},
	{"serial-lab/mdpnp+mdpnp/devices/draeger/src/main/resources/org/mdpnp/devices/draeger/medibus/types/command.map", "", "commands by which another program asks; ours asks by the protocol's own description"},
	{"serial-lab/mdpnp+mdpnp/devices/draeger/src/main/resources/org/mdpnp/devices/draeger/medibus/types/datatype.map", "", "names of lists by the answers' codes, no values"},
	{"serial-lab/mdpnp+mdpnp/interop-lab/demo-devices/src/main/resources/org/mdpnp/devices/draeger/", "codec/medibus: terms", ""},
	{"serial-lab/mdpnp+mdpnp/interop-lab/demo-devices/src/main/resources/org/mdpnp/devices/philips/", "codec/intellivue: values", ""},
	{"serial-lab/mdpnp+mdpnp/interop-lab/demo-devices/src/main/resources/org/mdpnp/devices/cpc/", "", "the Bernoulli gateway's own XML, of which there is no codec (R6 does not name it)"},
	{"serial-lab/mdpnp+mdpnp/interop-lab/demo-apps/", "", "a value change dump written by another program, from no device"},
	{"serial-lab/mdpnp+mdpnp/devices/puritanbennett/", "", "Puritan Bennett 840 ventilators, of which there is no codec (R6 does not name them)"},
}

// Each file of the folders is counted by a test of its codec, or named with why it
// is not: none is forgotten.
func TestCorpusIsAccountedFor(t *testing.T) {
	root := os.Getenv("THALAMUS_CORPUS")
	if root == "" {
		root = "../../../shared/corpus"
	}
	if _, err := os.Stat(filepath.Join(root, "serial-lab")); err != nil {
		t.Skip("corpus not present")
	}
	counted, left := map[string]int{}, map[string]int{}
	total, found := 0, map[string]bool{}
	for _, folder := range []string{"serial-lab", "ieee11073"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			total++
			name, _ := filepath.Rel(root, path)
			best := -1
			for i := range corpusFiles {
				if p := corpusFiles[i].prefix; strings.HasPrefix(name, p) && (best < 0 || len(p) > len(corpusFiles[best].prefix)) {
					best = i
				}
			}
			if best < 0 {
				t.Errorf("%s: nobody counts it, and nothing says why not", name)
				return nil
			}
			found[corpusFiles[best].prefix] = true
			if by := corpusFiles[best].by; by != "" {
				counted[by]++
			} else {
				left[corpusFiles[best].why]++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range corpusFiles {
		if !found[f.prefix] && f.prefix != "ieee11073/HL7+phd/" {
			t.Errorf("%s: nothing is there any more", f.prefix)
		}
	}
	t.Logf("files of corpus/serial-lab and corpus/ieee11073: %d, of which %d are counted: %s; %d are not read: %s",
		total, sum(counted), list(counted), sum(left), list(left))
}

func sum(m map[string]int) (n int) {
	for _, one := range m {
		n += one
	}
	return n
}

func list(m map[string]int) string {
	var all []string
	for what, n := range m {
		all = append(all, fmt.Sprintf("%d %s", n, what))
	}
	sort.Strings(all)
	return strings.Join(all, "; ")
}
