package medibus

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"thalamus/internal/mdc"
)

// TestCorpus looks up every code of the lists that OpenICE keeps of MEDIBUS (R7):
// each must mean something here.
func TestCorpus(t *testing.T) {
	root := os.Getenv("THALAMUS_CORPUS")
	if root == "" {
		root = "../../../../shared/corpus"
	}
	lists := filepath.Join(root, "serial-lab/mdpnp+mdpnp/devices/draeger/src/main/resources/org/mdpnp/devices/draeger/medibus/types")
	if _, err := os.Stat(lists); err != nil {
		t.Skip("corpus not present")
	}
	passed, total := 0, 0
	for name, page := range map[string]byte{
		"measured-data-cp1": 0x24, "measured-data-cp2": 0x2B, "setting": 0x29, "text-message": 0x2A,
		"alarm-message-cp1": 0x27, "alarm-message-cp2": 0x2E, "realtime-data": 0x53,
	} {
		text, err := os.ReadFile(filepath.Join(lists, name+".map"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Split(strings.TrimSpace(line), "\t")
			code, err := strconv.ParseUint(strings.TrimPrefix(f[0], "0x"), 16, 8)
			if err != nil || len(f) < 2 || strings.HasPrefix(line, "#") {
				continue
			}
			total++
			if terms[codeOf{page, byte(code)}] == nil {
				t.Errorf("%s: %s is not known", name, strings.TrimSpace(line))
				continue
			}
			passed++
		}
	}
	t.Logf("codes of serial-lab/mdpnp+mdpnp (MEDIBUS): %d/%d", passed, total)
}

// The terms that another program gives what Dräger's devices send are terms of ours.
func TestTermsOfTheCorpus(t *testing.T) {
	root := os.Getenv("THALAMUS_CORPUS")
	if root == "" {
		root = "../../../../shared/corpus"
	}
	text, err := os.ReadFile(filepath.Join(root, "serial-lab/mdpnp+mdpnp/interop-lab/demo-devices/src/main/resources/org/mdpnp/devices/draeger/medibus/draeger.map"))
	if err != nil {
		t.Skip("corpus not present")
	}
	passed, total := 0, 0
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) < 3 || strings.HasPrefix(line, "#") {
			continue
		}
		name, ok := strings.CutPrefix(f[1], "rosetta.")
		if !ok {
			continue // a name of that program's own
		}
		total++
		if _, known := mdc.ByRefID(name); !known {
			t.Errorf("%s: %s is not known", f[0], name)
			continue
		}
		passed++
	}
	t.Logf("terms of serial-lab/mdpnp+mdpnp (MEDIBUS): %d/%d", passed, total)
}
