package mdc

import "testing"

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		code, text, want string
		disagree         bool
	}{
		{"150456", "MDC_PULS_OXIM_SAT_O2", "MDC_PULS_OXIM_SAT_O2", false},
		{"6", "MDC_PULS_OXIM_SAT_O2", "MDC_PULS_OXIM_SAT_O2", true},
		{"0", "MDC_ATTR_SAMP_RATE", "MDC_ATTR_SAMP_RATE", false},
		{"68165", "MDC_ATTR_EVENT_PHASE", "MDC_ATTR_EVENT_PHASE", false},
		{"68481", "MDC_ATTR_EVENT_PHASE", "MDC_ATTR_EVENT_PHASE", false},
		{"68165", "", "MDC_ATTR_EVENT_PHASE", false},
		{"131329", "MDC_ECG_LEAD_I", "MDC_ECG_ELEC_POTL_I", false},
		{"150456", "SpO2", "MDC_PULS_OXIM_SAT_O2", false},
		{"MDC_RESP_RATE", "", "MDC_RESP_RATE", false},
		{"2:16770", "", "MDC_ECG_HEART_RATE", false},
		{"150456", "MDC_SOMETHING_ELSE", "", true},
		{"149522", "MDC_PULS_RATE", "MDC_PULS_RATE", true},
		{"123456", "nothing", "", false},
		{"", "", "", false},
	} {
		term, disagree, ok := Resolve(c.code, c.text)
		got := ""
		if ok {
			got = term.RefID
		}
		if got != c.want || disagree != c.disagree {
			t.Errorf("%s^%s = %q, %v; want %q, %v", c.code, c.text, got, disagree, c.want, c.disagree)
		}
	}
	if n := testing.AllocsPerRun(100, func() { Resolve("150456", "MDC_PULS_OXIM_SAT_O2"); Resolve("68165", "") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkResolve(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Resolve("150456", "MDC_PULS_OXIM_SAT_O2")
	}
}
