package clinical_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"thalamus/internal/alert"
	"thalamus/internal/model"
)

// Every report of an alert in the messages of real devices is read: its event
// or text, a name that tells it from others, a phase or state of our words, and
// a life of it can be followed (R21).
func TestCorpusAlerts(t *testing.T) {
	pass, total := 0, 0
	for _, file := range corpus(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		reports := bytes.Count(b, []byte("^MDC_EVT_ALARM^MDC|")) // OBX-3; as OBR-4 it ends the same
		reports -= bytes.Count(b, []byte("^MDC_EVT_ALARM^MDC|||"))
		reports += bytes.Count(b, []byte("^MDC_ATTR_AL_COND^"))
		if reports <= 0 {
			continue
		}
		total += reports
		lives := alert.NewLives()
		for _, m := range invariants(t, b) {
			for i := range m.Alerts {
				a := &m.Alerts[i]
				l, _ := lives.Take(&alert.Report{Alert: a, Ref: m.Ref, Arrived: m.Arrived, At: m.Arrived})
				switch {
				case a.Received == (model.Coding{}) && a.Text == "", a.ID == "", l == nil,
					a.Phase == "" && a.State == "" && a.Field == "":
					t.Errorf("%s: %+v", filepath.Base(file), a)
				default:
					pass++
				}
			}
		}
	}
	t.Logf("reports of alerts in the corpus: %d of %d", pass, total)
	if pass < total {
		t.Errorf("%d reports of alerts of %d were read", pass, total)
	}
}
