package masimo

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// line is how OpenICE reads a Radical-7 (mdpnp, masimo-radical-7.spec).
var line = regexp.MustCompile(`^(.{17})\s+SN=(\S+)\s+SPO2=(\S+)%\s+BPM=(\S+)\s+PI=(\S+)%\s+SPCO=(\S+)%\s+SPMET=(\S+)%\s+DESAT=(\S+)\s+PIDELTA=(\S+)\s+PVI=(\S+)\s+ALARM=(\S+)\s+EXC=(\S+)\s*$`)

var began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func minute(names ...string) (*Radical7, []string) {
	r := New(sim.Beds("ICU", 3)[2], faults.Set(names))
	var out []string
	for at := began; at.Before(began.Add(time.Minute)); at = at.Add(100 * time.Millisecond) {
		if b := r.Tick(at); b != nil {
			out = append(out, string(b))
		}
	}
	return r, out
}

func TestLines(t *testing.T) {
	_, lines := minute()
	if len(lines) != 60 {
		t.Fatalf("%d lines in a minute", len(lines))
	}
	for i, l := range lines {
		m := line.FindStringSubmatch(l)
		if m == nil || !strings.HasSuffix(l, "\r\n") {
			t.Fatalf("%q", l)
		}
		if at := began.Add(time.Duration(i) * time.Second).Format("01/02/06 15:04:05"); m[1] != at || m[2] != "0000070903" || m[12] != "000000" {
			t.Errorf("%q", m)
		}
	}
}

func TestFaultsAreSeen(t *testing.T) {
	for name, want := range map[string]string{faults.SensorOff: "SPO2=---% BPM=--- PI=--.--%", faults.OutOfRange: "SPO2=255%", faults.NoNumber: "% BPM=---",
		faults.ClockJump: "11/20/26 10:", faults.Garbage: "HTTP"} {
		r, lines := minute(name)
		if !strings.Contains(strings.Join(lines, ""), want) || r.Count().Faults == 0 {
			t.Errorf("%s: no %q in %q", name, want, lines[:6])
		}
	}
	r, lines := minute(faults.HalfFrame)
	if line.MatchString(lines[4]) || !r.Cut() || r.Cut() {
		t.Errorf("half a line: %q", lines[4])
	}
	if _, lines := minute(faults.Silence); len(lines) > 45 {
		t.Errorf("silence: %d lines", len(lines))
	}
}
