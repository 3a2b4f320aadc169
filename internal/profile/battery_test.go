package profile

import "testing"

func TestInPercent(t *testing.T) {
	for sent, want := range map[string]string{"": "", "87": "87 %", "87.5": "87.5 %", "87 %": "87 %", "low": "low"} {
		if got := inPercent(sent); got != want {
			t.Errorf("%q is %q, want %q", sent, got, want)
		}
	}
}
