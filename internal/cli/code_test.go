package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// R15: a code is explained by any of its names, and an unknown label has
// candidates.
func TestCodeFind(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"find spo2", 0, []string{"MDC_PULS_OXIM_SAT_O2", "150456 (2:19384)", "LOINC     2708-6, FHIR vital sign oxygensat", "0 to 100", "O2Sat", "evidence  message masimo"}},
		{"find 147842", 0, []string{"MDC_ECG_HEART_RATE", "0 to 350 at 6574 and more days of age"}},
		{"find 2:16770", 0, []string{"MDC_ECG_HEART_RATE"}},
		{"find MDC_ECG_LEAD_II", 0, []string{"MDC_ECG_ELEC_POTL_II"}},
		{"find 8867-4", 0, []string{"MDC_ECG_HEART_RATE", "MDC_PULS_RATE"}},
		{"find 59408-5", 0, []string{"Oxygen saturation in Arterial blood by Pulse oximetry", "FHIR vital sign oxygensat", "0 to 100", "evidence  FHIR oxygensat profile"}},
		{"find 8867-5", 1, []string{"not its check digit; did you mean 8867-4?"}},
		{"find 68165", 0, []string{"MDC_ATTR_EVENT_PHASE", "68481", "older     68165"}},
		{"find Herzfrequenz", 0, []string{"MDC_ECG_HEART_RATE"}},
		{"find Sp02", 1, []string{`nothing is called "Sp02"; most like it:`, "0.75  MDC_PULS_OXIM_SAT_O2"}},
		{"find 'Ωψ'", 1, []string{"nor anything like it"}},
		{"find Sp02 --unit nounit", 1, []string{"ucum"}},
		{"find", 2, []string{"cli.usage"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			var out bytes.Buffer
			if code := Run(t.Context(), "test", append([]string{"code"}, strings.Fields(c.args)...), nil, &out, &out); code != c.code {
				t.Errorf("exit code %d, want %d:\n%s", code, c.code, out.String())
			}
			for _, w := range c.want {
				if !strings.Contains(out.String(), w) {
					t.Errorf("%q is not in:\n%s", w, out.String())
				}
			}
		})
	}
	var out bytes.Buffer
	Run(t.Context(), "test", []string{"code", "find", "--json", "spo2", "Sp02"}, nil, &out, &out)
	var answers []codeAnswer
	if err := json.Unmarshal(out.Bytes(), &answers); err != nil || len(answers) != 2 || answers[0].Found[0].RefID != "MDC_PULS_OXIM_SAT_O2" || len(answers[1].Nearest) == 0 {
		t.Errorf("%v: %s", err, out.String())
	}
}
