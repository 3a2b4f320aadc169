package mdc

import (
	"testing"

	"thalamus/internal/ucum"
)

// R15: SpO2, O2Sat, oxygen_saturation are one.
func TestByLabel(t *testing.T) {
	for _, c := range []struct{ label, want string }{
		{"SpO2", "MDC_PULS_OXIM_SAT_O2"},
		{"SPO2", "MDC_PULS_OXIM_SAT_O2"},
		{"O2Sat", "MDC_PULS_OXIM_SAT_O2"},
		{"oxygen_saturation", "MDC_PULS_OXIM_SAT_O2"},
		{"SAT-O2", "MDC_PULS_OXIM_SAT_O2"},
		{"SpO₂", "MDC_PULS_OXIM_SAT_O2"},
		{"%SpO2", "MDC_PULS_OXIM_SAT_O2"},
		{"Sauerstoffsättigung", "MDC_PULS_OXIM_SAT_O2"},
		{"SAUERSTOFFSÄTTIGUNG", "MDC_PULS_OXIM_SAT_O2"},
		{"mdc_ecg_heart_rate", "MDC_ECG_HEART_RATE"},
		{"Heart Rate", "MDC_ECG_HEART_RATE"},
		{"NIBP-SYS", "MDC_PRESS_BLD_NONINV_SYS"},
		{"Température œsophagienne", "MDC_TEMP_ESOPH"},
		{"Körpergröße", "MDC_LEN_BODY_ACTUAL"},
		{"iCa", "MDC_CONC_CA_GEN"},
		{"Ca++", "MDC_CONC_CA_GEN"},
		{"Ca2+", "MDC_CONC_CA_GEN"},
		{"CA", ""}, // of a chemistry analyser: all calcium, another quantity
		{"", ""},
		{"---", ""},
		{"no such label", ""},
	} {
		got := ""
		if term, ok := ByLabel(c.label); ok {
			got = term.RefID
		}
		if got != c.want {
			t.Errorf("%q is %q, want %q", c.label, got, c.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { ByLabel("oxygen_saturation") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNearest(t *testing.T) {
	percent, err := ucum.Parse("%")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		label string
		unit  *ucum.Unit
		first string
	}{
		{"Sp02", nil, "MDC_PULS_OXIM_SAT_O2"},
		{"hart rate", nil, "MDC_ECG_HEART_RATE"},
		{"PEEPx", nil, "MDC_VENT_PRESS_AWAY_END_EXP_POS"},
		{"oxygen saturation 1", percent, "MDC_PULS_OXIM_SAT_O2"},
		{"SpO2", nil, "MDC_PULS_OXIM_SAT_O2"},
	} {
		got := Nearest(c.label, c.unit, 3)
		if len(got) != 3 || got[0].Term.RefID != c.first {
			t.Errorf("%q: %v, want %s first", c.label, got, c.first)
		}
		again := Nearest(c.label, c.unit, 3)
		for i := range got {
			if got[i] != again[i] {
				t.Errorf("%q: not the same again", c.label)
			}
			if i > 0 && got[i].Score > got[i-1].Score {
				t.Errorf("%q: not in order", c.label)
			}
		}
	}
	if got := Nearest("", nil, 3); got != nil {
		t.Errorf("nothing is near to nothing, got %v", got)
	}
	if got := Nearest("Ωψ☃", nil, 3); len(got) != 0 {
		t.Errorf("%v", got)
	}
	// The unit decides between equals: Hb in g/dL is no saturation.
	if got := Nearest("SpO2", percent, 1); got[0].Score != 1000 {
		t.Errorf("%v", got)
	}
}

func TestRange(t *testing.T) {
	weight, _ := ByRefID("MDC_MASS_BODY_ACTUAL")
	for _, c := range []struct {
		days      int
		low, high string
	}{{-1, "0.1", "700"}, {0, "0.2", "10"}, {27, "0.2", "10"}, {28, "0.5", "25"}, {365, "2", "350"}, {6574, "12", "700"}, {40000, "12", "700"}} {
		low, high := weight.Range(c.days)
		if low.String() != c.low || high.String() != c.high {
			t.Errorf("%d days: %s to %s, want %s to %s", c.days, low, high, c.low, c.high)
		}
	}
}

func FuzzLabel(f *testing.F) {
	for _, s := range []string{"SpO2", "SpO₂", "Ä", "\xc3", "\xe2\x82", "", "Œsophage", "\xe2\x82 \x820"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ByLabel(s)
		if folded := Fold(s); len(folded) > len(s) || Fold(folded) != folded {
			t.Errorf("%q folds to %q, that to %q", s, folded, Fold(folded))
		}
		for _, c := range Nearest(s, nil, 3) {
			if c.Score < 300 || c.Score > 1000 {
				t.Errorf("%q: %v", s, c)
			}
		}
	})
}

func BenchmarkByLabel(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ByLabel("oxygen_saturation")
	}
}

func BenchmarkNearest(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Nearest("oxigen saturashun", nil, 3)
	}
}
