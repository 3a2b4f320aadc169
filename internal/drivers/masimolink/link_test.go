package masimolink

import (
	"bytes"
	"fmt"
	"testing"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// R6, R23
func TestConformance(t *testing.T) {
	drivertest.RunStream(t, drivertest.Stream{
		Kind:     Kind(),
		Settings: map[string]any{"link": map[string]any{"listen": "127.0.0.1:0"}, "stall_timeout": "1s"},
		Message: func(n int) []byte {
			return fmt.Appendf(nil, "03/17/16 19:19:36 SN=%010d SPO2=098%% BPM=123 PI=00.55%% ALARM=000000 EXC=000800", n)
		},
		End:     []byte("\r\n"),
		Garbage: []byte("GET / HTTP/1.1\r\n"),
	})
}

func TestBefore(t *testing.T) {
	r := (&drivertest.Suite{Kind: Kind(), Settings: map[string]any{"link": map[string]any{"listen": "127.0.0.1:0"}}, Answer: nil}).Start(t)
	p := r.Dial(t)
	p.Write([]byte("x SPO2=1 ALARM=12 EXC=800\ry SPO2=2 ALARM=0 EXC=1\r\n" + string(bytes.Repeat([]byte("z"), 3000)) + "\nz SPO2=3 EXC=1\n"))
	drivertest.Until(t, "three lines are taken", func() bool { n, _ := r.Intake.Count(); return n == 3 })
	taken := r.Intake.Taken()
	if taken[0].Properties != "" || taken[1].Properties != "before: ALARM=12 EXC=800" || taken[2].Properties != "before: ALARM=0 EXC=1" {
		t.Errorf("%q %q %q", taken[0].Properties, taken[1].Properties, taken[2].Properties)
	}
	if _, ok := r.Driver.(driver.Listener); !ok {
		t.Error("it does not say where it listens")
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []map[string]any{{}, {"link": map[string]any{"listen": ":0"}, "stall_timeout": "0s"}} {
		if _, err := Kind().New(model.Channel{ID: "icu", Settings: s}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v was taken", s)
		}
	}
}
