package normalise

import (
	"testing"

	"thalamus/internal/model"
)

// R15: a signal of a file is what its label says, where the unit agrees; an issue
// says so until somebody confirms it. What fits several terms or none stays as it
// was sent.
func TestCurveByLabel(t *testing.T) {
	for _, c := range []struct {
		name       string
		sent, unit model.Coding
		want, says string
	}{
		{"EDF+", model.Coding{Code: "ECG II", Text: "AgAgCl electrodes"}, model.Coding{Code: "uV"}, "MDC_ECG_ELEC_POTL_II", "code-by-label"},
		{"WFDB", model.Coding{Code: "V5"}, model.Coding{Code: "mV"}, "MDC_ECG_ELEC_POTL_V5", "code-by-label"},
		{"pressure", model.Coding{Code: "ABP"}, model.Coding{Code: "mmHg"}, "MDC_PRESS_BLD_ART_ABP", "code-by-label"},
		{"normalised units", model.Coding{Code: "PLETH"}, model.Coding{Code: "NU"}, "MDC_PULS_OXIM_PLETH", "code-by-label"},
		{"no unit", model.Coding{Code: "PLETH"}, model.Coding{}, "MDC_PULS_OXIM_PLETH", "code-by-label"},
		{"vendor's number", model.Coding{Code: "4711", Text: "ECG II", System: "99ACME"}, model.Coding{Code: "mV"}, "MDC_ECG_ELEC_POTL_II", "code-by-label"},
		{"sensor's name", model.Coding{Code: "X1", Text: "Pleth"}, model.Coding{}, "", "unknown-code"},
		{"wrong unit", model.Coding{Code: "ABP"}, model.Coding{Code: "mV"}, "", "unknown-code"},
		{"unit nobody knows", model.Coding{Code: "PLETH"}, model.Coding{Code: "furlong per blink"}, "", "unknown-code"},
		{"standard's code", model.Coding{Code: "II", System: "LN"}, model.Coding{Code: "mV"}, "", "unknown-code"},
		{"one of several", model.Coding{Code: "EEG Fpz-Cz"}, model.Coding{Code: "uV"}, "", "unknown-code"},
		{"another lead", model.Coding{Code: "MLII"}, model.Coding{Code: "mV"}, "", "unknown-code"},
	} {
		m := model.Message{Waveforms: []model.Waveform{{Field: "signal[1]", Received: c.sent, UnitSent: c.unit, PeriodNS: 4_000_000, Samples: []int32{1}, Device: -1}}}
		Normalise(&m, Context{})
		if got := m.Waveforms[0].Code.RefID; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		found := false
		for _, i := range m.Issues {
			found = found || i.Code == prefix+c.says
		}
		if !found {
			t.Errorf("%s: %s is not said: %+v", c.name, c.says, m.Issues)
		}
	}
}

// R15: what a waveform is called waits for a person as a number's label does, and
// what a person said of it counts; a unit of nobody else is no unit.
func TestCalledCurve(t *testing.T) {
	read := func(sent, unit string, labels *Labels) (model.Waveform, Called, []model.Issue) {
		m := model.Message{Waveforms: []model.Waveform{{Field: "signal[1]", Received: model.Coding{Code: sent}, UnitSent: model.Coding{Code: unit}, PeriodNS: 4_000_000, Samples: []int32{1}, Device: -1}}}
		Normalise(&m, Context{Labels: labels})
		return m.Waveforms[0], labels.Called(&m)[0], m.Issues
	}
	for _, c := range []struct{ sent, unit, now, unknown string }{
		{"MLII", "mV", "", UnknownCode},
		{"ECG II", "mV", "MDC_ECG_ELEC_POTL_II", UnknownLabel},
		{"PLETH", "NU", "MDC_PULS_OXIM_PLETH", UnknownLabel},
		{"MDC_PULS_OXIM_PLETH", "furlong", "MDC_PULS_OXIM_PLETH", UnknownUnit},
		{"MDC_PULS_OXIM_PLETH", "", "MDC_PULS_OXIM_PLETH", ""},
	} {
		if _, got, _ := read(c.sent, c.unit, nil); got.Now != c.now || got.Unknown != c.unknown || got.Label != "" {
			t.Errorf("%s in %s: %+v", c.sent, c.unit, got)
		}
	}
	if _, _, issues := read("PLETH", "NU", nil); len(issues) != 1 || issues[0].Code != prefix+"code-by-label" {
		t.Errorf("%+v", issues)
	}
	said := NewLabels([]VersionedLabel{{Label: model.Label{ID: "lab-1", Label: "MLII", Code: "MDC_ECG_ELEC_POTL", UCUM: "uV"}, Version: 1}})
	w, got, issues := read("MLII", "steps", said)
	if w.Code.RefID != "MDC_ECG_ELEC_POTL" || w.UnitUCUM != "uV" || got.Unknown != "" || got.Label != "lab-1" || len(issues) != 0 {
		t.Errorf("%+v %+v %+v", w, got, issues)
	}
}
