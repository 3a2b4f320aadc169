package mdc

import (
	"testing"

	"thalamus/internal/ucum"
)

// R15: names of signals in files, each with the unit as a guard.
func TestByCurve(t *testing.T) {
	for _, c := range []struct{ label, unit, want string }{
		{"ECG II", "mV", "MDC_ECG_ELEC_POTL_II"},
		{"II", "mV", "MDC_ECG_ELEC_POTL_II"},
		{"aVR", "uV", "MDC_ECG_ELEC_POTL_AVR"},
		{"V5", "mV", "MDC_ECG_ELEC_POTL_V5"},
		{"ECG", "mV", "MDC_ECG_ELEC_POTL"},
		{"MLII", "mV", ""}, // an ECG, of a lead that is not II
		{"ECG CM5", "mV", ""},
		{"EEG Fpz-Cz", "uV", ""}, // one of several
		{"EEG", "uV", "MDC_EEG_ELEC_POTL_CRTX"},
		{"ABP", "mm[Hg]", "MDC_PRESS_BLD_ART_ABP"},
		{"ABP", "kPa", "MDC_PRESS_BLD_ART_ABP"},
		{"CVP", "mm[Hg]", "MDC_PRESS_BLD_VEN_CENT"},
		{"Pleth", "", "MDC_PULS_OXIM_PLETH"},
		{"PLETH", "%", "MDC_PULS_OXIM_PLETH"},
		{"RESP", "Ohm", "MDC_IMPED_TTHOR"},
		{"RESP", "", "MDC_RESP"},
		{"Paw", "mbar", "MDC_PRESS_AWAY"},
		{"II", "", ""},       // nobody says that it is a voltage
		{"II", "mm[Hg]", ""}, // it is none
		{"ABP", "mV", ""},
		{"EEG Fpz-Cz", "%", ""},
		{"RESP", "mV", ""},    // neither an impedance nor without a dimension
		{"CO2", "mm[Hg]", ""}, // two terms for it
		{"SpO2", "%", ""},     // a number, sampled
		{"EMG chin", "uV", ""},
		{"P1", "mm[Hg]", ""},
		{"", "mV", ""},
	} {
		var u *ucum.Unit
		if c.unit != "" {
			var err error
			if u, err = ucum.Parse(c.unit); err != nil {
				t.Fatal(err)
			}
		}
		got := ""
		if term, ok := ByCurve(c.label, u); ok {
			got = term.RefID
		}
		if got != c.want {
			t.Errorf("%q in %q is %q, want %q", c.label, c.unit, got, c.want)
		}
	}
}

// Each row names a waveform, with evidence that sources.tsv explains; they stand
// in order, and two rows of a label never fit one unit.
func TestCurveTable(t *testing.T) {
	all := lines(t, "curves.tsv", curveText)
	sorted(t, "curves.tsv", all, func(p []string) string { return p[0] + "\t" + p[1] })
	for _, p := range all {
		term, ok := ByRefID(p[1])
		if !ok || term.Kind != Waveform || p[2] == "" {
			t.Errorf("%s: %s is no waveform", p[0], p[1])
			continue
		}
		for _, q := range all {
			other, _ := ByRefID(q[1])
			if q[0] == p[0] && other != term && len(term.Units) > 0 && len(other.Units) > 0 && term.Fits(other.Unit) {
				t.Errorf("%s: %s and %s have the same unit", p[0], p[1], q[1])
			}
		}
	}
}
