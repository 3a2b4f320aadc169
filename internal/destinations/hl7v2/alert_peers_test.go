package hl7v2

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/hl7v2/clinical"
	"thalamus/internal/destination/destinationtest"
	"thalamus/internal/model"
	"thalamus/internal/peertest"
)

// TestForeignServersTakeAlerts: two foreign HL7 stacks take the reports of an
// alert as rebuilt PCD-04 and give them back as they understood them; read by
// us, they are one alert through its life (R21).
func TestForeignServersTakeAlerts(t *testing.T) {
	for _, c := range []struct{ name, script, module string }{
		{"node-hl7-server", "node-hl7-server.mjs", "node-hl7-server"},
		{"medplum", "medplum-server.mjs", "@medplum/hl7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			port := peertest.FreePort(t)
			server := peertest.Serve(t, c.script, c.module, map[string]any{"port": port})
			d := open(t, map[string]any{"address": fmt.Sprint("127.0.0.1:", port), "mode": rebuilt, "connections": 1})
			phases := []string{"start", "escalate", "update", "end"}
			for n, phase := range phases {
				p := destinationtest.Parcel(n)
				p.Message.Observations = nil
				p.Message.Type = "ORU^R40^ORU_R40"
				p.Message.Alerts = []model.Alert{{
					ID: "alarm-7", Code: model.Code{MDC: 196670, RefID: "MDC_EVT_LO"}, Received: model.Coding{Code: "196670", Text: "MDC_EVT_LO", System: "MDC"},
					Phase: phase, State: "active", Muted: "enabled", Priority: "high", Kind: "physiological", Text: "SpO2 low",
					DeviceTime: p.Message.DeviceTime, Life: model.AlertLife{First: model.MessageRef{Seq: 1}},
				}}
				if _, err := one(t, d, p); err != nil {
					t.Fatalf("%s: %v; the server said %v", phase, err, server.Said())
				}
			}
			for end := time.Now().Add(peertest.Patience); len(ids(t, server)) < len(phases) && time.Now().Before(end); {
				time.Sleep(5 * time.Millisecond)
			}
			seen := map[string]bool{}
			for _, s := range server.Said() {
				text := s.Text("text")
				if text == "" {
					continue
				}
				text = strings.ReplaceAll(text, "\n", "\r")
				read := clinical.New().Decode(model.Entry{Frame: model.Frame{Codec: "hl7v2", Bytes: []byte(text)}}, codec.Context{})
				if len(read) != 1 || len(read[0].Alerts) != 1 || read[0].Alerts[0].ID != "alarm-7" || read[0].Alerts[0].Text != "SpO2 low" {
					t.Fatalf("comes back as %+v\n%s", read, text)
				}
				seen[read[0].Alerts[0].Phase] = true
			}
			for _, phase := range phases {
				if !seen[phase] {
					t.Errorf("%s did not come back", phase)
				}
			}
		})
	}
}
