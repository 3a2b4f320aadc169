package intellivue

import (
	"context"
	"testing"

	"thalamus/internal/driver/drivertest"
	"thalamus/internal/sim/intellivue"
)

// The simulated monitors were written from the same public guide by others.
// They announce themselves; numbers, waves, the patient and their facts come, and
// nothing of it that is not understood.
func TestSimulated(t *testing.T) {
	r := start(t, map[string]any{"listen": "127.0.0.1:0", "poll": map[string]any{"waves": true}}).begin(t)
	w := &intellivue.Ward{Listen: "127.0.0.1:0", Beacon: r.Addr().String(), Beds: 2}
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { w.Run(ctx, 0); close(done) }()
	defer func() { cancel(); <-done }()
	monitors := map[string]bool{}
	drivertest.Until(t, "both gave numbers, waves and the patient", func() bool {
		numbers, waves := map[string]bool{}, map[string]bool{}
		for _, m := range r.messages() {
			if m.Patient == nil || len(m.Patient.Identifiers) == 0 {
				continue
			}
			for _, o := range m.Observations {
				numbers[m.Peer] = numbers[m.Peer] || o.Received.Text == "MDC_ECG_HEART_RATE" && o.Absent == ""
			}
			waves[m.Peer] = waves[m.Peer] || len(m.Waveforms) > 0
		}
		for peer := range numbers {
			monitors[peer] = numbers[peer] && waves[peer]
		}
		all := len(monitors) == 2
		for _, ok := range monitors {
			all = all && ok
		}
		return all
	})
	for _, m := range r.messages() {
		for _, i := range m.Issues {
			t.Errorf("%s: %+v", m.Type, i)
		}
		if len(m.Devices) != 1 || m.Devices[0].Model == "" || len(m.Devices[0].Identifiers) == 0 {
			t.Errorf("%s: %+v", m.Type, m.Devices)
		}
		for _, v := range m.Waveforms {
			if v.Received.Text == "" || v.PeriodNS == 0 {
				t.Errorf("%+v", v)
			}
		}
	}
	for _, i := range r.notes.All() {
		t.Errorf("noted: %+v", i)
	}
}
