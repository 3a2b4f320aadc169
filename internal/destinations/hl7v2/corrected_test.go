package hl7v2

import (
	"strings"
	"testing"

	"thalamus/internal/destination/destinationtest"
	"thalamus/internal/model"
)

// A message whose patient was corrected: withdrawn from the one who had it,
// sent for the right one, each under an identity of its own, in that order
// (HL7 v2.5.1 §7.4.2.11, table 0085).
func TestCorrected(t *testing.T) {
	was := &model.Patient{ID: "pat-a", Identifiers: []model.Identifier{{Value: "111", Type: "MR"}}}
	now := &model.Patient{ID: "pat-b", Identifiers: []model.Identifier{{Value: "222", Type: "MR"}}}
	for name, c := range map[string]struct {
		was, now *model.Patient
		want     []string // PID-3 and the status of each that is sent
	}{
		"of another": {was, now, []string{"111 W", "222 C"}},
		"of nobody":  {nil, now, []string{"222 C"}},
		"to nobody":  {was, nil, []string{"111 W"}},
	} {
		for _, mode := range []string{asReceived, rebuilt} {
			t.Run(name+" "+mode, func(t *testing.T) {
				r := listen(t, say("AA", ""))
				p := destinationtest.Parcel(7)
				m := *p.Message
				m.Patient, m.Amended = c.now, &model.Amendment{Version: 1, Was: c.was}
				p.Message, p.Replay = &m, 3
				if _, err := one(t, open(t, r.settings(map[string]any{"mode": mode})), p); err != nil {
					t.Fatal(err)
				}
				var got []string
				ids := map[string]bool{}
				for _, text := range r.all() {
					line := ""
					for _, segment := range strings.Split(text, "\r") {
						f := strings.Split(segment, "|")
						switch f[0] {
						case "MSH":
							ids[f[9]] = true
						case "PID":
							line, _, _ = strings.Cut(f[3], "^")
						case "OBX":
							if !strings.HasSuffix(line, f[11]) {
								line += " " + f[11]
							}
						}
					}
					got = append(got, line)
				}
				if strings.Join(got, ", ") != strings.Join(c.want, ", ") || len(ids) != len(c.want) {
					t.Errorf("sent %q under %d identities, want %q", got, len(ids), c.want)
				}
			})
		}
	}
}

func (r *receiver) all() (texts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, frame := range r.frames {
		texts = append(texts, string(frame))
	}
	return texts
}
