package lab_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/drivers/astmlink"
	"thalamus/internal/drivers/poct1alink"
	"thalamus/internal/model"
	"thalamus/internal/sim/faults"
	"thalamus/internal/sim/lab"
)

func start(t *testing.T, kind driver.Kind, settings map[string]any) (*drivertest.Intake, string) {
	t.Helper()
	settings["link"] = map[string]any{"listen": "127.0.0.1:0"}
	d, err := kind.New(model.Channel{ID: "lab", Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	intake := &drivertest.Intake{}
	if err := d.Start(t.Context(), driver.Host{Intake: intake, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
		defer cancel()
		d.Stop(ctx)
	})
	return intake, d.(driver.Listener).Addr().String()
}

// acknowledged collects the specimens that instruments were told are taken.
type acknowledged struct {
	mu  sync.Mutex
	ids []string
}

func (a *acknowledged) add(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids = append(a.ids, id)
}

func (a *acknowledged) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.ids)
}

// nothingLost: what was acknowledged was taken (R23).
func (a *acknowledged) nothingLost(t *testing.T, intake *drivertest.Intake, around func(id string) string) {
	t.Helper()
	var all strings.Builder
	for _, f := range intake.Taken() {
		all.Write(f.Bytes)
	}
	text := all.String()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range a.ids {
		if !strings.Contains(text, around(id)) {
			t.Errorf("%s was acknowledged and not taken", id)
		}
	}
}

func TestAnalyserInTrouble(t *testing.T) {
	intake, address := start(t, astmlink.Kind(), map[string]any{"busy_wait": "10ms"})
	var told acknowledged
	all := faults.Set{faults.WrongChecksum, faults.HalfFrame, faults.Dropped, faults.Garbage, faults.Truncated, faults.BegunAnew, faults.SlowDrip, faults.Reset, faults.Duplicate}
	a := &lab.Analyser{Address: address, Number: 1, Run: "T", Queries: true, Faults: all, Outcome: lab.NewOutcome(told.add)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); a.Work(ctx) }()
	drivertest.Until(t, "every trouble came", func() bool { return told.count() >= 5*len(all)+5 })
	cancel()
	<-done
	told.nothingLost(t, intake, func(id string) string { return "|" + id + "|" })
	if told, answers := a.Outcome.Told(), a.Outcome.Answers(); told.Acknowledged < told.Sent-1 || told.Resent == 0 || answers == 0 || a.Outcome.Refused()["frame"] == 0 {
		t.Errorf("%+v, %d answers, refused %v", told, answers, a.Outcome.Refused())
	}
}

func TestMeter(t *testing.T) {
	intake, address := start(t, poct1alink.Kind(), map[string]any{})
	var told acknowledged
	m := &lab.Meter{Address: address, Number: 1, Run: "T", Rhythm: time.Millisecond, Outcome: lab.NewOutcome(told.add)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); m.Work(ctx) }()
	drivertest.Until(t, "results came", func() bool { return told.count() >= 20 })
	cancel()
	<-done
	told.nothingLost(t, intake, func(id string) string { return `"` + id + `"` })
	if err := m.Outcome.Told().Failure; err != nil {
		t.Error(err)
	}
}
