package clinical_test

import (
	"fmt"
	"strings"
	"testing"

	"thalamus/internal/model"
)

const head = "MSH|^~\\&|M^0003B1FFFE000001^EUI-64|F|||20260131120000||ORU^R01|1|P|2.6\r"

func has(m model.Message, code string) int {
	n := 0
	for _, i := range m.Issues {
		if i.Code == code {
			n++
		}
	}
	return n
}

// Hostile text costs no more than its length, and what is cut short is said.
func TestBounds(t *testing.T) {
	unknown := strings.Builder{}
	for i := range 2000 {
		fmt.Fprintf(&unknown, "%c%c%c|x\r", 'Y'+i%2, 'A'+i/2%26, 'A'+i/52%26)
	}
	for _, c := range []struct {
		name, body, issue string
		at                int // how often the issue may be said
		observations      int
	}{
		{"a flood of repetitions", "OBX|1|NM|X||" + strings.Repeat("1~", 50_000) + "1|||||F\r", "decode.too-many-values", 1, 1000},
		{"a flood of wrong numbers", "OBX|1|NM|X||" + strings.Repeat("a~", 900) + "a|||||F\r", "decode.more-issues", 1, 901},
		{"unknown segments", unknown.String(), "decode.segment-unread", 66, 0},
		{"many devices", strings.Repeat("PRT|1|UC||EQUIP||||||S1^^0003B10000000000^EUI-64\r", 20_000), "", 0, 0},
		{"deep containment", "OBX|1|NM|X|" + strings.Repeat("1.", 100_000) + "1|5|||||F\r", "", 0, 1},
		{"many places", places(5000), "", 0, 5000},
		{"waves without end", "OBX|1|NA|131330^MDC_ECG_ELEC_POTL_II^MDC|1.1|" + strings.Repeat("1^2~", 5000) + "\r", "decode.too-many-values", 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := invariants(t, []byte(head+c.body))
			if got := has(out[0], c.issue); c.issue != "" && (got == 0 || got > c.at) {
				t.Errorf("%s is said %d times", c.issue, got)
			}
			if got := len(out[0].Observations); got != c.observations {
				t.Errorf("%d observations, want %d", got, c.observations)
			}
			if len(out[0].Issues) > 600 {
				t.Errorf("%d issues", len(out[0].Issues))
			}
		})
	}
}

func places(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "OBX|%d|NM|X|1.1.1.%d|5||||||F\r", i, i)
	}
	return b.String()
}

// The values of one patient never go to another (R20).
func TestSeveralPatients(t *testing.T) {
	out := invariants(t, []byte(head+"PID|||A^^^C^MR\rPV1||I|ICU^1^1\rOBX|1|NM|X||1||||||F\rPID|||B^^^C^MR\rOBX|1|NM|X||2||||||F\rOBX|2|NM|X||3||||||F\r"))
	if len(out) != 2 {
		t.Fatalf("%d messages", len(out))
	}
	for i, want := range []struct {
		id string
		n  int
	}{{"A", 1}, {"B", 2}} {
		if got := out[i].Patient.Identifiers[0].Value; got != want.id || len(out[i].Observations) != want.n {
			t.Errorf("message %d: patient %s, %d observations", i, got, len(out[i].Observations))
		}
	}
	if out[1].Visit != nil {
		t.Error("the second patient was put into the first one's bed")
	}
}

// The containment of one patient's devices does not reach into the next.
func TestPlacesBeginAnew(t *testing.T) {
	mds := "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||0003B1FFFE0000AA^^0003B1FFFE0000AA^EUI-64\r"
	out := invariants(t, []byte(head+"PID|||A^^^C^MR\r"+mds+places(100)+"PID|||B^^^C^MR\rOBX|1|NM|X|1.1.1.5.1|5||||||F\r"))
	o := out[1].Observations[0]
	if o.Parent != "" || out[1].Devices[o.Device].Field != "MSH-3" {
		t.Errorf("parent %q, device %+v", o.Parent, out[1].Devices[o.Device])
	}
}
