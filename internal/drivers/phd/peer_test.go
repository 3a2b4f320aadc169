package phd

import (
	"os"
	"os/exec"
	"testing"

	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
)

// R7: antidote's agent, an implementation that we did not write, with each of
// its devices. It connects to port 6024 of this machine and nothing else.
// THALAMUS_ANTIDOTE_AGENT is the path of its ieee_agent; scripts/peers.sh does
// not build it, as it must be fetched from its makers (signove/antidote).
func TestAntidoteAgent(t *testing.T) {
	program := os.Getenv("THALAMUS_ANTIDOTE_AGENT")
	if program == "" {
		t.Skip("peer missing: antidote's agent (THALAMUS_ANTIDOTE_AGENT)")
	}
	for _, c := range []struct{ device, code string }{{"pulseoximeter", "150456"}, {"bloodpressure", "150021"}, {"weightscale", "188736"}, {"glucometer", "160184"}} {
		t.Run(c.device, func(t *testing.T) {
			r := start(t, map[string]any{"listen": "127.0.0.1:6024"}, nil)
			agent := exec.CommandContext(t.Context(), program, "--sensor="+c.device)
			if err := agent.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				agent.Process.Kill()
				agent.Wait()
			}()
			count := func() (n int) {
				for _, m := range r.messages() {
					for _, o := range m.Observations {
						if o.Received.Code == c.code && o.Value.Number.Coef != 0 {
							n++
						}
					}
				}
				return n
			}
			// It measures every three seconds, three times, and releases.
			drivertest.Until(t, "it measured three times", func() bool { return count() >= 3 })
			drivertest.Until(t, "it left", func() bool { return len(r.Connections()) == 0 })
			for _, m := range r.messages() {
				for _, i := range m.Issues {
					// Its scale reports an object that its configuration does not
					// have; other flaws of it are read leniently.
					if i.Severity == model.Error && !(c.device == "weightscale" && i.Code == "phd.unknown-handle") {
						t.Errorf("%s: %s: %s", m.Type, i.Code, i.Text)
					}
				}
			}
			for _, n := range r.notes.All() {
				t.Errorf("%s: %s", n.Code, n.Text)
			}
		})
	}
}
