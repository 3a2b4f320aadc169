package ward

import (
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/texts"
	"thalamus/internal/web/ui"
)

func value(t *testing.T, refid, number string, at time.Time) service.LatestValue {
	return service.LatestValue{Code: model.Code{RefID: refid}, Value: model.Value{Kind: model.ValueNumber, Number: decimal(t, number)}, Time: at, Arrived: arrived}
}

func TestCardShowsWhatAWardLooksAtFirst(t *testing.T) {
	bed := service.Bed{Place: "ICU^2^23", Patient: "pat-1", PatientName: "Almeida, Ana", Values: []service.LatestValue{
		value(t, "MDC_FLOW_FLUID_PUMP", "98", arrived),
		value(t, "MDC_PRESS_BLD_NONINV_DIA", "80", arrived),
		value(t, "MDC_PRESS_BLD_NONINV_SYS", "120", arrived),
		value(t, "MDC_ECG_HEART_RATE", "70", arrived.Add(-time.Minute)),
		value(t, "MDC_ECG_HEART_RATE", "78", arrived),
		value(t, "MDC_ATTR_ID_MODEL", "1", arrived),
		value(t, "MDC_TEMP", "37.1", arrived.Add(time.Hour)),
	}}
	c := cardOf(t.Context(), &bed)
	if c.Key != "ppat-1" || c.Place != "ICU · 2 · 23" || string(c.To) != "/patients/pat-1" {
		t.Errorf("card %q %q %q", c.Key, c.Place, c.To)
	}
	var names []string
	for _, tile := range c.Tiles {
		names = append(names, tile.Short)
	}
	if len(names) != 3 || names[0] != "HR" || names[1] != "NIBP" || names[2] != "Temp" {
		t.Fatalf("tiles %v", names)
	}
	if got := c.Tiles[0].Readings[0].Value.Number.String(); got != "78" {
		t.Errorf("of two devices the latest value counts: %s", got)
	}
	if r := c.Tiles[1].Readings; len(r) != 2 || r[0].Value.Number.String() != "120" {
		t.Errorf("a pressure is systolic / diastolic: %+v", r)
	}
	if at := c.Tiles[2].Readings[0].At; at != arrived.UnixMilli() {
		t.Error("a clock that is ahead makes a value younger than it is")
	}
	if len(c.Rest) != 1 || c.Rest[0].Key != "MDC_FLOW_FLUID_PUMP" {
		t.Errorf("what remains is the pump's rate alone: %+v", c.Rest)
	}
}

func TestUrgentAlertsStandFirst(t *testing.T) {
	state := func(id, priority string, active bool) service.AlertRow {
		return service.AlertRow{Life: service.AlertState{Alert: model.Alert{ID: id, Text: id, Priority: priority}, Active: active, Since: arrived}}
	}
	bed := service.Bed{Devices: []service.LiveDevice{{ID: "dev-1", Name: "Monitor 7"}}, Alerts: []service.AlertRow{
		state("low", "low", true), state("gone", "high", false), state("strange", "PX", true), state("high", "high", true),
	}}
	c := cardOf(t.Context(), &bed)
	var got string
	for _, a := range c.Alarms {
		got += a.Text + " "
	}
	if got != "high strange low " {
		t.Errorf("alerts in the order %s", got)
	}
	if c.Place != "Monitor 7" || c.Key != "ddev-1" {
		t.Errorf("a bed without a place is called by its device: %q %q", c.Place, c.Key)
	}
}

func TestYears(t *testing.T) {
	for _, c := range []struct {
		born string
		want int
	}{{"1950-03-01", 76}, {"1950-03-02", 75}, {"1950", -1}, {"", -1}, {"2027-01-01", -1}} {
		if got := years(c.born, arrived); got != c.want {
			t.Errorf("born %q: %d years, not %d", c.born, got, c.want)
		}
	}
}

func TestUnitsAsOnTheWard(t *testing.T) {
	for ucum, want := range map[string]string{"mm[Hg]": "mmHg", "Cel": "°C", "/min": "/min", "mL/h": "ml/h", "ug/kg/min": "µg/kg/min", "1": "", "": ""} {
		if got := unitText(ucum); got != want {
			t.Errorf("%q is written %q, not %q", ucum, got, want)
		}
	}
}

// A bed says of each device whether it speaks and why it is there, and what
// lies at no bed stands apart.
func TestFeedsSpeakForThemselves(t *testing.T) {
	ctx := ui.With(t.Context(), &ui.Visit{Now: arrived, Zone: time.UTC, Language: texts.Pick("en", "")})
	heard := func(before time.Duration) service.Hearing {
		return service.Hearing{Last: arrived.Add(-before), Late: model.Duration(time.Minute), Silent: model.Duration(5 * time.Minute)}
	}
	for _, c := range []struct {
		device      service.LiveDevice
		state, note string
	}{
		{service.LiveDevice{Heard: heard(time.Second), Source: "scan", Since: arrived.Add(-time.Hour)}, "", "Scanned at the bed, since " + arrived.Add(-time.Hour).Format("15:04")},
		{service.LiveDevice{Heard: heard(2 * time.Minute)}, "late", "Connected to nobody now"},
		{service.LiveDevice{Heard: heard(time.Hour), Left: true}, "silent", "With another patient now"},
		{service.LiveDevice{}, "never", "Connected to nobody now"},
	} {
		if got := feedState(ctx, &c.device); got != c.state {
			t.Errorf("state %q, not %q", got, c.state)
		}
		if got := feedNote(ctx, &c.device); got != c.note {
			t.Errorf("note %q, not %q", got, c.note)
		}
	}
	if got := agedText(ctx, arrived.Add(-2*time.Minute).UnixMilli()); got != "since "+arrived.Add(-2*time.Minute).Format("15:04") {
		t.Errorf("a gap is told as %q", got)
	}
	beds, rest := split([]card{{Key: "a"}, {Key: "b", Bedded: true}, {Key: "c"}})
	if len(beds) != 1 || len(rest) != 2 {
		t.Errorf("%d beds, %d at none", len(beds), len(rest))
	}
}
