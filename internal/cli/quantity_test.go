package cli

import (
	"strings"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
)

// R16, R54: what a field names in ns or ppb is shown in units people read.
func TestQuantities(t *testing.T) {
	var b strings.Builder
	if err := printText(&b, struct {
		Offset      int64 `json:"offsetNs"`
		Uncertainty int64 `json:"uncertaintyNs"`
		Drift       int64 `json:"driftPpb"`
		Jumped      int64 `json:"jumpedNs"`
		Period      int64 `json:"periodNs"`
		Zero        int64 `json:"clockOffsetNs"`
	}{3_204_000_000, 250_400_000, 12_300, -int64(time.Hour + 5*time.Second), 4_000_000, 0}, 0); err != nil {
		t.Fatal(err)
	}
	want := "offset        +3.2 s\nuncertainty   ± 250 ms\ndrift         +12.3 ppm\njumped        -1h0m5s\nperiod        4 ms\nclock offset  0 s\n"
	if b.String() != want {
		t.Errorf("%q\nwant %q", b.String(), want)
	}
	b.Reset()
	if err := printText(&b, []struct {
		Offset int64 `json:"offsetNs"`
	}{{-90_000_000_000}, {int64(400 * time.Hour)}, {812}}, 0); err != nil {
		t.Fatal(err)
	}
	if want := "OFFSET\n-90 s\n+16d16h\n+812 ns\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	text, _ := nounText(model.Timestamp{UTC: time.Date(2026, 11, 22, 12, 0, 0, 0, time.Local), Original: "20261122120130", ClockOffsetNS: 90_009_435_000, UncertaintyNS: 1_047_134})
	if want := "2026-11-22 12:00:00.000 (sent 20261122120130, clock +90 s ± 1.05 ms)"; text != want {
		t.Errorf("%q, want %q", text, want)
	}
	if text, _ := nounText(model.Alert{Received: model.Coding{Code: "2", Text: "Yellow Alarm"}, Phase: "tpoint", Priority: "medium"}); text != "Yellow Alarm, tpoint, medium" {
		t.Errorf("%q", text)
	}
	if text, _ := nounText([]service.LabelCandidate{{Code: "MDC_CONC_AWAY_CO2_ET"}, {Code: "MDC_AWAY_CO2_ET"}}); text != "MDC_CONC_AWAY_CO2_ET MDC_AWAY_CO2_ET" {
		t.Errorf("%q", text)
	}
	b.Reset()
	sent := model.Value{Kind: model.ValueText, Text: "36.7"}
	if err := printText(&b, []model.Observation{{Field: "OBX[5]", ValueSent: &sent}, {Field: "OBX[6]"}}, 0); err != nil || !strings.Contains(b.String(), "VALUE SENT") || strings.Count(b.String(), "36.7") != 1 {
		t.Errorf("%q, %v", b.String(), err)
	}
}
