package texts_test

import (
	"testing"

	"thalamus/internal/web/texts"
)

// Metrics are called in the reader's language; what the table does not call so
// keeps its name.
func TestTerm(t *testing.T) {
	want := map[string][]string{ // of each language: a metric of the table, one a house named, one that is not there
		"en": {"Heart rate (ECG)", "Our rate", "Bed angle"},
		"de": {"Herzfrequenz (EKG)", "Our rate", "Bed angle"},
		"fr": {"Fréquence cardiaque (ECG)", "Our rate", "Bed angle"},
	}
	for _, l := range texts.Languages() {
		for i, c := range [][2]string{{"MDC_ECG_HEART_RATE", "Heart rate (ECG)"}, {"MDC_ECG_HEART_RATE", "Our rate"}, {"OUR_ANGLE", "Bed angle"}} {
			if got := l.Term(c[0], c[1]); got != want[l.Tag][i] {
				t.Errorf("%s: %s is %q, want %q", l.Tag, c[1], got, want[l.Tag][i])
			}
		}
	}
}
