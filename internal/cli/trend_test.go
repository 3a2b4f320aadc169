package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// R22, R54: a trend on the command line shows its numbers.
func TestPrintTrends(t *testing.T) {
	var out bytes.Buffer
	c := &program{out: &out}
	n := func(v int64) model.Decimal { return model.Decimal{Coef: v} }
	one := record.Trend{Code: model.Code{RefID: "MDC_ECG_HEART_RATE", Name: "Heart rate (ECG)"}, UnitUCUM: "/min", Step: model.Duration(time.Minute),
		Points: []record.Point{{Time: time.Date(2026, 11, 22, 12, 0, 0, 0, time.Local), Count: 3, Last: n(74), Min: n(72), Max: n(75), Mean: 221.0 / 3}}}
	if err := c.print([]record.Trend{one}); err != nil {
		t.Fatal(err)
	}
	want := "TIME CODE LAST MEAN MIN MAX UNIT COUNT 2026-11-22 12:00:00.000 Heart rate (ECG) 74 73.6667 72 75 /min 3"
	if got := strings.Join(strings.Fields(out.String()), " "); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	out.Reset()
	if err := c.print([]record.Trend{}); err != nil || out.String() != "none\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	out.Reset()
	run := record.Samples{Start: one.Points[0].Time, Waveform: &model.Waveform{Code: model.Code{Name: "ECG lead II"}, PeriodNS: 8_000_000, Scale: model.Decimal{Coef: 5, Exp: -3}, UnitUCUM: "mV", Samples: []int32{1, model.Gap, 3}}}
	if err := c.print([]record.Samples{run}); err != nil {
		t.Fatal(err)
	}
	want = "START CODE SAMPLES GAPS PERIOD SCALE ORIGIN UNIT 2026-11-22 12:00:00.000 ECG lead II 3 1 8 ms 0.005 0 mV"
	if got := strings.Join(strings.Fields(out.String()), " "); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
