package intellivue

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thalamus/internal/mdc"
)

// TestCorpus looks up every value of the list that OpenICE keeps of Data Export
// (R7): each must be a term here, but for one that no other public list knows.
func TestCorpus(t *testing.T) {
	root := os.Getenv("THALAMUS_CORPUS")
	if root == "" {
		root = "../../../../shared/corpus"
	}
	list := filepath.Join(root, "serial-lab/mdpnp+mdpnp/interop-lab/demo-devices/src/main/resources/org/mdpnp/devices/philips/intellivue/intellivue.map")
	text, err := os.ReadFile(list)
	if err != nil {
		t.Skip("corpus not present")
	}
	passed, total := 0, 0
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) < 4 || strings.HasPrefix(line, "#") {
			continue
		}
		total++
		_, known := mdc.ByRefID(f[1])
		if known == (f[1] == "MDC_VENT_RESP_RATE_MAND") {
			t.Errorf("%s: known %v", f[1], known)
			continue
		}
		passed++
	}
	t.Logf("values of serial-lab/mdpnp+mdpnp (IntelliVue): %d/%d", passed, total)
}
