package bench

import (
	"strings"
	"testing"

	"thalamus/internal/flow/normalise"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// What the bench reads holds every number of the table and every profile, and
// is understood: what is measured is the work and not its refusal.
func TestMixedDevices(t *testing.T) {
	all, err := mixedDevices()
	if err != nil {
		t.Fatal(err)
	}
	read, known, seen := map[string]bool{}, 0, 0
	issues := map[string]int{}
	by := map[string]bool{}
	for _, e := range all.entries {
		for _, m := range all.reader.Read(e) {
			by[m.ReadWith] = true
			for i := range m.Observations {
				o := &m.Observations[i]
				read[o.Code.RefID] = true
				if seen++; o.Code.Key() != "" && o.Absent == "" {
					known++
				}
			}
			for _, i := range m.Issues {
				issues[i.Code]++
			}
		}
	}
	for _, term := range mdc.Terms() {
		if (term.Kind == mdc.Numeric || term.Kind == mdc.Setting) && term.Code != 0 && !read[term.RefID] {
			t.Errorf("%s is not among them", term.RefID)
		}
	}
	if known < seen*9/10 || len(by) < 16 {
		t.Errorf("%d of %d observations known, %d profiles, issues %v", known, seen, len(by), issues)
	}
	t.Logf("%d messages, %d observations, %d known, %d profiles, issues %v", len(all.entries), seen, known, len(by), issues)
	for _, raw := range tableMessages() {
		if strings.Contains(string(raw), "%!") {
			t.Fatalf("%s", raw)
		}
	}
}

func BenchmarkMixedDevices(b *testing.B) {
	all, err := mixedDevices()
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		all.reader.Read(all.entries[n%len(all.entries)])
		n++
	}
	each := float64(all.observations) / float64(len(all.entries))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/each, "ns/observation")
}

// BenchmarkMixed normalises the whole table and the cases of all shipped
// profiles once; -benchmem gives its allocations, divided by the observations
// it reports.
func BenchmarkMixed(b *testing.B) {
	all, err := mixedDevices()
	if err != nil {
		b.Fatal(err)
	}
	var decoded [][]model.Message
	for _, e := range all.entries {
		decoded = append(decoded, all.reader.Read(e))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, messages := range decoded {
			for i := range messages {
				normalise.Normalise(&messages[i], all.reader.Meaning)
			}
		}
	}
	b.ReportMetric(float64(all.observations), "observations")
}
